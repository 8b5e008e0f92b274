"""Nova with Placement: servers. The hypervisor is Nova's own fake driver; everything before it is real."""

from __future__ import annotations

import importlib
import os
import sys
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

from rehearsal.cloud import waiting
from rehearsal.cloud.config import Sections
from rehearsal.cloud.layout import Cloud, packaged
from rehearsal.cloud.service import Endpoint, Serve, Service

if TYPE_CHECKING:
    from openstack.connection import Connection

GIB = 1024
"""Mebibytes in one gibibyte: Nova counts memory in MiB."""


class Flavor(NamedTuple):
    """``memory`` in MiB, ``disk`` in GiB. ``gpus`` becomes the extra spec ``rehearsal:gpus``."""

    name: str
    vcpus: int
    memory: int
    disk: int
    gpus: int = 0


FLAVORS = (
    Flavor("c3.tiny", 1, 1 * GIB, 10),
    Flavor("c3.small", 2, 4 * GIB, 40),
    Flavor("c3.medium", 8, 16 * GIB, 80),
    Flavor("c3.large", 16, 32 * GIB, 120),
    Flavor("g-p4000.x1", 8, 32 * GIB, 120, gpus=1),
)
HOST_VCPUS, HOST_MEMORY, HOST_DISK = 4096, 16 * 1024 * GIB, 200_000
"""The one fake hypervisor: vCPUs, MiB, GiB. Far above the quota, so that quotas are what limits."""

QUOTA = {
    # Twenty c3.medium, three c3.small and four g-p4000.x1 are 27 servers, 198 vCPUs and 460 GiB; the rest is
    # margin for nodes that are replaced while their successors start.
    "instances": 40,
    "cores": 288,
    "ram": 640 * GIB,
    "key_pairs": 20,
    "server_groups": 20,
    "server_group_members": 40,
}


