"""Whether a load balancer does what its Service asks for: by the cloud provider's events, and by what Octavia has."""

from __future__ import annotations

import copy
from types import SimpleNamespace
from typing import Any

import openstack
import pytest
from ansible_collections.stfc.jupyterhub.plugins.module_utils.hub_release import balancer, client
from ansible_collections.stfc.jupyterhub.plugins.module_utils.hub_release.in_force import InForce, NotInForceError
from ansible_collections.stfc.jupyterhub.plugins.modules.hub_balancer import HubBalancer
from keystoneauth1.plugin import BaseAuthPlugin
from keystoneauth1.session import Session

Json = dict[str, Any]

PREFIX = "loadbalancer.openstack.org/"
CHANGED = "2026-01-31T09:00:10Z"

SERVICE: Json = {
    "metadata": {
        "name": "proxy-public",
        "uid": "u",
        "creationTimestamp": "2026-01-01T00:00:00Z",
        "annotations": {
            f"{PREFIX}load-balancer-id": "b",
            f"{PREFIX}timeout-client-data": "3600000",
            f"{PREFIX}timeout-member-data": "an hour",
        },
        "managedFields": [
            {"manager": "helm", "time": CHANGED, "fieldsV1": {"f:spec": {}}},
            {"manager": "ccm", "time": "2026-01-31T09:30:00Z", "fieldsV1": {"f:status": {}}, "subresource": "status"},
            {"manager": "ccm", "time": "2026-01-31T09:30:00Z", "fieldsV1": {"f:metadata": {}}},
        ],
    },
    "spec": {
        "type": "LoadBalancer",
        "ports": [{"port": 80, "protocol": "TCP"}, {"port": 443, "protocol": "TCP"}],
        "loadBalancerSourceRanges": ["192.0.2.0/24"],
        "loadBalancerIP": "203.0.113.7",
    },
    "status": {"loadBalancer": {"ingress": [{"ip": "203.0.113.7"}]}},
}

LISTENER: Json = {
    "balancers": ["b"],
    "protocol": "TCP",
    "protocol_port": 80,
    "allowed_cidrs": ["192.0.2.0/24"],
    "timeout_client_data": 3_600_000,
    "timeout_member_connect": 5_000,
    "timeout_member_data": 50_000,
    "timeout_tcp_inspect": 0,
}

SYNC = "Error syncing load balancer: failed to ensure load balancer: "
REFUSED = f"{SYNC}failed to update listener l: Expected HTTP response code [200 202] when accessing [PUT u], but got "
QUOTA = f'{REFUSED}403 instead: {{"faultstring": "Quota has been met for resources: Load Balancer"}}'


def there(provider: str = "amphora", address: str = "203.0.113.7", **listener: Any) -> balancer.Cloud:
    both = [{**LISTENER, **listener}, {**LISTENER, "protocol_port": 443, **listener}]
    others = [{**LISTENER, "balancers": ["other"], "protocol_port": 22}]
    return balancer.Cloud(
        [{"id": "other", "provider": "ovn", "vip_port_id": "q"}, {"id": "b", "provider": provider, "vip_port_id": "p"}],
        both + others,
        [{"address": "203.0.113.1", "port_id": "q"}, *([{"address": address, "port_id": "p"}] if address else [])],
    )


def service(**spec: Any) -> Json:
    changed = copy.deepcopy(SERVICE)
    changed["spec"].update(spec)
    return changed


def event(second: int, reason: str, message: str = "", kind: str = "Warning", count: int = 1) -> Json:
    when = f"2026-01-31T09:00:{second:02}Z"
    told = {"reason": reason, "message": message, "type": kind, "lastTimestamp": when, "count": count}
    return told | {"metadata": {"name": f"{reason}.1"}}


def done(second: int) -> Json:
    return event(second, "EnsuredLoadBalancer", kind="Normal")


