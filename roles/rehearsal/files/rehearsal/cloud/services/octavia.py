"""Octavia: load balancers. Our provider driver makes each object ACTIVE as soon as the API has stored it.

It stands in for the providers that a real Octavia has: their names are what clients may ask for.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any

from rehearsal.cloud import sqlite, tools
from rehearsal.cloud.config import Sections
from rehearsal.cloud.layout import Cloud
from rehearsal.cloud.service import Endpoint, Serve, Service

if TYPE_CHECKING:
    from openstack.connection import Connection

PROVIDERS = {
    "amphora": "The Octavia Amphora driver.",
    "octavia": "Deprecated alias of the Octavia Amphora driver.",
    "ovn": "Octavia OVN driver.",
}
"""Octavia's own default (``octavia/common/config.py``), and the one that many sites add. No ``amphorav2``: today's
Octavia does not enable that name."""

QUOTA = {"load_balancers": 10, "listeners": 50, "pools": 50, "health_monitors": 50, "members": 500}


class Octavia(Service):
    name = "octavia"
    endpoints = (Endpoint("load-balancer", "octavia", "octavia"),)
    schemas = ("octavia.db",)

    def config(self, cloud: Cloud) -> Mapping[str, Sections]:
        admin = cloud.admin()
        sections: Sections = {
            "DEFAULT": cloud.defaults(),
            "api_settings": {
                "auth_strategy": "keystone",
                "enabled_provider_drivers": ",".join(f"{name}:{text}" for name, text in PROVIDERS.items()),
                "default_provider_driver": "amphora",
            },
            "service_auth": admin,
            "neutron": admin,
            "controller_worker": {"network_driver": "allowed_address_pairs_driver"},
            "certificates": {"cert_manager": "noop_cert_manager"},
            "database": cloud.database("octavia"),
            **cloud.common(),
        }
        return {"octavia.conf": sections}

    def create_schema(self, cloud: Cloud) -> None:
        from octavia.db import base_models, models
        from sqlalchemy.orm import Session

        engine = sqlite.create_all(cloud.database_url("octavia"), base_models.BASE.metadata)
        with Session(engine) as session, session.begin():
            for model, names in _vocabularies(models):
                session.add_all(model(name=name) for name in names)
        file = self.config_file(cloud)
        tools.main("octavia.db.migration.cli", "octavia-db-manage", "--config-file", file, "stamp", "head")

    def load(self, cloud: Cloud, serve: Serve) -> None:
        from octavia.api import app

        from rehearsal.cloud import octavia_driver

        octavia_driver.stand_in()
        inner = app.setup_app(argv=["octavia-api", "--config-file", self.config_file(cloud)])

        def one_at_a_time(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
            # Octavia opens a second writing session inside a first one, which SQLite cannot have.
            with octavia_driver.LOCK:
                return inner(environ, start_response)

        octavia_driver.recover()
        serve("octavia", one_at_a_time)

    def seed(self, admin: Connection, project_id: str) -> None:
        admin.load_balancer.update_quota(project_id, **QUOTA)


def _vocabularies(models: Any) -> list[tuple[Any, Iterable[str]]]:
    """Tables of allowed words with their rows, which Octavia's migrations would have filled."""
    from octavia.common import constants

    return [
        (models.ProvisioningStatus, constants.SUPPORTED_PROVISIONING_STATUSES),
        (models.HealthMonitorType, constants.SUPPORTED_HEALTH_MONITOR_TYPES),
        (models.Algorithm, constants.SUPPORTED_LB_ALGORITHMS),
        (models.Protocol, constants.SUPPORTED_PROTOCOLS),
        (models.OperatingStatus, constants.SUPPORTED_OPERATING_STATUSES),
        (models.SessionPersistenceType, constants.SUPPORTED_SP_TYPES),
        (models.AmphoraRoles, constants.SUPPORTED_AMPHORA_ROLES),
        (models.LBTopology, constants.SUPPORTED_LB_TOPOLOGIES),
        (models.VRRPAuthMethod, constants.SUPPORTED_VRRP_AUTH),
        (models.L7RuleType, constants.SUPPORTED_L7RULE_TYPES),
        (models.L7RuleCompareType, constants.SUPPORTED_L7RULE_COMPARE_TYPES),
        (models.L7PolicyAction, constants.SUPPORTED_L7POLICY_ACTIONS),
        (models.ClientAuthenticationMode, constants.SUPPORTED_CLIENT_AUTH_MODES),
    ]


SERVICE = Octavia()
