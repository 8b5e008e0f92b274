"""Looking after a release, with a cluster in memory."""

from __future__ import annotations

import base64
import copy
import gzip
import json
from typing import Any

import pytest
import yaml
from ansible_collections.stfc.jupyterhub.plugins.module_utils.hub_release.client import NO_LOG, KubernetesError
from ansible_collections.stfc.jupyterhub.plugins.module_utils.hub_release.steward import RECORD, ReleaseError, Steward
from ansible_collections.stfc.jupyterhub.plugins.module_utils.hub_values.merge import merged

CONFIG = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "hub"}, "data": {"a": "b"}}
SERVICE = {
    "apiVersion": "v1",
    "kind": "Service",
    "metadata": {"name": "proxy-public"},
    "spec": {"type": "LoadBalancer"},
}
HUB = {
    "apiVersion": "apps/v1",
    "kind": "Deployment",
    "metadata": {"name": "hub"},
    "spec": {
        "replicas": 1,
        "selector": {"matchLabels": {"app": "hub"}},
        "template": {"metadata": {}, "spec": {"volumes": [{"configMap": {"name": "hub"}}]}},
    },
}
READY = {"observedGeneration": 1, "replicas": 1, "updatedReplicas": 1, "readyReplicas": 1}
MARKS = {
    "labels": {"app.kubernetes.io/managed-by": "Helm"},
    "annotations": {"meta.helm.sh/release-name": "jupyterhub", "meta.helm.sh/release-namespace": "spaces"},
}


class Cluster:
    """Kubernetes as Steward asks for it: objects by kind and name."""

    namespace = "spaces"

    def __init__(self) -> None:
        self.objects: dict[tuple[str, str], dict[str, Any]] = {}
        self.writes: list[str] = []
        self.reads: list[str] = []
        self.logs: dict[str, list[str]] = {}
        self.told: dict[str, list[dict[str, Any]]] = {}

    def add(self, item: dict[str, Any], **more: Any) -> None:
        whole = merged({"metadata": {"uid": item["metadata"]["name"], "generation": 1}}, merged(item, more))
        self.objects[item["kind"], item["metadata"]["name"]] = whole

    def get(self, _api: str, kind: str, name: str) -> dict[str, Any] | None:
        self.reads.append(f"{kind} {name}")
        return copy.deepcopy(self.objects.get((kind, name)))

    def find(self, _api: str, kind: str, labels: dict[str, str]) -> list[dict[str, Any]]:
        self.reads.append(f"{kind}s")
        found = [item for (known, _name), item in self.objects.items() if known == kind]
        return [item for item in found if labels.items() <= (item["metadata"].get("labels") or {}).items()]

    def events(self, uid: str) -> list[dict[str, Any]]:
        return self.told.get(uid, [])

    def log(self, pod: str, container: str, previous: bool, lines: int) -> list[str]:
        return self.logs.get(pod, [])[-lines:]

    def create(self, item: dict[str, Any]) -> None:
        self.writes.append(f"create {item['kind']} {item['metadata']['name']}")
        self.add(item)

    def patch(self, item: dict[str, Any], dry_run: bool = False) -> dict[str, Any] | None:
        place = (item["kind"], item["metadata"]["name"])
        if dry_run:
            self.reads.append(f"dry run {' '.join(place)}")
        if place not in self.objects:
            return None
        result = merged(self.objects[place], item)
        if not dry_run:
            self.writes.append(f"patch {' '.join(place)}")
            self.objects[place] = result
        return result

    def delete(self, _api: str, kind: str, name: str) -> None:
        self.writes.append(f"delete {kind} {name}")
        del self.objects[kind, name]

    def release(self, number: int, status: str, items: list[dict[str, Any]], touched: float = 0) -> None:
        labels = {"owner": "helm", "name": "jupyterhub", "version": str(number), "status": status}
        content = {"manifest": yaml.safe_dump_all(items), "chart": {"metadata": {"version": "4.4.0"}}}
        packed = base64.b64encode(base64.b64encode(gzip.compress(json.dumps(content).encode()))).decode()
        name = f"sh.helm.release.v1.jupyterhub.v{number}"
        metadata = {"name": name, "labels": labels | {"createdAt": str(int(touched))}}
        self.add({"kind": "Secret", "metadata": metadata, "data": {"release": packed}})

    def status_of(self, number: int, status: str) -> None:
        self.objects["Secret", f"sh.helm.release.v1.jupyterhub.v{number}"]["metadata"]["labels"]["status"] = status