def differences(given: Json, cloud: balancer.Cloud) -> list[str]:
    return balancer.differences(balancer.asked(given), cloud)


@pytest.mark.parametrize(
    ("text", "asked"),
    [("5", {"timeout_client_data": 5}), ("-5", {"timeout_client_data": -5}), ("+5", {"timeout_client_data": 5})]
    + [(text, {}) for text in ("", "an hour", "²", "٣", "5 ", "9" * 5000)],
)
def test_numbers_are_read_as_the_cloud_provider_reads_them(text: str, asked: Json) -> None:
    given = {"metadata": {"name": "s", "annotations": {f"{PREFIX}timeout-client-data": text}}}
    assert balancer.asked(given).timeouts == asked


@pytest.mark.parametrize(("text", "said"), [("true", True), ("True", False), ("yes", False), ("false", False)])
def test_what_is_true_is_spelt_in_one_way(text: str, said: bool) -> None:
    annotations = {balancer.INTERNAL: text, f"{PREFIX}x-forwarded-for": text}
    given = {"metadata": {"name": "s", "annotations": annotations}, "spec": {"ports": [{"port": 80}]}}
    asked = balancer.asked(given)
    assert (asked.internal, asked.ports) == (said, (("HTTP" if said else "TCP", 80),))


def test_what_is_in_force_differs_in_nothing() -> None:
    assert differences(SERVICE, there()) == []
    everybody = service(loadBalancerSourceRanges=[])
    for ranges in (None, [], ["0.0.0.0/0"]):
        assert differences(everybody, there(allowed_cidrs=ranges)) == []
    assert differences(service(loadBalancerSourceRanges=["192.0.2.7/24"]), there()) == []
    assert differences(service(loadBalancerIP=""), there(address="203.0.113.9")) == []


@pytest.mark.parametrize(
    ("given", "cloud", "words"),
    [
        ({}, there(allowed_cidrs=None), "the listener of port 80 lets in everybody, and is to let in 192.0.2.0/24"),
        ({"loadBalancerSourceRanges": []}, there(), "lets in 192.0.2.0/24, and is to let in everybody"),
        ({}, there(timeout_client_data=50_000), "has timeout_client_data 50000 ms, and is to have 3600000 ms"),
        ({}, there(protocol="UDP"), "there is no listener for TCP port 443"),
        ({}, there(address=""), "it has no floating IP, and is to have 203.0.113.7"),
        ({}, there(address="203.0.113.9"), "it has the floating IP 203.0.113.9, and is to have 203.0.113.7"),
        ({}, balancer.Cloud([], [], []), "Octavia has no load balancer b"),
        ({}, there(provider="ovn", allowed_cidrs=None, timeout_client_data=50_000), "lets in everybody"),
    ],
)
def test_what_is_not_in_force_is_told(given: Json, cloud: balancer.Cloud, words: str) -> None:
    found = differences(service(**given), cloud)
    assert any(words in line for line in found), found
    assert not [
        line for line in found if cloud.balancers[1:] and cloud.balancers[1]["provider"] == "ovn" and "ms" in line
    ]


def test_ranges_may_be_given_by_the_standard_annotation() -> None:
    noted = service(loadBalancerSourceRanges=None)
    noted["metadata"]["annotations"][balancer.RANGES] = " 192.0.2.0/25, 198.51.100.0/24,"
    assert differences(noted, there(allowed_cidrs=["198.51.100.0/24", "192.0.2.0/25"])) == []
    assert "is to let in 192.0.2.0/25, 198.51.100.0/24" in differences(noted, there(allowed_cidrs=None))[0]
    noted["spec"]["loadBalancerSourceRanges"] = [" 192.0.2.0/24 "]
    assert differences(noted, there()) == []
    noted["spec"].pop("loadBalancerSourceRanges")
    noted["metadata"]["annotations"][balancer.RANGES] = ""
    assert differences(noted, there(allowed_cidrs=None)) == []


