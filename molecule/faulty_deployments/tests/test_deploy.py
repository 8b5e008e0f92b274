"""A deployment on a cloud that fails: what is told, that nothing is made twice, and that running again gets there.

One small service meets one fault after another; each test takes it up where the one before has left it.
"""

from __future__ import annotations

import contextlib
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import openstack
import pytest
import yaml

from tests.support.faults import Rule, fault, made_long_ago, quota, stuck_balancer
from tests.support.playbooks import Run, deploy, playbook

NAME = "faulty"

SERVICE: dict[str, Any] = {
    "cluster_name": NAME,
    "cluster_control_plane": {"flavor": "c3.small", "count": 1},
    "cluster_node_groups": [{"name": "default-worker", "flavor": "c3.medium", "count": 2}],
    "hub_profiles": [{"name": "default", "cpu": 1, "memory": "1G"}],
    "cluster_labels": {"rehearsal_family": "heat"},
}
"""On Heat, which gives up and tells why; what the drivers on Cluster API do comes last."""

SLOW: dict[str, Any] = {"cluster_labels": {"rehearsal_family": "heat", "rehearsal_delay": "10"}}


class Service:
    """The service's files, and the playbooks on them."""

    def __init__(self, state: Path, folder: Path, cloud: openstack.connection.Connection) -> None:
        self.state, self.folder, self.cloud = state, folder, cloud

    def _variables(self, keys: dict[str, Any]) -> dict[str, Any]:
        file = self.folder / "faulty.yml"
        file.write_text(yaml.safe_dump({**SERVICE, **keys}))
        overlays = [str(self.state / "overlay.yml"), str(file)]
        return {"service_overlays": overlays, "service_summary_file": str(self.folder / "summary.json")}

    def deploy(self, **keys: Any) -> Run:
        return self._checked(deploy(**self._variables(keys)))

    def destroy(self, **keys: Any) -> Run:
        return self._checked(playbook("destroy", confirm=NAME, **self._variables(keys)))

    def _checked(self, run: Run) -> Run:
        assert "Traceback" not in run.text
        self.nothing_twice()
        return run

    def cluster(self) -> dict[str, Any]:
        """As Magnum shows it; there is one."""
        (short,) = [c for c in self.magnum("/clusters")["clusters"] if c["name"] == NAME]
        return self.magnum(f"/clusters/{short['uuid']}")

    def groups(self) -> dict[str, dict[str, Any]]:
        path = f"/clusters/{self.cluster()['uuid']}/nodegroups"
        return {g["name"]: self.magnum(f"{path}/{g['uuid']}") for g in self.magnum(path)["nodegroups"]}

    def magnum(self, path: str) -> Any:
        answer = self.cloud.container_infrastructure_management.get(path, microversion="1.10")
        assert answer.status_code == 200, answer.text
        return answer.json()

    def nothing_twice(self) -> None:
        names = Counter(
            [f"cluster {c['name']}" for c in self.magnum("/clusters")["clusters"]]
            + [f"template {t['name']}" for t in self.magnum("/clustertemplates")["clustertemplates"]]
            + [f"server {server.name}" for server in self.cloud.compute.servers()]
            + [f"network {network.name}" for network in self.cloud.network.networks()]
            + [f"balancer {balancer.name}" for balancer in self.cloud.load_balancer.load_balancers()]
        )
        assert [name for name, count in names.items() if count > 1] == []

    def nothing_left(self) -> None:
        magnum = [self.magnum(f"/{kind}")[kind] for kind in ("clusters", "clustertemplates")]
        assert [thing["name"] for things in magnum for thing in things if not thing.get("public")] == []
        assert [server.name for server in self.cloud.compute.servers()] == []
        assert [balancer.name for balancer in self.cloud.load_balancer.load_balancers()] == []
        user = self.cloud.current_user_id
        left = [one.name for one in self.cloud.identity.application_credentials(user)]
        assert [name for name in left if name.startswith("magnum-")] == []


