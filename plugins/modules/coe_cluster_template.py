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
  - A template that clusters refer to can only be published or hidden. Any other difference is refused; make a template
    of another name and upgrade the clusters to it.
options:
  name:
    description: Name or UUID of the template.
    type: str
    required: true
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
    description: Name server of the clusters' own subnets. Several are separated by commas.
    type: str
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
    description: Addresses that are reached without a proxy, separated by commas.
    type: str
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
    description: Tags, separated by commas.
    type: str
  driver:
    description: Entry point of Magnum's driver. Left out, Magnum chooses by the image. Needs a Magnum that has it.
    type: str
  labels:
    description: Labels that clusters of this template get. Compared as a whole.
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
  sample:
    uuid: 0f1cb3f8-6be8-4b0e-a0a5-7b6b6d1d0d5e
    name: kubernetes-v1.34
    coe: kubernetes
    image_id: ubuntu-jammy-kube-v1.34.4
    network_driver: calico
    labels: {kube_tag: v1.34.4}
"""

from typing import Any, ClassVar

from ansible_collections.stfc.jupyterhub.plugins.module_utils.magnum.template import TemplateModule


class CoeClusterTemplate(TemplateModule):
    argument_spec: ClassVar[dict[str, Any]] = {
        "name": {"type": "str", "required": True},
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
        "dns_nameserver": {"type": "str"},
        "apiserver_port": {"type": "int"},
        "docker_volume_size": {"type": "int"},
        "docker_storage_driver": {"type": "str"},
        "volume_driver": {"type": "str"},
        "http_proxy": {"type": "str"},
        "https_proxy": {"type": "str"},
        "no_proxy": {"type": "str"},
        "registry_enabled": {"type": "bool"},
        "insecure_registry": {"type": "str"},
        "tls_disabled": {"type": "bool"},
        "server_type": {"type": "str", "choices": ["vm", "bm"]},
        "master_lb_enabled": {"type": "bool", "aliases": ["is_master_lb_enabled"]},
        "floating_ip_enabled": {"type": "bool", "aliases": ["is_floating_ip_enabled"]},
        "public": {"type": "bool", "aliases": ["is_public"]},
        "hidden": {"type": "bool", "aliases": ["is_hidden"]},
        "tags": {"type": "str"},
        "driver": {"type": "str"},
        "labels": {"type": "dict"},
        "timeout": {"type": "int", "default": 3600},
    }
    module_kwargs: ClassVar[dict[str, Any]] = {"supports_check_mode": True}


def main() -> None:
    CoeClusterTemplate()()


if __name__ == "__main__":
    main()
