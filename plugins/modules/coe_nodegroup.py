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
  - Its bounds can be changed, its count where no autoscaler owns it, and its nodes' labels and taints. What Magnum
    cannot change of a node group (flavor, image, labels) is refused, saying what it would need.
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
    description: Image of the nodes. Left out, the template's. Cannot be changed.
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
    description: UUIDs of the servers that go first when the group becomes smaller.
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
      V(worker).
    type: str
  labels:
    description: Magnum labels of the group. Cannot be changed; only the labels given here are compared.
    type: dict
  merge_labels:
    description: Whether the cluster's labels apply beside O(labels) rather than being replaced by them.
    type: bool
    default: true
  docker_volume_size:
    description: Size in GB of the nodes' volume for containers. Cannot be changed.
    type: int
  node_labels:
    description: Kubernetes labels of the nodes. Needs Magnum API 1.14, and a driver that reads them.
    type: dict
  node_taints:
    description: Kubernetes taints of the nodes. Needs Magnum API 1.14, and a driver that reads them.
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
  wait:
    description: Whether to wait until the operation is over. Several operations are always waited for one by one.
    type: bool
    default: true
extends_documentation_fragment:
  - stfc.jupyterhub.magnum
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
  sample:
    uuid: 4f7a0d0c-0a6e-4d0c-9d3f-7e6f0f9d5a10
    name: gpu
    status: CREATE_COMPLETE
    flavor_id: g-p4000.x1
    role: worker
    is_default: false
    node_count: 0
    min_node_count: 0
    max_node_count: 4
"""

from typing import Any, ClassVar

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
        "timeout": {"type": "int", "default": 3600},
    }
    module_kwargs: ClassVar[dict[str, Any]] = {"supports_check_mode": True}


def main() -> None:
    CoeNodegroup()()


if __name__ == "__main__":
    main()
