# Copyright: Contributors to the stfc.jupyterhub collection
# SPDX-License-Identifier: BSD-3-Clause
"""Lists of a cluster's objects as the API gives them: plain JSON, one request each, no discovery.

The Kubernetes client's classes for objects take longer to load than all of the lists together.
"""

from __future__ import annotations

import contextlib
import json
import tempfile
from collections.abc import Iterator
from typing import Any

from ansible_collections.stfc.jupyterhub.plugins.module_utils.kubernetes_tls import accept_magnum_certificates

with contextlib.suppress(ImportError):  # who uses this says so
    import kubernetes

PATIENCE = (10, 20)
"""Seconds to connect and to answer."""

PLAIN = "application/json"
METADATA = "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1"
"""Asks for objects without their content."""


@contextlib.contextmanager
def lists(kubeconfig: str) -> Iterator[Lists]:
    """A cluster's lists, with the authentication of a kubeconfig.

    The client's copies of certificate and key are gone when the block has ended. Raises the Kubernetes client's
    exceptions: ``ConfigException``, ``ApiException`` and urllib3's ``HTTPError``.
    """
    accept_magnum_certificates()
    configuration = kubernetes.client.Configuration()
    configuration.retries = False
    with tempfile.TemporaryDirectory() as folder:
        kubernetes.config.load_kube_config(kubeconfig, client_configuration=configuration, temp_file_path=folder)
        with kubernetes.client.ApiClient(configuration) as client:
            yield Lists(client)


class Lists:
    """Lists of one cluster. Every request is tried once."""

    def __init__(self, client: Any) -> None:
        self._client = client

    def get(self, path: str, accept: str = PLAIN) -> list[dict[str, Any]]:
        """Members of the list at ``path``."""
        configuration = self._client.configuration
        names = ("authorization", "BearerToken")  # older and newer clients call it so
        token = next(filter(None, map(configuration.get_api_key_with_prefix, names)), None)
        headers = {"Accept": accept, **({"Authorization": token} if token else {})}
        address = f"{configuration.host}{path}"
        answer = self._client.rest_client.request("GET", address, headers=headers, _request_timeout=PATIENCE)
        text = answer.data if answer.data is not None else answer.read()
        if answer.status >= 400:  # newer clients leave this to those who read the answer themselves
            raise kubernetes.client.ApiException(status=answer.status, reason=answer.reason)
        found: list[dict[str, Any]] = json.loads(text)["items"] or []  # an empty list of metadata is null
        return found
