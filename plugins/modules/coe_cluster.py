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
  - A cluster that exists can be resized (its default group of workers, and its control plane where Magnum's driver can)
    and upgraded to another template. Magnum can change nothing else of a cluster, not even its name; such a difference
    is refused, saying what it would need, before anything is done.
  - The count of a group that an autoscaler owns (label C(auto_scaling_enabled)) is never set back.
  - An operation that is already running is waited for. A creation that was answered by an error but took place is
    recognised, and never doubled.
options:
  name:
    description:
      - Name or UUID of the cluster.
      - Magnum takes a letter, then letters, digits, C(_), C(.) and C(-), 64 characters at most.
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
      - Where the cluster has another one it is upgraded to this one. Whether that reaches groups that were made later
        is up to Magnum's driver; M(stfc.jupyterhub.coe_nodegroup) upgrades a single one.
      - In check mode a template that is not there is only a warning, because an earlier task may be about to make it.
    type: str
    aliases: [cluster_template_id]
  node_count:
    description:
      - Nodes of the default group of workers.
      - Where that group is autoscaled this counts only when the cluster is made.
    type: int
  nodes_to_remove:
    description:
      - UUIDs of the servers that go first when the default group becomes smaller, no more of them than it loses.
      - Some drivers ignore them.
    type: list
    elements: str
  master_count:
    description:
      - Nodes of the control plane. Magnum refuses even numbers.
      - Can be changed where Magnum's driver can; the Heat driver cannot.
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
extends_documentation_fragment:
  - stfc.jupyterhub.magnum
  - stfc.jupyterhub.magnum.waiting
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

- name: Without two servers that are to go
  stfc.jupyterhub.coe_cluster:
    cloud: openstack
    name: hub
    node_count: 1
    nodes_to_remove:
      - 1f0a3cf2-55c7-4c1e-9a0a-0c9d6d0f7b11
      - 8e2b7b64-95f0-4a53-8d75-3f1d9b1a2c22

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
  contains:
    uuid:
      description: UUID of the cluster.
      type: str
      sample: 6d0c4b3a-19f5-4d3b-8a7e-6a4f1f0f6c11
    name:
      description: Name of the cluster.
      type: str
      sample: hub
    project_id:
      description: Project that it belongs to.
      type: str
      sample: f4c1f0c2a9d64a3b9d9e0a6f5c3b2a10
    user_id:
      description: User who made it.
      type: str
      sample: a1b2c3d4e5f60718293a4b5c6d7e8f90
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
    health_status:
      description: V(HEALTHY), V(UNHEALTHY), V(UNKNOWN), or V(null) before it was first looked at.
      type: str
      sample: HEALTHY
    health_status_reason:
      description: What the health check saw, as the driver words it.
      type: dict
      sample: {api: ok, hub-default-worker-0.Ready: "True"}
    api_address:
      description: Address of the Kubernetes API; V(null) until there is one.
      type: str
      sample: https://203.0.113.10:6443
    coe_version:
      description: Version of Kubernetes that runs there.
      type: str
      sample: v1.34.4
    container_version:
      description: Version of the container runtime, where the driver tells.
      type: str
    cluster_template_id:
      description: UUID of its template.
      type: str
      sample: 0f1cb3f8-6be8-4b0e-a0a5-7b6b6d1d0d5e
    keypair:
      description: Nova keypair of its nodes.
      type: str
      sample: ops
    node_count:
      description: Number of its workers in all node groups.
      type: int
      sample: 3
    master_count:
      description: Number of its control plane nodes.
      type: int
      sample: 3
    node_addresses:
      description: Addresses of the workers.
      type: list
      elements: str
      sample: [10.6.0.12, 10.6.0.13, 10.6.0.14]
    master_addresses:
      description: Addresses of the control plane nodes.
      type: list
      elements: str
      sample: [10.6.0.9, 10.6.0.10, 10.6.0.11]
    flavor_id:
      description: Flavor of the default group's nodes, by name or ID, as it was given.
      type: str
      sample: c3.medium
    master_flavor_id:
      description: Flavor of the control plane nodes, by name or ID, as it was given.
      type: str
      sample: c3.small
    docker_volume_size:
      description: Size in GB of the nodes' volume for containers.
      type: int
    fixed_network:
      description: Network of the nodes; V(null) when it has one of its own.
      type: str
    fixed_subnet:
      description: Subnet of the nodes; V(null) when it has one of its own.
      type: str
    floating_ip_enabled:
      description: Whether the nodes have floating IPs.
      type: bool
      sample: false
    master_lb_enabled:
      description: Whether the control plane has a load balancer.
      type: bool
      sample: true
    discovery_url:
      description: URL of the etcd discovery service, for drivers that use one.
      type: str
    create_timeout:
      description: Minutes after which Magnum gives up on creating it.
      type: int
      sample: 60
    labels:
      description: All labels that apply to it.
      type: dict
      sample: {kube_tag: v1.34.4, auto_healing_enabled: "true"}
    merge_labels:
      description: Not kept by Magnum, so of no meaning here.
      type: bool
      sample: false
    labels_overridden:
      description: Labels of the template that it has with another value; the template's value.
      type: dict
      sample: {}
    labels_added:
      description: Labels that its template does not have.
      type: dict
      sample: {auto_healing_enabled: "true"}
    labels_skipped:
      description: Labels of the template that it does not have.
      type: dict
      sample: {}
    cluster_id:
      description: What the driver calls it, a stack's or a release's name. Called C(stack_id) before API 1.13.
      type: str
      sample: hub-6rkqp4u2mnbd
    faults:
      description: Node groups that failed, with the reason.
      type: dict
      returned: when its status is a failed one
      sample: {default-worker: No valid host was found.}
    links:
      description: Links to it.
      type: list
      elements: dict
      sample: [{rel: self, href: 'https://magnum.example.org/v1/clusters/6d0c4b3a-19f5-4d3b-8a7e-6a4f1f0f6c11'}]
faults:
  description: What Magnum says is wrong with each node group.
  returned: when an operation failed
  type: dict
  sample: {default-worker: "No valid host was found."}
"""

from typing import Any, ClassVar

from ansible_collections.stfc.jupyterhub.plugins.module_utils.magnum.cluster import ClusterModule
from ansible_collections.stfc.jupyterhub.plugins.module_utils.magnum.module import WAITING


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
        **WAITING,
    }


def main() -> None:
    CoeCluster()()


if __name__ == "__main__":
    main()
