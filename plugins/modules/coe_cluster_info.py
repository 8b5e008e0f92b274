#!/usr/bin/python
# Copyright: Science and Technology Facilities Council
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
module: coe_cluster_info
short_description: Tell about Magnum clusters, their node groups and templates
version_added: 0.1.0
author:
  - Science and Technology Facilities Council (@stfc)
description:
  - Lists the clusters of a project, or tells about one, with all that Magnum knows of its node groups and its template.
options:
  name:
    description: Name or UUID of one cluster. Left out, all clusters of the project.
    type: str
extends_documentation_fragment:
  - stfc.jupyterhub.magnum
  - stfc.jupyterhub.magnum.info
  - openstack.cloud.openstack
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
"""

RETURN = r"""
api_version:
  description: The newest version of Magnum's API that the cloud offers.
  returned: success
  type: str
  sample: "1.14"
clusters:
  description: The clusters as Magnum's API shows them, empty when there is none of that name.
  returned: success
  type: list
  elements: dict
  contains:
    family:
      description: The driver family, as far as it can be told; V(null) when nothing tells.
      type: str
      sample: cluster-api
    node_groups:
      description: The node groups with their bounds. Empty on a cloud that has none.
      type: list
      elements: dict
      sample:
        - {name: default-master, role: master, node_count: 3, status: CREATE_COMPLETE}
        - {name: default-worker, role: worker, node_count: 1, min_node_count: 1, max_node_count: 20}
    cluster_template:
      description: The template.
      type: dict
      sample: {name: kubernetes-v1.34, image_id: ubuntu-jammy-kube-v1.34.4}
    status:
      description: Magnum's status of the cluster. There are many more fields than those shown here.
      type: str
      sample: CREATE_COMPLETE
"""

from typing import Any, ClassVar

from ansible_collections.stfc.jupyterhub.plugins.module_utils.magnum.families import recognise
from ansible_collections.stfc.jupyterhub.plugins.module_utils.magnum.module import MagnumModule
from ansible_collections.stfc.jupyterhub.plugins.module_utils.magnum.versions import show


class CoeClusterInfo(MagnumModule):
    argument_spec: ClassVar[dict[str, Any]] = {"name": {"type": "str"}, "timeout": {"type": "int", "default": 3600}}
    module_kwargs: ClassVar[dict[str, Any]] = {"supports_check_mode": True}

    def act(self) -> dict[str, Any]:
        if self.params["name"] is not None:
            one = self.find_cluster(self.params["name"])
            found = [one] if one else []
        else:
            listed = self.magnum.listed("/clusters", "clusters", "listing clusters")
            found = [c for c in (self.find_cluster(short["uuid"]) for short in listed) if c]
        return {
            "changed": False,
            "api_version": show(self.magnum.offered),
            "clusters": [self._whole(cluster) for cluster in found],
        }

    def _whole(self, cluster: dict[str, Any]) -> dict[str, Any]:
        template = self.magnum.find_template(cluster["cluster_template_id"]) or {}
        family = recognise(cluster=cluster, template=template)
        return {
            **cluster,
            "family": family.name if family else None,
            "node_groups": self.magnum.list_nodegroups(cluster["uuid"]),
            "cluster_template": template,
        }


def main() -> None:
    CoeClusterInfo()()


if __name__ == "__main__":
    main()
