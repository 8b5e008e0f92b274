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
"""

import functools
import json
from typing import Any

from ansible.module_utils.basic import AnsibleModule, missing_required_lib
from ansible_collections.stfc.jupyterhub.plugins.module_utils.preflight.cluster import Seen, check_cluster, notes
from ansible_collections.stfc.jupyterhub.plugins.module_utils.preflight.finding import Finding, located
from ansible_collections.stfc.jupyterhub.plugins.module_utils.preflight.reading import together

try:
    import kubernetes
    from urllib3.exceptions import HTTPError

    MISSING = ""
except ImportError as error:
    MISSING = str(error)

PATIENCE = (10, 20)
"""Seconds to connect and to answer."""

METADATA = "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1"
"""Asks for objects without their content: Helm's Secrets hold the chart's values."""


def argument_spec() -> dict[str, Any]:
    return {
        "service": {"type": "dict", "required": True},
        "kubeconfig": {"type": "path", "required": True},
        "file": {"type": "str", "default": "openstack.yml"},
        "places": {"type": "dict", "default": {}},
    }


def connect(kubeconfig: str) -> Any:
    """A client that tries once. Raises the client's exceptions."""
    configuration = kubernetes.client.Configuration()
    configuration.retries = False
    kubernetes.config.load_kube_config(kubeconfig, client_configuration=configuration)
    return kubernetes.client.ApiClient(configuration)


def read(client: Any, service: dict[str, Any]) -> Seen:
    """Everything that is looked at, at the same time. Raises the client's exceptions.

    Answers are taken as they are: the client's classes for objects take seconds to load.
    """
    paths = {
        "nodes": "/api/v1/nodes",
        "storage_classes": "/apis/storage.k8s.io/v1/storageclasses",
        "csi_drivers": "/apis/storage.k8s.io/v1/csidrivers",
        "daemon_sets": "/apis/apps/v1/daemonsets",
        "deployments": "/apis/apps/v1/namespaces/kube-system/deployments",
    }
    namespace, release = service.get("hub_namespace"), service.get("hub_release")
    if namespace and release:
        paths["releases"] = f"/api/v1/namespaces/{namespace}/secrets?labelSelector=owner%3Dhelm%2Cname%3D{release}"
    configuration = client.configuration
    names = ("authorization", "BearerToken")  # older and newer clients call it so
    token = next(filter(None, map(configuration.get_api_key_with_prefix, names)), None)

    def get(name: str, path: str) -> Any:
        headers = {"Accept": METADATA if name == "releases" else "application/json"}
        if token:
            headers["Authorization"] = token
        address = f"{configuration.host}{path}"
        answer = client.rest_client.request("GET", address, headers=headers, _request_timeout=PATIENCE)
        text = answer.data if answer.data is not None else answer.read()
        if answer.status >= 400:  # newer clients leave this to those who read the answer themselves
            raise kubernetes.client.ApiException(status=answer.status, reason=answer.reason)
        return json.loads(text)["items"] or []  # an empty list of metadata is null

    found, failures = together({name: functools.partial(get, name, path) for name, path in paths.items()})
    for failure in failures.values():
        raise failure
    return Seen(**found)


def look(service: dict[str, Any], kubeconfig: str) -> tuple[list[Finding], str, list[str]]:
    """Findings, why nothing was looked at, notes."""
    try:
        seen = read(connect(kubeconfig), service)
    except (kubernetes.config.ConfigException, OSError, ValueError) as error:
        message = f"the kubeconfig {kubeconfig} cannot be used: {_line(error)}"
        return (
            [Finding("cluster_kubeconfig", message, "remove it; deploy.yml writes a new one", "warning")],
            message,
            [],
        )
    except kubernetes.client.ApiException as error:
        if error.status not in (401, 403):
            return [], f"the cluster's API answered {error.status} {error.reason}", []
        message = f"the cluster refuses the kubeconfig {kubeconfig}: {error.status} {error.reason}"
        return (
            [Finding("cluster_kubeconfig", message, "remove it; deploy.yml writes a new one", "warning")],
            message,
            [],
        )
    except HTTPError as error:
        return [], f"the cluster's API does not answer: {_line(error)}", []
    return check_cluster(service, seen), "", notes(seen)


def _line(error: object) -> str:
    return " ".join(str(error).split())


def main() -> None:
    module = AnsibleModule(argument_spec(), supports_check_mode=True)
    if MISSING:
        module.fail_json(msg=missing_required_lib("kubernetes"), exception=MISSING)
    findings, skipped, unseen = look(module.params["service"], module.params["kubeconfig"])
    problems = located(findings, module.params["file"], module.params["places"])
    module.exit_json(changed=False, problems=problems, skipped_because=skipped, notes=unseen)


if __name__ == "__main__":
    main()
