# Copyright: Contributors to the stfc.jupyterhub collection
# SPDX-License-Identifier: BSD-3-Clause
"""Waits until a load balancer does what its Service asks for, and says what it does not do."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from . import balancer, readiness
from .client import Kubernetes

POLL_SECONDS = 1.0
SLOWEST_POLL_SECONDS = 5.0

AT_WORK_SECONDS = 5.0
"""For so long a difference may simply be one that the cloud provider is about to remove. Then it is asked again."""

QUIET_SECONDS = 120.0
"""For so long a difference is waited for of which no event tells anything. Octavia takes some seconds for a change."""

DONE_SECONDS = 20.0
"""For so long, where the cloud provider says that it has done everything."""

UNTOLD_SECONDS = 30.0
"""For so long it is waited, where the cloud cannot be asked, for the event that all has been done."""

Look = Callable[[balancer.Asked], list[str]]
"""What the cloud does not have of what is asked for."""


class NotInForceError(Exception):
    """The balancer does not do what is asked of it; for people."""


@dataclasses.dataclass
class InForce:
    """Looks at the Service ``name``. ``look`` reads the cloud; None: only the Service's events can be read."""

    name: str
    kubernetes: Kubernetes
    look: Look | None = None
    say: Callable[[str], None] = lambda _line: None
    clock: Callable[[], float] = time.time
    sleep: Callable[[float], None] = time.sleep

    def wait(self, timeout: float, check_mode: bool = False) -> dict[str, Any]:
        """Until the balancer does all that is asked of it.

        Answers ``changed`` (the cloud provider was asked again) and ``remarks`` (what else it says, and what cannot be
        told). Raises NotInForceError after ``timeout`` seconds, or before that when it will not come right by itself.
        """
        started, poll, known = self.clock(), POLL_SECONDS, None
        while True:
            again = known is not None
            service = self.kubernetes.get("v1", "Service", self.name)
            if service is None or not readiness.balancer_address(service):
                return {"changed": again, "remarks": []}  # no load balancer, or not yet: others tell that
            events = self.kubernetes.events(service["metadata"]["uid"])
            trouble, missing = balancer.trouble(service, events, known), self._missing(service)
            lines = [*([trouble.words] if trouble else []), *missing]
            waited, done = self.clock() - started, balancer.settled(service, events)
            if check_mode:
                return {"changed": bool(lines), "remarks": [f"Service {self.name}: {line}" for line in lines]}
            if not lines:
                # Kubernetes forgets events after an hour.
                told = self.look is not None or done or not events
                if told or waited >= (QUIET_SECONDS if again else UNTOLD_SECONDS):
                    others = [f"Service {self.name}: {words}" for words in balancer.remarks(service, events)]
                    return {"changed": again, "remarks": others if told else [*others, self._untold()]}
            elif not again and (trouble or waited >= AT_WORK_SECONDS):
                # What stood in the way may be gone, and what was changed by hand is put right.
                self.say(f"{self.name}: {'; '.join(lines)}; the cloud provider is asked again")
                known = ask_again(self.kubernetes, service, events, self.clock())
                started = self.clock()
            elif again and waited >= _patience(trouble, done, timeout):
                raise NotInForceError(self._report(service, lines))
            else:
                self.say(f"{self.name}: {lines[0]}")
            self.sleep(poll)
            poll = min(poll * 1.2, SLOWEST_POLL_SECONDS)

    def _missing(self, service: Mapping[str, Any]) -> list[str]:
        return self.look(balancer.asked(service)) if self.look else []

    def _report(self, service: Mapping[str, Any], lines: list[str]) -> str:
        where = f"{self.kubernetes.namespace}/{self.name}"
        wanted = balancer.asked(service)
        look = (
            f"openstack loadbalancer status show {wanted.balancer}"
            if wanted.balancer
            else f"kubectl describe service {self.name} -n {self.kubernetes.namespace}"
        )
        return "\n".join(
            [
                f"The load balancer of Service {where} does not do what is asked of it ({_asks(wanted)}):",
                *(f"  {line}" for line in lines),
                f"Correct hub_address in the file, or what the cloud says, and run this again. To look: {look}",
            ]
        )

    def _untold(self) -> str:
        return (
            f"Nothing tells whether the load balancer of Service {self.kubernetes.namespace}/{self.name} does what is "
            "asked of it: the cloud is not known here, and there is no event"
        )


def ask_again(
    kubernetes: Kubernetes, service: Mapping[str, Any], events: Sequence[Mapping[str, Any]], now: float
) -> frozenset[Any]:
    """Have the cloud provider try the whole Service again. ``events``: those of the Service that were just read.

    Answers their identities: what is not among them was told afterwards.
    """
    kubernetes.patch(balancer.asking_again(service, now))
    return balancer.identities(events)


def _asks(wanted: balancer.Asked) -> str:
    parts = [f"ranges {', '.join(wanted.ranges)}" if wanted.ranges else "open to everybody"]
    parts += [f"{name} {value} ms" for name, value in wanted.timeouts.items()]
    if wanted.address:
        parts.append(f"floating IP {wanted.address}")
    return "; ".join([*parts, *(["internal"] if wanted.internal else [])])


def _patience(trouble: balancer.Trouble | None, done: bool, timeout: float) -> float:
    """Seconds for which it is waited once it was asked again."""
    if trouble:
        return 0 if trouble.final else timeout
    return min(timeout, DONE_SECONDS if done else QUIET_SECONDS)
