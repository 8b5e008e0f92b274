#!/usr/bin/python
# Copyright: Science and Technology Facilities Council
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
module: coe_leftovers
short_description: Find, keep and remove what Services and claims of a Magnum cluster made in the project
version_added: 0.1.0
author:
  - Science and Technology Facilities Council (@stfc)
description:
  - Kubernetes makes load balancers, floating IPs and volumes in the project. Magnum does not know of them, so they stay
    when a cluster is deleted before they are.
  - Lists them, and removes balancers and floating IPs when asked. Volumes are never removed.
  - Some clouds clean up after a cluster, volumes of claims included, whatever their reclaim policy (magnum-capi-helm
    with cluster-api-janitor-openstack). O(keep_volumes) marks volumes and snapshots so that they stay, and so that
    they are known again afterwards.
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
  keep_volumes:
    description:
      - Whether volumes and snapshots of claims in the cluster are marked as kept. Fails, with what Cinder answered,
        when one could not be.
      - With V(at_risk) only where the cluster's driver is magnum-capi-helm, whose clouds may clean up after a cluster,
        or not known.
      - Sets their metadata V(janitor.capi.azimuth-cloud.com/keep) to V(true), and V(cinder.csi.openstack.org/cluster)
        to a text that is no cluster's name; what that was is kept as V(jupyterhub.stfc.ac.uk/csi-cluster), beside the
        cluster's UUID and name (V(jupyterhub.stfc.ac.uk/cluster), V(jupyterhub.stfc.ac.uk/cluster-name)).
    type: str
    choices: [never, at_risk, always]
    default: never
  persistent_volumes:
    description:
      - The cluster's PersistentVolumes, as M(stfc.jupyterhub.k8s_info) returns them. The volumes that they name are the
        cluster's. Magnum's Heat driver gives the volumes of all clusters the same name, so without these only volumes
        that were marked are known for sure.
    type: list
    elements: dict
  expected_volumes:
    description: Identifiers of volumes that have to be there. Fails when one is not.
    type: list
    elements: str
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

- name: Have the volumes stay when the cluster goes
  stfc.jupyterhub.coe_leftovers:
    cloud: openstack
    cluster: hub
    keep_volumes: always
    persistent_volumes: "{{ persistent_volumes.resources }}"
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
  description:
    - Volumes of claims in the cluster. C(kept) says whether they are marked to stay whatever the cloud cleans up.
  returned: success
  type: list
  elements: dict
  sample: [{id: 77aa…, name: pvc-0c1d…, size: 1, status: in-use, claim: jupyterhub/claim-anna, kept: true}]
snapshots:
  description: Snapshots of such volumes.
  returned: success
  type: list
  elements: dict
  sample: []
unclear_volumes:
  description:
    - Volumes and snapshots of claims of a cluster of the project, where it cannot be told of which. Only without
      O(persistent_volumes).
  returned: success
  type: list
  elements: dict
  sample: []
summary:
  description: Sentences on the volumes that stay, and on what could not be looked at.
  returned: success
  type: list
  elements: str
  sample: ["kept: jupyterhub/claim-anna, 1 GiB, volume 77aa…"]
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
from ansible_collections.stfc.jupyterhub.plugins.module_utils.magnum.keeping import Keeper
from ansible_collections.stfc.jupyterhub.plugins.module_utils.magnum.leftovers import (
    is_balancer,
    is_floating_ip,
    names_of,
    still_there,
)
from ansible_collections.stfc.jupyterhub.plugins.module_utils.magnum.module import WAITING, MagnumModule
from ansible_collections.stfc.jupyterhub.plugins.module_utils.magnum.volumes import (
    Cluster,
    Found,
    Thing,
    at_risk,
    gone,
    sort_out,
    summary,
)


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
        "keep_volumes": {"type": "str", "choices": ["never", "at_risk", "always"], "default": "never"},
        "persistent_volumes": {"type": "list", "elements": "dict"},
        "expected_volumes": {"type": "list", "elements": "str", "default": []},
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
            "templates": [
                {"uuid": t["uuid"], "name": t["name"]}
                for t in self.magnum.list_templates()
                if is_our_template(name, t["name"])
            ],
        }
        removed = {kind: found[kind] for kind in self.params["remove"] if found[kind]}
        keeps = self.params["keep_volumes"]
        keep = keeps == "always" or (keeps == "at_risk" and at_risk(cluster or {}))
        volumes, marked = self._volumes(Cluster(name, str((cluster or {}).get("uuid") or ""), tuple(names)), keep)
        if removed and not self.check_mode:
            self._remove(removed, names)
        diff = {"before": removed, "after": {"kept": marked} if marked else {}}
        return {"changed": bool(removed or marked), "diff": diff, **found, **volumes}

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

    def _volumes(self, cluster: Cluster, keep: bool) -> tuple[dict[str, Any], dict[str, Any]]:
        """What is returned of volumes, and the metadata that they get, by id. Raises MagnumError."""
        persistent = self.params["persistent_volumes"]
        keeper = Keeper(self.conn, self.sdk.exceptions.SDKException, self.progress.say)
        things = keeper.things()
        if lost := gone(self.params["expected_volumes"], things):
            raise MagnumError(f"{lost}.")
        found, marked = sort_out(things, cluster, persistent), {}
        if keep:
            marked = keeper.unkept(found, cluster, persistent)
            if not self.check_mode:
                found = keeper.keep(found, cluster, persistent)
        told = {
            "volumes": _told(found, "volume"),
            "snapshots": _told(found, "snapshot"),
            "unclear_volumes": [_as_dict(thing) for thing in found.unclear],
            "summary": summary(found, cluster, persistent, keeper.there),
        }
        return told, marked

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


def _told(found: Found, kind: str) -> list[dict[str, Any]]:
    return [_as_dict(thing) for thing in found.mine if thing.kind == kind]


def _as_dict(thing: Thing) -> dict[str, Any]:
    told = {key: getattr(thing, key) for key in ("id", "name", "size", "status", "claim", "kept")}
    return {**told, "kind": thing.kind}


def main() -> None:
    CoeLeftovers()()


if __name__ == "__main__":
    main()
