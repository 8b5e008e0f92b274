#!/usr/bin/python
# Copyright: Contributors to the stfc.jupyterhub collection
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
module: hub_preflight
short_description: Check the description of a service against the cluster that it is to run in
version_added: 0.1.0
author:
  - Contributors to the stfc.jupyterhub collection (@stfc)
description:
  - Looks at nodes, storage, network plugin, autoscaler, GPUs and the state of the hub's release, before anything is
    touched. Problems are returned, not failed on, for M(stfc.jupyterhub.preflight_report).
  - A cluster that does not answer is an answer, too.
options:
  service:
    description: The keys as M(stfc.jupyterhub.load_service) leaves them.
    type: dict
    required: true
  kubeconfig:
    description: Path of the cluster's kubeconfig.
    type: path
    required: true
  file:
    description: How the file is called in the report, for keys that O(places) does not have.
    type: str
    default: openstack.yml
  places:
    description: Where each key was written, C(file:line) by key.
    type: dict
    default: {}
requirements:
  - kubernetes >= 24.2
attributes:
  check_mode:
    description: Reads only, so check mode makes no difference.
    support: full
  diff_mode:
    description: Changes nothing, so there is no difference to show.
    support: none
seealso:
  - module: stfc.jupyterhub.coe_preflight
"""

EXAMPLES = r"""
- name: Check the files against the cluster
  stfc.jupyterhub.hub_preflight:
    kubeconfig: ~/.kube/config
    service:
      hub_storage: {type: dynamic, class_name: csi-cinder}
      hub_release: jupyterhub
      hub_namespace: jupyterhub
  register: cluster
"""

RETURN = r"""
problems:
  description: What is wrong, as M(stfc.jupyterhub.preflight_report) takes it.
  returned: always
  type: list
  elements: dict
  sample:
    - severity: error
      file: vars/jupyterhub.yml
      line: 20
      key: hub_storage.class_name
      message: "the cluster has no storage class 'csi-cindr'"
      hint: write csi-cinder
skipped_because:
  description: Why nothing was checked, such as a cluster that does not answer. Empty otherwise.
  returned: always
  type: str
  sample: ""
notes:
  description: What could not be checked, and why.
  returned: always
  type: list
  elements: str
  sample: []
nodes:
  description: The cluster's nodes as Kubernetes has them, without what changes with every heartbeat.
  returned: unless skipped
  type: list
  elements: dict
  sample: [{metadata: {name: hub-x7k2p-default-worker-0}, status: {allocatable: {cpu: 7910m, memory: 14.6Gi}}}]
"""

import functools
from collections.abc import Mapping
from typing import Any

from ansible.module_utils.basic import AnsibleModule, missing_required_lib
from ansible_collections.stfc.jupyterhub.plugins.module_utils.kubernetes_lists import METADATA, lists
from ansible_collections.stfc.jupyterhub.plugins.module_utils.preflight.cluster import Seen, check_cluster, notes
from ansible_collections.stfc.jupyterhub.plugins.module_utils.preflight.finding import Finding, located
from ansible_collections.stfc.jupyterhub.plugins.module_utils.preflight.reading import together

try:
    import kubernetes
    from urllib3.exceptions import HTTPError

    MISSING = ""
except ImportError as error:
    MISSING = str(error)


def argument_spec() -> dict[str, Any]:
    return {
        "service": {"type": "dict", "required": True},
        "kubeconfig": {"type": "path", "required": True},
        "file": {"type": "str", "default": "openstack.yml"},
        "places": {"type": "dict", "default": {}},
    }


def read(kubeconfig: str, service: dict[str, Any]) -> Seen:
    """Everything that is looked at, at the same time. Raises what ``kubernetes_lists.lists`` raises."""
    paths = {
        "nodes": "/api/v1/nodes",
        "storage_classes": "/apis/storage.k8s.io/v1/storageclasses",
        "csi_drivers": "/apis/storage.k8s.io/v1/csidrivers",
        "daemon_sets": "/apis/apps/v1/daemonsets",
        "deployments": "/apis/apps/v1/namespaces/kube-system/deployments",
    }
    namespace, release = service.get("hub_namespace"), service.get("hub_release")
    with lists(kubeconfig) as of:
        parts = {name: functools.partial(of.get, path) for name, path in paths.items()}
        if namespace and release:
            path = f"/api/v1/namespaces/{namespace}/secrets?labelSelector=owner%3Dhelm%2Cname%3D{release}"
            # Helm's Secrets hold the chart's values.
            parts["releases"] = functools.partial(of.get, path, METADATA)
        found, failures = together(parts)
    for failure in failures.values():
        raise failure
    return Seen(**found)


def look(service: dict[str, Any], kubeconfig: str) -> tuple[list[Finding], str, Seen]:
    """Findings, why nothing was looked at, and what was seen."""
    try:
        seen = read(kubeconfig, service)
    except (kubernetes.config.ConfigException, OSError, ValueError) as error:
        message = f"the kubeconfig {kubeconfig} cannot be used: {_line(error)}"
        return (
            [Finding("cluster_kubeconfig", message, "remove it; deploy.yml writes a new one", "warning")],
            message,
            Seen(),
        )
    except kubernetes.client.ApiException as error:
        if error.status not in (401, 403):
            return [], f"the cluster's API answered {error.status} {error.reason}", Seen()
        message = f"the cluster refuses the kubeconfig {kubeconfig}: {error.status} {error.reason}"
        return (
            [Finding("cluster_kubeconfig", message, "remove it; deploy.yml writes a new one", "warning")],
            message,
            Seen(),
        )
    except HTTPError as error:
        return [], f"the cluster's API does not answer: {_line(error)}", Seen()
    return check_cluster(service, seen), "", seen


def _line(error: object) -> str:
    return " ".join(str(error).split())


def main() -> None:
    module = AnsibleModule(argument_spec(), supports_check_mode=True)
    if MISSING:
        module.fail_json(msg=missing_required_lib("kubernetes"), exception=MISSING)
    findings, skipped, seen = look(module.params["service"], module.params["kubeconfig"])
    problems = located(findings, module.params["file"], module.params["places"])
    answer: dict[str, Any] = {"changed": False, "problems": problems, "skipped_because": skipped, "notes": []}
    if not skipped:
        answer |= {"notes": notes(seen), "nodes": [settled(node) for node in seen.nodes]}
    module.exit_json(**answer)


def settled(node: Mapping[str, Any]) -> dict[str, Any]:
    """A node without what nobody after us reads: annotations, images, heartbeats."""
    metadata, status = node["metadata"], node.get("status") or {}
    conditions = [{key: each[key] for key in ("type", "status")} for each in status.get("conditions") or ()]
    info = {"kubeletVersion": (status.get("nodeInfo") or {}).get("kubeletVersion")}
    return {
        "metadata": {"name": metadata["name"], "labels": metadata.get("labels") or {}},
        "spec": {"taints": (node.get("spec") or {}).get("taints") or []},
        "status": {"allocatable": status.get("allocatable"), "conditions": conditions, "nodeInfo": info},
    }


if __name__ == "__main__":
    main()