class Nova(Service):
    name = "nova"
    endpoints = (
        Endpoint("compute", "nova", "nova", "/v2.1"),
        Endpoint("placement", "placement", "placement"),
    )
    # A cell's address is a template that Nova fills from [database]connection: it names cell0 by this suffix.
    schemas = ("nova_api.db", "nova.db", "nova.db_cell0", "placement.db")

    def config(self, cloud: Cloud) -> Mapping[str, Sections]:
        admin = cloud.admin()
        nova: Sections = {
            "DEFAULT": {
                **cloud.defaults(),
                "host": "compute-0",
                "state_path": cloud.root,
                "compute_driver": "fake.FakeDriverWithoutFakeNodes",
                "vif_plugging_is_fatal": False,
                "vif_plugging_timeout": 0,
                "max_concurrent_builds": 4,
                "sync_power_state_interval": -1,
                "heal_instance_info_cache_interval": 0,
                "running_deleted_instance_poll_interval": 0,
                "image_cache_manager_interval": 0,
                "resource_tracker_interval": 60,
                "reserved_host_memory_mb": 0,
                "cpu_allocation_ratio": 1.0,
                "ram_allocation_ratio": 1.0,
            },
            "wsgi": {"api_paste_config": packaged("nova/api-paste.ini")},
            "api_database": cloud.database("nova_api"),
            "database": cloud.database("nova"),
            "placement": admin,
            "neutron": admin,
            "glance": admin,
            "cinder": {"catalog_info": "block-storage:cinder:publicURL", **admin},
            "service_user": {"send_service_user_token": True, **admin},
            "scheduler": {"workers": 1, "discover_hosts_in_cells_interval": -1},
            "conductor": {"workers": 1},
            "filter_scheduler": {"track_instance_changes": False},
            "quota": {"driver": "nova.quota.DbQuotaDriver"},
            **cloud.common(),
        }
        placement: Sections = {
            "DEFAULT": {"use_stderr": True},
            "api": {"auth_strategy": "keystone"},
            "placement_database": cloud.database("placement"),
            "keystone_authtoken": cloud.common()["keystone_authtoken"],
            "oslo_policy": cloud.policy(),
        }
        return {"nova.conf": nova, "placement.conf": placement}

    def create_schema(self, cloud: Cloud) -> None:
        from nova import monkey_patch

        monkey_patch.patch(backend="threading")
        from nova import config, context, objects
        from nova.db import migration
        from oslo_utils import uuidutils

        config.parse_args(["nova-manage", "--config-file", self.config_file(cloud)])
        objects.register_all()
        migration.db_sync(database="api")
        admin = context.get_admin_context()
        cell0, cell1 = (
            objects.CellMapping(
                admin,
                uuid=identifier,
                name=name,
                transport_url=transport,
                database_connection="{scheme}:////{path}" + suffix + "?{query}",
                disabled=False,
            )
            for identifier, name, transport, suffix in (
                (objects.CellMapping.CELL0_UUID, "cell0", "none:///", "_cell0"),
                (uuidutils.generate_uuid(), "cell1", "fake://", ""),
            )
        )
        for cell in (cell0, cell1):
            cell.create()
            with context.target_cell(admin, cell) as celled:
                migration.db_sync(context=celled)
        _create_placement_schema(cloud)

    def load(self, cloud: Cloud, serve: Serve) -> None:
        from nova import monkey_patch

        monkey_patch.patch(backend="threading")  # before any other part of Nova
        # Placement has options of its own, so it can share this process; Nova asks for its version while it loads.
        os.environ["OS_PLACEMENT_CONFIG_DIR"] = str(cloud.etc)
        serve("placement", importlib.import_module("placement.wsgi.api").application)
        waiting.until_answers(cloud.settings.port("keystone"), cloud.settings.name, "Keystone")

        files = f"{packaged('nova/api-paste.ini')};{self.config_file(cloud)}"
        os.environ.update(OS_NOVA_CONFIG_DIR=str(cloud.etc), OS_NOVA_CONFIG_FILES=files)
        sys.argv = ["nova-api"]
        application = importlib.import_module("nova.wsgi.osapi_compute").application
        _start_workers()
        serve("nova", application)

    def seed(self, admin: Connection, project_id: str) -> None:
        compute: Any = admin.compute
        have = {flavor.name for flavor in compute.flavors()}
        for flavor in FLAVORS:
            if flavor.name in have:
                continue
            made = compute.create_flavor(
                name=flavor.name, vcpus=flavor.vcpus, ram=flavor.memory, disk=flavor.disk, is_public=True
            )
            if flavor.gpus:
                compute.create_flavor_extra_specs(made, {"rehearsal:gpus": str(flavor.gpus)})
        compute.update_quota_set(project_id, **QUOTA)


def _create_placement_schema(cloud: Cloud) -> None:
    """Placement's tables and the revision they are at; its options are its own, apart from Nova's."""
    from oslo_config import cfg
    from placement import conf, db_api
    from placement.db.sqlalchemy import migration

    config = cfg.ConfigOpts()
    conf.register_opts(config)
    config([], project="placement", default_config_files=[str(cloud.etc / "placement.conf")])
    db_api.configure(config)
    migration.upgrade("head")


def _start_workers() -> None:
    """Nova's conductor, scheduler and compute service, in threads of this process."""
    import nova.conf
    import os_brick
    from nova import context, objects, service
    from nova.compute import rpcapi as compute
    from nova.conductor import rpcapi as conductor
    from nova.objects import host_mapping
    from nova.scheduler import rpcapi as scheduler
    from nova.virt import fake

    os_brick.setup(nova.conf.CONF)
    fake.FakeDriver.vcpus, fake.FakeDriver.memory_mb, fake.FakeDriver.local_gb = HOST_VCPUS, HOST_MEMORY, HOST_DISK
    objects.register_all()
    objects.Service.enable_min_version_cache()
    for binary, options in (
        ("nova-conductor", {"topic": conductor.RPC_TOPIC}),
        ("nova-scheduler", {"topic": scheduler.RPC_TOPIC}),
        ("nova-compute", {"topic": compute.RPC_TOPIC, "topic_alt": compute.RPC_TOPIC_ALT}),
    ):
        service.Service.create(binary=binary, **options).start()
    host_mapping.discover_hosts(context.get_admin_context())


SERVICE = Nova()