def test_an_internal_one_has_no_floating_ip() -> None:
    inside = service(loadBalancerIP="")
    inside["metadata"]["annotations"][balancer.INTERNAL] = "true"
    assert differences(inside, there()) == ["it is to be internal, and the floating IP 203.0.113.7 leads to it"]
    assert differences(inside, there(address="")) == []


def test_who_is_not_octavias_is_not_compared() -> None:
    bare = service()
    bare["metadata"]["annotations"] = {}
    assert differences(bare, balancer.Cloud([], [], [])) == []


def test_only_the_newest_failure_of_what_is_asked_now_counts() -> None:
    before, after = event(10, "SyncLoadBalancerFailed", QUOTA), event(15, "SyncLoadBalancerFailed", QUOTA)
    assert balancer.trouble(SERVICE, [before]) is None  # in the second of the change: perhaps of what was asked before
    assert balancer.trouble(SERVICE, [after, done(20)]) is None
    assert balancer.trouble(SERVICE, [done(12), event(15, "UpdateLoadBalancerFailed", QUOTA)]) is not None
    found = balancer.trouble(SERVICE, [done(12), after])
    assert found == balancer.Trouble(f"SyncLoadBalancerFailed: {QUOTA}", final=True)
    # It was asked again in the same second: what came again is told from what was there.
    again = copy.deepcopy(SERVICE)
    again["metadata"]["managedFields"].append(
        {
            "time": after["lastTimestamp"],
            "fieldsV1": {"f:metadata": {"f:annotations": {f"f:{balancer.ASKED_AGAIN}": {}}}},
        }
    )
    known = balancer.identities([after])
    assert balancer.trouble(again, [after], known) is None
    assert balancer.trouble(again, [{**after, "count": 2}], known) is not None


@pytest.mark.parametrize(
    ("message", "final"),
    [
        (QUOTA, True),
        (f"{REFUSED}400 instead: IP version incompatible with all VIPs", True),
        (f"{SYNC}Bad request with: [PUT u], error message: IP version incompatible", True),
        (f"{SYNC}floating IP 203.0.113.7 is not available", True),
        (f"{REFUSED}409 instead: Quota exceeded for resources: ['floatingip'].", True),
        (f"{REFUSED}409 instead: Load Balancer b is immutable and cannot be updated.", False),
        (f"{REFUSED}503 instead: down", False),
        (f"{REFUSED}404 instead: gone; but got 403 instead", True),
        (f"{SYNC}there are no available nodes for LoadBalancer service a/b", False),
        (f"{SYNC}loadbalancer b has gone into ERROR state, please check Octavia for details", False),
    ],
)
def test_what_will_never_come_is_told_from_what_may(message: str, final: bool) -> None:
    found = balancer.trouble(SERVICE, [event(11, "SyncLoadBalancerFailed", message)])
    assert found is not None
    assert found.final is final


def test_what_is_ignored_matters_where_it_was_asked_for() -> None:
    ignored = event(11, "LoadBalancerSourceRangesIgnored", "LoadBalancerSourceRanges are ignored for Service a/b")
    assert balancer.trouble(SERVICE, [ignored, done(12)]) is not None
    assert balancer.trouble(service(loadBalancerSourceRanges=[]), [ignored, done(12)]) is None
    later = event(13, "EnsuringLoadBalancer", kind="Normal")
    assert balancer.trouble(SERVICE, [ignored, done(12), later]) is None
    inside = event(11, "LoadBalancerForcedInternal", "Floating network configuration not provided")
    assert balancer.trouble(SERVICE, [inside]) is not None


def test_a_long_event_keeps_its_end() -> None:
    found = balancer.trouble(SERVICE, [event(11, "SyncLoadBalancerFailed", f"begin {'x' * 2000} the reason")])
    assert found is not None
    assert found.words.startswith("SyncLoadBalancerFailed: begin")
    assert found.words.endswith("the reason")
    assert len(found.words) < 600


