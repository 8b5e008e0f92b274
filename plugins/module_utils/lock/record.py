# Copyright: Contributors to the stfc.jupyterhub collection
# SPDX-License-Identifier: BSD-3-Clause
"""What a lock says of its holder: a line of text that fits a Neutron description (255 characters)."""

from __future__ import annotations

import dataclasses
import re
from datetime import datetime, timezone
from typing import Any

LASTS = 45
"""Seconds that a lock holds after it was last renewed."""

LONGEST_DOING, LONGEST_USER, LONGEST_HOST = 10, 32, 32

_FORBIDDEN = re.compile(r"[^!-:<-~]")  # printable ASCII without blanks and semicolons


@dataclasses.dataclass(frozen=True)
class Record:
    """One holder.

    ``doing``: deploy or destroy. ``process``, ``started`` (clock ticks after the boot) and ``mark`` (its forks' too:
    ``remains``) are those of ``ansible-playbook``; ``place`` is a digest of the boot and the process namespace in which
    they mean something, ``machine`` one of the machine across boots; all three are empty where they cannot be known.
    ``since`` and ``renewed`` are seconds since 1970 on the holder's clock.
    """

    doing: str
    user: str
    host: str
    process: int
    started: int
    mark: str
    place: str
    machine: str
    since: float
    renewed: float
    lasts: int = LASTS

    @property
    def run(self) -> tuple[str, str, int, int]:
        """The run, whenever it was renewed."""
        return (self.place or self.host, self.user, self.process, self.started)

    def text(self) -> str:
        """The line. ``parse(record.text())`` is the record again, times to the second."""
        return "; ".join(
            (
                f"doing={_clean(self.doing)[:LONGEST_DOING]}",
                f"user={_clean(self.user)[:LONGEST_USER]}",
                f"host={_clean(self.host)[:LONGEST_HOST]}",
                f"process={self.process}/{self.started}/{self.mark}",
                f"place={self.place}",
                f"machine={self.machine}",
                f"since={stamp(self.since)}",
                f"renewed={stamp(self.renewed)}",
                f"lasts={self.lasts}",
            )
        )

    def renew(self, now: float) -> Record:
        return dataclasses.replace(self, renewed=now)

    def public(self) -> dict[str, Any]:
        """What a module returns of a holder."""
        shown = {name: getattr(self, name) for name in ("doing", "user", "host", "process")}
        return shown | {"since": stamp(self.since)}

    def who(self, now: float) -> str:
        """``alice on host h since 10:02 (process 123)``, in local time; the date too where it is another day's."""
        began, today = datetime.fromtimestamp(self.since), datetime.fromtimestamp(now)
        when = f"{began:%H:%M}" if began.date() == today.date() else f"{began:%Y-%m-%d %H:%M}"
        return f"{self.user} on host {self.host} since {when} (process {self.process})"


def parse(text: str) -> Record | None:
    """The record in a line, None where it is not one of ours."""
    fields = dict(part.split("=", 1) for part in text.split("; ") if "=" in part)
    try:
        process, started, mark = fields["process"].split("/")
        return Record(
            doing=fields["doing"],
            user=fields["user"],
            host=fields["host"],
            process=int(process),
            started=int(started),
            mark=mark,
            place=fields["place"],
            machine=fields["machine"],
            since=seconds(fields["since"]),
            renewed=seconds(fields["renewed"]),
            lasts=int(fields["lasts"]),
        )
    except (KeyError, ValueError):
        return None


def stamp(moment: float) -> str:
    """Seconds since 1970 as ``2026-11-25T22:20:00Z``."""
    return f"{datetime.fromtimestamp(moment, timezone.utc):%Y-%m-%dT%H:%M:%SZ}"


def seconds(text: str) -> float:
    """The other way. Raises ValueError."""
    return datetime.strptime(text, "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=timezone.utc).timestamp()


def _clean(text: Any) -> str:
    return _FORBIDDEN.sub("_", str(text)) or "_"
