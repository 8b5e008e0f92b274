# Copyright: Contributors to the stfc.jupyterhub collection
# SPDX-License-Identifier: BSD-3-Clause
"""Who is taken out of the hub's lists is out. Runs inside the hub, at its start.

JupyterHub only adds from its lists (``app.py``, ``init_users``): an administrator stays one, and whoever is logged in
stays that for 14 days. Here its database is made to match the lists, in one transaction, before anybody is served.
What lists were in force at the last start is kept beside it, in a table of our own.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterable
from typing import Any

from .names import is_path_segment

TOLD = "stfc_jupyterhub: "
"""Begins what a deployment is to tell whoever runs it."""

OURS = {
    "DummyAuthenticator",
    "GenericOAuthenticator",
    "GitHubOAuthenticator",
    "LDAPAuthenticator",
    "NativeAuthenticator",
}
"""Logins whose administrators are those of ``admin_users`` and ``admin_groups``. Others may make some in other ways."""

NO_LIST = ("allow_all", "allow_existing_users", "allowed_users")
TABLE = "stfc_jupyterhub"
SERVER_TOKEN = "Server at "  # noqa: S105 (how JupyterHub's user.py notes it)
REFUSED = "names that are path segments are refused"


def strict(base: Any) -> Any:
    """``base``, an authenticator of JupyterHub's, that refuses such names and makes the database match its lists."""

    class Strict(base):
        def validate_username(self, username: str) -> bool:
            """Asked at each login, sign-up and addition."""
            return not is_path_segment(username) and bool(super().validate_username(username))

        def check_allow_config(self) -> None:
            """JupyterHub calls it once, at its start, before it adds anybody."""
            super().check_allow_config()
            for sentence in matched(self, self.parent.db):
                self.log.warning("%s%s", TOLD, sentence)

    Strict.__name__ = Strict.__qualname__ = base.__name__  # the hub's log names it
    return Strict


def guard_names() -> None:
    """Let nothing else, as an administrator who renames somebody, write such a name of a user or a server."""
    from jupyterhub import orm
    from sqlalchemy import event
    from tornado.web import HTTPError

    def check(_target: Any, value: Any, _old: Any, _initiator: Any) -> None:
        if isinstance(value, str) and is_path_segment(value):
            raise HTTPError(400, REFUSED)

    for column in (orm.User.name, orm.Spawner.name):
        event.listen(column, "set", check)


@dataclasses.dataclass(frozen=True)
class Rules:
    """Who may log in. ``lists`` are those that only a login can look at, as an organisation's members."""

    kind: str
    everybody: bool
    names: frozenset[str]
    admins: frozenset[str]
    groups: frozenset[str]
    admin_groups: frozenset[str]
    lists: frozenset[str]

    @classmethod
    def of(cls, authenticator: Any) -> Rules:
        """The rules in force."""
        # The hub keeps the groups of the last login, where it manages them.
        managed = bool(authenticator.manage_groups)
        lists = set()
        for name in authenticator.trait_names(config=True):
            known = name in NO_LIST or (managed and name == "allowed_groups")
            value = getattr(authenticator, name) if name.startswith("allow") and not known else None
            if isinstance(value, set | frozenset | list | tuple | dict):
                lists |= {f"{name}: {each}" for each in value}

        def named(option: str) -> frozenset[str]:
            return frozenset(authenticator.normalize_username(name) for name in getattr(authenticator, option))

        def groups(option: str) -> frozenset[str]:
            return frozenset(getattr(authenticator, option, None) or () if managed else ())

        return cls(
            kind=type(authenticator).__name__,
            everybody=authenticator.allow_all or authenticator.allow_existing_users,
            names=named("allowed_users"),
            admins=named("admin_users"),
            groups=groups("allowed_groups"),
            admin_groups=groups("admin_groups"),
            lists=frozenset(lists),
        )

    @classmethod
    def read(cls, text: str) -> Rules:
        """What ``written`` wrote."""
        found: dict[str, Any] = json.loads(text)
        fields: Any = {key: frozenset(value) if isinstance(value, list) else value for key, value in found.items()}
        return cls(**fields)

    def written(self) -> str:
        """As text."""
        fields = dataclasses.asdict(self)
        return json.dumps(
            {key: sorted(value) if isinstance(value, frozenset) else value for key, value in fields.items()}
        )

    def admits(self, name: str, groups: Iterable[str]) -> bool:
        """Whether they are in for sure."""
        if is_path_segment(name):
            return False
        known = self.names | self.admins
        return self.everybody or name in known or bool((self.groups | self.admin_groups) & set(groups))

    def administers(self, name: str, groups: Iterable[str]) -> bool:
        """Whether they are an administrator."""
        return name in self.admins or bool(self.admin_groups & set(groups))

    def left(self, before: Rules | None, name: str, groups: Iterable[str]) -> bool:
        """Whether a session of theirs has to end, now that these rules replace others (None: nobody knows which)."""
        if self.admits(name, groups):
            return False
        if before is None:
            return not self.lists
        # Who was let in by such a list still is, if none of them was taken away.
        same = self.kind == before.kind and before.lists <= self.lists
        listed = bool(before.lists) and not (same and not before.admits(name, groups))
        return before.admits(name, groups) or listed


