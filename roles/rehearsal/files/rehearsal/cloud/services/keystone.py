"""Keystone: identities, tokens and the service catalog."""

from __future__ import annotations

import importlib
import os
import uuid
from collections.abc import Mapping
from typing import Any
from unittest import mock

from rehearsal.cloud import tools
from rehearsal.cloud.config import Sections
from rehearsal.cloud.layout import REGION, Cloud
from rehearsal.cloud.service import Endpoint, Serve, Service, services

INTERFACES = ("public", "internal", "admin")
ROLES = ("load-balancer_member",)
"""Roles beyond those of ``keystone-manage bootstrap``: Octavia's policy asks for this one."""


class Keystone(Service):
    name = "keystone"
    endpoints = (Endpoint("identity", "keystone", "keystone", "/v3"),)
    schemas = ("keystone.db",)

    def config(self, cloud: Cloud) -> Mapping[str, Sections]:
        defaults = {key: value for key, value in cloud.defaults().items() if key != "transport_url"}
        return {
            "keystone.conf": {
                "DEFAULT": defaults,
                "database": cloud.database("keystone"),
                "token": {"expiration": 86400},
                "fernet_tokens": {"key_repository": cloud.folder("fernet")},
                "fernet_receipts": {"key_repository": cloud.folder("fernet")},
                "credential": {"key_repository": cloud.folder("credential-keys")},
                "cache": {"enabled": True, "backend": "oslo_cache.dict"},
                # The least that bcrypt allows: these passwords guard nothing, and every service logs in at its start.
                "identity": {"password_hash_rounds": 4},
                "oslo_messaging_notifications": {"driver": "noop"},
                "oslo_policy": cloud.policy(),
            }
        }

    def create_schema(self, cloud: Cloud) -> None:
        tools.main("keystone.cmd.manage", "keystone-manage", "--config-file", self.config_file(cloud), "db_sync")

    def load(self, cloud: Cloud, serve: Serve) -> None:
        _create_keys(cloud)
        os.environ.update(OS_KEYSTONE_CONFIG_DIR=str(cloud.etc), OS_KEYSTONE_CONFIG_FILES="keystone.conf")
        application = importlib.import_module("keystone.wsgi.api").application
        _bootstrap(cloud)
        serve("keystone", application)


def _create_keys(cloud: Cloud) -> None:
    """The keys of tokens and of stored credentials, once."""
    from keystone.common import fernet_utils

    for folder, group in (("fernet", "fernet_tokens"), ("credential-keys", "credential")):
        keys = cloud.folder(folder)
        if not (keys / "1").exists():
            fernet_utils.FernetUtils(str(keys), 3, group).initialize_key_repository()


def _bootstrap(cloud: Cloud) -> None:
    """What has to be there before any service can log in: ``keystone-manage bootstrap`` and the catalog.

    In this process and before the API is served, since Nova reads the catalog while it starts.
    """
    from keystone.cmd import bootstrap
    from keystone.common import provider_api

    # The application has loaded the back ends already, and they cannot be loaded twice.
    with mock.patch.object(bootstrap.backends, "load_backends"):
        bootstrapper = bootstrap.Bootstrapper()
    bootstrapper.admin_username = bootstrapper.project_name = bootstrapper.admin_role_name = "admin"
    bootstrapper.admin_password = cloud.settings.admin_password
    bootstrapper.region_id = REGION
    bootstrapper.service_name = "keystone"
    address = cloud.settings.keystone_url
    bootstrapper.public_url = bootstrapper.internal_url = bootstrapper.admin_url = address
    bootstrapper.bootstrap()
    for role in ROLES:
        bootstrapper._ensure_role_exists(role)

    providers = provider_api.ProviderAPIs
    grants = providers.assignment_api.get_roles_for_user_and_project(
        bootstrapper.admin_user_id, bootstrapper.project_id
    )
    if bootstrapper.service_role_id not in grants:
        providers.assignment_api.add_role_to_user_and_project(
            bootstrapper.admin_user_id, bootstrapper.project_id, bootstrapper.service_role_id
        )
    _catalog(cloud, providers.catalog_api)


def _catalog(cloud: Cloud, catalog: Any) -> None:
    known = {entry["type"]: entry["id"] for entry in catalog.list_services()}
    have = {(e["service_id"], e["interface"]): e for e in catalog.list_endpoints()}
    for service in services().values():
        for endpoint in service.endpoints:
            service_id = known.get(endpoint.type)
            if service_id is None:
                service_id = uuid.uuid4().hex
                entry = {"id": service_id, "type": endpoint.type, "name": endpoint.name, "enabled": True}
                catalog.create_service(service_id, entry)
            url = cloud.url(endpoint.port) + endpoint.path
            for interface in INTERFACES:
                present = have.get((service_id, interface))
                if present is None:
                    reference = {
                        "id": uuid.uuid4().hex,
                        "interface": interface,
                        "url": url,
                        "service_id": service_id,
                        "region_id": REGION,
                        "enabled": True,
                    }
                    catalog.create_endpoint(reference["id"], reference)
                elif present["url"] != url:
                    catalog.update_endpoint(present["id"], {**present, "url": url})


SERVICE = Keystone()
