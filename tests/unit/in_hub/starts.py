"""Start JupyterHub as far as its database goes, as its app does: a program for the hub's Python.

``starts.py FOLDER STARTS``: ``FOLDER`` has ``stfc_jupyterhub``; ``STARTS`` is JSON, by kind of login a list of
{``config``, ``let_in``: names that log in after the start, ``ours``: whether our code is in it}. Prints, for each
start, {``told``, ``admins``, ``roles``: who has the administrators', ``allowed``, ``sessions``, ``tokens``: notes}.
``allowed`` is empty where only the provider could tell.
"""

from __future__ import annotations

import asyncio
import json
import logging
import sys
from pathlib import Path
from typing import Any

from jupyterhub import orm, roles
from jupyterhub.app import JupyterHub
from traitlets.config import Config


async def start(kind: str, config: dict[str, Any], url: str, let_in: list[str], ours: bool) -> dict[str, Any]:
    import stfc_jupyterhub

    c = Config(config)
    c.JupyterHub.authenticator_class = kind
    if ours:
        stfc_jupyterhub.configure(c)
    told: list[str] = []
    log = logging.getLogger(f"hub-{len(logging.root.manager.loggerDict)}")
    log.addFilter(lambda record: told.append(record.getMessage()) or True)  # type: ignore[func-returns-value]
    JupyterHub.clear_instance()
    app = JupyterHub(config=c, log=log, db_url=url)
    app.init_db()
    for step in (app.init_role_creation, app.init_users, app.init_groups, app.init_role_assignment):
        await step()
    for name in let_in:
        user = orm.User.find(app.db, name)
        if user is None:
            user = orm.User(name=name)
            app.db.add(user)
            roles.assign_default_roles(app.db, entity=user)
        for note in ("of a browser", f"Server at /user/{name}/"):
            user.new_api_token(note=note)
    app.db.commit()
    users = list(app.db.query(orm.User))
    allowed = []
    for user in [] if getattr(app.authenticator, "allowed_organizations", None) else users:
        model = {"name": user.name, "admin": user.name in app.authenticator.admin_users or None, "groups": []}
        answer = app.authenticator.check_allowed(user.name, {**model, "auth_state": {}})
        if await answer if asyncio.iscoroutine(answer) else answer:
            allowed.append(user.name)
    prefix = "stfc_jupyterhub: "
    result = {
        "told": [line.removeprefix(prefix) for line in told if line.startswith(prefix)],
        "admins": sorted(user.name for user in users if user.admin),
        "roles": sorted(user.name for user in users if "admin" in {role.name for role in user.roles}),
        "allowed": sorted(allowed),
        "sessions": {user.name: user.cookie_id for user in users},
        "tokens": {user.name: [token.note for token in user.api_tokens] for user in users},
    }
    app.db.close()
    return result


async def main() -> None:
    sys.path.insert(0, sys.argv[1])
    answers: dict[str, list[dict[str, Any]]] = {}
    for kind, starts in json.loads(sys.argv[2]).items():
        url = f"sqlite:///{Path(sys.argv[1]) / kind}.sqlite"
        answers[kind] = [
            await start(kind, each["config"], url, each.get("let_in", []), each.get("ours", True)) for each in starts
        ]
    print(json.dumps(answers))


if __name__ == "__main__":
    asyncio.run(main())
