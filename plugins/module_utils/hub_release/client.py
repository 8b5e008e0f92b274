# Copyright: Contributors to the stfc.jupyterhub collection
# SPDX-License-Identifier: BSD-3-Clause
"""The few things that looking after a release asks of Kubernetes. Uses kubernetes.core's client and its settings."""

from __future__ import annotations

import copy
import json
import sys
from collections.abc import Mapping
from typing import Any

from ansible_collections.kubernetes.core.plugins.module_utils.k8s.client import get_api_client
from ansible_collections.kubernetes.core.plugins.module_utils.k8s.exceptions import CoreException
from ansible_collections.stfc.jupyterhub.plugins.module_utils.kubernetes_tls import (
    accept_magnum_certificates,
    verifying,
)

from ..proxies import hint

STRATEGIC = "application/strategic-merge-patch+json"
MERGE = "application/merge-patch+json"
NO_LOG = "(no log: "
_AUTHENTICATION = ("kubeconfig", "context", "host", "ca_cert", "validate_certs", "api_key")


class KubernetesError(Exception):
    """What was being done, on which object, what Kubernetes answered. ``status``: the HTTP status, 0 without one."""

    def __init__(self, message: str, status: int = 0) -> None:
        super().__init__(message)
        self.status = status


class Kubernetes:
    """Objects as plain dicts, errors as KubernetesError."""

    def __init__(self, parameters: Mapping[str, Any], namespace: str) -> None:
        """``parameters``: a module's, with those of ``hub_arguments.auth_spec``. Raises KubernetesError."""
        known = {key: parameters[key] for key in _AUTHENTICATION if parameters.get(key) is not None}
        if known.get("validate_certs"):
            del known["validate_certs"]  # the default: leave it to the kubeconfig
        try:
            accept_magnum_certificates()
            self._client = get_api_client(**known)
        except ImportError as error:
            raise KubernetesError(f"the Python package kubernetes is missing for {sys.executable}") from error
        except (CoreException, OSError) as error:
            raise KubernetesError(f"reading how to reach the cluster: {error}") from error
        except Exception as error:
            if type(error).__module__.startswith("urllib3"):
                raise KubernetesError(f"the cluster's API does not answer: {error}.{hint(error)}") from error
            raise
        self.namespace = namespace

    def within(self, namespace: str) -> Kubernetes:
        """The same cluster, another namespace."""
        other = copy.copy(self)
        other.namespace = namespace
        return other

    def get(self, api_version: str, kind: str, name: str) -> dict[str, Any] | None:
        """One object, None where there is none."""
        return self._do("reading", api_version, kind, name, lambda resource, where: resource.get(name=name, **where))

    def find(self, api_version: str, kind: str, labels: Mapping[str, str] | str = "") -> list[dict[str, Any]]:
        """Objects with these labels in the namespace."""
        selector = labels if isinstance(labels, str) else ",".join(f"{key}={value}" for key, value in labels.items())
        answer = self._do(
            "listing", api_version, kind, "", lambda resource, where: resource.get(label_selector=selector, **where)
        )
        return answer["items"] if answer else []

    def events(self, uid: str) -> list[dict[str, Any]]:
        """Events about one object, oldest first."""
        answer = self._do(
            "listing",
            "v1",
            "Event",
            "",
            lambda resource, where: resource.get(field_selector=f"involvedObject.uid={uid}", **where),
        )
        items = answer["items"] if answer else []
        return sorted(items, key=lambda item: item.get("lastTimestamp") or item.get("eventTime") or "")

    def create(self, item: Mapping[str, Any]) -> dict[str, Any]:
        """Make one object; answers it as it was made."""
        kind, name = item["kind"], item["metadata"]["name"]
        made = self._do(
            "making", item["apiVersion"], kind, name, lambda resource, where: resource.create(body=item, **where)
        )
        if made is None:
            raise KubernetesError(f"making {kind} {name}: there is no namespace {self.namespace}", 404)
        return made

    def patch(self, item: Mapping[str, Any], dry_run: bool = False) -> dict[str, Any] | None:
        """Put the fields of ``item`` into the object of its name; answers what comes of it (None: there is none)."""
        name = item["metadata"]["name"]
        more: dict[str, Any] = {"dry_run": "All"} if dry_run else {}

        def send(content_type: str) -> dict[str, Any] | None:
            return self._do(
                "comparing" if dry_run else "correcting",
                item["apiVersion"],
                item["kind"],
                name,
                lambda resource, where: resource.patch(
                    body=item, name=name, content_type=content_type, **where, **more
                ),
            )

        try:
            return send(STRATEGIC)
        except KubernetesError as error:
            if error.status != 415:  # kinds that are not Kubernetes' own know no strategic merge
                raise
            return send(MERGE)

    def delete(self, api_version: str, kind: str, name: str, version: str = "") -> None:
        """Remove one object; it may be gone already. With a ``version``, only if it still has that one (else 409)."""
        body = {"preconditions": {"resourceVersion": version}} if version else None
        self._do(
            "removing", api_version, kind, name, lambda resource, where: resource.delete(name=name, body=body, **where)
        )

    def detach(self) -> None:
        """Open new connections from now on, without the files in which the client library keeps certificates.

        It removes those when this process, or the one that this was forked from, ends.
        """
        pool = self._client.client.client.rest_client.pool_manager
        pool.clear()
        given = pool.connection_pool_kw
        if not (given.get("ca_certs") or given.get("cert_file")):
            return
        context = verifying(given)
        if authorities := given.pop("ca_certs", None):
            context.load_verify_locations(authorities)
        if certificate := given.pop("cert_file", None):
            context.load_cert_chain(certificate, given.pop("key_file", None))
        given["ssl_context"] = context

    def log(self, pod: str, container: str, previous: bool, lines: int) -> list[str]:
        """Last lines of a container's log; a sentence that begins with ``NO_LOG`` instead where there is none."""
        from kubernetes.client import CoreV1Api
        from kubernetes.client.exceptions import ApiException

        try:
            text = CoreV1Api(self._client.client.client).read_namespaced_pod_log(
                pod, self.namespace, container=container, previous=previous, tail_lines=lines, _request_timeout=10
            )
        except (ApiException, OSError) as error:
            return [f"{NO_LOG}{_answer(error)})"]
        except Exception as error:  # urllib3's own, which kubernetes does not wrap
            return [f"{NO_LOG}{error})"]
        return text.splitlines()

    def through(self, service: str, path: str) -> tuple[int, bytes]:
        """What a Service of the namespace answers to GET ``path``: status and body. The API server asks it.

        ``service`` is ``scheme:name:port``, as the API has it. Raises KubernetesError when the API does not answer.
        """
        from kubernetes.dynamic.exceptions import DynamicApiError
        from urllib3.exceptions import HTTPError

        address = f"/api/v1/namespaces/{self.namespace}/services/{service}/proxy{path}"
        try:
            answer = self._client.client.request("get", address, serialize=False, _request_timeout=10)
        except DynamicApiError as error:
            body = error.body or b""
            return error.status or 0, body if isinstance(body, bytes) else str(body).encode()
        except (HTTPError, OSError) as error:
            raise KubernetesError(f"asking Service {service}: the cluster's API does not answer ({error})") from error
        return answer.status, answer.data

    def _do(self, doing: str, api_version: str, kind: str, name: str, call: Any) -> dict[str, Any] | None:
        from kubernetes.dynamic.exceptions import DynamicApiError, NotFoundError, ResourceNotFoundError
        from urllib3.exceptions import HTTPError

        what = f"{doing} {kind}{f' {name}' if name else 's'}"
        try:
            resource = self._client.resource(kind, api_version)
            where = {"namespace": self.namespace} if resource.namespaced else {}
            return call(resource, where).to_dict()
        except NotFoundError:
            return None
        except ResourceNotFoundError as error:
            raise KubernetesError(f"{what}: the cluster knows no {kind} of {api_version}") from error
        except DynamicApiError as error:
            raise KubernetesError(f"{what} in {self.namespace}: {_answer(error)}", error.status or 0) from error
        except (HTTPError, OSError) as error:
            raise KubernetesError(f"{what}: the cluster's API does not answer ({error}).{hint(error)}") from error


def _answer(error: Exception) -> str:
    """What Kubernetes said, without the headers that its client adds."""
    body = getattr(error, "body", None)
    try:
        return str(json.loads(body or "")["message"])
    except (TypeError, ValueError, KeyError):
        return f"{getattr(error, 'status', '')} {getattr(error, 'reason', '') or error}".strip()
