"""The Magnum modules on a cloud that fails: what they absorb, what they tell, and that nothing is made twice.

Two clusters meet one fault after another; each test takes them up where the one before has left them.
"""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import kubernetes
import openstack
import pytest

from tests.support.faults import Rule, capped, fault, made_long_ago, quota, stuck_balancer
from tests.support.modules import ModuleFailedError, part, run

volumes, Owner = part("magnum.volumes"), part("preflight.project").Owner

TEMPLATE: dict[str, Any] = {
    "name": "faulty-template",
    "coe": "kubernetes",
    "image": "ubuntu-jammy-kube-v1.34.4",
    "flavor": "c3.small",
    "master_flavor": "c3.small",
    "external_network": "External",
    "network_driver": "calico",
    "dns_nameserver": ["192.0.2.53"],
    "labels": {"kube_tag": "v1.34.4"},
}
ONE: dict[str, Any] = {
    "name": "faulty-one",
    "cluster_template": "faulty-template",
    "master_count": 1,
    "node_count": 1,
    "labels": {"rehearsal_family": "heat"},
    "timeout": 300,
}
"""Heat gives up, and tells why: the other families keep trying."""
TWO: dict[str, Any] = {**ONE, "name": "faulty-two", "labels": {"rehearsal_servers": "false"}}
MORE: dict[str, Any] = {"cluster": "faulty-one", "name": "more", "flavor": "c3.small", "timeout": 300}
HEAT_NAME = "Faulty_Three.of-a-long-name-that-Heat-shortens"
CLUSTERS = "^/v1/clusters/[0-9a-f-]+$"


@pytest.fixture(scope="module", autouse=True)
def connected(state: Path) -> Iterator[None]:
    """The modules find the cloud; what they made goes."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("OS_CLIENT_CONFIG_FILE", str(state / "clouds.yaml"))
        patch.setenv("OS_CLOUD", "rehearsal")
        yield
        for name in ("faulty-one", "faulty-two", HEAT_NAME):
            run("coe_cluster", name=name, state="absent")
        run("coe_cluster_template", name="faulty-template", state="absent")


class Magnum:
    """Magnum's API without our client."""

    def __init__(self, cloud: openstack.connection.Connection) -> None:
        self.api = cloud.container_infrastructure_management

    def get(self, path: str) -> Any:
        answer = self.api.get(path, microversion="1.10")
        assert answer.status_code == 200, answer.text
        return answer.json()

    def only(self, name: str) -> dict[str, Any]:
        """The cluster of that name; there is one."""
        (found,) = [one for one in self.get("/clusters")["clusters"] if one["name"] == name]
        return dict(found)

    def groups(self, cluster: str) -> list[str]:
        return sorted(group["name"] for group in self.get(f"/clusters/{cluster}/nodegroups")["nodegroups"])


@pytest.fixture(scope="module")
def magnum(cloud: openstack.connection.Connection) -> Magnum:
    return Magnum(cloud)


def fails(module: str, /, *words: str, **arguments: Any) -> dict[str, Any]:
    """The module fails with these words; its whole result."""
    with pytest.raises(ModuleFailedError) as raised:
        run(module, **arguments)
    for each in words:
        assert each in str(raised.value)
    return raised.value.result


def test_what_was_answered_by_errors_is_made_once(state: Path, magnum: Magnum) -> None:
    with fault(state, "magnum", "POST", "/clustertemplates$", status=500, late=True) as refused:
        assert run("coe_cluster_template", **TEMPLATE)["changed"]
        assert refused.hits() == 1
    cut = fault(state, "magnum", "POST", "/clusters$", reset=True, late=True)
    absent = fault(state, "magnum", "GET", CLUSTERS, status=404, times=2)
    expired = fault(state, "magnum", "GET", CLUSTERS, expire=True, after=3)
    broken = fault(state, "magnum", "GET", "/nodegroups$", status=503, times=2, after=1)
    with cut as first, absent as second, expired as third, broken as fourth:
        assert run("coe_cluster", **ONE)["cluster"]["status"] == "CREATE_COMPLETE"
        assert [rule.hits() for rule in (first, second, third, fourth)] == [1, 2, 1, 2]
    assert not run("coe_cluster", **ONE)["changed"]
    assert not run("coe_cluster_template", **TEMPLATE)["changed"]
    magnum.only("faulty-one")
    assert [t["name"] for t in magnum.get("/clustertemplates")["clustertemplates"]].count("faulty-template") == 1


