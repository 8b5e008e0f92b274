# Copyright: Contributors to the stfc.jupyterhub collection
# SPDX-License-Identifier: BSD-3-Clause
"""A lock in an OpenStack project: a security group that no port uses, there while it is held.

Magnum's objects can carry none: clusters have no tags and their labels never change. A security group is seen and
changed by every member of the project, exists in every Neutron, costs nothing, and is inert.

Names are not unique in Neutron, so that who makes a group has the lock only if he then sees no other of that name; else
he removes his own. Of two, at least the one whose group came second sees the other's, so never both have it. Neither
may: both step back, and try again at moments of their own. (Times of creation would not decide it: they are seconds of
several servers' clocks.)
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any
from urllib.parse import urlencode

from .locking import Entry, LockError, split
from .record import Record, parse

try:
    from keystoneauth1 import exceptions

    ksa: Any = exceptions
except ImportError:  # the modules have failed with their own message by the time this matters
    ksa = None

Json = dict[str, Any]

PATH = "/security-groups"
PASSING = frozenset({0, 500, 502, 503, 504})
ATTEMPTS = 5
FIRST_PAUSE = 0.5
"""Seconds between attempts: doubled each time, about 8 s in all."""


def name_of(service: str) -> str:
    """The security group's name."""
    return f"lock of {service} (stfc.jupyterhub)"


class ProjectStore:
    """Security groups of one name. ``proxy`` is ``conn.network`` or anything with its ``request``."""

    def __init__(
        self, proxy: Any, service: str, project: str | None, *, sleep: Callable[[float], None] = time.sleep
    ) -> None:
        self._proxy = proxy
        self._name = name_of(service)
        self._sleep = sleep
        query = {"name": self._name, "fields": ["id", "description", "revision_number"]}
        # An administrator sees every project's.
        self._list = f"{PATH}?{urlencode(query | ({'project_id': project} if project else {}), doseq=True)}"

    def look(self) -> list[Entry]:
        found = self._ask("GET", self._list, "looking whether somebody holds it")
        return [_entry(group) for group in (found or {}).get("security_groups", [])]

    def take(self, record: Record) -> tuple[Entry | None, list[Entry]]:
        body = {"security_group": {"name": self._name, "description": record.text()}}
        pause, refused = FIRST_PAUSE, None
        for attempt in range(ATTEMPTS):
            try:
                self._once("POST", PATH, "taking it", body)
            except LockError as error:
                refused = error
            own, others = split(self.look(), record)
            if own or others or refused is None or refused.status not in PASSING or attempt == ATTEMPTS - 1:
                break
            self._sleep(pause)
            pause *= 2
        if refused and not own and not others:
            raise refused
        made = [entry for entry in own if entry.text == record.text()]
        earlier = [entry for entry in own if entry.text != record.text()]
        for entry in made if others or earlier else made[1:]:
            self.remove(entry)
        return (None, others) if others else ((earlier or made)[0], [])

    def renew(self, entry: Entry, record: Record) -> Entry | None:
        body = {"security_group": {"description": record.text()}}
        answer = self._ask("PUT", f"{PATH}/{entry.key}", "renewing it", body)
        return _entry(answer["security_group"]) if answer else None

    def remove(self, entry: Entry) -> None:
        # Answered by 412 when its holder has renewed it in between.
        headers = {"If-Match": f"revision_number={entry.version}"}
        self._ask("DELETE", f"{PATH}/{entry.key}", "giving it back", headers=headers)

    def detach(self) -> None:
        self._proxy.session.session.close()

    def _ask(
        self, method: str, path: str, doing: str, json: Any = None, headers: dict[str, str] | None = None
    ) -> Json | None:
        """The answer; None where the object is gone or has changed. What can be sent again is."""
        pause = FIRST_PAUSE
        for attempt in range(ATTEMPTS):
            try:
                return self._once(method, path, doing, json, headers)
            except LockError as error:
                if error.status in (404, 412):
                    return None
                if error.status not in PASSING or attempt == ATTEMPTS - 1:
                    raise
            self._sleep(pause)
            pause *= 2
        raise AssertionError("unreachable")

    def _once(
        self, method: str, path: str, doing: str, json: Any = None, headers: dict[str, str] | None = None
    ) -> Json | None:
        what = f"{doing} (security group '{self._name}')"
        more: Json = {"json": json} if json is not None else {}
        if headers:
            more["headers"] = headers
        try:
            answer = self._proxy.request(path, method, raise_exc=False, **more)
        except ksa.EndpointNotFound:
            raise LockError(f"{what}: the cloud's catalog has no Neutron.", 404) from None
        except ksa.ConnectionError as error:
            raise LockError(f"{what}: Neutron does not answer ({_one_line(error)}).") from None
        except ksa.HttpError as error:  # Keystone's, when a token could not be had
            if error.http_status not in PASSING:
                raise
            raise LockError(f"{what}: Keystone answered: {_one_line(error)}.", error.http_status) from None
        if answer.status_code >= 400:
            raise LockError(f"{what}: Neutron answered {answer.status_code}: {_said(answer)}.", answer.status_code)
        parsed: Json | None = answer.json() if answer.content else None
        return parsed


def _entry(group: Json) -> Entry:
    text = str(group.get("description") or "")
    return Entry(group["id"], str(group.get("revision_number", "")), text, parse(text))


def _said(answer: Any) -> str:
    try:
        return _one_line(answer.json()["NeutronError"]["message"]).rstrip(".")
    except (ValueError, KeyError, TypeError):
        return _one_line(answer.text)[:200] or str(answer.reason)


def _one_line(text: object) -> str:
    return " ".join(str(text).split())
