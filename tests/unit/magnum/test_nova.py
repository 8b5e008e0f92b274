"""Whose a server is, and what Nova is believed to keep from coming: the real classes on openstacksdk."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.stfc.jupyterhub.plugins.module_utils.magnum import nova
from ansible_collections.stfc.jupyterhub.plugins.module_utils.magnum.errors import MagnumError
from ansible_collections.stfc.jupyterhub.plugins.module_utils.magnum.nodes import NodesModule
from ansible_collections.stfc.jupyterhub.plugins.module_utils.magnum.nova import alive, of_group
from ansible_collections.stfc.jupyterhub.plugins.module_utils.magnum.waiter import Seen
from openstack.exceptions import SDKException

from .fakes import Nova
from .test_modules import UUID, Cloud, module
from .test_waiter import Cloud as States

Json = dict[str, Any]

FLAVOR = {"id": "f1", "name": "g1.large", "vcpus": 8, "ram": 65536, "disk": 80}
FULL = {"maxTotalInstances": 2, "totalInstancesUsed": 2, "maxTotalCores": -1, "totalCoresUsed": 16}
QUOTA = "the quota of instances is 2, 2 are used, and one more g1.large takes 1"
BROKEN = {"message": "No valid host was found."}

CLUSTER = {"uuid": UUID, "name": "my-gpu-hub", "stack_id": "kube-ab12c", "api_address": "https://192.0.2.1:6443"}
CAPI_HELM = {**CLUSTER, "stack_id": "my-gpu-hub-abcdefgh2345"}
LONG = {**CLUSTER, "stack_id": f"{'jupyterhub-of-the-institute-for'[:30]}-abcdefgh2345"}
HEAT = {**CLUSTER, "stack_id": "49dc23f5-ffc9-40c3-9d34-7be7f9e34d63"}
GROUPS = ["default-master", "default-worker", "gpu", "gpu-large"]


def server(name: str, status: str = "ACTIVE", **more: Any) -> Json:
    return {"id": name, "name": name, "status": status, "metadata": {}, **more}


@pytest.mark.parametrize(
    ("cluster", "groups", "name", "of"),
    [
        (CLUSTER, GROUPS, "kube-ab12c-gpu-abcde-fghij-klmno", ["gpu"]),
        (CLUSTER, GROUPS, "kube-ab12c-gpu-large-abcde-fghij-klmno", ["gpu-large"]),
        (CLUSTER, GROUPS, "kube-ab12c-default-worker-abcde-fghij-klmno", ["default-worker"]),
        (CLUSTER, GROUPS, "kube-ab12c-xyzab-gpuab", []),  # of the control plane
        (CAPI_HELM, GROUPS, "my-gpu-hub-abcdefgh2345-default-worker-abcde", ["default-worker"]),
        (CAPI_HELM, GROUPS, "my-gpu-hub-abcdefgh2345-control-plane-abcde", []),
        (
            {**CAPI_HELM, "stack_id": None, "cluster_id": CAPI_HELM["stack_id"]},
            GROUPS,
            "my-gpu-hub-abcdefgh2345-gpu-x",
            ["gpu"],
        ),
        (LONG, GROUPS, f"{LONG['stack_id']}-default-workerabcde", ["default-worker"]),
        (LONG, GROUPS, f"{LONG['stack_id']}-default-worke-abcde", ["default-worker"]),
        (LONG, GROUPS, f"{LONG['stack_id']}-gpu-large-abcde", ["gpu-large"]),
        (HEAT, GROUPS, "my-gpu-hub-abcdefgh2345-node-0", ["default-worker"]),
        (HEAT, GROUPS, "my-gpu-hub-abcdefgh2345-master-0", []),
        (HEAT, GROUPS, "my-gpu-hub-gpu-abcdefgh2345-node-0", ["gpu"]),
        (HEAT, GROUPS, "my-gpu-hub-gpu-large-abcdefgh2345-node-0", ["gpu-large"]),
        (HEAT, ["Large_Memory"], "my-gpu-hub-large-mem-abcdefgh2345-node-0", ["Large_Memory"]),
        (
            HEAT,
            ["large-mem-a", "large-mem-b"],
            "my-gpu-hub-large-mem-abcdefgh2345-node-0",
            ["large-mem-a", "large-mem-b"],
        ),
    ],
)
def test_a_server_is_of_one_group(cluster: Json, groups: list[str], name: str, of: list[str]) -> None:
    """Names of groups are parts of each other's, and of the cluster's; the longest ones are cut."""
    (found,) = nova.Nova(Nova([server(name)]).connection()).servers(cluster, groups)
    assert found["groups"] == of
    assert [group for group in groups if of_group([found], group)] == of


def test_others_servers_are_none() -> None:
    cloud = Nova([server("kube-xy12z-gpu-abcde"), server("my-gpu-hub-gpu-abcde")])
    assert nova.Nova(cloud.connection()).servers(CLUSTER, GROUPS) == []


def seen(status: str, count: int) -> Seen:
    """A cluster whose group ``gpu`` is on its way."""
    plane = {"name": "default-master", "role": "master", "status": "UPDATE_IN_PROGRESS", "node_count": 1}
    gpu = {"name": "gpu", "role": "worker", "status": status, "node_count": count, "flavor_id": "f1"}
    return Seen(CLUSTER, (plane, gpu))


def of(cloud: Nova) -> Any:
    """Any of the modules that wait, on that cloud."""
    made = module(NodesModule, Cloud())
    made.conn = cloud.connection()
    return made


def short(cloud: Nova, at: Seen) -> str:
    """What is said of groups which get no more servers."""
    said: str = of(cloud)._short(at)
    return said


def test_a_server_that_is_starting_has_its_share_of_the_quota_already() -> None:
    cloud = Nova([server("kube-ab12c-gpu-a"), server("kube-ab12c-gpu-b")], FULL, [FLAVOR])
    assert short(cloud, seen("CREATE_IN_PROGRESS", 2)) == ""
    assert QUOTA in short(cloud, seen("CREATE_IN_PROGRESS", 3))


def test_a_server_in_error_is_missing() -> None:
    failed = server("kube-ab12c-gpu-b", "ERROR", fault=BROKEN)
    cloud = Nova([server("kube-ab12c-gpu-a"), failed], {}, [FLAVOR])
    said = short(cloud, seen("CREATE_IN_PROGRESS", 2))
    assert "2 nodes are asked for and 1 servers are there, so it stays" in said
    assert "server kube-ab12c-gpu-b is in ERROR: No valid host was found." in said
    assert [each["name"] for each in alive(nova.Nova(cloud.connection()).servers(CLUSTER, GROUPS), "gpu")] == [
        "kube-ab12c-gpu-a"
    ]


def test_what_is_just_made_may_come_to_something() -> None:
    cloud = Nova([server("kube-ab12c-gpu-a", "BUILD")], FULL, [FLAVOR])
    assert short(cloud, seen("CREATE_IN_PROGRESS", 3)) == ""


def test_another_group_s_servers_are_not_counted() -> None:
    cloud = Nova([server("kube-ab12c-gpu-large-a"), server("kube-ab12c-gpu-large-b")], FULL, [FLAVOR])
    at = seen("CREATE_IN_PROGRESS", 2)
    large = {"name": "gpu-large", "role": "worker", "status": "CREATE_COMPLETE", "node_count": 2}
    assert "2 nodes are asked for and 0 servers are there" in short(cloud, Seen(at.cluster, (*at.groups, large)))


def test_a_group_that_is_deleted_gets_no_servers_and_ends_all_the_same() -> None:
    cloud = Nova([server("kube-ab12c-gpu-a")], FULL, [FLAVOR])
    at = seen("DELETE_IN_PROGRESS", 3)
    assert short(cloud, at) == ""
    stuck = {"name": "gpu-large", "role": "worker", "status": "UPDATE_IN_PROGRESS", "node_count": 2, "flavor_id": "f1"}
    assert short(cloud, Seen(at.cluster, (stuck, *at.groups))) == ""
    assert QUOTA in short(cloud, Seen(at.cluster, (stuck,)))


def test_a_deletion_is_waited_for_to_its_end() -> None:
    """Although a full project keeps other servers of that group from coming."""
    at = seen("DELETE_IN_PROGRESS", 3)
    plane = {**at.groups[0], "uuid": "m", "status": "CREATE_COMPLETE"}
    deleting = ({**CLUSTER, "status": "UPDATE_IN_PROGRESS"}, plane, {**at.groups[1], "uuid": "g"})
    states = States(*[deleting] * 30, deleting[:2], timeout=3600)
    states.waiter._short = of(Nova([server("kube-ab12c-gpu-a")], FULL, [FLAVOR]))._short
    done = states.waiter.until_done("deleting", states.now(), lambda now: now.group("gpu") is None, "gpu")
    assert done.group("gpu") is None
    assert states.waiter.notes == []


@pytest.mark.parametrize("what", ["servers", "limits", "flavors"])
def test_where_nova_does_not_answer_nothing_is_known(what: str) -> None:
    cloud = Nova([], FULL, [FLAVOR], broken=lambda path: path == what)
    asked = nova.Nova(cloud.connection())
    with pytest.raises(SDKException, match="currently unavailable"):
        asked.why("gpu", "f1", 1, asked.servers(CLUSTER, GROUPS))
    at = seen("CREATE_IN_PROGRESS", 2)
    assert short(cloud, at) == ""
    assert of(cloud)._missing(at) == (0 if what == "servers" else 3)


def test_magnums_own_reason_is_told_where_nova_does_not_answer() -> None:
    words = "Quota exceeded for instances: Requested 1, but already used 4 of 4 instances"
    plane = {"uuid": "m", "name": "default-master", "role": "master", "status": "CREATE_COMPLETE", "node_count": 1}
    gpu = {"uuid": "g", "name": "gpu", "role": "worker", "status": "CREATE_FAILED", "node_count": 3}
    failed = ({**CLUSTER, "status": "CREATE_FAILED"}, plane, {**gpu, "status_reason": words})
    making = ({**CLUSTER, "status": "CREATE_IN_PROGRESS"}, plane, {**gpu, "status": "CREATE_IN_PROGRESS"})
    asking = of(Nova(broken=lambda _what: True))
    for state, told in ((failed, words), (making, "creating cluster hub: not done within 300 s")):
        states = States(state, timeout=300)
        states.waiter._short, states.waiter._missing = asking._short, asking._missing
        with pytest.raises(MagnumError, match=told):
            states.waiter.until_created()
