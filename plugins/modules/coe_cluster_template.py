#!/usr/bin/python
# Copyright: Science and Technology Facilities Council
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
module: coe_cluster_template
short_description: Create, change or delete a Magnum cluster template
version_added: 0.1.0
author:
  - Science and Technology Facilities Council (@stfc)
description:
  - Makes a cluster template of OpenStack's container infrastructure service (Magnum) what the task says.
  - Options that are left out are Magnum's defaults when the template is created, and stay as they are afterwards.
    An empty text, an empty list, or V(0) for a number takes a value away.
  - A template that clusters refer to can only be renamed, published, hidden or tagged. Any other difference is refused;
    make a template of another name and upgrade the clusters to it.
  - Magnum reads the operating system (C(cluster_distro)) from the image, so there is no option for it.
options:
  name:
    description: Name or UUID of the template.
    type: str
    required: true
  new_name:
    description:
      - The name that the template of O(name) is to have. Where there is none of O(name), the one of O(new_name) is it.
      - Roles and vars files that refer to the template by its old name find it no longer.
    type: str
  state:
    description: Whether the template is to be there.
    type: str
    choices: [present, absent]
    default: present
  keep_in_use:
    description: With O(state=absent), leave a template that clusters refer to as it is instead of failing.
    type: bool
    default: false
  coe:
    description: The container orchestration engine.
    type: str
    choices: [kubernetes]
    default: kubernetes
  image:
    description: Image of the nodes, by name or ID. It has to have the property C(os_distro). Required to create.
    type: str
    aliases: [image_id]
  flavor:
    description: Flavor of the workers.
    type: str
    aliases: [flavor_id]
  master_flavor:
    description: Flavor of the control plane's nodes.
    type: str
    aliases: [master_flavor_id]
  keypair:
    description: Nova keypair that may log in to the nodes.
    type: str
    aliases: [keypair_id]
  external_network:
    description: Network that floating IPs come from, by name or ID.
    type: str
    aliases: [external_network_id]
  fixed_network:
    description: Network of the nodes, by name or ID. Left out, each cluster gets its own.
    type: str
  fixed_subnet:
    description: Subnet of the nodes, by name or ID. Left out, each cluster gets its own.
    type: str
  network_driver:
    description: Network plugin of the clusters. Which of them work depends on Magnum's driver.
    type: str
    choices: [calico, cilium, flannel]
  dns_nameserver:
    description: Name servers of the clusters' own subnets, in their order.
    type: list
    elements: str
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
  http_proxy:
    description: Proxy of the nodes for HTTP.
    type: str
  https_proxy:
    description: Proxy of the nodes for HTTPS.
    type: str
  no_proxy:
    description: Addresses that are reached without a proxy. Their order does not matter.
    type: list
    elements: str
  registry_enabled:
    description: Whether the clusters have a registry of their own.
    type: bool
  insecure_registry:
    description: URL of a registry without TLS.
    type: str
  tls_disabled:
    description: Whether the API server goes without TLS.
    type: bool
  server_type:
    description: Whether nodes are virtual machines or bare metal.
    type: str
    choices: [vm, bm]
  master_lb_enabled:
    description: Whether the control plane gets a load balancer.
    type: bool
    aliases: [is_master_lb_enabled]
  floating_ip_enabled:
    description: Whether nodes get floating IPs.
    type: bool
    aliases: [is_floating_ip_enabled]
  public:
    description: Whether other projects see the template. Usually takes an administrator.
    type: bool
    aliases: [is_public]
  hidden:
    description: Whether the template is left out of other projects' lists. Usually takes an administrator.
    type: bool
    aliases: [is_hidden]
  tags:
    description: Tags. Their order does not matter. From release Wallaby.
    type: list
    elements: str
  driver:
    description: Entry point of Magnum's driver. Left out, Magnum chooses by the image. From release 2024.1.
    type: str
  labels:
    description: Labels that clusters of this template get. Compared and replaced as a whole.
    type: dict
extends_documentation_fragment:
  - stfc.jupyterhub.magnum
  - stfc.jupyterhub.magnum.attributes
  - openstack.cloud.openstack
"""

EXAMPLES = r"""
- name: A template for Kubernetes 1.34
  stfc.jupyterhub.coe_cluster_template:
    cloud: openstack
    name: kubernetes-v1.34
    image: ubuntu-jammy-kube-v1.34.4
    external_network: External
    flavor: c3.medium
    master_flavor: c3.small
    network_driver: calico
    master_lb_enabled: true
    labels:
      kube_tag: v1.34.4

- name: Under another name, told apart by tags
  stfc.jupyterhub.coe_cluster_template:
    cloud: openstack
    name: kubernetes-v1.34
    new_name: kubernetes-v1.34-old
    tags: [retired]

- name: Delete it once no cluster refers to it
  stfc.jupyterhub.coe_cluster_template:
    cloud: openstack
    name: kubernetes-v1.34
    state: absent
    keep_in_use: true
"""

RETURN = r"""
actions:
  description: What was done, or in check mode would be, as sentences.
  returned: success
  type: list
  elements: str
  sample: ["create cluster template kubernetes-v1.34"]
cluster_template:
  description: The template as Magnum's API shows it. In check mode, as it is now; empty when there is none.
  returned: when O(state=present)
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

from ansible_collections.stfc.jupyterhub.plugins.module_utils.magnum.template import TemplateModule


class CoeClusterTemplate(TemplateModule):
    argument_spec: ClassVar[dict[str, Any]] = {
        "name": {"type": "str", "required": True},
        "new_name": {"type": "str"},
        "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
        "keep_in_use": {"type": "bool", "default": False},
        "coe": {"type": "str", "choices": ["kubernetes"], "default": "kubernetes"},
        "image": {"type": "str", "aliases": ["image_id"]},
        "flavor": {"type": "str", "aliases": ["flavor_id"]},
        "master_flavor": {"type": "str", "aliases": ["master_flavor_id"]},
        "keypair": {"type": "str", "aliases": ["keypair_id"], "no_log": False},
        "external_network": {"type": "str", "aliases": ["external_network_id"]},
        "fixed_network": {"type": "str"},
        "fixed_subnet": {"type": "str"},
        "network_driver": {"type": "str", "choices": ["calico", "cilium", "flannel"]},
        "dns_nameserver": {"type": "list", "elements": "str"},
        "apiserver_port": {"type": "int"},
        "docker_volume_size": {"type": "int"},
        "docker_storage_driver": {"type": "str"},
        "volume_driver": {"type": "str"},
        "http_proxy": {"type": "str"},
        "https_proxy": {"type": "str"},
        "no_proxy": {"type": "list", "elements": "str"},
        "registry_enabled": {"type": "bool"},
        "insecure_registry": {"type": "str"},
        "tls_disabled": {"type": "bool"},
        "server_type": {"type": "str", "choices": ["vm", "bm"]},
        "master_lb_enabled": {"type": "bool", "aliases": ["is_master_lb_enabled"]},
        "floating_ip_enabled": {"type": "bool", "aliases": ["is_floating_ip_enabled"]},
        "public": {"type": "bool", "aliases": ["is_public"]},
        "hidden": {"type": "bool", "aliases": ["is_hidden"]},
        "tags": {"type": "list", "elements": "str"},
        "driver": {"type": "str"},
        "labels": {"type": "dict"},
    }


def main() -> None:
    CoeClusterTemplate()()


if __name__ == "__main__":
    main()
