"""Cinder: volumes. Its API, scheduler and volume service share one process; a volume is a sparse file."""

from __future__ import annotations

import importlib
import os
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from rehearsal.cloud import tools
from rehearsal.cloud.config import Sections
from rehearsal.cloud.layout import Cloud, packaged
from rehearsal.cloud.service import Endpoint, Serve, Service

if TYPE_CHECKING:
    from openstack.connection import Connection

BACKEND = "rehearsal"

VOLUME_TYPES = ("standard", "fast")
"""What users of the cloud choose from. Both are the same backend."""

QUOTA = {
    # Twenty c3.medium hold 180 users of 1.5 GiB, each with a volume of 1 GiB; the hub has one more.
    "volumes": 250,
    "gigabytes": 2000,
    "snapshots": 50,
}


class Cinder(Service):
    name = "cinder"
    endpoints = (Endpoint("block-storage", "cinder", "cinder", "/v3"),)
    schemas = ("cinder.db",)

    def config(self, cloud: Cloud) -> Mapping[str, Sections]:
        admin = cloud.admin()
        sections: Sections = {
            "DEFAULT": {
                **cloud.defaults(),
                "host": "volume-0",
                "state_path": cloud.root,
                "api_paste_config": packaged("cinder/api-paste.ini"),
                "resource_query_filters_file": packaged("cinder/resource_filters.json"),
                "enabled_backends": BACKEND,
                "scheduler_driver_init_wait_time": 1,
            },
            BACKEND: {
                "volume_driver": "rehearsal.cloud.cinder_driver.Driver",
                "volume_backend_name": BACKEND,
                "rehearsal_folder": cloud.folder("volumes"),
                "rehearsal_state": cloud.settings.state,
            },
            "coordination": {"backend_url": f"file://{cloud.folder('lock')}"},
            "nova": admin,
            "service_user": {"send_service_user_token": True, **admin},
            "database": cloud.database("cinder"),
            **cloud.common(),
        }
        return {"cinder.conf": sections}

    def create_schema(self, cloud: Cloud) -> None:
        _use_threads()
        tools.main("cinder.cmd.manage", "cinder-manage", "--config-file", self.config_file(cloud), "db", "sync")

    def load(self, cloud: Cloud, serve: Serve) -> None:  # noqa: ARG002
        _use_threads()
        options = importlib.import_module("cinder.cmd.volume")  # registers its options before they are read
        application = importlib.import_module("cinder.wsgi.api").application
        _start_workers(options.host_opt)
        serve("cinder", application)

    def seed(self, admin: Connection, project_id: str) -> None:
        storage: Any = admin.block_storage
        have = {one.name for one in storage.types()}
        for name in VOLUME_TYPES:
            if name not in have:
                storage.create_type(name=name)
        storage.update_quota_set(project_id, **QUOTA)


def _use_threads() -> None:
    """Before any other part of Cinder."""
    os.environ["OS_CINDER_DISABLE_EVENTLET_PATCHING"] = "1"
    from cinder import monkey_patch

    monkey_patch.patch(backend="threading")


def _start_workers(host_option: Any) -> None:
    """The scheduler and the volume service, in threads of this process."""
    import os_brick
    from cinder import context, objects, service
    from cinder.common import constants
    from oslo_config import cfg

    def report_state(self: Any) -> None:
        # Cinder's own keeps the id of its row in a class attribute: of two services in one process one looks down.
        row = objects.Service.get_by_id(context.get_admin_context(), self.origin_service_id)
        row.report_count += 1
        row.save()

    conf = cfg.CONF
    os_brick.setup(conf)
    conf.register_opt(host_option, group=BACKEND)
    service.Service.report_state = report_state
    host = f"{conf.host}@{BACKEND}"
    for options in (
        {"binary": constants.SCHEDULER_BINARY},
        {"binary": constants.VOLUME_BINARY, "host": host, "service_name": BACKEND, "coordination": True},
    ):
        service.Service.create(**options).start()


SERVICE = Cinder()
