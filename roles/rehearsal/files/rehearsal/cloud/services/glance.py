"""Glance: images. Their data stays in files below the cloud's folder."""

from __future__ import annotations

import importlib
import os
from collections.abc import Mapping
from typing import TYPE_CHECKING

from rehearsal.cloud import tools
from rehearsal.cloud.config import Sections
from rehearsal.cloud.layout import Cloud, packaged
from rehearsal.cloud.service import Endpoint, Serve, Service

if TYPE_CHECKING:
    from openstack.connection import Connection

KUBERNETES_VERSIONS = ("v1.34.4", "v1.33.6")
"""Versions for which there is an image ``ubuntu-jammy-kube-<version>``, as Cluster API drivers name them."""


class Glance(Service):
    name = "glance"
    endpoints = (Endpoint("image", "glance", "glance"),)
    schemas = ("glance.db",)

    def config(self, cloud: Cloud) -> Mapping[str, Sections]:
        images = cloud.folder("images")
        for folder in ("images/staging", "images/tasks"):
            cloud.folder(folder)
        sections: Sections = {
            "DEFAULT": {**cloud.defaults(), "enabled_backends": "file:file", "enabled_import_methods": "[]"},
            "database": cloud.database("glance"),
            "glance_store": {"default_backend": "file"},
            "file": {"filesystem_store_datadir": images},
            "os_glance_staging_store": {"filesystem_store_datadir": images / "staging"},
            "os_glance_tasks_store": {"filesystem_store_datadir": images / "tasks"},
            "paste_deploy": {"flavor": "keystone", "config_file": packaged("glance/glance-api-paste.ini")},
            **cloud.common(),
        }
        return {"glance-api.conf": sections}

    def config_file(self, cloud: Cloud) -> str:
        return str(cloud.etc / "glance-api.conf")  # the one name that its application opens

    def create_schema(self, cloud: Cloud) -> None:
        tools.main("glance.cmd.manage", "glance-manage", "--config-file", self.config_file(cloud), "db", "sync")

    def load(self, cloud: Cloud, serve: Serve) -> None:
        os.environ["OS_GLANCE_CONFIG_DIR"] = str(cloud.etc)
        serve("glance", importlib.import_module("glance.wsgi.api").application)

    def seed(self, admin: Connection, project_id: str) -> None:  # noqa: ARG002
        have = {image.name for image in admin.image.images()}
        for version in KUBERNETES_VERSIONS:
            name = f"ubuntu-jammy-kube-{version}"
            if name in have:
                continue
            admin.image.create_image(
                name=name,
                disk_format="raw",
                container_format="bare",
                visibility="public",
                os_distro="ubuntu",
                kube_version=version,
                data=b"\0" * 1024,
                validate_checksum=False,
            )


SERVICE = Glance()
