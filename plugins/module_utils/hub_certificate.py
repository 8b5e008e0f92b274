# Copyright: Contributors to the stfc.jupyterhub collection
# SPDX-License-Identifier: BSD-3-Clause
"""Has the chart's Traefik ask Let's Encrypt again for a certificate that it did not get.

Traefik asks once, seconds after it starts (``pkg/provider/acme/provider.go``, ``watchNewDomains``): on a first
deployment before there is a balancer, and often before anybody could set the name's record. Its daily look only renews
what there is. So its pod is started anew, as often as Let's Encrypt bears.
"""

from __future__ import annotations

import dataclasses
import json
import re
import time
from collections.abc import Callable, Mapping
from datetime import datetime, timezone
from typing import Any

from .hub_probe import RETRY_SECONDS, RFC3339
from .hub_release.client import Kubernetes, KubernetesError

DEPLOYMENT = "autohttps"
CONTAINER = "traefik"
TRIES = "jupyterhub.stfc.ac.uk/certificate-tries"
"""On the Deployment: when we started its pod anew within the last hour, RFC 3339, with commas."""

MOST_TRIES = 3
WITHIN_SECONDS = 3600.0
"""Let's Encrypt bears 5 failed validations of a name an hour and 10 new accounts of an address in 3 hours; a pod that
has no certificate makes an account each time (https://letsencrypt.org/docs/rate-limits/). Pods that start otherwise ask
as well."""

PAUSES = (0.0, 30.0, 90.0)
"""Seconds before each try of a run: a resolver may keep for a minute that there was no record."""

PATIENCE_SECONDS = 90.0
"""How long one try may take. Traefik gives a challenge up after 60 s (``ChallengeHTTP.Timeout``)."""

LOG_LINES = 200

_REFUSAL = re.compile(r"Unable to obtain ACME certificate|renewing certificate|Error adding certificate", re.IGNORECASE)
_ERROR = re.compile(r"""\berror"?[=:]\s*("(?:[^"\\]|\\.)*")""")
_COLOUR = re.compile(r"\x1b\[[0-9;]*m")
"""What Traefik's console writer puts around words, also where its log is no terminal."""

LIMITED = "rateLimited"
"""In the type of an ACME problem (RFC 8555, section 6.6)."""
_RETRY_AFTER = re.compile(r"retry after (\d{4}-\d\d-\d\d)[ T](\d\d:\d\d:\d\d)")
"""Until when, UTC, in Let's Encrypt's words for it."""

_VERSION, _KIND = "apps/v1", "Deployment"

CONFLICT = 409


class CertificateError(Exception):
    """There is no certificate; says what the authority answered and what to do."""


