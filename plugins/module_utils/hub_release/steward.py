# Copyright: Contributors to the stfc.jupyterhub collection
# SPDX-License-Identifier: BSD-3-Clause
"""Makes a release usable before Helm is called, and sees it through afterwards."""

from __future__ import annotations

import dataclasses
import re
import time
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime, timezone
from typing import Any

from ..hub_values.secrets import fingerprint
from ..in_hub import people
from . import balancer, drift, history, readiness
from .client import NO_LOG, Kubernetes, KubernetesError
from .in_force import POLL_SECONDS, SLOWEST_POLL_SECONDS, ask_again
from .readiness import PUBLIC_SERVICE

RECORD = "hub-record"
"""ConfigMap of ours: the revision that was last proven to work (``revision``), the hub's ``address``, and the pod
(``hub``, its uid) that was heard."""

HUB = "hub"
TOLD = re.compile(rf"\[W [^\]]*\] {re.escape(people.TOLD)}(.*)$")
"""A line of the hub's log with a sentence of ours. Logins that users make up names for cannot look like one."""

LINES_OF_A_START = 5000

LOG_LINES = 20
EVENTS = 5
MOST_SECONDS_FOR_THE_WAY_BACK = 120.0

UNPROCESSABLE = 422
"""What the API answers to a change of what never changes."""

Helm = Callable[[list[str]], tuple[int, str]]
"""Runs Helm with these arguments: exit code, and what it said."""

Live = dict[tuple[str, str], dict[str, Any]]
"""Objects as they are, by kind and name."""


class ReleaseError(Exception):
    """For people. ``evidence`` is what was seen before anything was rolled back."""

    def __init__(self, message: str, evidence: list[dict[str, Any]] | None = None) -> None:
        super().__init__(message)
        self.evidence = evidence or []