def test_heat_gives_its_cluster_a_new_ca(tmp_path: Path) -> None:
    """The only driver that does: the others' refusal is the target coe_kubeconfig's."""
    asked = {"cluster": "faulty-one", "path": str(tmp_path / "kubeconfig")}
    first = run("coe_kubeconfig", **asked)
    new = {**asked, "replace_ca": first["ca"]["fingerprint"]}
    foreseen = run("coe_kubeconfig", _ansible_check_mode=True, **new)
    assert (len(foreseen["actions"]), foreseen["ca"]) == (2, first["ca"])
    replaced = run("coe_kubeconfig", **new)
    assert replaced["changed"] and replaced["reachable"]
    assert replaced["ca"]["fingerprint"] != first["ca"]["fingerprint"]
    again = run("coe_kubeconfig", **new)
    assert (again["changed"], again["ca"], again["reachable"]) == (False, replaced["ca"], True)
    core = kubernetes.client.CoreV1Api(kubernetes.config.new_client_from_config(asked["path"]))
    _until(lambda: [ready(node) for node in core.list_node().items] == ["True", "True"])


def ready(node: Any) -> str:
    """A node's condition of that name."""
    return next((str(each.status) for each in node.status.conditions if each.type == "Ready"), "Unknown")


def test_credentials_that_end_in_the_middle_are_told(state: Path) -> None:
    named = fault(state, "magnum", "GET", "^/v1/clusters/faulty-one$", expire=True, delay=1)
    with contextlib.ExitStack() as stack, named as expired:

        def end() -> None:
            _until(lambda: expired.hits() == 1)
            words = "The credential has expired."
            stack.enter_context(fault(state, "keystone", "POST", "/auth/tokens$", status=401, message=words, times=0))

        ending = threading.Thread(target=end)
        ending.start()
        words = "looking for cluster faulty-one: Keystone refuses the credentials of cloud of the environment: The cred"
        fails("coe_cluster", words, "Check its entry in clouds.yaml", **ONE)
        ending.join()
    assert not run("coe_cluster", **ONE)["changed"]


def test_a_node_group_that_two_make_at_once(state: Path, magnum: Magnum) -> None:
    """Ours is held back; the other's comes first, and is then made what ours should have been."""
    uuid = magnum.only("faulty-one")["uuid"]
    body = {"name": "more", "flavor_id": "c3.small", "node_count": 1, "max_node_count": 2}
    answers: list[int] = []

    def other(held: Rule) -> None:
        _until(lambda: held.hits() == 1)
        path = f"/clusters/{uuid}/nodegroups"
        answers.append(magnum.api.post(path, json=body, microversion="1.10").status_code)

    with fault(state, "magnum", "POST", "/nodegroups$", delay=2) as held:
        rival = threading.Thread(target=other, args=[held])
        rival.start()
        result = run("coe_nodegroup", **MORE, node_count=1, max_node_count=3)
        rival.join()
    assert answers == [202]
    assert "was made by somebody else at the same moment" in str(result["warnings"])
    assert (result["nodegroup"]["max_node_count"], result["nodegroup"]["node_count"]) == (3, 1)
    assert magnum.groups(uuid) == ["default-master", "default-worker", "more"]
    assert not run("coe_nodegroup", **MORE, node_count=1, max_node_count=3)["changed"]


