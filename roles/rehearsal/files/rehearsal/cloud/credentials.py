"""Who uses the cloud, and ``clouds.yaml`` for them."""

from __future__ import annotations

import dataclasses
import json
from typing import TYPE_CHECKING, Any

import yaml

from rehearsal.cloud.layout import REGION, Cloud
from rehearsal.settings import write_private

if TYPE_CHECKING:
    from openstack.connection import Connection

PROJECT = "jupyterhub"
OPERATOR = "operator"
"""The user who runs the playbooks: a member of the project and nothing more."""

OPERATOR_ROLES = ("member", "load-balancer_member")

COLLEAGUE = "colleague"
"""Another user with the same roles in the project, who has made none of its clusters."""


@dataclasses.dataclass(frozen=True)
class ApplicationCredential:
    """One of the operator's application credentials. The cloud of ``clouds.yaml`` has the same name.

    An unrestricted one may make further application credentials, which Magnum's drivers do for each cluster.
    """

    name: str
    unrestricted: bool
    description: str


APPLICATION_CREDENTIALS = (
    ApplicationCredential("rehearsal", True, "Used by the playbooks"),
    ApplicationCredential("rehearsal-restricted", False, "What Keystone makes unless told otherwise"),
)
MEMBER_CLOUD = "rehearsal-member"
"""The entry of ``clouds.yaml`` with the operator's password."""
COLLEAGUE_CLOUD = "rehearsal-colleague"
"""The entry of ``clouds.yaml`` of the colleague, by password."""


def connect(cloud: Cloud, username: str, password: str, project: str) -> Connection:
    """A connection by password, to Keystone's default domain."""
    import openstack

    return openstack.connection.Connection(
        auth={
            "auth_url": cloud.settings.keystone_url,
            "username": username,
            "password": password,
            "project_name": project,
            "user_domain_id": "default",
            "project_domain_id": "default",
        },
        region_name=REGION,
        identity_api_version="3",
    )


def as_admin(cloud: Cloud) -> Connection:
    return connect(cloud, "admin", cloud.settings.admin_password, "admin")


def as_operator(cloud: Cloud) -> Connection:
    return connect(cloud, OPERATOR, cloud.settings.member_password, PROJECT)


def ensure(cloud: Cloud, operator: Connection) -> None:
    """Make the operator's application credentials and ``clouds.yaml``.

    A credential whose secret is not known here any more (Keystone tells it once) is made again.
    """
    known = _known(cloud)
    identity: Any = operator.identity
    user = operator.current_user_id
    present = {one.name: one.id for one in identity.application_credentials(user)}
    for wanted in APPLICATION_CREDENTIALS:
        entry = known.get(wanted.name)
        if entry and present.get(wanted.name) == entry["id"]:
            continue
        if wanted.name in present:
            identity.delete_application_credential(user, present[wanted.name])
        made = identity.create_application_credential(
            user, wanted.name, description=wanted.description, unrestricted=wanted.unrestricted
        )
        known[wanted.name] = {"id": made.id, "secret": made.secret}
    write_private(cloud.secrets_file, json.dumps(known, indent=1) + "\n")
    write_private(cloud.clouds_yaml, clouds_yaml(cloud.settings.keystone_url, known, cloud.settings.member_password))


def _known(cloud: Cloud) -> dict[str, dict[str, str]]:
    if not cloud.secrets_file.exists():
        return {}
    known: dict[str, dict[str, str]] = json.loads(cloud.secrets_file.read_text())
    return known


def clouds_yaml(auth_url: str, credentials: dict[str, dict[str, str]], password: str) -> str:
    """The text of ``clouds.yaml``: a cloud for each application credential, and two by password."""
    common = {"region_name": REGION, "interface": "public", "identity_api_version": "3"}
    clouds: dict[str, Any] = {
        name: {
            "auth_type": "v3applicationcredential",
            "auth": {
                "auth_url": auth_url,
                "application_credential_id": entry["id"],
                "application_credential_secret": entry["secret"],
            },
            **common,
        }
        for name, entry in credentials.items()
    }
    for name, user in ((MEMBER_CLOUD, OPERATOR), (COLLEAGUE_CLOUD, COLLEAGUE)):
        clouds[name] = {
            "auth_type": "password",
            "auth": {
                "auth_url": auth_url,
                "username": user,
                "password": password,
                "project_name": PROJECT,
                "user_domain_name": "Default",
                "project_domain_name": "Default",
            },
            **common,
        }
    return yaml.safe_dump({"clouds": clouds}, sort_keys=True)
