"""Having the proxy ask for a certificate again, with a cluster in memory and a clock of our own."""

from __future__ import annotations

import copy
from datetime import datetime, timezone
from typing import Any

import pytest
from ansible_collections.stfc.jupyterhub.plugins.module_utils.hub_certificate import (
    TRIES,
    Applicant,
    CertificateError,
    refusal,
)
from ansible_collections.stfc.jupyterhub.plugins.module_utils.hub_release.client import KubernetesError

NAME = "hub.example.org"
NOON = 1_800_014_400.0
"""2027-01-15T12:00:00Z, in seconds since the epoch."""

NXDOMAIN = "urn:ietf:params:acme:error:dns :: DNS problem: NXDOMAIN looking up A for hub.example.org"
REFUSED = (
    "2027-01-15T11:59:00Z ERR Unable to obtain ACME certificate for domains"
    f' error="unable to generate a certificate:\\n[{NAME}] acme: error: 400 :: {NXDOMAIN}" ACME CA=https://acme.example'
)


COLOURED = (
    "\x1b[90m2027-01-15T11:59:00Z\x1b[0m \x1b[31mERR\x1b[0m \x1b[1mUnable to obtain ACME certificate for domains\x1b[0m"
    f' \x1b[36merror=\x1b[0m\x1b[31m\x1b[1m"unable to generate a certificate:\\n[{NAME}] acme: error: 400 ::'
    f' {NXDOMAIN}"\x1b[0m\x1b[0m \x1b[36macmeCA=\x1b[0mhttps://acme.example'
)
LIMIT = "acme: error: 429 :: urn:ietf:params:acme:error:rateLimited :: too many failed authorizations"


def limited(until: str) -> str:
    """A line of the log about a limit, with Let's Encrypt's word of when it ends."""
    return f'ERR Unable to obtain ACME certificate for domains error="{LIMIT}{until}"'


class Cluster:
    """Kubernetes as Applicant asks for it. A pod that is removed comes again; one of them gets a certificate."""

    namespace = "jupyterhub"

    def __init__(self, good: int | None = None, asking: float = 5.0, tries: str = "", log: str = REFUSED) -> None:
        self.now = NOON
        self.began = NOON - 3600
        self.pod = 0
        self.good = good
        """The pod that gets a certificate; None: none does."""
        self.asking = asking
        """Seconds until a pod has an answer."""
        self.line = log
        self.said: list[str] = []
        self.conflicts = 0
        self.deployment: dict[str, Any] = {
            "metadata": {"name": "autohttps", "resourceVersion": "1", "annotations": {TRIES: tries} if tries else None},
            "spec": {"selector": {"matchLabels": {"component": "autohttps"}}},
        }

    def sleep(self, seconds: float) -> None:
        self.now += seconds

    def answered(self) -> bool:
        return self.now - self.began >= self.asking

    def shown(self) -> bool:
        return self.good is not None and (self.pod > self.good or (self.pod == self.good and self.answered()))

    def get(self, _version: str, kind: str, name: str) -> dict[str, Any] | None:
        assert (kind, name) == ("Deployment", "autohttps")
        return copy.deepcopy(self.deployment)

    def find(self, _version: str, kind: str, labels: dict[str, str]) -> list[dict[str, Any]]:
        assert (kind, labels) == ("Pod", {"component": "autohttps"})
        stamp = _stamp(self.began)
        return [
            {"metadata": {"name": "old", "creationTimestamp": stamp, "deletionTimestamp": stamp}},
            {"metadata": {"name": f"pod-{self.pod}", "creationTimestamp": stamp}},
        ]

    def log(self, pod: str, container: str, previous: bool, _lines: int) -> list[str]:
        assert (pod, container, previous) == (f"pod-{self.pod}", "traefik", False)
        return ["something else", self.line] if self.answered() and self.line and not self.shown() else []

    def patch(self, item: dict[str, Any]) -> dict[str, Any]:
        assert item["metadata"]["resourceVersion"] == self.deployment["metadata"]["resourceVersion"]
        if self.conflicts:
            self.conflicts -= 1
            raise KubernetesError("the object has been modified", 409)
        self.deployment["metadata"]["annotations"] = item["metadata"]["annotations"]
        return item

    def delete(self, _version: str, kind: str, name: str) -> None:
        assert (kind, name) == ("Pod", f"pod-{self.pod}")
        self.pod, self.began = self.pod + 1, self.now

    def applicant(self) -> Applicant:
        cluster: Any = self
        return Applicant(NAME, "192.0.2.7", cluster, self.shown, self.sleep, lambda: self.now, self.said.append)