class World:
    """A cluster, a Helm and a clock that runs only while somebody sleeps."""

    def __init__(self) -> None:
        self.cluster, self.now = Cluster(), 1000.0
        self.called: list[str] = []
        self.said: list[str] = []
        self.helm_fails = ""
        self.after_rollback: Any = lambda: None

    def steward(self, check_mode: bool = False) -> Steward:
        return Steward(
            "jupyterhub",
            self.cluster,
            self.helm,
            self.said.append,
            check_mode,
            clock=lambda: self.now,
            sleep=self.sleep,
        )

    def helm(self, arguments: list[str]) -> tuple[int, str]:
        self.called.append(" ".join(arguments))
        if self.helm_fails:
            return 1, self.helm_fails
        last = max(int(name.rpartition("v")[2]) for kind, name in self.cluster.objects if kind == "Secret")
        self.cluster.release(last + 1, "deployed", [HUB, SERVICE, CONFIG])
        self.after_rollback()
        return 0, ""

    def sleep(self, seconds: float) -> None:
        self.now += seconds

    def deploy(self, number: int = 1, ready: bool = True) -> None:
        self.cluster.release(number, "deployed", [HUB, SERVICE, CONFIG])
        self.cluster.add(merged(CONFIG, {"metadata": MARKS}))
        self.cluster.add(
            merged(SERVICE, {"metadata": MARKS}), status={"loadBalancer": {"ingress": [{"ip": "192.0.2.1"}]}}
        )
        self.cluster.add(merged(HUB, {"metadata": MARKS}), status=READY if ready else {"observedGeneration": 1})


@pytest.fixture
def world() -> World:
    return World()


def crash(world: World) -> None:
    state = {"name": "hub", "restartCount": 6, "state": {"waiting": {"reason": "CrashLoopBackOff"}}}
    state["lastState"] = {"terminated": {"exitCode": 1}}
    pod = {"kind": "Pod", "metadata": {"name": "hub-1", "labels": {"app": "hub"}}}
    world.cluster.add(pod, status={"containerStatuses": [state]})
    world.cluster.logs["hub-1"] = ["starting", "ModuleNotFoundError: no module named 'x'"]
    world.cluster.told["hub-1"] = [{"reason": "BackOff", "message": "Back-off restarting\nfailed container"}]


def test_nothing_is_done_where_nothing_is_wrong(world: World) -> None:
    world.deploy()
    world.steward().see_through(1, 60)
    world.cluster.writes.clear()
    assert world.steward().make_usable(60) == {"changed": False, "cure": "", "revision": 1, "status": "deployed"}
    answer = world.steward().see_through(1, 60)
    assert (answer["changed"], answer["address"], answer["revision"]) == (False, "192.0.2.1", 1)
    assert answer["chart"] == {"version": "4.4.0"}
    assert not world.cluster.writes
    assert not world.called


def test_what_stands_is_read_once_and_not_tried(world: World) -> None:
    world.deploy()
    world.cluster.add({"kind": "Pod", "metadata": {"name": "hub-1", "labels": {"app": "hub"}}})
    other = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "other"}, "data": {"c": "d"}}
    world.cluster.add(merged(other, {"metadata": MARKS}))
    world.cluster.release(2, "deployed", [HUB, SERVICE, CONFIG, other])
    world.steward().see_through(2, 60)
    world.cluster.reads.clear()
    world.steward().see_through(2, 60)
    assert world.cluster.reads == [
        "Secrets",
        "Deployment hub",
        "Service proxy-public",
        "ConfigMaps",
        "ConfigMap hub-record",
    ]


LABELS = {"app.kubernetes.io/component": "user-placeholder"}


