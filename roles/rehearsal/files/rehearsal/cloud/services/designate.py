"""Designate: DNS zones. API, central, worker, producer and its own name server (mdns) share one process.

There is no other name server: mdns, which a real one would copy the zones from, answers questions itself.
"""

from __future__ import annotations

import importlib
import json
import os
import shutil
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from rehearsal.cloud import tools
from rehearsal.cloud.config import Sections
from rehearsal.cloud.layout import Cloud, packaged
from rehearsal.cloud.service import Endpoint, Serve, Service

if TYPE_CHECKING:
    from openstack.connection import Connection

ZONE = "jupyter.localhost."
"""The project's zone: the rehearsal's hub_domain lies in it."""

NAME_SERVER = "ns1.rehearsal.example."

QUOTA = {"zones": 10, "zone_recordsets": 100, "zone_records": 100}


class Designate(Service):
    name = "designate"
    endpoints = (Endpoint("dns", "designate", "designate"),)
    schemas = ("designate.db",)

    def config(self, cloud: Cloud) -> Mapping[str, Sections]:
        port = cloud.settings.port("mdns")
        sections: Sections = {
            "DEFAULT": {**cloud.defaults(), "host": "dns-0", "state_path": cloud.root},
            "service:api": {
                "auth_strategy": "keystone",
                "api_base_uri": f"{cloud.url('designate')}/",
                "enable_api_v2": True,
                "enable_host_header": True,
                "enabled_extensions_admin": "quotas",
            },
            "service:central": {
                "workers": 1,
                "scheduler_filters": "default_pool",
                "managed_resource_email": "hostmaster@rehearsal.example",
            },
            "service:worker": {
                "workers": 1,
                "threads": 10,
                "poll_delay": 0,
                "poll_retry_interval": 1,
                "poll_timeout": 2,
            },
            "service:mdns": {"workers": 1, "threads": 10, "listen": f"127.0.0.1:{port}"},
            "service:producer": {"workers": 1, "threads": 2, "enabled_tasks": "increment_serial"},
            "producer_task:increment_serial": {"interval": 1},
            "storage:sqlalchemy": cloud.database("designate"),
            **cloud.common(),
        }
        return {"designate.conf": sections}

    def create_schema(self, cloud: Cloud) -> None:
        file = self.config_file(cloud)
        tools.main("designate.cmd.manage", "designate-manage", "--config-file", file, "database", "sync")

    def load(self, cloud: Cloud, serve: Serve) -> None:
        # It looks for its paste file beside its configuration, and nowhere else.
        shutil.copyfile(packaged("designate/api-paste.ini"), cloud.etc / "api-paste.ini")
        os.environ["OS_DESIGNATE_CONFIG_DIR"] = str(cloud.etc)
        application = importlib.import_module("designate.wsgi.api").application
        _start_workers(cloud)
        serve("designate", application)

    def seed(self, admin: Connection, project_id: str) -> None:
        dns: Any = admin.dns
        # An administrator acts for the project by this header.
        answer = dns.patch(f"/quotas/{project_id}", json=QUOTA, headers={"X-Auth-All-Projects": "true"})
        if answer.status_code >= 400:
            raise RuntimeError(f"Designate's quota of project {project_id}: {answer.status_code} {answer.text}")
        acting = {"X-Auth-Sudo-Project-ID": project_id}
        if not dns.get("/zones", params={"name": ZONE}, headers=acting).json()["zones"]:
            body = {"name": ZONE, "email": "hostmaster@rehearsal.example", "ttl": 60}
            answer = dns.post("/zones", json=body, headers=acting)
            if answer.status_code >= 400:
                raise RuntimeError(f"Designate's zone {ZONE}: {answer.status_code} {answer.text}")


def pool(port: int) -> list[dict[str, Any]]:
    """The pool of name servers: mdns at that port is the only one, and so is what the worker asks for serials."""
    mdns = {"host": "127.0.0.1", "port": port}
    target = {"type": "fake", "masters": [mdns], "options": {"host": mdns["host"], "port": str(port)}}
    return [
        {
            "name": "default",
            "description": "The rehearsal's own",
            "attributes": {},
            "ns_records": [{"hostname": NAME_SERVER, "priority": 1}],
            "nameservers": [mdns],
            "targets": [target],
        }
    ]


def _start_workers(cloud: Cloud) -> None:
    """Designate's services, in threads of this process, and the pool in its database."""
    from designate.central import service as central
    from designate.manage import pool as manage
    from designate.mdns import service as mdns
    from designate.producer import service as producer
    from designate.worker import service as worker
    from designate.worker.tasks import zone

    central.Service().start()
    file = cloud.etc / "designate-pools.yaml"
    file.write_text(json.dumps(pool(cloud.settings.port("mdns"))))
    manage.PoolCommands().update(str(file), delete=False, dry_run=False, skip_verify_drivers=True)

    poll = zone.PollForZone.__call__

    def gone_when_deleted(self: Any) -> Any:
        # mdns serves a zone until it is purged, so it can never say that one is gone.
        return 0 if self.zone.action == "DELETE" else poll(self)

    zone.PollForZone.__call__ = gone_when_deleted
    for each in (worker.Service(), mdns.Service(), producer.Service()):
        each.start()


SERVICE = Designate()