def _stamp(moment: float) -> str:
    return datetime.fromtimestamp(moment, timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")


def test_a_pod_that_was_refused_is_started_anew_at_once() -> None:
    cluster = Cluster(good=1)
    assert cluster.applicant().obtain(600) == 1
    assert cluster.now - NOON < 10
    assert cluster.deployment["metadata"]["annotations"] == {TRIES: "2027-01-15T12:00:00Z"}


def test_a_pod_that_is_still_asking_is_waited_for() -> None:
    cluster = Cluster(good=0, asking=30)
    cluster.began = NOON - 10
    assert cluster.applicant().obtain(600) == 0
    assert cluster.deployment["metadata"]["annotations"] is None


def test_an_old_pod_that_says_nothing_is_not_waited_for() -> None:
    cluster = Cluster(good=1, log="")
    assert cluster.applicant().obtain(600) == 1
    assert cluster.now - NOON < 10


def test_it_is_asked_three_times_with_pauses_and_then_told_why() -> None:
    cluster = Cluster()
    with pytest.raises(CertificateError) as caught:
        cluster.applicant().obtain(600)
    assert cluster.pod == 3
    assert 30 + 90 < cluster.now - NOON < 30 + 90 + 30
    said = str(caught.value)
    assert f"acme: error: 400 :: {NXDOMAIN}" in said
    assert "leads to 192.0.2.7, and Let's Encrypt gave no certificate for it. It was asked 3 times more." in said
    assert "run this again after 13:00 UTC" in said


def test_what_earlier_runs_asked_within_the_hour_counts() -> None:
    cluster = Cluster(tries="2027-01-15T10:30:00Z,2027-01-15T11:10:00Z,2027-01-15T11:20:00Z,by hand")
    with pytest.raises(CertificateError, match="run this again after 12:10 UTC"):
        cluster.applicant().obtain(600)
    assert cluster.pod == 1
    assert cluster.deployment["metadata"]["annotations"] == {
        TRIES: "2027-01-15T11:10:00Z,2027-01-15T11:20:00Z,2027-01-15T12:00:00Z"
    }


def test_a_limit_of_the_authority_is_not_pressed_against() -> None:
    cluster = Cluster(log=limited(", retry after 2027-01-15 12:31:07"))
    with pytest.raises(CertificateError, match=r"retry after 2027-01-15 12:31:07[\s\S]*Then run this again"):
        cluster.applicant().obtain(600)
    assert cluster.pod == 0


@pytest.mark.parametrize(
    "until", [", retry after 2027-01-15 11:59:59 UTC", ", retry after 2027-01-15T09:00:00Z: see", ""]
)
def test_a_limit_that_has_passed_is_none(until: str) -> None:
    """The pod that was refused stays, and so does the last line of its log."""
    cluster = Cluster(good=1, log=limited(until))
    assert cluster.applicant().obtain(600) == 1


def test_a_limit_without_a_time_holds_for_an_hour() -> None:
    cluster = Cluster(good=1, log=limited(""))
    cluster.began = NOON - 3000
    with pytest.raises(CertificateError, match="Then run this again"):
        cluster.applicant().obtain(600)
    assert cluster.pod == 0


def test_a_limit_that_a_new_pod_meets_ends_it() -> None:
    cluster = Cluster(log=limited(""))
    with pytest.raises(CertificateError, match="It was asked once more"):
        cluster.applicant().obtain(600)
    assert cluster.pod == 1


def test_no_try_begins_after_the_time_is_up() -> None:
    cluster = Cluster()
    with pytest.raises(CertificateError, match="It was asked once more"):
        cluster.applicant().obtain(20)
    assert cluster.pod == 1


def test_a_pod_that_says_nothing_points_to_its_log() -> None:
    cluster = Cluster(log="")
    with pytest.raises(CertificateError, match="kubectl logs --namespace jupyterhub deployment/autohttps -c traefik"):
        cluster.applicant().obtain(600)


def test_two_runs_at_once_do_not_start_it_twice() -> None:
    cluster = Cluster(good=1)
    cluster.conflicts = 1
    assert cluster.applicant().obtain(600) == 1
    assert cluster.pod == 1


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (COLOURED, f"unable to generate a certificate: [{NAME}] acme: error: 400 :: {NXDOMAIN}"),
        (REFUSED, f"unable to generate a certificate: [{NAME}] acme: error: 400 :: {NXDOMAIN}"),
        (
            '{"level":"error","error":"the \\"CA\\" is away","message":"Unable to obtain ACME certificate"}',
            'the "CA" is away',
        ),
        ("Unable to obtain ACME certificate", "Unable to obtain ACME certificate"),
    ],
)
def test_the_reason_is_the_authority_s(line: str, reason: str) -> None:
    assert refusal(line) == reason