def beside(name: str, replicas: int = 4) -> dict[str, Any]:
    metadata = {"name": name, "labels": LABELS}
    return {"apiVersion": "apps/v1", "kind": "StatefulSet", "metadata": metadata, "spec": {"replicas": replicas}}


def test_what_differs_beside_the_release_and_what_is_too_much(world: World) -> None:
    world.deploy()
    secret = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "hub-secrets"}}
    for item in (secret | {"data": {"a": "Yg=="}}, beside("default", 3), beside("large"), beside("gone")):
        world.cluster.add(item)
    space = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "spaces"}}
    steward = world.steward()
    steward.make_usable(60)
    objects = [space, secret, beside("default"), beside("large")]
    found = steward.survey(objects, LABELS, {"hub-secrets": {"a": "Yg=="}})
    assert found["differing"] == ["Namespace/spaces", "StatefulSet/default"]
    assert found["surplus"] == ["gone"]
    assert list(found["fingerprints"]) == ["hub-secrets"]
    assert "Yg==" not in str(found)
    changed = steward.survey(objects, LABELS, {"hub-secrets": {"a": "Yw=="}})
    assert changed["differing"] == ["Namespace/spaces", "Secret/hub-secrets", "StatefulSet/default"]
    assert (found["chart"], len(found["values_sha256"])) == ({"version": "4.4.0"}, 64)
    assert not world.cluster.writes


def surveyed(world: World, objects: list[dict[str, Any]]) -> dict[str, Any]:
    steward = world.steward(check_mode=True)
    steward.make_usable(60, patient=False)
    return steward.survey(objects, {}, {}, ["theirs"])


def test_what_is_as_described_leaves_nothing_to_do(world: World) -> None:
    world.deploy()
    world.steward().see_through(1, 60)
    world.cluster.add({"kind": "Secret", "metadata": {"name": "theirs"}, "data": {"tls.key": "eA=="}})
    world.cluster.reads.clear()
    world.cluster.writes.clear()
    found = surveyed(world, [beside("default")])
    assert (found["drift"], found["waiting"], found["address"]) == ([], [], "192.0.2.1")
    assert found["differing"] == ["StatefulSet/default"]
    assert (list(found["fingerprints"]), found["secret_keys"]) == (["theirs"], {"theirs": ["tls.key"]})
    assert len(world.cluster.reads) == len(set(world.cluster.reads)), "nothing is read twice"
    assert not world.cluster.writes


def test_what_seeing_it_through_would_meet_is_told(world: World) -> None:
    world.deploy()
    assert surveyed(world, [])["waiting"] == ["jupyterhub: revision 1 is not recorded as one that works"]
    world.steward().see_through(1, 60)
    del world.cluster.objects["ConfigMap", "hub"]
    world.cluster.objects["Deployment", "hub"]["spec"]["replicas"] = 0
    assert surveyed(world, [])["drift"] == ["Deployment hub", "ConfigMap hub"]
    world.deploy(ready=False)
    crash(world)
    assert "CrashLoopBackOff" in " ".join(surveyed(world, [])["waiting"])


def test_a_field_that_never_changes_is_a_difference_like_others(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    world.deploy()

    def refused(*_arguments: Any, **_options: Any) -> None:
        raise KubernetesError("correcting StatefulSet default: forbidden", 422)

    monkeypatch.setattr(world.cluster, "patch", refused)
    world.cluster.add(beside("default", 3))
    assert surveyed(world, [beside("default")])["differing"] == ["StatefulSet/default"]


def test_somebody_elses_helm_is_not_waited_for_by_who_only_looks(world: World) -> None:
    world.deploy()
    world.cluster.release(2, "pending-upgrade", [HUB], touched=world.now - 1)
    answer = world.steward(check_mode=True).make_usable(60, patient=False)
    assert "it is waited for" in answer["cure"] and not world.said


def test_a_release_that_is_not_deployed_counts_as_none(world: World) -> None:
    world.deploy()
    world.cluster.status_of(1, "failed")
    steward = world.steward(check_mode=True)
    steward.make_usable(60)
    found = steward.survey([], {}, {})
    assert (found["differing"], found["surplus"], found["chart"], found["values_sha256"]) == ([], [], {}, "")


def test_an_object_whose_labels_were_taken_is_found_by_its_name(world: World) -> None:
    world.deploy()
    other = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "other"}, "data": {"c": "d"}}
    world.cluster.add(other)
    world.cluster.release(2, "deployed", [HUB, SERVICE, CONFIG, other])
    answer = world.steward().see_through(2, 60)
    assert [item["object"] for item in answer["drift"]] == ["ConfigMap other"]
    assert "create ConfigMap other" not in world.cluster.writes
    assert world.cluster.objects["ConfigMap", "other"]["metadata"]["labels"] == MARKS["labels"]


