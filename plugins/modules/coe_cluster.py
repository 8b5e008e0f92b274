#!/usr/bin/python
# Copyright: Science and Technology Facilities Council
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
module: coe_cluster
short_description: Create, resize, upgrade or delete a Magnum cluster
version_added: 0.1.0
author:
  - Science and Technology Facilities Council (@stfc)
description:
  - Makes a cluster of OpenStack's container infrastructure service (Magnum) what the task says.
  - A cluster that exists can be resized (its default group of workers) and upgraded to another template. Magnum can
    change nothing else of a cluster; such a difference is refused, saying what it would need, before anything is done.
  - The count of a group that an autoscaler owns (label C(auto_scaling_enabled)) is never set back.
  - An operation that is already running is waited for. A creation that was answered by an error but took place is
    recognised, and never doubled.
options:
  name:
    description: Name or UUID of the cluster.
    type: str
    required: true
  state:
    description: Whether the cluster is to be there.
    type: str
    choices: [present, absent]
    default: present
  cluster_template:
    description:
      - Name or UUID of the cluster template. Required to create a cluster.
      - Where the cluster has another one it is upgraded to this one.
      - In check mode a template that is not there is only a warning, because an earlier task may be about to make it.
    type: str
    aliases: [cluster_template_id]
  node_count:
    description:
      - Nodes of the default group of workers.
      - Where that group is autoscaled this counts only when the cluster is made.
    type: int
  nodes_to_remove:
    description: UUIDs of the servers that go first when the default group becomes smaller.
    type: list
    elements: str
  master_count:
    description: Nodes of the control plane. Magnum refuses even numbers. Cannot be changed.
    type: int
  flavor:
    description: Flavor of the default group's nodes. Left out, the template's. Cannot be changed.
    type: str
    aliases: [flavor_id]
  master_flavor:
    description: Flavor of the control plane's nodes. Left out, the template's. Cannot be changed.
    type: str
    aliases: [master_flavor_id]
  keypair:
    description: Nova keypair that may log in to the nodes. Cannot be changed.
    type: str
  labels:
    description:
      - Labels of the cluster. Cannot be changed; only the labels given here are compared.
      - C(kube_tag) is taken over from the new template by an upgrade.
    type: dict
  merge_labels:
    description: Whether the template's labels apply beside O(labels) rather than being replaced by them.
    type: bool
    default: true
  docker_volume_size:
    description: Size in GB of the nodes' volume for containers. Cannot be changed.
    type: int
  fixed_network:
    description: Network of the nodes, by name or ID. Cannot be changed.
    type: str
  fixed_subnet:
    description: Subnet of the nodes, by name or ID. Cannot be changed.
    type: str
  floating_ip_enabled:
    description: Whether the nodes get floating IPs. Left out, as in the template. Cannot be changed.
    type: bool
    aliases: [is_floating_ip_enabled]
  master_lb_enabled:
    description: Whether the control plane gets a load balancer. Left out, as in the template. Cannot be changed.
    type: bool
    aliases: [is_master_lb_enabled]
  discovery_url:
    description: URL of the etcd discovery service, for the drivers that use one. Cannot be changed.
    type: str
  create_timeout:
    description: Minutes after which Magnum itself gives up on creating the cluster. Only used when it is created.
    type: int
    default: 60
  max_batch_size:
    description: How many nodes an upgrade replaces at a time.
    type: int
    default: 1
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
- name: A cluster of three workers
  stfc.jupyterhub.coe_cluster:
    cloud: openstack
    name: hub
    cluster_template: kubernetes-v1.34
    keypair: ops
    master_count: 3
    node_count: 3

- name: An autoscaled cluster, its count left to the autoscaler once it is made
  stfc.jupyterhub.coe_cluster:
    cloud: openstack
    name: hub
    cluster_template: kubernetes-v1.34
    node_count: 1
    labels:
      auto_scaling_enabled: "true"

- name: Upgrade it
  stfc.jupyterhub.coe_cluster:
    cloud: openstack
    name: hub
    cluster_template: kubernetes-v1.35
    timeout: 7200

- name: Delete it
  stfc.jupyterhub.coe_cluster:
    cloud: openstack
    name: hub
    state: absent
"""

RETURN = r"""
actions:
  description: What was done, or in check mode would be, as sentences in order.
  returned: success
  type: list
  elements: str
  sample: ["resize cluster hub from 1 to 3 nodes"]
cluster:
  description: The cluster as Magnum's API shows it. In check mode, as it is now; empty when there is none.
  returned: when O(state=present)
  type: dict
  sample:
    uuid: 6d0c4b3a-19f5-4d3b-8a7e-6a4f1f0f6c11
    name: hub
    status: CREATE_COMPLETE
    status_reason: null
    api_address: https://203.0.113.10:6443
    coe_version: v1.34.4
    cluster_template_id: 0f1cb3f8-6be8-4b0e-a0a5-7b6b6d1d0d5e
    master_count: 3
    node_count: 3
    labels: {kube_tag: v1.34.4}
faults:
  description: What Magnum says is wrong with each node group.
  returned: when an operation failed
  type: dict
  sample: {default-worker: "No valid host was found."}
"""

from typing import Any, ClassVar

from ansible_collections.stfc.jupyterhub.plugins.module_utils.magnum.cluster import ClusterModule


class CoeCluster(ClusterModule):
    argument_spec: ClassVar[dict[str, Any]] = {
        "name": {"type": "str", "required": True},
        "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
        "cluster_template": {"type": "str", "aliases": ["cluster_template_id"]},
        "node_count": {"type": "int"},
        "nodes_to_remove": {"type": "list", "elements": "str"},
        "master_count": {"type": "int"},
        "flavor": {"type": "str", "aliases": ["flavor_id"]},
        "master_flavor": {"type": "str", "aliases": ["master_flavor_id"]},
        "keypair": {"type": "str", "no_log": False},
        "labels": {"type": "dict"},
        "merge_labels": {"type": "bool", "default": True},
        "docker_volume_size": {"type": "int"},
        "fixed_network": {"type": "str"},
        "fixed_subnet": {"type": "str"},
        "floating_ip_enabled": {"type": "bool", "aliases": ["is_floating_ip_enabled"]},
        "master_lb_enabled": {"type": "bool", "aliases": ["is_master_lb_enabled"]},
        "discovery_url": {"type": "str"},
        "create_timeout": {"type": "int", "default": 60},
        "max_batch_size": {"type": "int", "default": 1},
        "timeout": {"type": "int", "default": 3600},
    }
    module_kwargs: ClassVar[dict[str, Any]] = {"supports_check_mode": True}


def main() -> None:
    CoeCluster()()


if __name__ == "__main__":
    main()
