"""A cluster's own right to act in its user's project: what Magnum's driver works with after the request is over.

An application credential ``magnum-<uuid>`` of the user who made the cluster, as the Cluster API drivers make it.
Magnum 23 has no trusts any more, and Keystone 30 refuses trusts to every application credential, unrestricted
or not. So the user needs a password or an *unrestricted* application credential; with a restricted one Keystone
answers 403 and the cluster is not created.

Runs inside Magnum's process. Secrets are kept below the cloud's folder (mode 0600).
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rehearsal.cloud.layout import REGION, Cloud
from rehearsal.settings import write_private

if TYPE_CHECKING:
    from openstack.connection import Connection


class RefusedError(Exception):
    """Keystone refused the credential; the text says what the user needs."""


def create(cloud: Cloud, context: Any, cluster: Any) -> None:
    """Make the cluster's credential with the token of the user's request.

    ``context`` and ``cluster`` are Magnum's. Raises ``RefusedError`` when the token may not make one.
    """
    from openstack import exceptions

    try:
        made = _identity(context).create_application_credential(
            cluster.user_id, _name(cluster.uuid), description=f"Magnum cluster {cluster.uuid}"
        )
    except exceptions.ForbiddenException as error:
        answer = str(error.details or error).rstrip(". ")
        raise RefusedError(
            f"Keystone refused cluster {cluster.uuid} an application credential of its own: {answer}. "
            "Log in with a password or an unrestricted application credential."
        ) from error
    write_private(_file(cloud, cluster.uuid), json.dumps({"id": made.id, "secret": made.secret}) + "\n")


def connect(cloud: Cloud, cluster_uuid: str) -> Connection:
    """A connection in the project of the cluster's user.

    Raises ``FileNotFoundError`` when the cluster has no credential.
    """
    import openstack

    known = json.loads(_file(cloud, cluster_uuid).read_text())
    return openstack.connection.Connection(
        auth_type="v3applicationcredential",
        auth={
            "auth_url": cloud.settings.keystone_url,
            "application_credential_id": known["id"],
            "application_credential_secret": known["secret"],
        },
        region_name=REGION,
        identity_api_version="3",
    )


def revoke(cloud: Cloud, cluster: Any) -> None:
    """Delete the cluster's credential, as Magnum's administrator; one that is gone already is no error.

    It is looked for by its name: Magnum may have ended before it was written down.
    """
    from magnum.common import context

    identity = _identity(context.make_admin_context())
    for found in identity.application_credentials(cluster.user_id, name=_name(cluster.uuid)):
        identity.delete_application_credential(cluster.user_id, found.id, ignore_missing=True)
    _file(cloud, cluster.uuid).unlink(missing_ok=True)


def _identity(context: Any) -> Any:
    from magnum.common import clients

    return clients.OpenStackClients(context).keystone().client


def _name(cluster_uuid: str) -> str:
    return f"magnum-{cluster_uuid}"


def _file(cloud: Cloud, cluster_uuid: str) -> Path:
    return cloud.folder("delegations") / f"{cluster_uuid}.json"