def test_a_failed_release_is_rolled_back_before_the_next(world: World) -> None:
    world.deploy()
    world.cluster.release(2, "failed", [HUB])
    answer = world.steward().make_usable(60)
    assert world.called == ["rollback jupyterhub 1"]
    assert answer["changed"]
    assert (answer["revision"], answer["cure"]) == (3, "revision 2 was left failed: rolled back to revision 1")


def test_in_check_mode_a_cure_is_only_announced(world: World) -> None:
    world.deploy()
    world.cluster.release(2, "failed", [HUB])
    answer = world.steward(check_mode=True).make_usable(60)
    assert answer["changed"]
    assert "rolled back to revision 1" in answer["cure"]
    assert not world.called


def test_a_rollback_that_fails_says_what_helm_said(world: World) -> None:
    world.deploy()
    world.cluster.release(2, "failed", [HUB])
    world.helm_fails = "Error: no such thing"
    with pytest.raises(ReleaseError, match=r"revision 1 failed .*no such thing\nLook at it with: helm history"):
        world.steward().make_usable(60)


def test_a_release_that_never_worked_is_forgotten_and_its_objects_kept(world: World) -> None:
    world.deploy()
    world.cluster.status_of(1, "failed")
    assert world.steward().make_usable(60)["status"] == "absent"
    assert world.cluster.writes == ["delete Secret sh.helm.release.v1.jupyterhub.v1"]
    assert ("Deployment", "hub") in world.cluster.objects


def test_another_helm_at_work_is_waited_for(world: World) -> None:
    world.deploy()
    world.cluster.release(2, "pending-upgrade", [HUB], touched=world.now)
    slept: list[float] = []

    def finish(seconds: float) -> None:
        slept.append(seconds)
        world.cluster.status_of(2, "deployed")

    steward = world.steward()
    steward.sleep = finish
    answer = steward.make_usable(60)
    assert slept
    assert (answer["revision"], answer["changed"]) == (2, False)
    assert not world.called


def test_drift_is_corrected_and_readers_start_anew(world: World) -> None:
    world.deploy()
    world.cluster.objects["Deployment", "hub"]["spec"]["replicas"] = 0
    world.cluster.objects["ConfigMap", "hub"]["data"]["a"] = "by hand"
    answer = world.steward().see_through(1, 60)
    assert [item["object"] for item in answer["drift"]] == ["Deployment hub", "ConfigMap hub"]
    assert answer["drift"][0]["differences"] == [{"path": "spec.replicas", "live": 0, "wanted": 1}]
    hub = world.cluster.objects["Deployment", "hub"]
    assert hub["spec"]["replicas"] == 1
    assert "jupyterhub.stfc.ac.uk/restarted" in hub["spec"]["template"]["metadata"]["annotations"]
    world.cluster.writes.clear()
    assert not world.steward().see_through(1, 60)["changed"]
    assert not world.cluster.writes


def test_an_object_that_is_gone_comes_back_as_helm_s(world: World) -> None:
    world.deploy()
    del world.cluster.objects["ConfigMap", "hub"]
    answer = world.steward().see_through(1, 60)
    assert answer["drift"] == [{"object": "ConfigMap hub", "missing": True, "differences": []}]
    assert world.cluster.objects["ConfigMap", "hub"]["metadata"]["labels"] == MARKS["labels"]


def test_check_mode_tells_drift_and_leaves_it(world: World) -> None:
    world.deploy()
    world.cluster.objects["Deployment", "hub"]["spec"]["replicas"] = 0
    answer = world.steward(check_mode=True).see_through(1, 60)
    assert answer["changed"]
    assert not world.cluster.writes