@pytest.fixture(scope="module")
def service(
    state: Path, tmp_path_factory: pytest.TempPathFactory, cloud: openstack.connection.Connection
) -> Iterator[Service]:
    service = Service(state, tmp_path_factory.mktemp("faulty"), cloud)
    service.nothing_left()
    yield service
    if any(cluster["name"] == NAME for cluster in service.magnum("/clusters")["clusters"]):
        service.destroy()  # a test has failed


def told(run: Run, *words: str) -> None:
    """The run failed, with these words."""
    said = " ".join(run.text.split())
    assert not run.ok, run.text
    for each in words:
        assert each in said, f"{each!r} is not in:\n{run.text}"


def over_quota(state: Path, allowed: int, further: int) -> contextlib.AbstractContextManager[Rule]:
    """Nova lets so many ``further`` servers be made. Preflight cannot know: others take places, too."""
    words = f"Quota exceeded for instances: Requested 1, but already used {allowed} of {allowed} instances"
    return fault(state, "nova", "POST", "/servers$", after=further, times=0, status=403, message=words)


def converged(run: Run) -> None:
    assert run.ok, run.text


def test_magnum_dies_while_it_creates(service: Service, state: Path) -> None:
    """The wait goes on while Magnum is away, and ends with its time; what never ends is known for such."""
    refused = fault(state, "magnum", "POST", "/clustertemplates$", status=503, message="<h1>503 No server</h1>")
    death = fault(state, "keystone", "POST", "/application_credentials", kill="magnum", late=True)
    with refused as first, death as second:
        run = service.deploy(cluster_create_timeout="20s")
        assert (first.hits(), second.hits()) == (1, 1), run.text
    told(
        run,
        f"creating cluster {NAME}: not done within 20 s (cluster {NAME}: CREATE_IN_PROGRESS",
        "run this again to go on waiting",
    )
    made_long_ago(state, service.cluster()["uuid"])
    told(
        service.deploy(cluster_create_timeout="5s"),
        f"creating cluster {NAME}: not done within 5 s",
        "Magnum itself gives up after 1: the conductor that made it has died, so this never ends. Delete the cluster",
    )
    converged(service.destroy())
    service.nothing_left()


def test_a_quota_is_reached_at_the_second_node(service: Service, state: Path) -> None:
    """A creation that was answered by an error is found again; Nova's words and what it takes reach the operator."""
    answered = fault(state, "magnum", "POST", "/clusters$", status=500, message="Timed out", late=True)
    expired = fault(state, "magnum", "GET", "/clusters/[0-9a-f-]+$", expire=True, after=1)
    absent = fault(state, "magnum", "GET", "/clusters/[0-9a-f-]+$", status=404, times=3)
    with over_quota(state, allowed=2, further=2), answered as first, absent as second, expired as third:
        run = service.deploy()
        assert (first.hits(), second.hits(), third.hits()) == (1, 3, 1), run.text
    told(
        run,
        f"creating cluster {NAME} failed (CREATE_FAILED)",
        "Quota exceeded for instances: Requested 1, but already used 2 of 2 instances",
        "This takes a higher quota of instances (2 allowed, 2 used; 1 more for each node)",
        "Delete the cluster",
    )
    run = service.deploy()
    told(run, f"cluster {NAME} is CREATE_FAILED", "Quota exceeded for instances", "stfc.jupyterhub.destroy -e confirm")
    assert run.changed == 0
    converged(service.destroy())
    service.nothing_left()


