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


def connect(kubeconfig: str) -> tuple[Any, Any]:
    """Clients that try once: one for objects, one for their metadata alone. Raises the client's exceptions."""

    class Metadata(kubernetes.client.ApiClient):
        def select_header_accept(self, accepts: list[str]) -> str:
            return METADATA

    def configuration() -> Any:
        made = kubernetes.client.Configuration()
        made.retries = False
        kubernetes.config.load_kube_config(kubeconfig, client_configuration=made)
        return made

    return kubernetes.client.ApiClient(configuration()), Metadata(configuration())


def read(client: Any, metadata: Any, service: dict[str, Any]) -> Seen:
    """Everything that is looked at, at the same time. Raises the client's exceptions."""
    core, storage = kubernetes.client.CoreV1Api(client), kubernetes.client.StorageV1Api(client)
    apps = kubernetes.client.AppsV1Api(client)
    lists: dict[str, tuple[Any, ...]] = {
        "nodes": (core.list_node,),
        "storage_classes": (storage.list_storage_class,),
        "csi_drivers": (storage.list_csi_driver,),
        "daemon_sets": (apps.list_daemon_set_for_all_namespaces,),
        "deployments": (apps.list_namespaced_deployment, "kube-system"),
    }
    namespace, release = service.get("hub_namespace"), service.get("hub_release")
    if namespace and release:
        secrets = kubernetes.client.CoreV1Api(metadata).list_namespaced_secret
        lists["releases"] = (functools.partial(secrets, label_selector=f"owner=helm,name={release}"), namespace)

    def get(method: Any, *arguments: str) -> Any:
        answer = method(*arguments, _preload_content=False, _request_timeout=PATIENCE)
        if answer.status >= 400:  # newer clients leave this to those who read the answer themselves
            raise kubernetes.client.ApiException(status=answer.status, reason=answer.reason)
        return json.loads(answer.data)["items"] or []  # an empty list of metadata is null

    found, failures = together({name: functools.partial(get, *each) for name, each in lists.items()})
    for failure in failures.values():
        raise failure
    return Seen(**found)


def look(service: dict[str, Any], kubeconfig: str) -> tuple[list[Finding], str, list[str]]:
    """Findings, why nothing was looked at, notes."""
    try:
        seen = read(*connect(kubeconfig), service)
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