class Cluster:
    """A Service whose cloud provider has done, or been refused, at each look."""

    namespace = "spaces"

    def __init__(self, *looks: tuple[list[Json], list[str]]) -> None:
        self.looks = list(looks)
        self.now = 1_769_850_015.0  # 09:00:15
        self.service = copy.deepcopy(SERVICE)
        self.patched = 0

    def get(self, _version: str, _kind: str, _name: str) -> Json:
        return self.service

    def events(self, _uid: str) -> list[Json]:
        return self.looks[0][0]

    def patch(self, item: Json) -> None:
        assert list(item["metadata"]["annotations"]) == [balancer.ASKED_AGAIN]
        self.patched += 1
        fields = {"f:metadata": {"f:annotations": {f"f:{balancer.ASKED_AGAIN}": {}}}}
        self.service["metadata"]["managedFields"].append({"time": "2026-01-31T09:00:15Z", "fieldsV1": fields})

    def sleep(self, seconds: float) -> None:
        self.now += seconds
        if len(self.looks) > 1:
            self.looks.pop(0)

    def wait(self, read: bool = True, timeout: float = 600, **options: Any) -> Json:
        look = (lambda _asked: self.looks[0][1]) if read else None
        kubernetes: Any = self
        waiting = InForce("proxy-public", kubernetes, look, clock=lambda: self.now, sleep=self.sleep)
        return waiting.wait(timeout, **options)


OPEN = ["the listener of port 80 lets in everybody, and is to let in 192.0.2.0/24"]
SAID = event(11, "SyncLoadBalancerFailed", QUOTA)


def test_what_is_in_force_is_not_waited_for() -> None:
    cluster = Cluster(([], []))
    assert cluster.wait() == {"changed": False, "remarks": []}
    assert (cluster.patched, cluster.now) == (0, 1_769_850_015.0)


def test_what_the_cloud_provider_is_about_to_do_is_waited_for() -> None:
    cluster = Cluster(([], OPEN), ([], OPEN), ([done(11)], []))
    assert cluster.wait() == {"changed": False, "remarks": []}
    assert not cluster.patched


def test_what_stood_in_the_way_may_be_gone() -> None:
    cluster = Cluster(([SAID], OPEN), ([SAID], OPEN), ([SAID, done(16)], []))
    assert cluster.wait() == {"changed": True, "remarks": []}
    assert cluster.patched == 1


def test_what_was_changed_by_hand_is_put_right() -> None:
    cluster = Cluster(*[([], OPEN)] * 7, ([done(22)], []))
    assert cluster.wait() == {"changed": True, "remarks": []}
    assert cluster.patched == 1


def test_a_refusal_ends_it_with_its_words() -> None:
    again = event(15, "SyncLoadBalancerFailed", QUOTA, count=2)
    cluster = Cluster(([SAID], OPEN), ([again], OPEN))
    with pytest.raises(NotInForceError) as caught:
        cluster.wait()
    text = str(caught.value)
    assert "Service spaces/proxy-public does not do what is asked of it (ranges 192.0.2.0/24;" in text
    assert "Quota has been met" in text
    assert OPEN[0] in text
    assert "openstack loadbalancer status show b" in text
    assert cluster.now < 1_769_850_020


def test_what_passes_is_waited_for_until_the_end() -> None:
    busy = f"{REFUSED}409 instead: Load Balancer b is immutable"
    looks = [([event(16, "SyncLoadBalancerFailed", busy, count=count)], OPEN) for count in (1, 2)]
    cluster = Cluster(*looks)
    with pytest.raises(NotInForceError, match="immutable"):
        cluster.wait(timeout=60)
    assert cluster.now - 1_769_850_015 >= 60


def test_what_nobody_tells_anything_of_is_given_up() -> None:
    for events in ([], [done(16)]):
        cluster = Cluster((events, OPEN))
        with pytest.raises(NotInForceError, match="lets in everybody"):
            cluster.wait()
        assert cluster.patched == 1
        assert cluster.now - 1_769_850_015 < (40 if events else 140)


