#!/usr/bin/python
# Copyright: Science and Technology Facilities Council
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
module: coe_leftovers
short_description: Find and remove what Services of a Magnum cluster made in the project
version_added: 0.1.0
author:
  - Science and Technology Facilities Council (@stfc)
description:
  - Kubernetes makes load balancers, floating IPs and volumes in the project. Magnum does not know of them, so they stay
    when a cluster is deleted before they are.
  - Lists them, and removes balancers and floating IPs when asked. Volumes are never removed.
options:
  cluster:
    description: Name or UUID of the cluster. It need not exist any more, but then only its name is looked for.
    type: str
    required: true
  stack:
    description: The cluster's UUID and stack, where it does not exist any more and they are known.
    type: list
    elements: str
    default: []
  remove:
    description: What to remove.
    type: list
    elements: str
    choices: [load_balancers, floating_ips]
    default: []
extends_documentation_fragment:
  - stfc.jupyterhub.magnum
  - stfc.jupyterhub.magnum.waiting
  - stfc.jupyterhub.magnum.attributes
  - openstack.cloud.openstack
"""

EXAMPLES = r"""
- name: What is there
  stfc.jupyterhub.coe_leftovers:
    cloud: openstack
    cluster: hub
  register: left

- name: Without the balancers and their addresses
  stfc.jupyterhub.coe_leftovers:
    cloud: openstack
    cluster: hub
    remove: [load_balancers, floating_ips]
"""

RETURN = r"""
clusters:
  description: The names under which the cloud provider may know the cluster.
  returned: success
  type: list
  elements: str
  sample: [hub, 6d0c4b3a-19f5-4d3b-8a7e-6a4f1f0f6c11]
load_balancers:
  description: Balancers of the cluster's Services, those that were removed too.
  returned: success
  type: list
  elements: dict
  sample: [{id: 1c1e…, name: kube_service_hub_jupyterhub_proxy-public, status: ACTIVE}]
floating_ips:
  description: Floating IPs that were made for the cluster's Services, those that were removed too.
  returned: success
  type: list
  elements: dict
  sample: [{id: 9b2f…, address: 203.0.113.20, used: true}]
volumes:
  description: Volumes of claims in the cluster. They stay.
  returned: success
  type: list
  elements: dict
  sample: [{id: 77aa…, name: pvc-0c1d…, size: 1, status: in-use}]
templates:
  description: Cluster templates that role C(cluster) made for this cluster.
  returned: success
  type: list
  elements: dict
  sample: [{uuid: 0f1c…, name: hub-v1.34.4-0a57f387}]
"""

import time
from typing import Any, ClassVar

from ansible_collections.stfc.jupyterhub.plugins.module_utils.magnum.desired import is_our_template
from ansible_collections.stfc.jupyterhub.plugins.module_utils.magnum.errors import MagnumError, TimedOutError
from ansible_collections.stfc.jupyterhub.plugins.module_utils.magnum.leftovers import (
    is_balancer,
    is_floating_ip,
    is_volume,
    names_of,
    still_there,
)
from ansible_collections.stfc.jupyterhub.plugins.module_utils.magnum.module import WAITING, MagnumModule


class CoeLeftovers(MagnumModule):
    argument_spec: ClassVar[dict[str, Any]] = {
        "cluster": {"type": "str", "required": True},
        "stack": {"type": "list", "elements": "str", "default": []},
        "remove": {
            "type": "list",
            "elements": "str",
            "choices": ["load_balancers", "floating_ips"],
            "default": [],
        },
        **WAITING,
    }

    def act(self) -> dict[str, Any]:
        cluster = self.find_cluster(self.params["cluster"])
        name = (cluster or {}).get("name") or self.params["cluster"]
        names = [*names_of(cluster, name), *self.params["stack"]]
        found: dict[str, Any] = {
            "clusters": names,
            "load_balancers": self._balancers(names),
            "floating_ips": self._floating_ips(names),
            "volumes": self._volumes(names),
            "templates": [
                {"uuid": t["uuid"], "name": t["name"]}
                for t in self.magnum.list_templates()
                if is_our_template(name, t["name"])
            ],
        }
        gone = {kind: found[kind] for kind in self.params["remove"] if found[kind]}
        if gone and not self.check_mode:
            self._remove(gone, names)
        return {"changed": bool(gone), "diff": {"before": gone, "after": {}}, **found}

    def _balancers(self, names: list[str]) -> list[dict[str, Any]]:
        if not self.conn.has_service("load-balancer"):
            return []
        return [
            {"id": b.id, "name": b.name, "status": b.provisioning_status}
            for b in self.conn.load_balancer.load_balancers()
            if is_balancer(b.name, names)
        ]

    def _floating_ips(self, names: list[str]) -> list[dict[str, Any]]:
        return [
            {"id": ip.id, "address": ip.floating_ip_address, "used": bool(ip.port_id)}
            for ip in self.conn.network.ips()
            if is_floating_ip(ip.description, names)
        ]

    def _volumes(self, names: list[str]) -> list[dict[str, Any]]:
        if not self.conn.has_service("block-storage"):
            return []
        return [
            {"id": v.id, "name": v.name, "size": v.size, "status": v.status}
            for v in self.conn.block_storage.volumes()
            if is_volume(v.metadata, names)
        ]

    def _remove(self, gone: dict[str, Any], names: list[str]) -> None:
        until = time.monotonic() + self.params["timeout"]
        while "load_balancers" in gone and (left := self._balancers(names)):
            if time.monotonic() > until:
                raise TimedOutError(still_there(left, self.params["timeout"]))
            for balancer in left:
                # Octavia takes no request for one that it works on.
                if not balancer["status"].startswith("PENDING_"):
                    self._delete_balancer(balancer)
            if not self.params["wait"]:
                break
            listed = ", ".join(f"{b['name']} ({b['status']})" for b in left)
            self.progress.say(f"load balancers still there: {listed}")
            time.sleep(min(2.0, max(until - time.monotonic(), 0.1)))
        for address in gone.get("floating_ips", []):
            self.conn.network.delete_ip(address["id"], ignore_missing=True)

    def _delete_balancer(self, balancer: dict[str, Any]) -> None:
        try:
            self.conn.load_balancer.delete_load_balancer(balancer["id"], cascade=True, ignore_missing=True)
        except self.sdk.exceptions.HttpException as error:
            passing = error.status_code == 409 or (error.status_code or 0) >= 500
            if not passing:
                raise MagnumError(f"deleting load balancer {balancer['name']}: {error}") from None
            self.progress.say(f"load balancer {balancer['name']}: Octavia answered {error.status_code}; asked again")


def main() -> None:
    CoeLeftovers()()


if __name__ == "__main__":
    main()
