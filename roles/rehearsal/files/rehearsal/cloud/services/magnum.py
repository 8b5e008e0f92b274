"""Magnum: clusters. Its API, conductor and periodic tasks share one process; the driver is the rehearsal's own."""

from __future__ import annotations

import contextlib
import logging
import threading
import time
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from rehearsal.cloud import sqlite
from rehearsal.cloud.config import Sections
from rehearsal.cloud.layout import REGION, Cloud, packaged
from rehearsal.cloud.service import Endpoint, Serve, Service
from rehearsal.cluster import layout

if TYPE_CHECKING:
    from pathlib import Path

    from openstack.connection import Connection

    from rehearsal.settings import Settings

LOOK_SECONDS = 0.1
"""Between two looks whether a cluster's controller has reported something."""

POLL_SECONDS = 2
"""Between two looks at clusters whose status is ``*_IN_PROGRESS`` otherwise (delays that tests ask for end by the
clock). Magnum's own are ten; each costs a twentieth of a second in SQLAlchemy, whoever else needs the processor."""

MAX_CLUSTERS = 10
"""The project's quota: one port of ``rehearsal.settings.CLUSTER_PORTS`` is enough for each."""

CLIENTS = ("cinder", "glance", "magnum", "neutron", "nova", "octavia")


class Magnum(Service):
    name = "magnum"
    endpoints = (Endpoint("container-infra", "magnum", "magnum", "/v1"),)
    schemas = ("magnum.db",)
    code = ("cluster",)

    def config(self, cloud: Cloud) -> Mapping[str, Sections]:
        sections: Sections = {
            "DEFAULT": {
                **cloud.defaults(),
                "host": "localhost",
                "periodic_interval_max": 1,
                "state_path": cloud.root,
            },
            "api": {
                "host": "127.0.0.1",
                "port": cloud.settings.port("magnum"),
                "workers": 1,
                "api_paste_config": packaged("magnum/api-paste.ini"),
            },
            "certificates": {"cert_manager_type": "x509keypair"},
            "keystone_auth": cloud.admin(),
            **{f"{client}_client": {"region_name": REGION} for client in CLIENTS},
            "database": cloud.database("magnum"),
            **cloud.common(),
        }
        return {"magnum.conf": sections}

    def create_schema(self, cloud: Cloud) -> None:
        from magnum.common import service
        from magnum.db.sqlalchemy import migration, models

        sqlite.create_all(cloud.database_url("magnum"), models.Base.metadata)
        service.prepare_service(["magnum-db-manage", "--config-file", self.config_file(cloud)])
        migration.stamp("head")

    def load(self, cloud: Cloud, serve: Serve) -> None:
        from magnum.common import service

        service.prepare_service(["magnum-api", "--config-file", self.config_file(cloud)])
        _serialise_writers()
        _start_conductor()
        from magnum.api import app

        serve("magnum", app.load_app())
        periodic = threading.Thread(
            target=_run_periodic_tasks, args=[cloud.settings], name="periodic tasks", daemon=True
        )
        periodic.start()

    def seed(self, admin: Connection, project_id: str) -> None:
        api = admin.container_infrastructure_management
        path = f"/quotas/{project_id}/Cluster"
        body = {"project_id": project_id, "resource": "Cluster", "hard_limit": MAX_CLUSTERS}
        # Magnum answers 404 for a project that has no limit of its own yet, or its default.
        if api.patch(path, json=body).status_code >= 400:
            answer = api.post("/quotas", json=body)
            if answer.status_code not in (201, 409):
                raise RuntimeError(f"Magnum's quota of project {project_id}: {answer.status_code} {answer.text}")


def _serialise_writers() -> None:
    """One writer at a time: Magnum opens sessions past oslo.db's scopes, and all its writers are in this process."""
    from magnum.db.sqlalchemy import api

    lock, session_for_write = threading.RLock(), api._session_for_write

    @contextlib.contextmanager
    def one_session_for_write() -> Iterator[Any]:
        with lock, session_for_write() as session:
            yield session

    api._session_for_write = one_session_for_write


def _start_conductor() -> None:
    # MagnumObject.indirection_api stays unset: in the conductor's own process it would call itself for ever.
    import magnum.conf
    import oslo_messaging
    from magnum.common import rpc, short_id
    from magnum.conductor.handlers import (
        ca_conductor,
        cluster_conductor,
        conductor_listener,
        credential_conductor,
        federation_conductor,
        indirection_api,
        nodegroup_conductor,
    )
    from magnum.objects import base

    modules = (
        indirection_api,
        cluster_conductor,
        conductor_listener,
        credential_conductor,
        ca_conductor,
        federation_conductor,
        nodegroup_conductor,
    )
    target = oslo_messaging.Target(topic=magnum.conf.CONF.conductor.topic, server=short_id.generate_id())
    endpoints = [module.Handler() for module in modules]
    rpc.get_server(target, endpoints, serializer=base.MagnumObjectSerializer()).start()


def _run_periodic_tasks(settings: Settings) -> None:
    import magnum.conf
    from magnum.service import periodic
    from magnum.servicegroup import magnum_service_periodic

    sync = "sync_cluster_status"
    periodic.MagnumPeriodicTasks._periodic_spacing[sync] = POLL_SECONDS
    conf = magnum.conf.CONF
    looks = periodic.MagnumPeriodicTasks(conf)
    tasks = (looks, magnum_service_periodic.MagnumServicePeriodicTasks(conf, "magnum-conductor"))
    seen: Mapping[Path, int] = {}
    while True:
        written = layout.reports(settings)
        if written != seen:
            looks._periodic_last_run[sync] = None  # due now
            seen = written
        for task in tasks:
            try:
                task.run_periodic_tasks(None)
            except Exception:  # one failed look must not end all later ones
                logging.getLogger(__name__).exception("a periodic task failed")
        time.sleep(LOOK_SECONDS)


SERVICE = Magnum()
