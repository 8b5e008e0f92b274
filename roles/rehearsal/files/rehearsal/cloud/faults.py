"""Faults that a test or an operator asks for: what they are, and where they are kept.

A fault is a rule in ``<state>/faults``: requests to a service that match it are answered by an error, held back, cut
off, and so on (``fault_injection.py``). Rules survive a restart of the services, and so do their counts. Standard
library only, so that tests can use it in their own process.
"""

from __future__ import annotations

import dataclasses
import json
import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from rehearsal.settings import make_private, write_private

FOLDER = "faults"

KINDS = ("status", "reset", "expire", "kill", "cap")
"""What a fault does, besides delaying. At most one of them."""


@dataclasses.dataclass(frozen=True)
class Fault:
    """One rule.

    ``service`` is a port's name (``magnum``, ``nova``, ``placement``, ...), ``method`` an HTTP method (empty: any),
    ``path`` a regular expression that is searched in path and query. The first ``after`` requests that match pass,
    the next ``times`` are hit (0: all further ones).

    - ``status``, with ``message``: the request is answered by this error, in the service's own format. A message that
      begins with ``<`` is sent as it is, as a proxy in front of the service would.
    - ``reset``: the connection is reset without an answer.
    - ``expire``: the token of the request is refused (401) from then on, until the caller takes a new one.
    - ``kill``: the process of that service is killed.
    - ``cap``: the newest microversion that Magnum offers; requests for a newer one are answered 406. Always in force.

    ``delay`` is how long a request is held back first, in seconds. With ``late`` the service does what was asked before
    the fault strikes, so that an answer of 500 leaves something made all the same.
    """

    service: str
    method: str = ""
    path: str = ""
    after: int = 0
    times: int = 1
    delay: float = 0.0
    late: bool = False
    status: int | None = None
    message: str = ""
    reset: bool = False
    expire: bool = False
    kill: str = ""
    cap: str = ""

    def matches(self, service: str, method: str, path: str) -> bool:
        return service == self.service and method in (self.method or method) and bool(re.search(self.path, path))

    def problem(self) -> str | None:
        """What is wrong with it, as a sentence; None when it can be used."""
        from rehearsal.cloud.service import services

        ports = {endpoint.port for service in services().values() for endpoint in service.endpoints}
        asked = [kind for kind in KINDS if getattr(self, kind)]
        try:
            re.compile(self.path)
        except re.error as error:
            return f"path {self.path} is no regular expression: {error}"
        if self.service not in ports:
            return f"there is no service {self.service}; choose one of: {', '.join(sorted(ports))}"
        if len(asked) > 1 or not (asked or self.delay):
            return f"a fault is one of {', '.join(KINDS)}, or a delay alone; given: {', '.join(asked) or 'none'}"
        if self.kill and self.kill not in services():
            return f"there is no process {self.kill} to kill; choose one of: {', '.join(services())}"
        if self.status is not None and not 400 <= self.status <= 599:
            return f"status {self.status} is no error: write one from 400 to 599"
        if self.cap and (self.service != "magnum" or not re.fullmatch(r"\d+\.\d+", self.cap)):
            return f"cap {self.cap}: only magnum has one, a microversion such as 1.9"
        if min(self.after, self.times, self.delay) < 0:
            return "after, times and delay are not below zero"
        return None


@dataclasses.dataclass(frozen=True)
class Rule:
    """A fault that is kept; ``file`` is its JSON, beside which a file has one byte for each request that matched."""

    file: Path
    fault: Fault

    @property
    def id(self) -> str:
        return self.file.stem

    @property
    def counter(self) -> Path:
        return self.file.with_suffix(".seen")

    def hits(self) -> int:
        """How many requests it has hit so far."""
        try:
            seen = self.counter.stat().st_size
        except FileNotFoundError:  # cleared in between
            return 0
        over = max(seen - self.fault.after, 0)
        return min(over, self.fault.times) if self.fault.times else over

    def strikes(self) -> bool:
        """Count one more request, and say whether it is one that is hit. One that was cleared hits nothing."""
        try:
            file = os.open(self.counter, os.O_WRONLY | os.O_APPEND)
        except FileNotFoundError:
            return False
        try:
            os.write(file, b".")
            turn = os.lseek(file, 0, os.SEEK_CUR) - self.fault.after  # where this very byte was appended
        finally:
            os.close(file)
        return turn > 0 and (not self.fault.times or turn <= self.fault.times)


def rules(state: Path) -> Iterator[Rule]:
    """The rules in the order in which they were added. One look into a folder that is seldom there."""
    folder = state / FOLDER
    try:
        names = sorted(name for name in os.listdir(folder) if name.endswith(".json") and not name.startswith("."))
    except FileNotFoundError:
        return
    for name in names:
        try:
            yield Rule(folder / name, Fault(**json.loads((folder / name).read_text())))
        except FileNotFoundError:
            continue  # cleared in between


def add(state: Path, fault: Fault) -> Rule:
    """Keep a fault; it is in force at once. Raises ValueError for one that cannot be."""
    if problem := fault.problem():
        raise ValueError(problem)
    folder = state / FOLDER
    make_private(folder)
    last = max((int(rule.id) for rule in rules(state)), default=0)
    while True:
        last += 1
        rule = Rule(folder / f"{last:04d}.json", fault)
        try:
            os.close(os.open(rule.counter, os.O_CREAT | os.O_EXCL, 0o600))
        except FileExistsError:  # somebody else adds one, too
            continue
        given = {key: value for key, value in dataclasses.asdict(fault).items() if value != DEFAULTS.get(key)}
        write_private(rule.file, json.dumps(given) + "\n")
        return rule


def listed(state: Path) -> list[dict[str, Any]]:
    """What is in force, with ``id`` and ``hits``; fields that are as usual are left out."""
    return [{"id": rule.id, "hits": rule.hits(), **json.loads(rule.file.read_text())} for rule in rules(state)]


def clear(state: Path, *ids: str) -> int:
    """Take back the faults of these identifiers, or all; how many. Raises ValueError for one that is not there."""
    found = {rule.id: rule for rule in rules(state)}
    if unknown := [one for one in ids if one not in found]:
        raise ValueError(f"there is no fault {', '.join(unknown)}; there are: {', '.join(found) or 'none'}")
    gone = [found[one] for one in ids or found]
    for rule in gone:
        rule.file.unlink(missing_ok=True)
        rule.counter.unlink(missing_ok=True)
    return len(gone)


DEFAULTS = {field.name: field.default for field in dataclasses.fields(Fault)}
