#!/usr/bin/python
# Copyright: Science and Technology Facilities Council
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
module: coe_nodegroup
short_description: Create, change or delete a node group of a Magnum cluster
version_added: 0.1.0
author:
  - Science and Technology Facilities Council (@stfc)
description:
  - Makes a node group of a Magnum cluster what the task says.
  - Its bounds can be changed, its count where no autoscaler owns it, and its nodes' labels and taints. A group that was
    made later can be upgraded to the image and the C(kube_tag) of the cluster's template. What Magnum cannot change of
    a node group (name, flavor, role, another image, labels) is refused, saying what it would need.
  - The count of an autoscaled group is never set back. Only where new bounds leave it out is it moved, and then no
    further than to the nearer bound.
  - One operation at a time is started; one that already runs on the cluster is waited for.
options:
  cluster:
    description: Name or UUID of the cluster.
    type: str
    required: true
  name:
    description: Name of the node group, for instance V(default-worker) for the one that was made with the cluster.
    type: str
    required: true
  state:
    description:
      - Whether the node group is to be there. The groups that were made with the cluster cannot be deleted.
      - Magnum's driver drains the nodes of a group that is deleted; what ran there ends.
    type: str
    choices: [present, absent]
    default: present
  flavor:
    description: Flavor of the nodes. Left out, the cluster's. Cannot be changed.
    type: str
    aliases: [flavor_id]
  image:
    description:
      - Image of the nodes. Left out, the template's.
      - A group that was made later is upgraded when this is the image of the cluster's template and the group has
        another. To any other image it cannot be changed.
      - The groups that were made with the cluster are upgraded with it, by M(stfc.jupyterhub.coe_cluster).
    type: str
    aliases: [image_id]
  node_count:
    description:
      - How many nodes. Left out, the group is made with O(min_node_count), or one.
      - Where the group is autoscaled this counts only when it is made.
    type: int
  min_node_count:
    description: Fewest nodes.
    type: int
  max_node_count:
    description: Most nodes; V(0) takes the limit away. With the label C(auto_scaling_enabled) the group is autoscaled.
    type: int
  current_nodes:
    description:
      - How many nodes Kubernetes counts in this group. Magnum does not know what an autoscaler has done.
      - Only used where new bounds leave out the count that Magnum remembers.
    type: int
  nodes_to_remove:
    description:
      - UUIDs of the servers that go first when the group becomes smaller, no more of them than it loses.
      - Some drivers ignore them.
    type: list
    elements: str
  replace_failed:
    description:
      - Whether a group that Magnum failed to make, or to delete, is deleted and made anew. What it has got of nodes is
        drained first. Without this such a group is an error.
    type: bool
    default: false
  role:
    description: Role of the nodes, which some drivers make a node label. Cannot be changed. Magnum's own default is
      V(worker); it makes no further groups of V(master).
    type: str
  labels:
    description:
      - Magnum labels of the group. Cannot be changed; only the labels given here are compared.
      - Another C(kube_tag) is an upgrade where it is that of the cluster's template.
    type: dict
  merge_labels:
    description: Whether the cluster's labels apply beside O(labels) rather than being replaced by them.
    type: bool
    default: true
  docker_volume_size:
    description: Size in GB of the nodes' volume for containers. Cannot be changed.
    type: int
  max_batch_size:
    description: How many nodes an upgrade replaces at a time.
    type: int
    default: 1
  node_labels:
    description:
      - Kubernetes labels of the nodes, as a whole; V({}) takes them away.
      - Needs Magnum API 1.14, and a driver that reads them.
    type: dict
  node_taints:
    description:
      - Kubernetes taints of the nodes, as a whole; V([]) takes them away.
      - Needs Magnum API 1.14, and a driver that reads them.
    type: list
    elements: dict
    suboptions:
      key:
        description: The taint's key.
        type: str
        required: true
      value:
        description: The taint's value.
        type: str
      effect:
        description: What happens to pods that do not tolerate it.
        type: str
        choices: [NoSchedule, PreferNoSchedule, NoExecute]
        required: true
extends_documentation_fragment:
  - stfc.jupyterhub.magnum
  - stfc.jupyterhub.magnum.waiting
  - stfc.jupyterhub.magnum.attributes
  - openstack.cloud.openstack
"""

EXAMPLES = r"""
- name: A group of GPU nodes, scaled between none and four
  stfc.jupyterhub.coe_nodegroup:
    cloud: openstack
    cluster: hub
    name: gpu
    flavor: g-p4000.x1
    min_node_count: 0
    max_node_count: 4

- name: More room in the group that was made with the cluster
  stfc.jupyterhub.coe_nodegroup:
    cloud: openstack
    cluster: hub
    name: default-worker
    min_node_count: 1
    max_node_count: 40

- name: The image of the cluster's template, to which the cluster was upgraded before
  stfc.jupyterhub.coe_nodegroup:
    cloud: openstack
    cluster: hub
    name: gpu
    image: ubuntu-jammy-kube-v1.35.1
    max_batch_size: 2

- name: Without the GPU nodes
  stfc.jupyterhub.coe_nodegroup:
    cloud: openstack
    cluster: hub
    name: gpu
    state: absent
"""

RETURN = r"""
actions:
  description: What was done, or in check mode would be, as sentences in order.
  returned: success
  type: list
  elements: str
  sample: ["set the bounds of node group default-worker to 1 to 40 nodes"]
nodegroup:
  description: The node group as Magnum's API shows it. In check mode, as it is now; empty when there is none.
  returned: when O(state=present)
  type: dict
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

from ansible_collections.stfc.jupyterhub.plugins.module_utils.magnum.module import WAITING
from ansible_collections.stfc.jupyterhub.plugins.module_utils.magnum.nodegroup import NodegroupModule


class CoeNodegroup(NodegroupModule):
    argument_spec: ClassVar[dict[str, Any]] = {
        "cluster": {"type": "str", "required": True},
        "name": {"type": "str", "required": True},
        "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
        "flavor": {"type": "str", "aliases": ["flavor_id"]},
        "image": {"type": "str", "aliases": ["image_id"]},
        "node_count": {"type": "int"},
        "min_node_count": {"type": "int"},
        "max_node_count": {"type": "int"},
        "current_nodes": {"type": "int"},
        "nodes_to_remove": {"type": "list", "elements": "str"},
        "replace_failed": {"type": "bool", "default": False},
        "role": {"type": "str"},
        "labels": {"type": "dict"},
        "merge_labels": {"type": "bool", "default": True},
        "docker_volume_size": {"type": "int"},
        "max_batch_size": {"type": "int", "default": 1},
        "node_labels": {"type": "dict"},
        "node_taints": {
            "type": "list",
            "elements": "dict",
            "options": {
                "key": {"type": "str", "required": True, "no_log": False},
                "value": {"type": "str"},
                "effect": {"type": "str", "choices": ["NoSchedule", "PreferNoSchedule", "NoExecute"], "required": True},
            },
        },
        **WAITING,
    }


def main() -> None:
    CoeNodegroup()()


if __name__ == "__main__":
    main()
