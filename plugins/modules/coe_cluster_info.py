#!/usr/bin/python
# Copyright: Science and Technology Facilities Council
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
module: coe_cluster_info
short_description: Tell about Magnum clusters, their node groups, templates and health
version_added: 0.1.0
author:
  - Science and Technology Facilities Council (@stfc)
description:
  - Lists the clusters of a project, or tells about one, with all that Magnum knows of its node groups and its template.
options:
  name:
    description: Name or UUID of one cluster. Left out, all clusters of the project.
    type: str
  status:
    description: Only clusters with one of these statuses, for instance V(CREATE_FAILED).
    type: list
    elements: str
  health_status:
    description: Only clusters with one of these states of health.
    type: list
    elements: str
    choices: [HEALTHY, UNHEALTHY, UNKNOWN]
  cluster_template:
    description: Only clusters of this template, by name or UUID.
    type: str
    aliases: [cluster_template_id]
  labels:
    description: Only clusters that have all of these labels with these values.
    type: dict
  node_groups:
    description: Whether to tell of node groups too, which takes a request for each.
    type: bool
    default: true
extends_documentation_fragment:
  - stfc.jupyterhub.magnum
  - stfc.jupyterhub.magnum.info
  - openstack.cloud.openstack
seealso:
  - module: stfc.jupyterhub.coe_nodegroup_info
"""

EXAMPLES = r"""
- name: How many nodes may the cluster have
  stfc.jupyterhub.coe_cluster_info:
    cloud: openstack
    name: hub
  register: found

- name: Say it
  ansible.builtin.debug:
    msg: "{{ found.clusters[0].node_groups | map(attribute='max_node_count') }}"

- name: Which clusters are not well
  stfc.jupyterhub.coe_cluster_info:
    cloud: openstack
    health_status: [UNHEALTHY, UNKNOWN]
    node_groups: false
  register: unwell
"""

RETURN = r"""
api_version:
  description: The newest version of Magnum's API that the cloud offers.
  returned: success
  type: str
  sample: "1.14"
clusters:
  description: The clusters as Magnum's API shows them, empty when there is none that fits.
  returned: success
  type: list
  elements: dict
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
    family:
      description: The driver family, as far as it can be told; V(null) when nothing tells.
      type: str
      sample: cluster-api
    health:
      description: The health check's findings sorted, for drivers that name nodes as Magnum's own check does.
      type: dict
      contains:
        api:
          description: What the API server answered; V(null) when it was not asked.
          type: str
          sample: ok
        nodes_ready:
          description: Nodes that are Ready.
          type: list
          elements: str
          sample: [hub-default-master-0, hub-default-worker-0]
        nodes_not_ready:
          description: Nodes that are not.
          type: list
          elements: str
          sample: []
    node_groups:
      description: The node groups with their bounds. Empty on a cloud that has none.
      returned: when O(node_groups=true)
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
    cluster_template:
      description: The template; empty when it cannot be seen.
      type: dict
      contains:
        uuid:
          description: UUID of the template.
          type: str
          sample: 0f1cb3f8-6be8-4b0e-a0a5-7b6b6d1d0d5e
        name:
          description: Name of the template.
          type: str
          sample: kubernetes-v1.34
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
          description: When it was last changed; V(null) if it never was.
          type: str
        coe:
          description: The container orchestration engine.
          type: str
          sample: kubernetes
        driver:
          description: Entry point of Magnum's driver. From release 2024.1.
          type: str
          sample: k8s_capi_helm_v1
        cluster_distro:
          description: Operating system of the image, which Magnum reads from its property C(os_distro).
          type: str
          sample: ubuntu
        server_type:
          description: V(vm) or V(bm).
          type: str
          sample: vm
        image_id:
          description: Image of the nodes, by name or ID, as it was given.
          type: str
          sample: ubuntu-jammy-kube-v1.34.4
        flavor_id:
          description: Flavor of the workers, by name or ID, as it was given.
          type: str
          sample: c3.medium
        master_flavor_id:
          description: Flavor of the control plane nodes, by name or ID, as it was given.
          type: str
          sample: c3.small
        keypair_id:
          description: Nova keypair of the nodes.
          type: str
        external_network_id:
          description: Network that floating IPs come from.
          type: str
          sample: External
        fixed_network:
          description: Network of the nodes.
          type: str
        fixed_subnet:
          description: Subnet of the nodes.
          type: str
        network_driver:
          description: Network plugin.
          type: str
          sample: calico
        dns_nameserver:
          description: Name servers of the clusters' own subnets, separated by commas.
          type: str
          sample: 8.8.8.8
        apiserver_port:
          description: Port of the API server.
          type: int
        docker_volume_size:
          description: Size in GB of the nodes' volume for containers.
          type: int
        docker_storage_driver:
          description: Storage driver for containers.
          type: str
        volume_driver:
          description: Driver for volumes of containers.
          type: str
          sample: cinder
        http_proxy:
          description: Proxy of the nodes for HTTP.
          type: str
        https_proxy:
          description: Proxy of the nodes for HTTPS.
          type: str
        no_proxy:
          description: Addresses that are reached without a proxy, separated by commas.
          type: str
        registry_enabled:
          description: Whether the clusters have a registry of their own.
          type: bool
          sample: false
        insecure_registry:
          description: URL of a registry without TLS.
          type: str
        tls_disabled:
          description: Whether the API server goes without TLS.
          type: bool
          sample: false
        master_lb_enabled:
          description: Whether the control plane gets a load balancer.
          type: bool
          sample: true
        floating_ip_enabled:
          description: Whether nodes get floating IPs.
          type: bool
          sample: true
        public:
          description: Whether other projects see it.
          type: bool
          sample: false
        hidden:
          description: Whether it is left out of other projects' lists.
          type: bool
          sample: false
        tags:
          description: Tags, separated by commas.
          type: str
        labels:
          description: Labels that its clusters get.
          type: dict
          sample: {kube_tag: v1.34.4}
        links:
          description: Links to it.
          type: list
          elements: dict
          sample: [{rel: self, href: 'https://magnum.example.org/v1/clustertemplates/0f1c'}]
"""

from typing import Any, ClassVar

from ansible_collections.stfc.jupyterhub.plugins.module_utils.magnum.info import ClusterInfoModule


class CoeClusterInfo(ClusterInfoModule):
    argument_spec: ClassVar[dict[str, Any]] = {
        "name": {"type": "str"},
        "status": {"type": "list", "elements": "str"},
        "health_status": {"type": "list", "elements": "str", "choices": ["HEALTHY", "UNHEALTHY", "UNKNOWN"]},
        "cluster_template": {"type": "str", "aliases": ["cluster_template_id"]},
        "labels": {"type": "dict"},
        "node_groups": {"type": "bool", "default": True},
    }


def main() -> None:
    CoeClusterInfo()()


if __name__ == "__main__":
    main()
