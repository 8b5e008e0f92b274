"""Where the cloud of one rehearsal keeps its files, and the sections that its services' configurations share."""

from __future__ import annotations

import dataclasses
import sys
from pathlib import Path

from rehearsal.cloud.config import Sections, Value
from rehearsal.settings import Settings

REGION = "RegionOne"
"""The only region: what ``keystone-manage bootstrap`` calls it."""


POLICY = "policy.yaml"
"""File of rules, empty."""


@dataclasses.dataclass(frozen=True)
class Cloud:
    """One rehearsal's cloud: folders below ``<state>/cloud`` and the addresses of its services."""

    settings: Settings

    @property
    def root(self) -> Path:
        return self.settings.state / "cloud"

    @property
    def etc(self) -> Path:
        return self.folder("etc")

    @property
    def databases(self) -> Path:
        return self.folder("db")

    @property
    def clouds_yaml(self) -> Path:
        return self.settings.state / "clouds.yaml"

    @property
    def secrets_file(self) -> Path:
        """Identifiers and secrets of the seeded credentials (mode 0600)."""
        return self.root / "secrets.json"

    def folder(self, name: str) -> Path:
        """The folder of that name below the cloud's; made for its owner alone at the first call."""
        path = self.root / name
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
        return path

    def log(self, name: str) -> Path:
        return self.folder("log") / f"{name}.log"

    def url(self, service: str) -> str:
        """Base address of a service's API, without its path."""
        return f"http://127.0.0.1:{self.settings.port(service)}"

    def database_url(self, name: str) -> str:
        """SQLAlchemy address of a service's database; a writer waits up to 30 s for another one."""
        return f"sqlite:///{self.databases / name}.db?timeout=30"

    def admin(self) -> dict[str, Value]:
        """Options with which a service authenticates to Keystone."""
        return {
            "auth_type": "password",
            "auth_url": self.settings.keystone_url,
            "username": "admin",
            "password": self.settings.admin_password,
            "project_name": "admin",
            "user_domain_name": "Default",
            "project_domain_name": "Default",
            "region_name": REGION,
        }

    def defaults(self) -> dict[str, Value]:
        """``[DEFAULT]`` options of every service: logs to standard error, messages inside the process."""
        return {"use_stderr": True, "transport_url": "fake://"}

    def database(self, name: str) -> dict[str, Value]:
        # Without fsync: a power cut may lose the last writes of a rehearsal, and starting it is three times faster.
        return {"connection": self.database_url(name), "sqlite_synchronous": False}

    def common(self) -> Sections:
        """Sections of every service that checks tokens with Keystone."""
        return {
            "keystone_authtoken": {
                "www_authenticate_uri": self.settings.keystone_url,
                "interface": "internal",
                "service_token_roles": "service",
                "service_token_roles_required": True,
                "token_cache_time": 300,
                **self.admin(),
            },
            "oslo_concurrency": {"lock_path": self.folder("lock")},
            "oslo_messaging_notifications": {"driver": "noop"},
            "oslo_policy": self.policy(),
        }

    def policy(self) -> dict[str, Value]:
        """No rules but each service's own. Files that are not there would be looked for again at each check."""
        return {"policy_file": self.etc / POLICY, "policy_dirs": self.folder("policies")}


def packaged(name: str) -> Path:
    """A configuration file that a service's distribution installs below the environment's ``etc``."""
    return Path(sys.prefix) / "etc" / name
