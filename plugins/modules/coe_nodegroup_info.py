#!/usr/bin/python
# Copyright: Science and Technology Facilities Council
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
module: coe_nodegroup_info
short_description: Tell about the node groups of a Magnum cluster
version_added: 0.1.0
author:
  - Science and Technology Facilities Council (@stfc)
description:
  - Lists the node groups of a cluster, or tells about one, with all that Magnum knows of them. What Magnum's own lists
    leave out (bounds, labels, taints, addresses) is there.
options:
  cluster:
    description: Name or UUID of the cluster.
    type: str
    required: true
  name:
    description: Name or UUID of one node group. Left out, all of them.
    type: str
  role:
    description: Only groups of this role, for instance V(worker) or V(master).
    type: str
extends_documentation_fragment:
  - stfc.jupyterhub.magnum
  - stfc.jupyterhub.magnum.info
  - openstack.cloud.openstack
"""

EXAMPLES = r"""
- name: The workers
  stfc.jupyterhub.coe_nodegroup_info:
    cloud: openstack
    cluster: hub
    role: worker
  register: found

- name: How many nodes there may be
  ansible.builtin.debug:
    msg: "{{ found.nodegroups | map(attribute='max_node_count') | sum }}"
"""

RETURN = r"""
api_version:
  description: The newest version of Magnum's API that the cloud offers.
  returned: success
  type: str
  sample: "1.14"
cluster:
  description: UUID of the cluster; V(null) when there is none of that name.
  returned: success
  type: str
  sample: 6d0c4b3a-19f5-4d3b-8a7e-6a4f1f0f6c11
nodegroups:
  description: The node groups as Magnum's API shows them, empty when there is no such cluster or group.
  returned: success
  type: list
  elements: dict
  contains:
    uuid:
      description: UUID of the node group.
      type: str
      sample: 4f7a0d0c-0a6e-4d0c-9d3f-7e6f0f9d5a10
    id:
      description: Number of the node group in Magnum's database.
      type: int
      sample: 7
    name:
      description: Name of the node group.
      type: str
      sample: gpu
    cluster_id:
      description: UUID of the cluster.
      type: str
      sample: 6d0c4b3a-19f5-4d3b-8a7e-6a4f1f0f6c11
    project_id:
      description: Project that it belongs to.
      type: str
      sample: f4c1f0c2a9d64a3b9d9e0a6f5c3b2a10
    created_at:
      description: When it was made.
      type: str
      sample: "2026-11-25T10:11:12+00:00"
    updated_at:
      description: When Magnum last wrote anything about it; V(null) if it never did.
      type: str
      sample: "2026-11-25T10:21:12+00:00"
    status:
      description: Status of the last operation on it.
      type: str
      sample: CREATE_COMPLETE
    status_reason:
      description: Why the last operation failed, as far as the driver says; V(null) otherwise.
      type: str
    stack_id:
      description: What the driver calls what it belongs to.
      type: str
      sample: hub-6rkqp4u2mnbd
    role:
      description: V(master), V(worker), or a role of the operator's own.
      type: str
      sample: worker
    is_default:
      description: Whether it was made with the cluster.
      type: bool
      sample: false
    flavor_id:
      description: Flavor of the nodes, by name or ID, as it was given.
      type: str
      sample: g-p4000.x1
    image_id:
      description: Image of the nodes, by name or ID, as it was given.
      type: str
      sample: ubuntu-jammy-kube-v1.34.4
    node_count:
      description: How many nodes were last asked for. An autoscaler's doing is not known to Magnum.
      type: int
      sample: 1
    min_node_count:
      description: Fewest nodes.
      type: int
      sample: 0
    max_node_count:
      description: Most nodes; V(null) or V(0) when there is no limit.
      type: int
      sample: 4
    node_addresses:
      description: Addresses of the nodes.
      type: list
      elements: str
      sample: [10.6.0.15]
    docker_volume_size:
      description: Size in GB of the nodes' volume for containers.
      type: int
    labels:
      description: All Magnum labels that apply to it.
      type: dict
      sample: {kube_tag: v1.34.4}
    labels_overridden:
      description: Labels of the cluster that it has with another value; the cluster's value.
      type: dict
      sample: {}
    labels_added:
      description: Labels that the cluster does not have.
      type: dict
      sample: {}
    labels_skipped:
      description: Labels of the cluster that it does not have.
      type: dict
      sample: {}
    node_labels:
      description: Kubernetes labels of the nodes. From API 1.14.
      type: dict
      sample: {workload: gpu}
    node_taints:
      description: Kubernetes taints of the nodes. From API 1.14.
      type: list
      elements: dict
      sample: [{key: nvidia.com/gpu, value: present, effect: NoSchedule}]
    version:
      description: Version of Kubernetes on the nodes, where the driver tells.
      type: str
      sample: v1.34.4
    merge_labels:
      description: Not kept by Magnum, so of no meaning here.
      type: bool
      sample: false
    links:
      description: Links to it.
      type: list
      elements: dict
      sample: [{rel: self, href: 'https://magnum.example.org/v1/clusters/6d0c/nodegroups/4f7a'}]
"""

from typing import Any, ClassVar

from ansible_collections.stfc.jupyterhub.plugins.module_utils.magnum.module import MagnumModule
from ansible_collections.stfc.jupyterhub.plugins.module_utils.magnum.versions import show


class CoeNodegroupInfo(MagnumModule):
    argument_spec: ClassVar[dict[str, Any]] = {
        "cluster": {"type": "str", "required": True},
        "name": {"type": "str"},
        "role": {"type": "str"},
    }

    def act(self) -> dict[str, Any]:
        self.magnum.require("nodegroups")
        cluster = self.find_cluster(self.params["cluster"])
        return {
            "changed": False,
            "api_version": show(self.magnum.offered),
            "cluster": cluster["uuid"] if cluster else None,
            "nodegroups": self._groups(cluster["uuid"]) if cluster else [],
        }

    def _groups(self, cluster: str) -> list[dict[str, Any]]:
        name, role = self.params["name"], self.params["role"]
        if name is None:
            return self.magnum.list_nodegroups(cluster, role)
        found = self.magnum.find_nodegroup(cluster, name)
        return [found] if found and role in (None, found["role"]) else []


def main() -> None:
    CoeNodegroupInfo()()


if __name__ == "__main__":
    main()