def matched(authenticator: Any, db: Any) -> list[str]:
    """Make the database match the lists; what there is to tell. One transaction, left to the caller's next commit."""
    from jupyterhub import orm

    now = Rules.of(authenticator)
    memory = _Memory(db)
    before = memory.rules()
    admin_role = orm.Role.find(db, "admin")
    told: list[str] = []
    out: list[str] = []
    again: list[str] = []
    demoted: list[str] = []
    for user in db.query(orm.User).order_by(orm.User.name):
        groups = [group.name for group in user.groups]
        if is_path_segment(user.name):
            told.append(
                f"remove the user {user.name!r}, for {REFUSED}: write delete_invalid_users: true below"
                " hub_values.hub.config.Authenticator for one deployment"
            )
        if now != before and now.left(before, user.name, groups):
            _end_sessions(user, db)
            (again if now.lists else out).append(user.name)
        administers = user.admin or admin_role in user.roles
        if administers and now.kind in OURS and not now.administers(user.name, groups):
            user.admin = False
            if admin_role in user.roles:
                user.roles.remove(admin_role)
            demoted.append(user.name)
    if now != before:
        if before is not None and now.kind == "NativeAuthenticator":
            _unauthorize(before.names | before.admins, now, db)
        memory.keep(now)
    if out:
        told.append(f"taken out, and logged out: {_listed(out)}; a server that runs goes on until it is idle")
    if again:
        told.append(f"have to log in again, since lists became shorter: {_listed(again)}")
    if demoted:
        told.append(f"no administrators any more: {_listed(demoted)}")
    return told


def _listed(names: list[str]) -> str:
    return ", ".join(name if name.isprintable() else ascii(name) for name in names)


def _end_sessions(user: Any, db: Any) -> None:
    """Neither cookies nor tokens of theirs are good any more. A server that runs keeps its own token."""
    from jupyterhub import orm

    user.cookie_id = orm.new_token()
    for token in list(user.api_tokens):
        if not (token.note or "").startswith(SERVER_TOKEN):
            db.delete(token)


def _unauthorize(names: frozenset[str], now: Rules, db: Any) -> None:
    """Accounts that a list had let in wait for an administrator again."""
    from nativeauthenticator.orm import UserInfo

    for name in names - now.names - now.admins:
        account = UserInfo.find(db, name)
        if account is not None:
            account.is_authorized = False


class _Memory:
    """The rules of the last start, in a table beside JupyterHub's."""

    def __init__(self, db: Any) -> None:
        import sqlalchemy

        self.db = db
        self.table = sqlalchemy.Table(
            TABLE,
            sqlalchemy.MetaData(),
            sqlalchemy.Column("name", sqlalchemy.String(64), primary_key=True),
            sqlalchemy.Column("value", sqlalchemy.Text),
        )
        self.table.create(db.connection(), checkfirst=True)

    def rules(self) -> Rules | None:
        """What was kept; None if nothing was, or by a version that knew other rules."""
        found = self.db.execute(self.table.select()).first()
        try:
            return Rules.read(found.value) if found else None
        except (ValueError, TypeError):
            return None

    def keep(self, rules: Rules) -> None:
        """Keep these instead."""
        self.db.execute(self.table.delete())
        self.db.execute(self.table.insert().values(name="rules", value=rules.written()))