@dataclasses.dataclass
class Applicant:
    """Gets a certificate for ``name``. ``shown`` tells whether a good one is shown now."""

    name: str
    address: str
    kubernetes: Kubernetes
    shown: Callable[[], bool]
    sleep: Callable[[float], None] = time.sleep
    clock: Callable[[], float] = time.time
    say: Callable[[str], None] = lambda _line: None

    def obtain(self, timeout: float) -> int:
        """Wait for the certificate; answers how often the pod was started anew for it.

        Raises CertificateError when there is none after ``MOST_TRIES`` or ``timeout`` seconds, KubernetesError.
        """
        began, restarts = self.clock(), 0
        # The pod may have been started a moment ago, and still be asking.
        reason = self._await(self._age())
        while reason is not None:
            deployment = self._deployment()
            if LIMITED in reason and self._limited(reason):
                hint = "Let's Encrypt says when it will hear of it again. Then run this again."
                raise self._gone_without(reason, restarts, hint)
            before = self._tries(deployment)
            if len(before) >= MOST_TRIES:
                when = time.strftime("%H:%M UTC", time.gmtime(before[0] + WITHIN_SECONDS))
                hint = f"It was asked {len(before)} times within an hour, so run this again after {when}."
                raise self._gone_without(reason, restarts, hint)
            pause = PAUSES[restarts]
            if self.clock() + pause - began > timeout:
                raise self._gone_without(reason, restarts, "Then run this again.")
            if pause:
                self.say(f"{self.name}: no certificate ({_first_line(reason)}); asking again in {pause:.0f} s")
                self.sleep(pause)
            restarts += self._restart(deployment, before)
            reason = self._await(0.0)
        return restarts

    def _await(self, age: float) -> str | None:
        """None when the certificate is there; otherwise why not, "" where that is not known.

        ``age``: for how many seconds the pod has been asking already.
        """
        deadline = self.clock() + PATIENCE_SECONDS - age
        while True:
            if self.shown():
                return None
            refusal = self._refusal()
            if refusal or self.clock() >= deadline:
                return refusal
            self.say(f"{self.name}: waits for its certificate")
            self.sleep(RETRY_SECONDS)

    def _restart(self, deployment: Mapping[str, Any], before: list[float]) -> bool:
        """Start the pod anew, so that just one is there to answer the challenge; a rollout would have two of them.

        Tells whether it was: not where somebody else has just changed the Deployment.
        """
        now = self.clock()
        stamps = ",".join(time.strftime(RFC3339, time.gmtime(moment)) for moment in [*before, now])
        mark = {
            "name": DEPLOYMENT,
            "resourceVersion": deployment["metadata"]["resourceVersion"],
            "annotations": {TRIES: stamps},
        }
        try:
            self.kubernetes.patch({"apiVersion": _VERSION, "kind": _KIND, "metadata": mark})
        except KubernetesError as error:
            if error.status != CONFLICT:
                raise
            return False
        self.say(f"{self.name}: starting {DEPLOYMENT} anew, so that it asks for a certificate")
        for pod in self._pods():
            self.kubernetes.delete("v1", "Pod", pod["metadata"]["name"])
        return True

    def _refusal(self) -> str:
        """What the authority answered, as the log of the pod that is there now has it; "" for nothing yet."""
        for pod in self._pods():
            for line in reversed(self.kubernetes.log(pod["metadata"]["name"], CONTAINER, False, LOG_LINES)):
                if _REFUSAL.search(_COLOUR.sub("", line)):
                    return refusal(line)
        return ""

    def _limited(self, reason: str) -> bool:
        """Whether the limit that the log tells of still holds: a pod that was refused once says nothing more."""
        if told := _RETRY_AFTER.search(reason):
            return self.clock() < _seconds(f"{told[1]}T{told[2]}Z")
        return self._age() < WITHIN_SECONDS

    def _age(self) -> float:
        """For how long the newest pod has been there."""
        created = [_seconds(pod["metadata"]["creationTimestamp"]) for pod in self._pods()]
        return self.clock() - max(created) if created else 0.0

    def _pods(self) -> list[dict[str, Any]]:
        labels = self._deployment()["spec"]["selector"]["matchLabels"]
        pods = self.kubernetes.find("v1", "Pod", labels)
        return [pod for pod in pods if not pod["metadata"].get("deletionTimestamp")]

    def _deployment(self) -> dict[str, Any]:
        found = self.kubernetes.get(_VERSION, _KIND, DEPLOYMENT)
        if found is None:
            raise KubernetesError(f"there is no Deployment {DEPLOYMENT} in {self.kubernetes.namespace}", 404)
        return found

    def _tries(self, deployment: Mapping[str, Any]) -> list[float]:
        """When it was started anew within the last hour, oldest first."""
        text = (deployment["metadata"].get("annotations") or {}).get(TRIES) or ""
        moments = sorted(_seconds(each) for each in text.split(",") if each)
        return [moment for moment in moments if self.clock() - moment < WITHIN_SECONDS]

    def _gone_without(self, reason: str, restarts: int, hint: str) -> CertificateError:
        times = {0: "", 1: " It was asked once more."}.get(restarts, f" It was asked {restarts} times more.")
        look = f"kubectl logs --namespace {self.kubernetes.namespace} deployment/{DEPLOYMENT} -c {CONTAINER}"
        said = f"It says: {reason}" if reason else f"What it said is not known; look at: {look}"
        return CertificateError(
            f"The hub works, and there is no HTTPS: {self.name} leads to {self.address}, and Let's Encrypt gave no"
            f" certificate for it.{times} {said}\n"
            f"It has to reach http://{self.name}/ at port 80 from anywhere, and a CAA record of the domain must not"
            f" forbid it. {hint}"
        )


def refusal(line: str) -> str:
    """The error in a line of Traefik's log, in its own words."""
    line = _COLOUR.sub("", line)
    found = _ERROR.search(line)
    if not found:
        return line.strip()
    try:
        return " ".join(str(json.loads(found[1])).split())
    except ValueError:
        return found[1]


def _seconds(moment: str) -> float:
    try:
        return datetime.strptime(moment, RFC3339).replace(tzinfo=timezone.utc).timestamp()
    except ValueError:
        return 0.0  # written by others


def _first_line(text: str) -> str:
    return text[:200] or "no reason is known"
