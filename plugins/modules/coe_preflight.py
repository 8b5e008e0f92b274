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
  - Compares the C(cluster_) keys of C(openstack.yml) with what the cloud has, before anything is made. All problems are
    reported at once, by key, with the nearest name that exists.
  - Says what has to be done, in the form that M(stfc.jupyterhub.coe_cluster_template), M(stfc.jupyterhub.coe_cluster)
    and M(stfc.jupyterhub.coe_nodegroup) take, for the Magnum driver of this cloud.
options:
  service:
    description: The keys as M(stfc.jupyterhub.load_service) leaves them.
    type: dict
    required: true
  file:
    description: How the file is called in the report, for keys that O(places) does not have.
    type: str
    default: openstack.yml
  places:
    description: Where each key was written, C(file:line) by key, as M(stfc.jupyterhub.load_service) leaves it.
    type: dict
    default: {}
extends_documentation_fragment:
  - stfc.jupyterhub.magnum
  - stfc.jupyterhub.magnum.info
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
actions:
  description: What has to be done, as sentences in order. Empty when everything is as the file says.
  returned: success
  type: list
  elements: str
  sample: ["create node group gpu"]
family:
  description: The driver family, and whether that is certain or assumed.
  returned: success
  type: dict
  sample: {name: cluster-api, certain: true}
exists:
  description: Whether there is a cluster of that name.
  returned: success
  type: bool
  sample: true
current:
  description: The cluster as it is; empty when there is none.
  returned: success
  type: dict
  sample: {name: hub, status: CREATE_COMPLETE}
template:
  description: The template that has to be made, as the API's fields; V(null) when none is needed.
  returned: success
  type: dict
  sample: {name: hub-v1.34.4-0f1cb3f8, image_id: ubuntu-jammy-kube-v1.34.4}
cluster:
  description: The cluster as options of M(stfc.jupyterhub.coe_cluster), and whether anything is to be done about it.
  returned: success
  type: dict
  sample: {changes: false, options: {name: hub, master_count: 3}}
node_groups:
  description: Node groups that have to be made or changed, as options of M(stfc.jupyterhub.coe_nodegroup).
  returned: success
  type: list
  elements: dict
  sample: [{name: gpu, flavor_id: g-p4000.x1, min_node_count: 1, max_node_count: 4}]
remove:
  description: Names of node groups that were ours and are not in the file any more.
  returned: success
  type: list
  elements: str
  sample: [gpu]
unused_templates:
  description: UUIDs of templates that we made for this cluster and that it does not use any more.
  returned: success
  type: list
  elements: str
  sample: []
flavors:
  description: The flavors that the file names, memory in bytes.
  returned: success
  type: dict
  sample: {c3.medium: {vcpus: 8, memory: 17179869184}}
"""

from typing import Any, ClassVar

from ansible_collections.stfc.jupyterhub.plugins.module_utils.magnum.errors import MagnumError
from ansible_collections.stfc.jupyterhub.plugins.module_utils.magnum.module import MagnumModule
from ansible_collections.stfc.jupyterhub.plugins.module_utils.magnum.preflight import (
    Cloud,
    Verdict,
    check,
    place,
    report,
)

MIB = 1024**2


class CoePreflight(MagnumModule):
    argument_spec: ClassVar[dict[str, Any]] = {
        "service": {"type": "dict", "required": True},
        "file": {"type": "str", "default": "openstack.yml"},
        "places": {"type": "dict", "default": {}},
        "timeout": {"type": "int", "default": 3600},
    }
    module_kwargs: ClassVar[dict[str, Any]] = {"supports_check_mode": True}

    def act(self) -> dict[str, Any]:
        service = self.params["service"]
        cloud = self._read(service)
        verdict = check(service, cloud)
        file, places = self.params["file"], self.params["places"]
        if verdict.problems:
            raise MagnumError(report(file, cloud.name, verdict.problems, places))
        for warning in verdict.warnings:
            where = place(warning["key"], file, places)
            self.warn(f"{where} {warning['key']}: {warning['problem']}; {warning['hint']}".rstrip("; "))
        return self._result(service, cloud, verdict)

    def _read(self, service: dict[str, Any]) -> Cloud:
        live = self.find_cluster(service["cluster_name"])
        template = self.magnum.find_template(live["cluster_template_id"]) if live else None
        fixed_subnet = service.get("cluster_fixed_subnet")
        return Cloud(
            name=self.cloud_name,
            flavors=[{"id": f.id, "name": f.name, "vcpus": f.vcpus, "ram": f.ram} for f in self.conn.compute.flavors()],
            networks=[
                {"id": n.id, "name": n.name, "is_router_external": n.is_router_external}
                for n in self.conn.network.networks()
            ],
            subnets=[{"id": s.id, "name": s.name} for s in self.conn.network.subnets()] if fixed_subnet else [],
            images=self._images(service),
            keypairs=self._keypairs(service) if live is None else [],
            templates=self.magnum.list_templates(),
            cluster=live,
            cluster_template=template,
            node_groups=self.magnum.list_nodegroups(live["uuid"]) if live else [],
            require=self.magnum.require,
            delegates=self._delegates(),
            same=self.same,
        )

    def _images(self, service: dict[str, Any]) -> list[dict[str, Any]]:
        """The images that the file names; all that there are once one of them is not found."""
        names = {service["cluster_image"], *(g.get("image") for g in service["cluster_node_groups"])} - {None}
        found = [self.conn.image.find_image(name, ignore_missing=True) for name in sorted(names)]
        if None in found and not service.get("cluster_template"):
            found = list(self.conn.image.images())
        return [
            {
                "id": image.id,
                "name": image.name,
                "os_distro": image.os_distro,
                **{k: (image.properties or {}).get(k) for k in ("kube_version", "magnum_driver")},
            }
            for image in found
            if image is not None
        ]

    def _delegates(self) -> bool:
        """Whether Keystone lets these credentials make others: an application credential says it in its token."""
        access = self.conn.session.auth.get_access(self.conn.session)
        try:
            return not access.application_credential.get("restricted", False)
        except (AttributeError, KeyError):  # another way to log in
            return True

    def _keypairs(self, service: dict[str, Any]) -> list[str]:
        if not service.get("cluster_keypair"):
            return []
        return [k.name for k in self.conn.compute.keypairs()]

    @staticmethod
    def _result(service: dict[str, Any], cloud: Cloud, verdict: Verdict) -> dict[str, Any]:
        named = {g["flavor"] for g in service["cluster_node_groups"]}
        flavors = {
            key: {"vcpus": f["vcpus"], "memory": f["ram"] * MIB}
            for f in cloud.flavors
            for key in (f["name"], f["id"])
            if key in named
        }
        return {
            "changed": False,
            "actions": verdict.actions,
            "family": {"name": verdict.family.name, "certain": verdict.certain},
            "exists": cloud.cluster is not None,
            "current": cloud.cluster or {},
            "template": verdict.template,
            "cluster": {"changes": verdict.cluster_changes, "options": verdict.cluster},
            "node_groups": verdict.node_groups,
            "remove": verdict.remove,
            "unused_templates": verdict.unused_templates,
            "flavors": flavors,
        }


def main() -> None:
    CoePreflight()()


if __name__ == "__main__":
    main()
