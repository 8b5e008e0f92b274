"""Serve the OpenID provider: ``python -m rehearsal.login.server FOLDER`` in the ``login`` environment.

``FOLDER/provider.json`` (see the package) is read at start; ``FOLDER/key.json`` holds the key that signs tokens,
made at the first start. Listens on 127.0.0.1 only.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import canaille
import waitress
from canaille.app import models
from canaille.backends import Backend
from canaille.oidc.userinfo import UserInfo
from joserfc.jwk import RSAKey

from rehearsal.login import NAMESPACED_CLAIM, NESTED_CLAIM
from rehearsal.settings import write_private

SECRET_METHODS = ("client_secret_basic", "client_secret_post")


def main(folder: Path) -> None:
    """Serve until stopped."""
    known = json.loads((folder / "provider.json").read_text())
    app = application(known, signing_key(folder))
    # One thread: Canaille's store in memory has no locks.
    waitress.serve(one_name(app), host="127.0.0.1", port=known["port"], threads=1, ident=None)


def application(known: dict[str, Any], key: dict[str, Any]) -> Any:
    """The WSGI application, filled with the users and the client of ``known`` (``provider.json``)."""
    # INDIGO IAM gives the groups with the scope "profile"; Canaille only with a scope of their own.
    UserInfo.SCOPES_CLAIMS_MAPPING = {
        **UserInfo.SCOPES_CLAIMS_MAPPING,
        "profile": [*UserInfo.SCOPES_CLAIMS_MAPPING["profile"], "groups"],
    }
    UserInfo.filter = in_other_forms(UserInfo.filter)
    app = canaille.create_app(configuration(known, key))
    # INDIGO IAM takes the client's secret from the header and from the form, however the client is registered.
    models.Client.check_endpoint_auth_method = lambda _client, method, _endpoint: method in SECRET_METHODS
    with app.app_context(), Backend.instance.session():
        fill(known)
    return app


def in_other_forms(filtered: Callable[[Any, Any], dict[str, Any]]) -> Callable[[Any, Any], dict[str, Any]]:
    """A ``UserInfo.filter`` whose answer has the groups also where other providers have them."""

    def everything(claims: Any, scope: Any) -> dict[str, Any]:
        found = filtered(claims, scope)
        if "groups" in found:
            outer, inner = NESTED_CLAIM.split(".")
            found |= {NAMESPACED_CLAIM: found["groups"], outer: {inner: found["groups"]}}
        return found

    return everything


def one_name(app: Any) -> Any:
    """``app`` behind one name: pods come by the relay's address, which Canaille would redirect to its own."""

    def named(environ: dict[str, Any], start_response: Any) -> Any:
        return app({**environ, "HTTP_HOST": app.config["SERVER_NAME"]}, start_response)

    return named


def configuration(known: dict[str, Any], key: dict[str, Any]) -> dict[str, Any]:
    """Canaille's settings: https://canaille.readthedocs.io/en/latest/references/configuration.html."""
    return {
        "SECRET_KEY": known["secret_key"],
        "SESSION_COOKIE_NAME": known["cookie"],
        "SERVER_NAME": f"127.0.0.1:{known['port']}",  # the issuer in every token
        "PREFERRED_URL_SCHEME": "http",
        "CANAILLE": {
            "NAME": "Rehearsal login",
            "DATABASE": "memory",
            "SMTP": None,
            "ENABLE_PASSWORD_RECOVERY": False,
            "CAPTCHA_ENABLED": False,
            "ACL": {"DEFAULT": {"PERMISSIONS": ["use_oidc"], "READ": ["user_name", "groups"], "WRITE": []}},
            "LOGGING": {
                "version": 1,
                "disable_existing_loggers": False,
                "formatters": {"default": {"format": "%(asctime)s %(levelname)s %(message)s"}},
                "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "default"}},
                "root": {"level": "INFO", "handlers": ["stderr"]},
            },
        },
        "CANAILLE_OIDC": {
            "REQUIRE_NONCE": False,  # GenericOAuthenticator sends none
            "ACTIVE_JWKS": [key],
            "TRUSTED_DOMAINS": [".localhost"],  # no question whether the hub may know who one is
            "USERINFO_MAPPING": {"SUB": "{{ user.id }}", "PREFERRED_USERNAME": "{{ user.user_name }}"},
        },
    }


def fill(known: dict[str, Any]) -> None:
    """Put groups' members and the client into the store."""
    people = {}
    for entry in known["users"]:
        given, _sep, family = entry["full_name"].partition(" ")
        people[entry["name"]] = models.User(
            id=entry["subject"],
            user_name=entry["name"],
            formatted_name=entry["full_name"],
            given_name=given,
            family_name=family,
            emails=[entry["email"]],
            password=entry["password"],
        )
        Backend.instance.save(people[entry["name"]])
    for group in sorted({group for entry in known["users"] for group in entry["groups"]}):
        members = [people[entry["name"]] for entry in known["users"] if group in entry["groups"]]
        Backend.instance.save(models.Group(display_name=group, members=members))
    Backend.instance.save(
        models.Client(
            client_id=known["client"]["id"],
            client_secret=known["client"]["secret"],
            client_name=known["client"]["name"],
            client_uri=known["client"]["uri"],
            redirect_uris=known["client"]["redirect_uris"],
            grant_types=["authorization_code", "refresh_token"],
            response_types=["code"],
            scope=known["scopes"],
        )
    )


def signing_key(folder: Path) -> dict[str, Any]:
    """The RSA key that signs tokens, as a JSON Web Key; made at the first start (mode 0600)."""
    path = folder / "key.json"
    if not path.exists():
        key = RSAKey.generate_key(2048, {"use": "sig"}, auto_kid=True)
        write_private(path, json.dumps(key.as_dict(private=True)) + "\n")
    found: dict[str, Any] = json.loads(path.read_text())
    return found


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit("usage: python -m rehearsal.login.server FOLDER")
    main(Path(sys.argv[1]))
