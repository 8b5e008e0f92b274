"""Import once what all services share, so that processes forked afterwards share its memory and start sooner."""

from __future__ import annotations

import gc
import importlib
import sys
from importlib.machinery import ModuleSpec

SHARED = (
    "sqlalchemy.orm",
    "sqlalchemy.dialects.sqlite",
    "alembic",
    "oslo_config.cfg",
    "oslo_log.log",
    "oslo_db.sqlalchemy.enginefacade",
    "oslo_messaging",
    "oslo_policy.policy",
    "oslo_middleware",
    "keystonemiddleware.auth_token",
    "keystoneauth1.session",
    "keystoneauth1.loading",
    "webob",
    "paste.deploy",
    "routes",
    "werkzeug.serving",
    "requests",
    "jsonschema",
    "cryptography.fernet",
    "openstack",
    "oslo_versionedobjects.base",
    "oslo_cache",
    "stevedore",
    "pecan",
    "wsme",
    "taskflow.engines",
    "os_brick",
    "oslo_reports.guru_meditation_report",
    "oslo_utils.timeutils",
    "oslo_concurrency.lockutils",
    "jinja2",
    "lxml",
    "netaddr",
)


class _NoEventlet:
    """Nova refuses native threads once eventlet was imported, and some libraries import it where they find it."""

    def find_spec(self, name: str, *_: object) -> ModuleSpec | None:
        if name.partition(".")[0] == "eventlet":
            raise ImportError("eventlet is not used here")
        return None


def preload() -> None:
    """Select oslo.service's native threads and import the shared libraries. Starts no thread."""
    guard = _NoEventlet()
    sys.meta_path.insert(0, guard)
    try:
        from oslo_service import backend

        backend.init_backend(backend.BackendType.THREADING)
        for name in SHARED:
            try:
                importlib.import_module(name)
            except ImportError as error:  # only a loss of speed
                print(f"not loaded beforehand: {name}: {error}", file=sys.stderr, flush=True)
    finally:
        sys.meta_path.remove(guard)
    gc.collect()
    gc.freeze()