def test_evidence_is_told_before_the_way_back(world: World) -> None:
    world.deploy(1)
    world.steward().see_through(1, 60)
    world.cluster.status_of(1, "superseded")
    world.deploy(2, ready=False)
    crash(world)

    def recover() -> None:
        del world.cluster.objects["Pod", "hub-1"]
        world.cluster.objects["Deployment", "hub"]["status"] = READY

    world.after_rollback = recover
    with pytest.raises(ReleaseError) as failure:
        world.steward().see_through(1, 600)
    assert world.called == ["rollback jupyterhub 1"]
    text = str(failure.value)
    assert "Revision 2 of the release jupyterhub will not become ready by itself" in text
    assert "ModuleNotFoundError" in text
    assert "BackOff: Back-off restarting failed container" in text
    assert "revision 1 is at work again" in text
    assert world.now < 1100  # a pod that cannot come up is not waited for to the end
    assert world.cluster.objects["ConfigMap", RECORD]["data"] == {"revision": "3", "address": "192.0.2.1"}


def test_the_first_release_stays_for_people_to_look_at(world: World) -> None:
    world.deploy(1, ready=False)
    with pytest.raises(ReleaseError, match="It is the first one, so it was left as it is"):
        world.steward().see_through(0, 60)
    assert not world.called


def test_what_this_run_did_not_release_is_not_rolled_back(world: World) -> None:
    world.deploy(1)
    world.cluster.status_of(1, "superseded")
    world.deploy(2, ready=False)
    with pytest.raises(ReleaseError, match="released nothing new, so nothing was rolled back"):
        world.steward().see_through(2, 60)
    assert not world.called
    assert world.now >= 1060


def test_a_balancer_without_an_address_is_named_with_its_events(world: World) -> None:
    world.deploy()
    world.cluster.objects["Service", "proxy-public"]["status"] = {}
    world.cluster.told["proxy-public"] = [{"reason": "SyncLoadBalancerFailed", "message": "no floating IP"}]
    with pytest.raises(ReleaseError, match="SyncLoadBalancerFailed: no floating IP"):
        world.steward().see_through(0, 60)


def refused(count: int = 1, words: str = "but got 403 instead: Quota has been met") -> dict[str, Any]:
    told = {"reason": "SyncLoadBalancerFailed", "message": words, "type": "Warning", "count": count}
    return told | {"lastTimestamp": f"2026-01-31T09:00:{count:02}Z", "metadata": {"name": "proxy-public.1"}}


def test_an_address_that_will_never_come_is_not_waited_for(world: World) -> None:
    world.deploy()
    world.cluster.objects["Service", "proxy-public"]["status"] = {}
    steward, looks = world.steward(), iter(range(1, 9))
    steward.kubernetes.events = lambda _uid: [refused(next(looks))]
    with pytest.raises(ReleaseError, match="will not become ready by itself") as caught:
        steward.see_through(0, 600)
    assert "Quota has been met" in str(caught.value)
    assert "It is the first one, so it was left as it is" in str(caught.value)
    assert world.now < 1005


def test_an_address_that_was_refused_before_is_asked_for_again(world: World) -> None:
    world.deploy()
    service = world.cluster.objects["Service", "proxy-public"]
    there, service["status"] = service["status"], {}
    world.cluster.told["proxy-public"] = [refused()]
    steward, read = world.steward(), []
    world.cluster.events = lambda uid: read.append(uid) or world.cluster.told.get(uid, [])
    steward.sleep = lambda _seconds: service.update(status=there)
    world.cluster.patch = lambda item, dry_run=False: service.update(status=there) if not dry_run else {}
    answer = steward.see_through(1, 60)
    assert (answer["changed"], answer["address"]) == (True, "192.0.2.1")
    assert len(read) == 1  # what comes between two looks would count as known


