"""The services' empty databases: made once per user and version, copied for every further checkout."""

from __future__ import annotations

import argparse
import functools
import hashlib
import importlib.metadata
import os
import shutil
import sqlite3
import sys
import tempfile
import traceback
from pathlib import Path

from rehearsal.cloud import logs, preload
from rehearsal.cloud.layout import Cloud
from rehearsal.cloud.service import Service, services
from rehearsal.settings import Settings, cache_dir

PARALLEL = 4
"""Services whose schemas are made at the same time."""


class SchemaError(Exception):
    """A service's tool failed; the text names its log."""


def missing(cloud: Cloud) -> list[Service]:
    """Services whose databases are not there yet."""
    return [service for service in services().values() if not _marker(cloud, service).exists()]


def template(service: Service) -> Path:
    """The cached databases of a service: named by all versions in the environment and by this package's code for it."""
    digest = hashlib.sha256(_versions().encode())
    module = sys.modules[type(service).__module__]
    for path in (Path(str(module.__file__)), Path(__file__), Path(__file__).with_name("sqlite.py")):
        digest.update(path.read_bytes())
    return cache_dir() / "cloud-schemas" / f"{service.name}-{digest.hexdigest()[:16]}"


@functools.cache
def _versions() -> str:
    return "\n".join(sorted(f"{one.name}=={one.version}" for one in importlib.metadata.distributions()))


def install(cloud: Cloud, service: Service) -> bool:
    """Copy the cached databases, and say whether there were any."""
    source = template(service)
    if not source.is_dir():
        return False
    for name in service.schemas:
        shutil.copyfile(source / name, cloud.databases / f".{name}")
        os.replace(cloud.databases / f".{name}", cloud.databases / name)
    _marker(cloud, service).touch()
    return True


def create(cloud: Cloud, wanted: list[Service]) -> None:
    """Make the databases of the services, several at a time, and put copies into the cache.

    Each is made in a forked process. Raises ``SchemaError`` when one of them fails.
    """
    waiting, failed = list(wanted), []
    running: dict[int, Service] = {}
    while waiting or running:
        while waiting and len(running) < PARALLEL:
            service = waiting.pop(0)
            _remove(cloud, service)
            pid = os.fork()
            if pid == 0:
                _create_one(cloud, service)
            running[pid] = service
        pid, status = os.wait()
        service = running.pop(pid)
        if status:
            _remove(cloud, service)
            failed.append(service.name)
        else:
            _keep(cloud, service)
            _marker(cloud, service).touch()
    if failed:
        logs = ", ".join(str(_log(cloud, name)) for name in failed)
        raise SchemaError(f"the databases of {', '.join(failed)} could not be made; see {logs}")


def _create_one(cloud: Cloud, service: Service) -> None:
    status = 1
    try:
        logs.redirect(_log(cloud, service.name))
        service.create_schema(cloud)
        status = 0
    except BaseException:
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(status)


def _keep(cloud: Cloud, service: Service) -> None:
    target = template(service)
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=target.parent, prefix=".new-") as folder:
        fresh = Path(folder) / "databases"
        fresh.mkdir()
        for name in service.schemas:
            with sqlite3.connect(cloud.databases / name) as connection:
                connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
            shutil.copyfile(cloud.databases / name, fresh / name)
        if not target.exists():
            fresh.rename(target)


def _remove(cloud: Cloud, service: Service) -> None:
    for name in service.schemas:
        for suffix in ("", "-wal", "-shm", "-journal"):
            (cloud.databases / f"{name}{suffix}").unlink(missing_ok=True)


def _marker(cloud: Cloud, service: Service) -> Path:
    """A file that says that all databases of the service are whole."""
    return cloud.databases / f"{service.name}.made"


def _log(cloud: Cloud, name: str) -> Path:
    return cloud.log(f"{name}-schema")


def main() -> int:
    parser = argparse.ArgumentParser(description="Make the databases of the services that have none yet.")
    parser.add_argument("--state", required=True)
    cloud = Cloud(Settings.load(parser.parse_args().state))
    preload.preload()
    try:
        create(cloud, missing(cloud))
    except SchemaError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