def test_a_resize_that_is_refused_cut_off_and_over_quota(state: Path, magnum: Magnum) -> None:
    three = {**MORE, "node_count": 3, "max_node_count": 3}
    with fault(state, "magnum", "POST", "/resize$", status=400, message="Only odd counts on Tuesdays."):
        words = "resizing node group more of cluster faulty-one to 3: Magnum answered 400: Only odd counts on Tuesdays."
        fails("coe_nodegroup", words, **three)
    cut = fault(state, "magnum", "POST", "/resize$", reset=True, late=True)
    busy = fault(state, "magnum", "POST", "/resize$", status=409, message="An operation is in progress.")
    with quota(state, instances=4), busy as first, cut as second:
        words = (
            "resize node group more from 1 to 3 nodes of cluster faulty-one failed (UPDATE_FAILED)",
            "Quota exceeded for instances: Requested 1, but already used 4 of 4 instances",
            "a higher quota of instances (4 allowed, 4 used; 1 more for each node",
        )
        fails("coe_nodegroup", *words, **three)
        assert (first.hits(), second.hits()) == (1, 1)
    again = run("coe_nodegroup", **three)
    assert again["actions"] == ["resize node group more to 3 nodes again, as that failed"]
    assert len(again["nodegroup"]["node_addresses"]) == 3
    assert not run("coe_nodegroup", **three)["changed"]


def test_a_node_group_that_could_not_be_made_is_replaced(state: Path, magnum: Magnum) -> None:
    extra = {**MORE, "name": "extra", "node_count": 1}
    with quota(state, instances=5):
        fails("coe_nodegroup", "create node group extra of cluster faulty-one failed", "higher quota", **extra)
        fails("coe_nodegroup", "extra of cluster faulty-one is CREATE_FAILED: ", "Delete it (state: absent)", **extra)
    made = run("coe_nodegroup", replace_failed=True, **extra)
    assert (made["changed"], made["nodegroup"]["status"]) == (True, "CREATE_COMPLETE")
    assert not run("coe_nodegroup", replace_failed=True, **extra)["changed"]
    assert magnum.groups("faulty-one") == ["default-master", "default-worker", "extra", "more"]


def test_magnum_dies_while_it_creates(state: Path, magnum: Magnum) -> None:
    with fault(state, "keystone", "POST", "/application_credentials", kill="magnum", late=True) as death:
        fails("coe_cluster", "creating cluster faulty-two: not done within 20 s", **{**TWO, "timeout": 20})
        assert death.hits() == 1
    made_long_ago(state, magnum.only("faulty-two")["uuid"])
    fails("coe_cluster", "the conductor that made it has died, so this never ends", **{**TWO, "timeout": 2})
    assert run("coe_cluster", name="faulty-two", state="absent")["changed"]


def test_a_creation_fails_with_a_fault(state: Path, magnum: Magnum) -> None:
    with fault(state, "keystone", "POST", "/application_credentials", status=403, message="Not for you."):
        failed = fails("coe_cluster", "creating cluster faulty-two failed (CREATE_FAILED)", "Not for you", **TWO)
    assert failed["status"] == "CREATE_FAILED"
    fails("coe_cluster", "is CREATE_FAILED", "Not for you", "Delete it (state: absent) before it is made again", **TWO)
    magnum.only("faulty-two")
    assert run("coe_cluster", name="faulty-two", state="absent")["changed"]


def test_a_template_without_a_name_server(magnum: Magnum) -> None:
    """magnum-cluster-api's own words."""
    bare = {**TEMPLATE, "name": "faulty-bare"}
    del bare["dns_nameserver"]
    run("coe_cluster_template", **bare)
    fails(
        "coe_cluster",
        "CREATE_FAILED",
        "'NoneType' object has no attribute 'split'",
        **{**TWO, "cluster_template": "faulty-bare"},
    )
    assert run("coe_cluster", name="faulty-two", state="absent")["changed"]
    assert run("coe_cluster_template", name="faulty-bare", state="absent")["changed"]


def test_a_creation_that_takes_longer_is_waited_for_again(magnum: Magnum) -> None:
    slow = {**TWO, "labels": {**TWO["labels"], "rehearsal_delay": "6"}}
    words = ("creating cluster faulty-two: not done within 2 s", "It goes on in the cloud: run this again")
    fails("coe_cluster", *words, **{**slow, "timeout": 2})
    uuid = magnum.only("faulty-two")["uuid"]
    assert run("coe_cluster", **slow)["cluster"]["uuid"] == uuid
    assert not run("coe_cluster", **slow)["changed"]


