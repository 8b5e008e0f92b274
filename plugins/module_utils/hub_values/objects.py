# Copyright: Contributors to the stfc.jupyterhub collection
# SPDX-License-Identifier: BSD-3-Clause
"""Objects that must be there before the release: the namespace and the storage class."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .labels import ours

Manifest = dict[str, Any]


def namespace(service: Mapping[str, Any]) -> Manifest:
    """The hub's namespace. Other labels and annotations of one that exists are left alone."""
    return {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": service["hub_namespace"]}}


def storage_class_name(service: Mapping[str, Any]) -> str:
    """``hub_storage.class_name``, or that of our own class."""
    return service["hub_storage"].get("class_name") or f"{service['hub_release']}-retain"


def storage_class(service: Mapping[str, Any]) -> Manifest | None:
    """Our storage class, None where the service names another.

    Volumes outlive their claims (Retain), are made where the pod goes (WaitForFirstConsumer) and can grow.
    """
    storage = service["hub_storage"]
    if storage.get("class_name"):
        return None
    manifest: Manifest = {
        "apiVersion": "storage.k8s.io/v1",
        "kind": "StorageClass",
        "metadata": {"name": storage_class_name(service), "labels": ours(service, "storage")},
        "provisioner": "cinder.csi.openstack.org",
        "reclaimPolicy": "Retain",
        "volumeBindingMode": "WaitForFirstConsumer",
        "allowVolumeExpansion": True,
    }
    if storage.get("volume_type"):
        manifest["parameters"] = {"type": storage["volume_type"]}
    return manifest
