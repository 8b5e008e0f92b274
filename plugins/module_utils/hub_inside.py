# Copyright: Contributors to the stfc.jupyterhub collection
# SPDX-License-Identifier: BSD-3-Clause
"""Asks the hub within its cluster, through the API server: no address, no certificate and no DNS are needed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .hub_probe import Get, ProbeError, service_within


def within(parameters: Mapping[str, Any], namespace: str, https: str) -> Get:
    """What asks for a path. ``https`` is the type of ``hub_https``.

    ``parameters`` are a module's, with those of ``hub_arguments.auth_spec``. The Kubernetes client, slow to load, is
    loaded at the first question.
    """
    connected: list[Any] = []

    def get(path: str) -> tuple[int, bytes]:
        from .hub_release.client import Kubernetes, KubernetesError

        try:
            if not connected:
                connected.append(Kubernetes(parameters, namespace))
            answer: tuple[int, bytes] = connected[0].through(service_within(https), path)
        except KubernetesError as error:
            raise ProbeError(f"the hub within the cluster: {error}") from error
        return answer

    return get