def test_a_deletion_is_stuck(state: Path, magnum: Magnum, cloud: openstack.connection.Connection) -> None:
    uuid = magnum.only("faulty-two")["uuid"]
    network = next(one for one in cloud.network.networks() if uuid in one.description)
    balancer = cloud.load_balancer.create_load_balancer(
        name=f"kube_service_{uuid}_default_web",
        description=f"Kubernetes external service default/web from cluster {uuid}",
        vip_subnet_id=network.subnet_ids[0],
    )
    cloud.load_balancer.wait_for_load_balancer(balancer.id, interval=0.2)  # or its driver would set it to ACTIVE yet
    stuck_balancer(state, balancer.id)
    words = (
        "deleting cluster faulty-two: not done within 4 s (cluster faulty-two: DELETE_IN_PROGRESS",
        f"load balancer {balancer.name} ({balancer.id}) is PENDING_UPDATE",
        "its operators have to set it to ERROR; then the deletion goes on",
    )
    fails("coe_cluster", *words, name="faulty-two", state="absent", timeout=4)
    stuck = fails("coe_leftovers", "PENDING_UPDATE", cluster=uuid, remove=["load_balancers"], timeout=1)
    assert f"{balancer.name} ({balancer.id}) is PENDING_UPDATE" in stuck["msg"]
    stuck_balancer(state, balancer.id, "ACTIVE")
    assert not run("coe_cluster", name="faulty-two", state="absent")["changed"]
    assert not run("coe_cluster", name="faulty-two", state="absent")["changed"]
    assert not list(cloud.load_balancer.load_balancers())


def owned(cloud: openstack.connection.Connection, cluster: dict[str, Any], *groups: str) -> set[str]:
    """Names of the project's servers that the preflight takes for this cluster's."""
    owner = Owner(cluster, ["default-master", "default-worker", *groups])
    return {server.name for server in cloud.compute.servers() if owner.owns(server.name, server.metadata)}


def test_servers_are_known_whatever_magnum_calls_the_stack(state: Path, cloud: openstack.connection.Connection) -> None:
    """Magnum tells ``cluster_id`` from API 1.13 on, and ``stack_id`` before; servers bear nothing else of it."""
    heat = {**ONE, "name": HEAT_NAME, "labels": {"rehearsal_family": "heat"}}
    other = run("coe_cluster", **heat)["cluster"]
    run("coe_nodegroup", cluster=HEAT_NAME, name="large_memory", flavor="c3.small", node_count=1, timeout=300)
    cluster_api = {**ONE, "name": "faulty-two", "labels": {"rehearsal_family": "cluster-api"}}
    mine = run("coe_cluster", **cluster_api)["cluster"]
    with capped(state, "1.10"):
        (older,) = run("coe_cluster_info", name="faulty-two")["clusters"]
    assert mine["cluster_id"] == older["stack_id"] and "stack_id" not in mine and "cluster_id" not in older
    theirs = owned(cloud, other, "large_memory")
    starts = ("faulty-three-of-a-long-name-th-", "faulty-three-of-a-lo-large-mem-")
    assert len(theirs) == 3 and all(name.startswith(starts) for name in theirs)
    ours = owned(cloud, mine)
    assert len(ours) == 2 and all(name.startswith(f"{mine['cluster_id']}-") for name in ours)
    assert owned(cloud, older) == ours
    for name in (HEAT_NAME, "faulty-two"):
        run("coe_cluster", name=name, state="absent")


