"""The rehearsal's OpenID provider: its users, its one client, and the program that serves them.

The provider is Canaille (https://canaille.readthedocs.io) with its store in memory. ``provider.json`` in the
rehearsal's ``login/`` folder says everything that it knows, so a restart loses no user and no password.
It imitates IRIS IAM (an INDIGO IAM) where a client can see it: ``sub`` is a UUID, ``preferred_username`` the login
name, ``groups`` a list of names that comes with the scope ``profile``.
This module is standard library only; ``server.py`` runs in the ``login`` environment.
"""

from __future__ import annotations

import hashlib
import json
import secrets
import uuid
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypedDict

from rehearsal.settings import Settings, write_private

if TYPE_CHECKING:
    from rehearsal.program import Program

ALLOWED_GROUP = "stfc-cloud"
ADMIN_GROUP = "stfc-cloud-admins"
OTHER_GROUP = "visitors"
"""The refused user is in a group too: being in any group must not be enough."""

NAMESPACED_CLAIM = "https://idp.example.org/claims/groups"
"""The groups as Auth0 has them (https://auth0.com/docs/secure/tokens/json-web-tokens/create-custom-claims)."""

NESTED_CLAIM = "realm_access.roles"
"""The groups as Keycloak has its roles: ``{"realm_access": {"roles": [...]}}``."""

HUB_HOST = "jupyter.localhost"
"""Where the hub answers. Browsers resolve ``*.localhost`` to the loopback address."""

POD_HOST = "198.51.100.10"
"""Where pods reach the provider: an address of the cluster's network namespace that a relay carries to the host."""

SCOPES = ("openid", "profile", "email", "groups", "offline_access")


@dataclass(frozen=True)
class Person:
    """A user of the provider. ``role`` is what the shipped files make of the groups: allowed, admin or refused."""

    name: str
    full_name: str
    role: str
    groups: tuple[str, ...]


PEOPLE = (
    Person("alice", "Alice Archer", "allowed", (ALLOWED_GROUP,)),
    Person("bob", "Bob Baker", "allowed", (ALLOWED_GROUP,)),
    Person("carol", "Carol Carter", "allowed", (ALLOWED_GROUP,)),
    Person("dave", "Dave Dyer", "allowed", (ALLOWED_GROUP,)),
    Person("grace", "Grace Hopper", "admin", (ALLOWED_GROUP, ADMIN_GROUP)),
    Person("mallory", "Mallory Mercer", "refused", (OTHER_GROUP,)),
)


class User(TypedDict):
    """A user as the summary and the tests see them."""

    name: str
    password: str
    role: str


class Client(TypedDict):
    """What the hub's authenticator needs. The browser asks ``authorize_url``, the hub's pod the other two."""

    client_id: str
    client_secret: str
    authorize_url: str
    token_url: str
    userdata_url: str
    issuer: str


def folder(settings: Settings) -> Path:
    """The provider's folder (mode 0700), made when it is not there."""
    path = settings.state / "login"
    path.mkdir(mode=0o700, parents=True, exist_ok=True)
    return path


def prepare(settings: Settings) -> bool:
    """Write ``provider.json`` (mode 0600); passwords and secrets that are there stay. Tells whether it changed.

    Raises ``ValueError`` when the file is there and is not ours to read.
    """
    path = folder(settings) / "provider.json"
    old = _read(path) if path.exists() else {}
    known = {user["name"]: user for user in old.get("users", [])}
    new = {
        "port": settings.port("login"),
        "cookie": f"login-{settings.name}",  # cookies know no ports: two rehearsals share 127.0.0.1
        "secret_key": old.get("secret_key") or secrets.token_urlsafe(32),
        "scopes": list(SCOPES),
        "client": {
            "id": "jupyterhub",
            "secret": old.get("client", {}).get("secret") or secrets.token_urlsafe(32),
            "name": "JupyterHub of the rehearsal",
            "uri": f"http://{HUB_HOST}:{settings.port('hub-http')}",
            "redirect_uris": redirect_uris(settings),
        },
        "users": [
            {
                "name": person.name,
                "full_name": person.full_name,
                "role": person.role,
                "groups": list(person.groups),
                "email": f"{person.name}@example.org",
                "subject": known.get(person.name, {}).get("subject") or str(uuid.uuid4()),
                "password": known.get(person.name, {}).get("password") or secrets.token_urlsafe(12),
            }
            for person in PEOPLE
        ],
    }
    if new == old:
        return False
    write_private(path, json.dumps(new, indent=1) + "\n")
    return True


def redirect_uris(settings: Settings) -> list[str]:
    """Where the provider may send a browser back to: the hub's call-back over HTTP and HTTPS."""
    return [
        f"http://{HUB_HOST}:{settings.port('hub-http')}/hub/oauth_callback",
        f"https://{HUB_HOST}:{settings.port('hub-https')}/hub/oauth_callback",
    ]


def users(settings: Settings) -> list[User]:
    """The provider's users with their passwords; made at the first call."""
    prepare(settings)
    return [
        User(name=user["name"], password=user["password"], role=user["role"])
        for user in _read(folder(settings) / "provider.json")["users"]
    ]


def client(settings: Settings) -> Client:
    """Identity and addresses for the hub; made at the first call."""
    prepare(settings)
    known = _read(folder(settings) / "provider.json")["client"]
    browser = f"http://127.0.0.1:{settings.port('login')}"
    pod = f"http://{POD_HOST}:{settings.port('login')}"
    return Client(
        client_id=known["id"],
        client_secret=known["secret"],
        authorize_url=f"{browser}/oauth/authorize",
        token_url=f"{pod}/oauth/token",
        userdata_url=f"{pod}/oauth/userinfo",
        issuer=browser,
    )


def program(settings: Settings) -> Program:
    """What supervisord runs. It changes, and so is started again, when ``provider.json`` does.

    Raises ``FileNotFoundError`` when the environment ``login`` was not made yet.
    """
    from rehearsal.program import Program  # not needed by the server, which imports this package too
    from rehearsal.setup import environments

    environment = environments.find("login")
    if environment is None:
        raise FileNotFoundError("the Python environment of the login provider is not there; run the set-up first")
    prepare(settings)
    path = folder(settings) / "provider.json"
    return Program(
        name="login",
        command=[str(environment / "bin" / "python"), "-m", "rehearsal.login.server", str(path.parent)],
        environment={
            "PYTHONPATH": str(Path(__file__).resolve().parents[2]),
            "PYTHONDONTWRITEBYTECODE": "1",
            "PROVIDER_REVISION": hashlib.sha256(path.read_bytes()).hexdigest()[:12],
        },
    )


def _read(path: Path) -> dict[str, Any]:
    try:
        found: dict[str, Any] = json.loads(path.read_text())
    except ValueError as error:
        raise ValueError(f"{path} is not JSON ({error}); remove it to make new users and passwords") from error
    return found