def test_a_creation_takes_longer_than_it_is_waited_for(service: Service, state: Path) -> None:
    """The next run goes on waiting. A node group that was answered by an error is found again.

    An address that the hub will not get is not waited for; the run after has it asked for again at once.
    """
    told(
        service.deploy(cluster_create_timeout="5s", **SLOW),
        f"creating cluster {NAME}: not done within 5 s",
        "It goes on in the cloud: run this again to go on waiting",
    )
    uuid = service.cluster()["uuid"]
    words = "Quota has been met for resources: Load Balancer"
    with fault(state, "octavia", "POST", "/loadbalancers$", times=0, status=403, message=words):
        started = time.monotonic()
        run = service.deploy(**SLOW)
    told(run, "will not become ready by itself", "SyncLoadBalancerFailed", words, "It is the first one, so it was left")
    assert time.monotonic() - started < 600, "hub_timeout was waited out"
    more = [*SERVICE["cluster_node_groups"], {"name": "more", "flavor": "c3.medium", "count": 1}]
    answered = fault(state, "magnum", "POST", "/nodegroups$", status=504, message="<h1>504</h1>", late=True)
    cut = fault(state, "magnum", "GET", "/nodegroups$", reset=True, times=2, after=2)
    with answered as first, cut as second:
        run = service.deploy(cluster_node_groups=more, **SLOW)
        converged(run)
        assert (first.hits(), second.hits()) == (1, 2), run.text
    assert service.cluster()["uuid"] == uuid
    run = service.deploy(cluster_node_groups=more, **SLOW)
    assert (run.ok, run.changed) == (True, 0), run.text


def test_a_resize_is_refused_and_fails(service: Service, state: Path) -> None:
    """Busy is waited for; a quota in the middle is told; the next run asks again although Magnum has the count."""
    more = [*SERVICE["cluster_node_groups"], {"name": "more", "flavor": "c3.medium", "count": 3}]
    busy = "Cluster faulty already has an operation in progress"
    with fault(state, "magnum", "POST", "/resize$", status=409, message=busy, times=2) as refused:
        with over_quota(state, allowed=5, further=1):
            run = service.deploy(cluster_node_groups=more, **SLOW)
        assert refused.hits() == 2, run.text
    told(
        run,
        f"resize node group more from 1 to 3 nodes of cluster {NAME} failed (UPDATE_FAILED)",
        "already used 5 of 5 instances",
        "Run this again once the cause is gone",
    )
    assert service.groups()["more"]["node_count"] == 3
    run = service.deploy(cluster_node_groups=more, **SLOW)
    converged(run)
    assert service.groups()["more"]["status"] == "UPDATE_COMPLETE"
    assert len(service.groups()["more"]["node_addresses"]) == 3


def test_a_balancer_is_stuck_while_the_service_is_destroyed(service: Service, state: Path) -> None:
    (balancer,) = service.cloud.load_balancer.load_balancers()
    stuck_balancer(state, balancer.id)
    told(
        service.destroy(cluster_delete_timeout="5s"),
        f"{balancer.name} ({balancer.id}), PENDING_UPDATE",
        "It takes no request for a balancer that is PENDING",
        "Nothing else has been deleted",
    )
    assert service.cluster()["status"].endswith("_COMPLETE")
    stuck_balancer(state, balancer.id, "ACTIVE")
    converged(service.destroy())
    service.nothing_left()
    run = service.destroy()
    assert (run.ok, run.changed) == (True, 0), run.text


def test_cluster_api_has_no_place_for_a_node(service: Service, state: Path) -> None:
    """Magnum says that all is well. The hub runs on what is there, and it is told what is missing, and why."""
    family = {"cluster_labels": {"rehearsal_family": "cluster-api", "rehearsal_delay": "5"}}

    def lower() -> None:
        """Once preflight has seen that there is room, others take it."""
        _until(lambda: service.magnum("/clusters")["clusters"])
        lowered.enter_context(quota(state, instances=2))

    with contextlib.ExitStack() as lowered:
        others = threading.Thread(target=lower)
        others.start()
        run = service.deploy(**family)
        others.join()
        converged(run)
    assert service.cluster()["status"] == "CREATE_COMPLETE"
    assert service.groups()["default-worker"]["node_addresses"] == []
    said = " ".join(run.text.split())
    assert "Node group default-worker: 1 of 2 nodes are ready" in said
    assert "the quota of instances is 2, 2 are used, and one more c3.medium takes 1" in said
    _until(lambda: len(list(service.cloud.compute.servers())) == 3)  # Cluster API has asked again
    run = service.deploy(**family)
    assert (run.ok, run.changed) == (True, 0), run.text
    converged(service.destroy())
    service.nothing_left()


def _until(condition: Callable[[], object], seconds: float = 60) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.5)