def test_what_the_balancer_does_not_do_is_work(world: World) -> None:
    world.deploy()
    world.steward().see_through(0, 60)
    steward = world.steward()
    assert steward.survey([], {}, {})["waiting"] == []
    world.cluster.told["proxy-public"] = [refused()]
    steward.in_cloud = lambda wanted: [f"{wanted.service} is open"]
    steward._history()
    assert steward.survey([], {}, {})["waiting"] == [
        "proxy-public: SyncLoadBalancerFailed: but got 403 instead: Quota has been met",
        "proxy-public: proxy-public is open",
    ]


def test_what_the_hub_says_of_its_people_is_told_once(world: World) -> None:
    pod = {"kind": "Pod", "metadata": {"name": "hub-1", "labels": {"app": "hub"}}}
    world.cluster.release(1, "deployed", [HUB])
    world.cluster.add(HUB, status=READY, metadata=MARKS)
    world.cluster.add(pod)
    world.cluster.logs["hub-1"] = [
        "[I 2026-11-27 20:57:49.158 JupyterHub app:1] Running",
        "[W 2026-11-27 20:57:49.160 JupyterHub people:52] stfc_jupyterhub: no administrators any more: ada",
        "[W 2026-11-27 20:57:49.170 JupyterHub auth:1] Disallowing invalid username '] stfc_jupyterhub: x'.",
    ]
    assert world.steward().see_through(0, 60)["told"] == ["no administrators any more: ada"]
    assert world.steward().see_through(0, 60)["told"] == []
    assert world.cluster.objects["ConfigMap", RECORD]["data"]["hub"] == "hub-1"
    world.cluster.status_of(1, "superseded")
    world.cluster.release(2, "deployed", [HUB])
    assert world.steward().see_through(1, 60)["told"] == []
    assert surveyed(world, [])["waiting"] == []


def test_a_hub_whose_log_cannot_be_read_is_heard_later(world: World) -> None:
    world.cluster.release(1, "deployed", [HUB])
    world.cluster.add(HUB, status=READY, metadata=MARKS)
    world.cluster.add({"kind": "Pod", "metadata": {"name": "hub-1", "labels": {"app": "hub"}}})
    world.cluster.logs["hub-1"] = [f"{NO_LOG}the node does not answer)"]
    unheard = ["who was taken out is not known: (no log: the node does not answer)"]
    assert world.steward().see_through(0, 60)["told"] == unheard
    assert "hub" not in world.cluster.objects["ConfigMap", RECORD]["data"]
    assert surveyed(world, [])["waiting"] == []
    world.cluster.logs["hub-1"] = ["[W 2026-11-27 20:57:49.160 JupyterHub people:52] stfc_jupyterhub: ada is out"]
    assert world.steward().see_through(0, 60)["told"] == ["ada is out"]
    assert world.steward().see_through(0, 60)["told"] == []


def test_an_address_that_was_waited_for_is_answered_and_remembered(world: World) -> None:
    world.deploy()
    service = world.cluster.objects["Service", "proxy-public"]
    there, service["status"] = service["status"], {}
    steward = world.steward()
    steward.sleep = lambda _seconds: service.update(status=there)
    assert steward.see_through(0, 60)["address"] == "192.0.2.1"
    assert world.cluster.objects["ConfigMap", RECORD]["data"] == {"revision": "1", "address": "192.0.2.1"}
    assert world.steward().survey([], {}, {})["waiting"] == []


@pytest.mark.parametrize(
    ("service", "address"),
    [
        (None, "192.0.2.1"),
        ({"spec": {}, "status": {}}, "192.0.2.1"),
        ({"spec": {}, "status": {"loadBalancer": {"ingress": [{"ip": "192.0.2.9"}]}}}, ""),
        ({"spec": {"loadBalancerIP": "192.0.2.1"}, "status": {}}, "192.0.2.1"),
    ],
    ids=["gone", "without an address", "with any", "with the kept one"],
)
def test_users_keep_the_address_they_know(world: World, service: dict[str, Any] | None, address: str) -> None:
    world.cluster.add({"kind": "ConfigMap", "metadata": {"name": RECORD}, "data": {"address": "192.0.2.1"}})
    if service:
        world.cluster.add(SERVICE | service)
    assert world.steward().survey([], {}, {})["kept_address"] == address
