#!/usr/bin/python
# Copyright: Contributors to the stfc.jupyterhub collection
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
module: service_preflight
short_description: Check the description of a service against its cloud and its cluster, and see what there is of it
version_added: 0.1.0
author:
  - Contributors to the stfc.jupyterhub collection (@stfc)
description:
  - Does what M(stfc.jupyterhub.coe_preflight) does, then looks at nodes, storage, network plugin, autoscaler, GPUs and
    the state of the hub's release. Problems are returned, not failed on, for M(stfc.jupyterhub.preflight_report). A
    cloud or a cluster that does not answer is an answer, too.
  - Where nothing is to be done about the cluster, it goes on to compare the release, and what belongs beside it, with
    O(hub), and asks the hub at its address. A deployment that finds everything as described then has nothing more to
    read. It is one module because most of the time of such a run is the start of programs that read little.
options:
  cloud:
    description: Name of the cloud in C(clouds.yaml). Without one no cloud is asked.
    type: raw
  kubeconfig:
    description: Path of the cluster's kubeconfig.
    type: path
    required: true
  hub:
    description:
      - All keys of the hub with their values as the role C(hub) has them, as JSON in base64. Without it the release is
        not looked at.
      - It is text so that it is one secret, and not each word in it; and not plain JSON, which ansible-core 2.18 would
        take for data.
    type: str
requirements:
  - kubernetes >= 24.2
extends_documentation_fragment:
  - stfc.jupyterhub.magnum
  - stfc.jupyterhub.magnum.info
  - stfc.jupyterhub.magnum.preflight
  - openstack.cloud.openstack
seealso:
  - module: stfc.jupyterhub.coe_preflight
  - module: stfc.jupyterhub.hub_release
  - module: stfc.jupyterhub.hub_probe
"""

EXAMPLES = r"""
- name: Check the files against the cloud and the cluster
  stfc.jupyterhub.service_preflight:
    cloud: openstack
    kubeconfig: ~/.kube/config
    service:
      cluster_name: hub
      cluster_control_plane: {flavor: c3.small, count: 3}
      cluster_node_groups:
        - {name: default-worker, flavor: c3.medium, min: 1, max: 20}
      hub_storage: {type: dynamic, class_name: csi-cinder}
      hub_release: jupyterhub
      hub_namespace: jupyterhub
    complete: false
  register: seen
"""

RETURN = r"""
cloud:
  description: What M(stfc.jupyterhub.coe_preflight) returns.
  returned: always
  type: dict
  sample: {problems: [], skipped_because: "", notes: [], exists: true, actions: []}
cluster:
  description: The cluster layer.
  returned: always
  type: dict
  contains:
    problems:
      description: What is wrong, as M(stfc.jupyterhub.preflight_report) takes it.
      type: list
      elements: dict
    skipped_because:
      description: Why nothing was checked, such as a cluster that does not answer. Empty otherwise.
      type: str
    notes:
      description: What could not be checked, and why.
      type: list
      elements: str
    nodes:
      description: The cluster's nodes as Kubernetes has them, without what changes with every heartbeat.
      type: list
      elements: dict
  sample:
    problems:
      - severity: error
        file: vars/jupyterhub.yml
        line: 20
        key: hub_storage.class_name
        message: "the cluster has no storage class 'csi-cindr'"
        hint: write csi-cinder
    skipped_because: ""
    notes: []
    nodes: [{metadata: {name: hub-x7k2p-default-worker-0}, status: {allocatable: {cpu: 7910m, memory: 14.6Gi}}}]
facts:
  description:
    - The facts that the role C(cluster) leaves when it has nothing to do. Empty where it has, or where that is not
      known.
  returned: always
  type: dict
  sample: {name: hub, status: CREATE_COMPLETE}
release:
  description:
    - What M(stfc.jupyterhub.hub_release) returns with O(stfc.jupyterhub.hub_release#module:state=surveyed) for O(hub)
      in a cluster of which RV(facts) are true. Empty where that could not be told; the module itself then says why.
  returned: always
  type: dict
  sample: {work: [], revision: 3, status: deployed}
answer:
  description:
    - What M(stfc.jupyterhub.hub_probe) returns, where nothing is to be done about the release and nothing to be said
      about the answer. Empty otherwise.
  returned: always
  type: dict
  sample: {version: 5.5.0, certificate: {}, certificate_due: false, resolves_to: [192.0.2.7], notices: []}
"""

import base64
import json
import threading
from typing import Any, ClassVar, NoReturn

from ansible.module_utils.basic import missing_required_lib
from ansible_collections.stfc.jupyterhub.plugins.module_utils.preflight.cloud_module import CoePreflight

EMPTY = base64.b64encode(b"{}")

Json = dict[str, Any]


class ServicePreflight(CoePreflight):
    """One look at everything. However the cloud's part ends, the cluster's follows."""

    argument_spec: ClassVar[Json] = {
        **{name: option for name, option in CoePreflight.argument_spec.items() if name != "collect"},
        "kubeconfig": {"type": "path", "required": True},
        "hub": {"type": "str", "no_log": True},
    }
    collects = True

    def keep_hub(self) -> None:
        """Take the hub's description away from what every way out of a module adds to what it returns."""
        self._hub: Json = json.loads(base64.b64decode(self.params["hub"] or EMPTY))
        self.params["hub"] = None  # the base class looks at each of its options once more

    def openstack_cloud_from_module(self) -> tuple[Any, Any]:
        self.keep_hub()
        if not self.params["cloud"]:
            self._leave({"problems": [], "skipped_because": "openstack_cloud does not say which one", "notes": []})
        connected: tuple[Any, Any] = super().openstack_cloud_from_module()
        return connected

    def act(self) -> Json:
        threading.Thread(target=_cluster_side).start()
        return self._with_cluster(super().act())

    def _leave(self, answer: Json) -> NoReturn:
        self.exit_json(**self._with_cluster(answer))

    def _with_cluster(self, cloud: Json) -> Json:
        """All that is returned, with what the cloud's part has come to."""
        side = _cluster_side()
        if side.MISSING:
            self.ansible.fail_json(msg=missing_required_lib("kubernetes"), exception=side.MISSING)
        cloud.pop("changed", None)
        cluster = side.ClusterSide(self.params["service"], self.params["kubeconfig"], self._hub, self.balancing)
        seen = cluster.look(cloud, self.params["file"], self.params["places"])
        return {"changed": False, "cloud": cloud, **seen}


def _cluster_side() -> Any:
    """What asks Kubernetes. It takes longer to load than to ask, so it is loaded while OpenStack answers."""
    from ansible_collections.stfc.jupyterhub.plugins.module_utils.preflight import cluster_side

    return cluster_side


def main() -> None:
    ServicePreflight()()


if __name__ == "__main__":
    main()
