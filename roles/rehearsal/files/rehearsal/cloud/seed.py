"""Fill the fresh cloud through its APIs: what a site's administrators would have made for a project.

Idempotent, and skipped while nothing of this package changed since the last time. Each service seeds its own part.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rehearsal.cloud import credentials, plugins, waiting
from rehearsal.cloud.layout import Cloud
from rehearsal.cloud.service import services
from rehearsal.settings import write_private

if TYPE_CHECKING:
    from openstack.connection import Connection

Report = Callable[[str], None]
KEYPAIR = "operator"


def done(cloud: Cloud) -> bool:
    """Whether the cloud was seeded by this very code, and its credentials' files are there."""
    marker = _marker(cloud)
    return (
        marker.exists()
        and json.loads(marker.read_text()).get("sources") == _sources()
        and cloud.clouds_yaml.exists()
        and cloud.secrets_file.exists()
    )


def seed(cloud: Cloud, report: Report) -> None:
    """Seed what is missing, in the order in which the services come up."""
    waiting.until_answers(cloud.settings.port("keystone"), cloud.settings.name, "Keystone")
    admin = credentials.as_admin(cloud)
    project_id = _identity(cloud, admin)
    operator = credentials.as_operator(cloud)
    credentials.ensure(cloud, operator)
    report("project, operator and application credentials are there")
    for service in sorted(services().values(), key=lambda one: one.name == "nova"):  # Nova takes longest to start
        for endpoint in service.endpoints:
            waiting.until_answers(cloud.settings.port(endpoint.port), cloud.settings.name, endpoint.name)
        service.seed(admin, project_id)
    report("images, flavors, networks and quotas are there")
    _keypair(cloud, operator)
    write_private(_marker(cloud), json.dumps({"sources": _sources(), "project_id": project_id}) + "\n")


def _identity(cloud: Cloud, admin: Connection) -> str:
    """The project, its operator and a colleague. Returns the project's id."""
    identity: Any = admin.identity
    project = identity.find_project(credentials.PROJECT, domain_id="default")
    if project is None:
        project = identity.create_project(
            name=credentials.PROJECT, domain_id="default", description="The hub's clusters"
        )
    roles = [identity.find_role(name, ignore_missing=False) for name in credentials.OPERATOR_ROLES]
    for username in (credentials.OPERATOR, credentials.COLLEAGUE):
        user = identity.find_user(username, domain_id="default")
        if user is None:
            user = identity.create_user(
                name=username,
                domain_id="default",
                default_project_id=project.id,
                password=cloud.settings.member_password,
            )
        for role in roles:
            identity.assign_project_role_to_user(project.id, user.id, role.id)
    return str(project.id)


def _keypair(cloud: Cloud, operator: Connection) -> None:
    if operator.compute.find_keypair(KEYPAIR) is not None:
        return
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric import ed25519

    key = ed25519.Ed25519PrivateKey.generate()
    encoding = serialization.Encoding
    private = key.private_bytes(
        encoding.PEM, serialization.PrivateFormat.OpenSSH, serialization.NoEncryption()
    ).decode()
    public = key.public_key().public_bytes(encoding.OpenSSH, serialization.PublicFormat.OpenSSH).decode()
    operator.compute.create_keypair(name=KEYPAIR, public_key=public)
    write_private(cloud.folder("keys") / KEYPAIR, private)


def _marker(cloud: Cloud) -> Path:
    return cloud.root / "seeded.json"


def _sources() -> str:
    return plugins.sources("cloud")
