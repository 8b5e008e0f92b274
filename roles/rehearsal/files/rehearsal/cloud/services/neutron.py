"""Neutron: networks, ports and floating addresses. No agents: our mechanism driver binds every port at once."""

from __future__ import annotations

import importlib
import os
from collections.abc import Mapping
from typing import TYPE_CHECKING

from rehearsal.cloud import sqlite, tools
from rehearsal.cloud.config import Sections
from rehearsal.cloud.layout import Cloud, packaged
from rehearsal.cloud.service import Endpoint, Serve, Service

if TYPE_CHECKING:
    from openstack.connection import Connection

EXTERNAL_NETWORK = "External"
EXTERNAL_CIDR = "203.0.113.0/24"
"""TEST-NET-3 of RFC 5737: floating addresses that can never be somebody's."""

QUOTA = {
    "networks": 10,
    "subnets": 10,
    "routers": 5,
    "ports": 200,
    "floating_ips": 20,
    "security_groups": 40,
    "security_group_rules": 400,
}


class Neutron(Service):
    name = "neutron"
    endpoints = (Endpoint("network", "neutron", "neutron"),)
    schemas = ("neutron.db",)

    def config(self, cloud: Cloud) -> Mapping[str, Sections]:
        sections: Sections = {
            "DEFAULT": {
                **cloud.defaults(),
                "core_plugin": "ml2",
                "service_plugins": "router",
                "api_paste_config": packaged("neutron/api-paste.ini"),
                "state_path": cloud.root,
                "notify_nova_on_port_status_changes": False,
                "notify_nova_on_port_data_changes": False,
                "rpc_workers": 0,
                "rpc_state_report_workers": 0,
                "api_workers": 1,
                "dhcp_agent_notification": False,
                "global_physnet_mtu": 1500,
            },
            "ml2": {
                "type_drivers": "local,flat",
                "tenant_network_types": "local",
                "mechanism_drivers": "rehearsal",
                "extension_drivers": "port_security",
            },
            "ml2_type_flat": {"flat_networks": "*"},
            "database": cloud.database("neutron"),
            **cloud.common(),
        }
        return {"neutron.conf": sections}

    def create_schema(self, cloud: Cloud) -> None:
        from neutron.db.migration.models import head

        sqlite.create_all(cloud.database_url("neutron"), head.get_metadata())
        file = self.config_file(cloud)
        tools.main("neutron.db.migration.cli", "neutron-db-manage", "--config-file", file, "stamp", "heads")

    def load(self, cloud: Cloud, serve: Serve) -> None:
        os.environ.update(OS_NEUTRON_CONFIG_DIR=str(cloud.etc), OS_NEUTRON_CONFIG_FILES="neutron.conf")
        serve("neutron", importlib.import_module("neutron.wsgi.api").application)

    def seed(self, admin: Connection, project_id: str) -> None:
        network = admin.network.find_network(EXTERNAL_NETWORK)
        if network is None:
            network = admin.network.create_network(
                name=EXTERNAL_NETWORK,
                is_router_external=True,
                provider_network_type="flat",
                provider_physical_network="external",
            )
        if not list(admin.network.subnets(network_id=network.id)):
            admin.network.create_subnet(
                network_id=network.id, name="external", ip_version=4, cidr=EXTERNAL_CIDR, is_dhcp_enabled=False
            )
        admin.network.update_quota(project_id, **QUOTA)


SERVICE = Neutron()
