"""What every OpenStack service of the cloud says about itself."""

from __future__ import annotations

import abc
import importlib
import pkgutil
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

from rehearsal.cloud.config import Sections
from rehearsal.cloud.layout import Cloud

if TYPE_CHECKING:
    from openstack.connection import Connection

Serve = Callable[[str, Any], None]
"""``serve(port name, WSGI application)``: listen on that port of the settings from now on."""


class Endpoint(NamedTuple):
    """One entry of the service catalog. ``port`` is a key of ``rehearsal.settings.OFFSETS``."""

    type: str
    name: str
    port: str
    path: str = ""


class Service(abc.ABC):
    """One OpenStack service: its configuration, its schema, how it is loaded into a process, what it is seeded with.

    ``schemas`` names the database files (``<name>.db``) that ``create_schema`` makes. A schema holds no
    secret, no address and no path, so that one made for a checkout serves them all. ``code`` names further parts of
    the package that run in the service's process.
    """

    name: str
    endpoints: tuple[Endpoint, ...] = ()
    schemas: tuple[str, ...] = ()
    code: tuple[str, ...] = ()

    @abc.abstractmethod
    def config(self, cloud: Cloud) -> Mapping[str, Sections]:
        """Configuration files by name, to be written to ``<root>/etc``."""

    @abc.abstractmethod
    def create_schema(self, cloud: Cloud) -> None:
        """Make the databases. Runs once, in a process of its own."""

    @abc.abstractmethod
    def load(self, cloud: Cloud, serve: Serve) -> None:
        """Start the service's API and workers in this process, and return once the API is served."""

    def seed(self, admin: Connection, project_id: str) -> None:  # noqa: B027
        """Make through the API what only an administrator may: the operator's limits and what they choose from.

        Called again at every change of this package: it must leave alone what is there already.
        """

    def config_file(self, cloud: Cloud) -> str:
        return str(cloud.etc / f"{self.name}.conf")


def services() -> dict[str, Service]:
    """Every service by name, from the modules of ``rehearsal.cloud.services``; Keystone first."""
    package = importlib.import_module("rehearsal.cloud.services")
    found: dict[str, Service] = {}
    for info in pkgutil.iter_modules(package.__path__):
        found[info.name] = importlib.import_module(f"{package.__name__}.{info.name}").SERVICE
    return dict(sorted(found.items(), key=lambda item: (item[0] != "keystone", item[0])))
