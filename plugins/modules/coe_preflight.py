#!/usr/bin/python
# Copyright: Science and Technology Facilities Council
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
module: coe_preflight
short_description: Check the description of a cluster against the cloud, and plan it
version_added: 0.1.0
author:
  - Science and Technology Facilities Council (@stfc)
description:
  - Compares the C(cluster_) keys of C(openstack.yml), and those keys of C(jupyterhub.yml) that need something of the
    cloud, with what the cloud has, before anything is made; credentials, names, quotas, flavors, addresses. All
    problems are reported at once, by key, with the nearest name that exists.
  - Says what has to be done, in the form that M(stfc.jupyterhub.coe_cluster_template), M(stfc.jupyterhub.coe_cluster)
    and M(stfc.jupyterhub.coe_nodegroup) take, for the Magnum driver of this cloud.
options:
  collect:
    description: Return problems instead of failing, for M(stfc.jupyterhub.preflight_report).
    type: bool
    default: false
  kubeconfig:
    description:
      - Path of the cluster's kubeconfig, which is compared with the cluster and tried. Without it, it is not looked at.
    type: path
extends_documentation_fragment:
  - stfc.jupyterhub.magnum
  - stfc.jupyterhub.magnum.info
  - stfc.jupyterhub.magnum.preflight
  - openstack.cloud.openstack
seealso:
  - module: stfc.jupyterhub.coe_cluster
"""

EXAMPLES = r"""
- name: Check the file against the cloud
  stfc.jupyterhub.coe_preflight:
    cloud: openstack
    service:
      cluster_name: hub
      cluster_driver: auto
      cluster_template: null
      cluster_kubernetes_version: v1.34.4
      cluster_image: ubuntu-jammy-kube-v1.34.4
      cluster_external_network: External
      cluster_network_driver: calico
      cluster_control_plane: {flavor: c3.small, count: 3}
      cluster_node_groups:
        - {name: default-worker, flavor: c3.medium, min: 1, max: 20}
  register: plan
"""

RETURN = r"""
problems:
  description: What is wrong, as M(stfc.jupyterhub.preflight_report) takes it.
  returned: success
  type: list
  elements: dict
  sample: []
skipped_because:
  description: Why nothing was checked, such as a cloud that does not answer. Empty otherwise.
  returned: success
  type: str
  sample: ""
notes:
  description: What could not be checked, and why.
  returned: success
  type: list
  elements: str
  sample: ["the DNS zone, because this cloud has no Designate"]
limits:
  description:
    - The project's quotas that matter here, by name. C(limit) is -1 where there is none, C(used) what the whole project
      uses, C(ours) what of that belongs to this cluster. Memory in MiB, volumes in GiB.
  returned: unless skipped
  type: dict
  sample: {instances: {limit: 40, used: 9, ours: 4}}
actions:
  description: What has to be done, as sentences in order. Empty when everything is as the file says.
  returned: with O(complete=true)
  type: list
  elements: str
  sample: ["create node group gpu"]
family:
  description: The driver family, and whether that is certain or assumed.
  returned: with O(complete=true)
  type: dict
  sample: {name: cluster-api, certain: true}
exists:
  description: Whether there is a cluster of that name.
  returned: unless skipped
  type: bool
  sample: true
current:
  description: The cluster as it is; empty when there is none.
  returned: with O(complete=true)
  type: dict
  sample: {name: hub, status: CREATE_COMPLETE}
external_network:
  description: Identifier of the network that the cluster's floating IPs come from; empty where it is not known.
  returned: with O(complete=true)
  type: str
  sample: 5f1c7b0e-5f0c-4d0c-9a53-1b8a2f6f0f5e
template:
  description: The template that has to be made, as the API's fields; V(null) when none is needed.
  returned: with O(complete=true)
  type: dict
  sample: {name: hub-v1.34.4-0f1cb3f8, image_id: ubuntu-jammy-kube-v1.34.4}
cluster:
  description: The cluster as options of M(stfc.jupyterhub.coe_cluster), and whether anything is to be done about it.
  returned: with O(complete=true)
  type: dict
  sample: {changes: false, options: {name: hub, master_count: 3}}
node_groups:
  description: Node groups that have to be made or changed, as options of M(stfc.jupyterhub.coe_nodegroup).
  returned: with O(complete=true)
  type: list
  elements: dict
  sample: [{name: gpu, flavor_id: g-p4000.x1, min_node_count: 1, max_node_count: 4}]
expects:
  description: How many nodes each group has to have at least once all is done, and their flavor.
  returned: with O(complete=true)
  type: list
  elements: dict
  sample: [{name: default-worker, least: 1, flavor: c3.medium}]
remove:
  description: Names of node groups that were ours and are not in the file any more.
  returned: with O(complete=true)
  type: list
  elements: str
  sample: [gpu]
unused_templates:
  description: UUIDs of templates that we made for this cluster and that it does not use any more.
  returned: with O(complete=true)
  type: list
  elements: str
  sample: []
kubeconfig_reason:
  description:
    - Why M(stfc.jupyterhub.coe_kubeconfig) has to write the file at O(kubeconfig), or to set its mode. Empty where that
      module would keep it as it is.
  returned: with O(complete=true) and O(kubeconfig)
  type: str
  sample: its certificate ends on 2026-12-24
locked:
  description: Whether a run holds the lock of the cluster (M(stfc.jupyterhub.coe_lock)), or left it behind.
  returned: with O(complete=true)
  type: bool
  sample: false
unkept_volumes:
  description:
    - Identifiers of volumes of claims that M(stfc.jupyterhub.coe_leftovers) would mark as kept
      (O(stfc.jupyterhub.coe_leftovers#module:keep_volumes=at_risk)), as far as the cloud alone can tell.
  returned: with O(complete=true)
  type: list
  elements: str
  sample: []
flavors:
  description: The flavors that the file names, memory in bytes.
  returned: with O(complete=true)
  type: dict
  sample: {c3.medium: {vcpus: 8, memory: 17179869184}}
"""

from ansible_collections.stfc.jupyterhub.plugins.module_utils.preflight.cloud_module import CoePreflight


def main() -> None:
    CoePreflight()()


if __name__ == "__main__":
    main()