@dataclasses.dataclass
class Steward:
    """Looks after the release ``name``. ``say`` shows a line of progress; ``check_mode``: nothing is changed."""

    name: str
    kubernetes: Kubernetes
    helm: Helm
    say: Callable[[str], None] = lambda _line: None
    check_mode: bool = False
    clock: Callable[[], float] = time.time
    sleep: Callable[[float], None] = time.sleep
    known: list[history.Revision] = dataclasses.field(default_factory=list)
    """Helm's history when it was last read."""
    records: dict[str, dict[str, Any]] = dataclasses.field(default_factory=dict)
    """Helm's Secrets of that moment by name."""
    in_cloud: Callable[[balancer.Asked], list[str]] = lambda _asked: []
    """What of a Service's wishes the cloud does not have, where somebody has read that."""
    told_before: frozenset[Any] | None = None
    """Events of the Services' load balancers that were there when they were asked for again."""

    # Before Helm is called

    def make_usable(self, grace: float, patient: bool = True) -> dict[str, Any]:
        """Cure what was left failed or pending. Raises ReleaseError. ``patient``: wait where another Helm may be at it.

        Answers ``changed``, ``cure`` (words, "" if there was nothing to do), ``revision`` and ``status`` as they are
        now (0 and "absent" without a release).
        """
        done: list[str] = []
        while True:
            known = self._history()
            cure = history.cure(known, self.clock(), grace)
            if cure.action == "none" or (self.check_mode and not (patient and cure.action == "wait")):
                break
            if cure.action == "wait":
                self.say(f"{self.name}: {cure.reason}")
                self.sleep(min(cure.seconds, SLOWEST_POLL_SECONDS) + 0.1)
                continue
            if done:
                raise ReleaseError(
                    f"The release {self.name} is still not usable: {cure.reason}, after it was treated"
                    f" ({'; '.join(done)}). Look at it with: helm history {self.name} -n {self.kubernetes.namespace}"
                )
            self.say(f"{self.name}: {cure.reason}; {self._words(cure)}")
            self._apply(cure)
            done.append(f"{cure.reason}: {self._words(cure)}")
        if cure.action != "none":
            done.append(f"{cure.reason}: {self._words(cure)}")
        last = known[-1] if known else None
        return {
            "changed": bool(done),
            "cure": "; ".join(done),
            "revision": last.number if last else 0,
            "status": last.status if last else "absent",
        }

    def survey(
        self,
        objects: list[dict[str, Any]],
        labels: Mapping[str, str],
        secrets: Mapping[str, Mapping[str, str]],
        reads: Iterable[str] = (),
    ) -> dict[str, Any]:
        """What there is of ``objects``, which belong beside the release, and of the release itself as last read.

        ``secrets``: what their Secrets hold, by name; ``reads``: names of Secrets of others'. ``differing``: those that
        are not there as written, as ``kind/name``. ``surplus``: names of StatefulSets with ``labels`` that are not
        among them. ``fingerprints`` and ``secret_keys`` of Secrets by name. ``chart`` and ``values_sha256`` of the
        release, empty without a deployed one; then ``drift``, ``waiting`` and ``address`` as ``look`` tells them.
        """
        deployed = self.known[-1] if self.known and self.known[-1].status == "deployed" else None
        release = self._decode(deployed) if deployed else None
        items = drift.objects(release.manifest, self.name, self.kubernetes.namespace) if release else []
        others = [{"apiVersion": "v1", "kind": "Secret", "metadata": {"name": name}} for name in reads]
        sets = self.kubernetes.find("apps/v1", "StatefulSet", labels) if labels else []
        live = self._live([*items, *objects, *others], sets)
        wanted = {(item["kind"], item["metadata"]["name"]): item for item in objects}
        for name, data in secrets.items():
            wanted["Secret", name] = {**wanted["Secret", name], "data": dict(data)}
        ours = [*wanted, *(("Secret", name) for name in reads)]
        read = {name: live[kind, name] for kind, name in ours if kind == "Secret" and (kind, name) in live}
        names = sorted(item["metadata"]["name"] for item in sets)
        return {
            "differing": ["/".join(key) for key, item in wanted.items() if self._differs(live.get(key), item)],
            "surplus": [name for name in names if ("StatefulSet", name) not in wanted],
            "fingerprints": {name: fingerprint(item) for name, item in read.items()},
            "secret_keys": {name: sorted(item.get("data") or {}) for name, item in read.items()},
            "chart": release.chart if release else {},
            "values_sha256": history.digest(release.values) if release else "",
            "namespace": self._there("v1", "Namespace", self.kubernetes.namespace, live) is not None,
            **self._look_at(deployed, items, live),
        }

    def _look_at(self, deployed: history.Revision | None, items: list[dict[str, Any]], live: Live) -> dict[str, Any]:
        """What seeing the release through would meet, and the address to keep."""
        service = self._there("v1", "Service", PUBLIC_SERVICE, live)
        address = self._address(items, live)
        asked: str = ((service or {}).get("spec") or {}).get("loadBalancerIP") or ""
        # A Service that is gone, or that lost its address, gets the recorded one back. One that asks already goes on.
        recorded = self._record()
        has_one = asked or (service and readiness.balancer_address(service))
        kept = asked if has_one else recorded.get("address", "")
        waiting: list[str] = []
        if deployed:
            waiting, _hopeless = self._look(items, live)
            waiting += self._not_in_force(items, live)
            if not waiting and not _record(deployed.number, address).items() <= recorded.items():
                waiting = [f"{self.name}: revision {deployed.number} is not recorded as one that works"]
        return {
            "kept_address": kept,
            "address": address,
            "drift": [f"{item['kind']} {item['metadata']['name']}" for item in items if self._drifted(item, live)],
            "waiting": waiting,
        }

    def _drifted(self, item: dict[str, Any], live: Live) -> bool:
        return self._differs(live.get((item["kind"], item["metadata"]["name"])), item)

    def _differs(self, there: dict[str, Any] | None, item: dict[str, Any]) -> bool:
        if there and drift.stands(there, item):
            return False
        try:
            return any(self._difference(there, item))
        except KubernetesError as error:
            if error.status != UNPROCESSABLE:
                raise
            return True  # a field of it never changes

    def _difference(self, there: dict[str, Any] | None, item: dict[str, Any]) -> tuple[bool, list[drift.Difference]]:
        """Whether an object is not there at all, and what differs otherwise."""
        wanted = self.kubernetes.patch(item, dry_run=True) if there else None
        if there is None or wanted is None:
            return True, []
        return False, drift.differences(there, wanted)

    # After it

    def see_through(self, before: int, timeout: float) -> dict[str, Any]:
        """Correct drift, wait until all is ready, go back to what worked if it does not become so.

        ``before``: the revision that was there before this run released another (0: none). Raises ReleaseError.
        """
        known = self._history()
        if not known:
            if self.check_mode:
                return {"changed": False, "revision": 0, "address": "", "chart": {}, "drift": []}
            raise ReleaseError(f"There is no release {self.name} in {self.kubernetes.namespace}; release it first.")
        last = known[-1]
        release = self._decode(last)
        items = drift.objects(release.manifest, self.name, self.kubernetes.namespace)
        live = self._live(items)
        found = self.correct(items, live)
        answer = {"changed": bool(found), "revision": last.number, "chart": release.chart, "drift": found}
        if self.check_mode:
            return answer | {"address": self._record().get("address", "")}
        # What was just read is good for a first look, unless it was corrected.
        live = {} if found else live
        answer["changed"] = self._ask_again(items, live) or bool(found)
        reason = self._wait(items, timeout, live)
        if reason:
            self._give_up(reason, items, known, before, timeout)
        address = self._address(items, live)
        record = self._record()
        told: list[str] = []
        hub = record.get("hub", "")
        # What has been proven to work has been heard too, unless its log could not be read.
        if record.get("revision") != str(last.number) or not hub:
            told, hub = self._told(items, hub)
        self._remember(record, last.number, address, hub)
        return answer | {"address": address, "told": told}

    def correct(self, items: list[dict[str, Any]], live: Live) -> list[dict[str, Any]]:
        """Put drifted objects right; answers ``object`` and ``differences`` of each (none: an empty list)."""
        found = []
        for item in items:
            kind, name = item["kind"], item["metadata"]["name"]
            there = live.get((kind, name))
            if there and drift.stands(there, item):
                continue
            missing, different = self._difference(there, item)
            if not missing and not different:
                continue
            done = "to be put right" if self.check_mode else "put right"
            self.say(f"{kind} {name}: {'is gone' if missing else 'was changed by hand'}; {done}")
            found.append(
                {"object": f"{kind} {name}", "missing": missing, "differences": [vars(item) for item in different]}
            )
            if not self.check_mode:
                if missing:
                    self.kubernetes.create(item)
                else:
                    self.kubernetes.patch(item)
                if kind in ("ConfigMap", "Secret"):
                    self._restart(drift.readers(items, kind, name))
        return found

    def _live(self, items: list[dict[str, Any]], sets: Iterable[Mapping[str, Any]] = ()) -> Live:
        """Those of the objects that are there: a request for each kind, and one for each whose labels somebody took.

        ``sets`` are StatefulSets that were listed already.
        """
        found: Live = {
            ("StatefulSet", each["metadata"]["name"]): _whole("apps/v1", "StatefulSet", each) for each in sets
        }
        kinds: dict[tuple[str, str], list[dict[str, Any]]] = {}
        for item in items:
            if (item["kind"], item["metadata"]["name"]) not in found:
                kinds.setdefault((item["apiVersion"], item["kind"]), []).append(item)
        for (version, kind), ones in kinds.items():
            labels = drift.in_common(ones)
            names = {item["metadata"]["name"] for item in ones}
            for there in self.kubernetes.find(version, kind, labels) if len(ones) > 1 and labels else []:
                if there["metadata"]["name"] in names:
                    found[kind, there["metadata"]["name"]] = _whole(version, kind, there)
            for name in sorted(names):
                if (kind, name) not in found and (one := self.kubernetes.get(version, kind, name)):
                    found[kind, name] = one
        return found

    def _restart(self, workloads: list[dict[str, Any]]) -> None:
        stamp = datetime.fromtimestamp(self.clock(), timezone.utc).isoformat(timespec="seconds")
        template = {"template": {"metadata": {"annotations": {drift.RESTART: stamp}}}}
        for workload in workloads:
            if workload["kind"] in ("Deployment", "StatefulSet", "DaemonSet"):
                self.kubernetes.patch(
                    {key: workload[key] for key in ("apiVersion", "kind")}
                    | {"metadata": {"name": workload["metadata"]["name"]}, "spec": template}
                )

    # Waiting

    def _wait(self, items: list[dict[str, Any]], timeout: float, live: Live) -> str:
        """Until everything is ready: "". Otherwise the reason to give up.

        ``live``: what is known already; emptied where it had to be waited for, since it is old then.
        """
        deadline, poll = self.clock() + timeout, POLL_SECONDS
        while True:
            waiting, hopeless = self._look(items, live)
            if not waiting:
                return ""
            live.clear()
            for line in waiting:
                self.say(line)
            if hopeless:
                return f"will not become ready by itself: {hopeless}"
            if self.clock() >= deadline:
                return f"is not ready after {timeout:.0f} s: {'; '.join(waiting)}"
            self.sleep(poll)
            poll = min(poll * 1.2, SLOWEST_POLL_SECONDS)

    def _look(self, items: list[dict[str, Any]], live: Live) -> tuple[list[str], str]:
        """What is being waited for, and what of it is hopeless."""
        waiting, hopeless = [], ""
        for item in items:
            if item["kind"] in readiness.WAITED_FOR:
                there, name = self._one(item, live), item["metadata"]["name"]
                if there and readiness.workload_ready(there):
                    continue
                states = [state for state, _pod in self._pods(there or item)]
                unready = [state for state in states if not state.ready]
                waiting.append("; ".join(map(str, unready)) or f"{name}: waits for its pods")
                hopeless = hopeless or next((str(state) for state in unready if state.hopeless), "")
            elif _is_balancer(item):
                there, name = self._one(item, live), item["metadata"]["name"]
                if there and readiness.balancer_address(there):
                    continue
                found = self._trouble(there)
                waiting.append(f"{name}: waits for its load balancer's address{f' ({found.words})' if found else ''}")
                if found and found.final:
                    hopeless = hopeless or f"{name}: {found.words}"
        return waiting, hopeless

    def _trouble(self, service: Mapping[str, Any] | None) -> balancer.Trouble | None:
        if not service:
            return None
        return balancer.trouble(service, self.kubernetes.events(service["metadata"]["uid"]), self.told_before)

    def _not_in_force(self, items: list[dict[str, Any]], live: Live) -> list[str]:
        """What balancers that have an address do not do of what is asked of them, as far as is known."""
        found = []
        for item in filter(_is_balancer, items):
            there, name = self._one(item, live), item["metadata"]["name"]
            if there and readiness.balancer_address(there):
                trouble = self._trouble(there)
                found += [f"{name}: {trouble.words}"] if trouble else []
                found += [f"{name}: {line}" for line in self.in_cloud(balancer.asked(there))]
        return found

    def _ask_again(self, items: list[dict[str, Any]], live: Live) -> bool:
        """Have the cloud provider try now what it was refused before: what stood in the way may be gone."""
        again = False
        for item in filter(_is_balancer, items):
            there = self._one(item, live)
            if not there or readiness.balancer_address(there):
                continue
            events = self.kubernetes.events(there["metadata"]["uid"])
            if balancer.trouble(there, events, self.told_before):
                asked = ask_again(self.kubernetes, there, events, self.clock())
                self.told_before = asked | (self.told_before or frozenset())
                live.pop((item["kind"], item["metadata"]["name"]), None)
                again = True
        return again

    def _one(self, item: Mapping[str, Any], live: Live) -> dict[str, Any] | None:
        return self._there(item["apiVersion"], item["kind"], item["metadata"]["name"], live)

    def _there(self, version: str, kind: str, name: str, live: Live) -> dict[str, Any] | None:
        return live.get((kind, name)) or self.kubernetes.get(version, kind, name)

    def _pods(self, workload: Mapping[str, Any]) -> list[tuple[readiness.PodState, Mapping[str, Any]]]:
        pods = self.kubernetes.find("v1", "Pod", workload["spec"]["selector"]["matchLabels"])
        now = datetime.fromtimestamp(self.clock(), timezone.utc)
        return [(readiness.pod_state(pod, now), pod) for pod in readiness.current_pods(workload, pods)]

    def _told(self, items: list[dict[str, Any]], heard: str) -> tuple[list[str], str]:
        """What our code in the hub said at its start, and its pod's uid; a pod that was ``heard`` says nothing new.

        Where the log cannot be read that is told, and the uid is "".
        """
        for item in items:
            if (item["kind"], item["metadata"]["name"]) == ("Deployment", HUB):
                for _state, pod in self._pods(item):
                    uid = pod["metadata"]["uid"]
                    if uid == heard:
                        return [], uid
                    lines = self.kubernetes.log(pod["metadata"]["name"], HUB, False, LINES_OF_A_START)
                    if lines[:1] and lines[0].startswith(NO_LOG):
                        return [f"who was taken out is not known: {lines[0]}"], ""
                    return [found[1] for line in lines if (found := TOLD.match(line))], uid
        return [], heard

    def _address(self, items: list[dict[str, Any]], live: Live) -> str:
        balancer = next(filter(_is_balancer, items), None)
        there = self._one(balancer, live) if balancer else None
        return readiness.balancer_address(there) if there else ""

    # When it fails

    def evidence(self, items: list[dict[str, Any]]) -> list[dict[str, Any]]:
        """For each object that is not ready: what it is doing, its last events, the end of its log."""
        found = []
        for item in items:
            kind, name = item["kind"], item["metadata"]["name"]
            live = self.kubernetes.get(item["apiVersion"], kind, name)
            if kind in readiness.WAITED_FOR and live and not readiness.workload_ready(live):
                pods = [(state, pod) for state, pod in self._pods(live) if not state.ready]
                found += [self._witness(str(state), pod) for state, pod in pods]
                if not pods:  # quotas and admission refuse pods before they are
                    found.append(self._witness(f"{kind} {name}: has no pods", live))
                    sets = self.kubernetes.find("apps/v1", "ReplicaSet", live["spec"]["selector"]["matchLabels"])
                    found += [self._witness(f"ReplicaSet {each['metadata']['name']}", each) for each in sets[-1:]]
            elif _is_balancer(item) and live and not readiness.balancer_address(live):
                found.append(self._witness(f"Service {name}: has no address", live))
            elif kind == "PersistentVolumeClaim" and live and (live.get("status") or {}).get("phase") != "Bound":
                found.append(self._witness(f"claim {name}: has no volume", live))
        return found

    def _witness(self, what: str, item: Mapping[str, Any]) -> dict[str, Any]:
        events = self.kubernetes.events(item["metadata"]["uid"])[-EVENTS:]
        container, previous = readiness.ended_container(item)
        return {
            "what": what,
            "events": [f"{event.get('reason')}: {' '.join((event.get('message') or '').split())}" for event in events],
            "log": self.kubernetes.log(item["metadata"]["name"], container, previous, LOG_LINES) if container else [],
        }

    def _give_up(
        self, reason: str, items: list[dict[str, Any]], known: list[history.Revision], before: int, timeout: float
    ) -> None:
        last, evidence = known[-1].number, self.evidence(items)
        # The evidence says the details; a reason without any has to say them itself.
        short = reason.split(": ", 1)[0] if evidence else reason
        lines = [f"Revision {last} of the release {self.name} {short}.", *_report(evidence)]
        record = self._record()
        target = history.last_good(known, int(record.get("revision") or 0), before)
        if before == last or int(record.get("revision") or 0) == last:
            lines.append("This run released nothing new, so nothing was rolled back.")
        elif not target:
            lines.append("It is the first one, so it was left as it is for you to look at; the next run mends it.")
        else:
            lines.append(self._go_back(target, timeout))
        raise ReleaseError("\n".join(lines), evidence)

    def _go_back(self, target: int, timeout: float) -> str:
        self.say(f"{self.name}: going back to revision {target}")
        code, words = self._roll_back(target)
        if code:
            return f"Going back to revision {target} failed as well: {words}"
        known = self._history()
        release = self._decode(known[-1])
        items = drift.objects(release.manifest, self.name, self.kubernetes.namespace)
        reason = self._wait(items, min(timeout, MOST_SECONDS_FOR_THE_WAY_BACK), {})
        if reason:
            return f"It was rolled back to revision {target}, which {reason}."
        self._remember(self._record(), known[-1].number, self._address(items, {}))
        return f"It was rolled back: revision {target} is at work again. Correct the file and run this again."

    # Helm's history, our record

    def _history(self) -> list[history.Revision]:
        secrets = self.kubernetes.find("v1", "Secret", {"owner": "helm", "name": self.name})
        self.records = {secret["metadata"]["name"]: secret for secret in secrets}
        self.known = history.revisions(secrets)
        return self.known

    def _decode(self, revision: history.Revision) -> history.Release:
        return history.decode(self.records[revision.record])

    def _apply(self, cure: history.Cure) -> None:
        if cure.action == "rollback":
            code, words = self._roll_back(cure.target)
            if code:
                raise ReleaseError(
                    f"Rolling the release {self.name} back to revision {cure.target} failed ({cure.reason}): {words}\n"
                    f"Look at it with: helm history {self.name} -n {self.kubernetes.namespace}"
                )
        for record in cure.records:
            self.kubernetes.delete("v1", "Secret", record)

    def _roll_back(self, target: int) -> tuple[int, str]:
        return self.helm(["rollback", self.name, str(target)])

    def _words(self, cure: history.Cure) -> str:
        if cure.action == "rollback":
            return f"rolled back to revision {cure.target}"
        if cure.action == "wait":
            return "it is waited for"
        return "forgotten, no revision of it ever worked; its objects are taken over by the next one"

    def _record(self) -> dict[str, str]:
        return (self.kubernetes.get("v1", "ConfigMap", RECORD) or {}).get("data") or {}

    def _remember(self, record: Mapping[str, str], revision: int, address: str, hub: str = "") -> None:
        wanted = _record(revision, address) | ({"hub": hub} if hub else {})
        if record == wanted:
            return
        item = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": RECORD}, "data": wanted}
        if self.kubernetes.patch(item) is None:
            self.kubernetes.create(item)


def _record(revision: int, address: str) -> dict[str, str]:
    return {"revision": str(revision), "address": address}


def _whole(version: str, kind: str, item: Mapping[str, Any]) -> dict[str, Any]:
    """A member of a list, which does not say what it is, as one object would."""
    return {"apiVersion": version, "kind": kind, **item}


def _is_balancer(item: Mapping[str, Any]) -> bool:
    return item["kind"] == "Service" and (item.get("spec") or {}).get("type") == "LoadBalancer"


def _report(evidence: list[dict[str, Any]]) -> list[str]:
    lines = []
    for witness in evidence:
        lines.append(f"  {witness['what']}")
        lines += [f"    event  {event}" for event in witness["events"]]
        lines += [f"    log    {line}" for line in witness["log"]]
    return lines


__all__ = ["PUBLIC_SERVICE", "RECORD", "KubernetesError", "ReleaseError", "Steward"]