def test_without_a_cloud_the_events_have_to_tell() -> None:
    assert Cluster(([], [])).wait(read=False) == {"changed": False, "remarks": []}
    assert Cluster(([done(11)], [])).wait(read=False)["remarks"] == []
    early = event(5, "EnsuredLoadBalancer", kind="Normal")
    (warning,) = Cluster(([early], [])).wait(read=False)["remarks"]
    assert "Nothing tells whether" in warning
    looks = [([event(16, "SyncLoadBalancerFailed", QUOTA, count=count)], []) for count in (1, 2)]
    with pytest.raises(NotInForceError, match="Quota has been met"):
        Cluster(*looks).wait(read=False)


def test_what_else_the_cloud_provider_says_is_a_warning() -> None:
    other = event(11, "LoadBalancerLbMethodUnknown", "unknown method")
    usual = event(11, "LoadBalancerForcedInternal", "no network"), event(5, "LoadBalancerRename", "renamed")
    inside = Cluster(([other, *usual, done(12)], []))
    inside.service["metadata"]["annotations"][balancer.INTERNAL] = "true"
    assert inside.wait()["remarks"] == ["Service proxy-public: LoadBalancerLbMethodUnknown: unknown method"]


class Keystone(BaseAuthPlugin):  # type: ignore[misc]
    """Lets everybody in, and has no service in its catalogue."""

    asked = 0

    def get_token(self, *_: Any, **__: Any) -> str:
        self.asked += 1
        return "token"


class Cloud(openstack.connection.Connection):  # type: ignore[misc]
    """One that has Octavia and Neutron, and nothing else."""

    load_balancer = SimpleNamespace(
        find_load_balancer=lambda uuid, ignore_missing: SimpleNamespace(id=uuid, provider="amphora", vip_port_id="p"),
        listeners=lambda load_balancer_id: [
            SimpleNamespace(**{**LISTENER, "protocol_port": port}, load_balancers=[{"id": load_balancer_id}])
            for port in (80, 443)
        ],
    )
    network = SimpleNamespace(ips=lambda port_id: [SimpleNamespace(floating_ip_address="203.0.113.7", port_id=port_id)])


class LeftError(Exception):
    """The module has ended with this answer."""


def test_the_module_needs_no_magnum(monkeypatch: pytest.MonkeyPatch) -> None:
    def leave(**result: Any) -> None:
        raise LeftError(result)

    cluster, keystone = Cluster(([], [])), Keystone()
    monkeypatch.setattr(client, "Kubernetes", lambda _parameters, _namespace: cluster)
    made = object.__new__(HubBalancer)
    made.params = {"cloud": "c", "kubeconfig": "/k", "namespace": "spaces", "name": "proxy-public", "timeout": 1}
    made.conn = Cloud(session=Session(auth=keystone), region_name="r")
    made.ansible, made.progress = SimpleNamespace(check_mode=False), SimpleNamespace(say=lambda _line: None)
    made.exit_json = made.fail_json = leave
    made._waiters = []
    with pytest.raises(LeftError) as left:
        made.run()
    assert (left.value.args[0], keystone.asked) == ({"changed": False, "remarks": []}, 1)


def test_check_mode_asks_nobody() -> None:
    cluster = Cluster(([SAID], OPEN))
    found = cluster.wait(check_mode=True)
    assert found["changed"]
    assert found["remarks"] == [f"Service proxy-public: {line}" for line in (f"SyncLoadBalancerFailed: {QUOTA}", *OPEN)]
    assert not cluster.patched


def test_a_service_without_an_address_is_not_for_us() -> None:
    cluster = Cluster(([SAID], OPEN))
    cluster.service["status"] = {}
    assert cluster.wait() == {"changed": False, "remarks": []}