def test_volumes_outlive_a_cluster_after_which_its_cloud_cleans_up(
    state: Path, tmp_path: Path, cloud: openstack.connection.Connection
) -> None:
    """By a janitor so old that it knows of no volume to be kept: it takes what names the cluster."""
    storage: Any = cloud.block_storage
    labels = {"rehearsal_servers": "false", "rehearsal_family": "capi-helm", "rehearsal_janitor": "0.8.1"}
    made = run("coe_cluster", **{**TWO, "labels": labels})["cluster"]
    kubeconfig = str(tmp_path / "kubeconfig")
    run("coe_kubeconfig", cluster="faulty-two", path=kubeconfig)
    kube = kubernetes.config.new_client_from_config(kubeconfig)
    persistent = claimed(kube, kept="1Gi", large="3000Gi")
    (handle,) = [each["spec"]["csi"]["volumeHandle"] for each in persistent]
    assert storage.get_volume(handle).metadata == {
        volumes.CSI_CLUSTER: made["cluster_id"],
        volumes.CLAIM: "kept",
        volumes.NAMESPACE: "default",
        volumes.PERSISTENT: persistent[0]["metadata"]["name"],
    }
    snapshot = storage.create_snapshot(volume_id=handle, metadata={volumes.CSI_CLUSTER: made["cluster_id"]})
    keeping = {"cluster": "faulty-two", "keep_volumes": "at_risk", "persistent_volumes": persistent}
    with fault(state, "cinder", "POST", "/metadata$", status=403, message="Not your volume.", times=0):
        words = ("Could not be marked as kept", "default/kept", "403", "Not your volume", "openstack volume set")
        fails("coe_leftovers", *words, **keeping)
    assert run("coe_leftovers", _ansible_check_mode=True, **keeping)["changed"]
    assert volumes.KEEP not in storage.get_volume(handle).metadata
    found = run("coe_leftovers", **keeping)
    assert found["changed"] and [each["kept"] for each in found["volumes"] + found["snapshots"]] == [True, True]
    assert not run("coe_leftovers", **keeping)["changed"]

    # Cinder takes no slash in the keys of a snapshot that is there.
    marks = storage.get_snapshot(snapshot.id).metadata
    assert volumes.CSI_CLUSTER not in marks
    assert volumes.unspelled(marks)[volumes.BEFORE] == made["cluster_id"]

    late = storage.create_volume(name="pvc-late", size=1, metadata={volumes.CSI_CLUSTER: made["cluster_id"]})
    assert run("coe_cluster", name="faulty-two", state="absent")["changed"]
    _until(lambda: storage.find_volume(late.id) is None)  # what was not marked
    after = run("coe_leftovers", cluster="faulty-two", expected_volumes=[handle])
    assert f"kept: default/kept, 1 GiB, volume {handle}" in after["summary"]
    assert [each["id"] for each in after["snapshots"]] == [snapshot.id]
    assert (state / "volumes" / persistent[0]["metadata"]["name"] / "data").is_dir()
    fails("coe_leftovers", "Volumes of users that were to be kept are gone", cluster="x", expected_volumes=[late.id])

    storage.delete_snapshot(snapshot)
    storage.wait_for_delete(snapshot, interval=0.2)
    storage.delete_volume(handle)
    _until(lambda: not (state / "volumes" / persistent[0]["metadata"]["name"]).exists())


def claimed(kube: kubernetes.client.ApiClient, **sizes: str) -> list[dict[str, Any]]:
    """Claims of these sizes, once each has a volume or a reason; the PersistentVolumes."""
    core = kubernetes.client.CoreV1Api(kube)
    kubernetes.client.StorageV1Api(kube).create_storage_class(
        {"metadata": {"name": "kept"}, "provisioner": volumes.DRIVER, "reclaimPolicy": "Retain"}
    )
    for name, size in sizes.items():
        spec = {
            "accessModes": ["ReadWriteOnce"],
            "storageClassName": "kept",
            "resources": {"requests": {"storage": size}},
        }
        core.create_namespaced_persistent_volume_claim("default", {"metadata": {"name": name}, "spec": spec})

    def told(name: str) -> bool:
        phase = core.read_namespaced_persistent_volume_claim(name, "default").status.phase
        events = core.list_namespaced_event("default", field_selector=f"involvedObject.name={name}").items
        return phase == "Bound" or any("exceeded quota" in event.message for event in events)

    _until(lambda: all(told(name) for name in sizes))
    return [kube.sanitize_for_serialization(volume) for volume in core.list_persistent_volume().items]


def _until(condition: Callable[[], bool], seconds: float = 60) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, f"not so within {seconds} s"
        time.sleep(0.05)
