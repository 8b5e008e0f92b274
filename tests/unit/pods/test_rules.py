"""NetworkPolicies as nftables rules: given objects, what passes and what does not."""

from __future__ import annotations

import re
from typing import Any

import pytest

from rehearsal.pods import rules
from rehearsal.pods.rules import PolicyPod

HUB = PolicyPod("jhub", "hub", "10.88.1.1", {"component": "hub"}, {("http", "TCP"): 8081})
PROXY = PolicyPod("jhub", "proxy", "10.88.1.2", {"component": "proxy"}, {("api", "TCP"): 8001})
ADA = PolicyPod("jhub", "jupyter-ada", "10.88.1.3", {"component": "server"}, {("notebook-port", "TCP"): 8888})
WEB = PolicyPod("shop", "web", "10.88.1.4", {"component": "hub"})
PODS = [HUB, PROXY, ADA, WEB]
NAMESPACES = {"jhub": {"team": "a"}, "shop": {"team": "b"}}


def policy(name: str = "p", **spec: Any) -> dict[str, Any]:
    return {"metadata": {"namespace": "jhub", "name": name}, "spec": {"podSelector": {}, **spec}}


def chains(*policies: dict[str, Any], pods: list[PolicyPod] | None = None) -> dict[str, list[str]]:
    """The rules of each chain, without counters and comments."""
    text = rules.rule_set(policies, PODS if pods is None else pods, NAMESPACES)
    found = {}
    for match in re.finditer(r"chain (\S+) \{\n(.*?)\n  \}", text, re.DOTALL):
        lines = [re.sub(r' comment "[^"]*"', "", line.strip()) for line in match[2].splitlines()]
        found[match[1]] = [line.replace("counter ", "") for line in lines]
    return found


def of(component: str) -> dict[str, Any]:
    return {"matchLabels": {"component": component}}


def test_without_policies_everything_passes() -> None:
    found = chains()
    assert set(found) == {"forward", "input"}
    assert not any("drop" in rule for lines in found.values() for rule in lines)


def test_the_table_is_replaced_in_one_step() -> None:
    first, second, *_rest = rules.rule_set([], [], {}).splitlines()
    assert (first, second) == ("table ip rehearsal-policies", "delete table ip rehearsal-policies")


def test_only_selected_pods_are_isolated_and_only_in_the_named_direction() -> None:
    found = chains(policy(podSelector=of("hub"), policyTypes=["Ingress"]))
    assert found["ingress_10_88_1_1"] == ["drop"]
    assert set(found) == {"ingress_10_88_1_1", "forward", "input"}, "the shop's hub is of another namespace"
    assert found["forward"][-1] == "ip daddr vmap { 10.88.1.1 : jump ingress_10_88_1_1 }"


def test_a_policy_with_egress_rules_has_that_type_by_default() -> None:
    assert "egress_10_88_1_3" in chains(policy(podSelector=of("server"), egress=[{}]))
    assert "egress_10_88_1_3" not in chains(policy(podSelector=of("server")))


def test_what_pods_send_to_the_node_is_filtered_and_what_the_node_sends_is_not() -> None:
    found = chains(policy(podSelector=of("server"), policyTypes=["Ingress", "Egress"]))
    assert "ip saddr vmap { 10.88.1.3 : jump egress_10_88_1_3 }" in found["input"]
    assert not any("daddr" in rule for rule in found["input"])
    assert all(rules_[0].startswith("type filter hook") for rules_ in (found["input"], found["forward"]))
    assert found["forward"][1] == "ct state established,related accept"


def test_peers_by_label_in_the_own_namespace() -> None:
    found = chains(
        policy(
            podSelector=of("hub"),
            ingress=[
                {"from": [{"podSelector": of("proxy")}, {"podSelector": of("server")}], "ports": [{"port": 8081}]}
            ],
        )
    )
    assert found["ingress_10_88_1_1"] == [
        "ip saddr { 10.88.1.2 } tcp dport 8081 return",
        "ip saddr { 10.88.1.3 } tcp dport 8081 return",
        "drop",
    ]


@pytest.mark.parametrize(
    ("peer", "addresses"),
    [
        ({"namespaceSelector": {"matchLabels": {"team": "b"}}}, ["10.88.1.4"]),
        ({"namespaceSelector": {}, "podSelector": of("hub")}, ["10.88.1.1", "10.88.1.4"]),
        ({"namespaceSelector": {"matchLabels": {"team": "b"}}, "podSelector": of("proxy")}, []),
    ],
)
def test_peers_of_other_namespaces(peer: dict[str, Any], addresses: list[str]) -> None:
    found = chains(policy(podSelector=of("server"), ingress=[{"from": [peer]}]))
    expected = [f"ip saddr {{ {', '.join(addresses)} }} return"] if addresses else []
    assert found["ingress_10_88_1_3"] == [*expected, "drop"]


def test_an_empty_rule_lets_everything_pass() -> None:
    assert chains(policy(podSelector=of("hub"), ingress=[{}]))["ingress_10_88_1_1"] == ["return", "drop"]


def test_a_rule_for_peers_that_nobody_is_lets_nothing_pass() -> None:
    found = chains(policy(podSelector=of("hub"), ingress=[{"from": [{"podSelector": of("nobody")}]}]))
    assert found["ingress_10_88_1_1"] == ["drop"]


def test_ip_blocks() -> None:
    block = {"cidr": "0.0.0.0/0", "except": ["169.254.169.254/32", "10.0.0.0/8", "fd00::/8"]}
    found = chains(
        policy(
            podSelector=of("server"),
            egress=[
                {"to": [{"ipBlock": block}]},
                {"to": [{"ipBlock": {"cidr": "192.0.2.0/24"}}], "ports": [{"port": 53, "protocol": "UDP"}]},
                {"to": [{"ipBlock": {"cidr": "0.0.0.0/0"}}], "ports": [{"port": 443}]},
                {"to": [{"ipBlock": {"cidr": "2001:db8::/32"}}]},
            ],
        )
    )
    assert found["egress_10_88_1_3"] == [
        "ip daddr != { 10.0.0.0/8, 169.254.169.254/32 } return",
        "ip daddr 192.0.2.0/24 udp dport 53 return",
        "ip daddr 0.0.0.0/0 tcp dport 443 return",
        "drop",
    ]


def test_ports() -> None:
    ports = [{"port": 30000, "endPort": 32767}, {"protocol": "UDP"}, {"protocol": "SCTP", "port": 7}]
    assert chains(policy(podSelector=of("hub"), ingress=[{"ports": ports}]))["ingress_10_88_1_1"] == [
        "tcp dport 30000-32767 return",
        "meta l4proto udp return",
        "sctp dport 7 return",
        "drop",
    ]


def test_a_named_port_is_the_receivers() -> None:
    incoming = chains(policy(podSelector=of("server"), ingress=[{"ports": [{"port": "notebook-port"}]}]))
    assert incoming["ingress_10_88_1_3"] == ["tcp dport 8888 return", "drop"]
    unknown = chains(policy(podSelector=of("hub"), ingress=[{"ports": [{"port": "notebook-port"}]}]))
    assert unknown["ingress_10_88_1_1"] == ["drop"]
    outgoing = chains(
        policy(
            podSelector=of("server"),
            egress=[{"to": [{"podSelector": of("hub")}, {"podSelector": of("proxy")}], "ports": [{"port": "http"}]}],
        )
    )
    assert outgoing["egress_10_88_1_3"] == ["ip daddr 10.88.1.1 tcp dport 8081 return", "drop"]


def test_policies_add_up() -> None:
    found = chains(
        policy("one", podSelector=of("hub"), ingress=[{"ports": [{"port": 1}]}]),
        policy("two", podSelector=of("hub"), ingress=[{"ports": [{"port": 2}]}, {"ports": [{"port": 1}]}]),
    )
    assert [rule for rule in found["ingress_10_88_1_1"] if "dport 1 " in rule or "dport 2 " in rule]
    assert found["ingress_10_88_1_1"][-1] == "drop"
    assert found["ingress_10_88_1_1"].count("drop") == 1


@pytest.mark.parametrize(
    ("selector", "labels", "expected"),
    [
        ({}, {}, True),
        ({"matchLabels": {"a": "1"}}, {"a": "1", "b": "2"}, True),
        ({"matchLabels": {"a": "1"}}, {"a": "2"}, False),
        ({"matchExpressions": [{"key": "a", "operator": "In", "values": ["1", "2"]}]}, {"a": "2"}, True),
        ({"matchExpressions": [{"key": "a", "operator": "In", "values": ["1"]}]}, {}, False),
        ({"matchExpressions": [{"key": "a", "operator": "NotIn", "values": ["1"]}]}, {}, True),
        ({"matchExpressions": [{"key": "a", "operator": "Exists"}]}, {"a": ""}, True),
        ({"matchExpressions": [{"key": "a", "operator": "DoesNotExist"}]}, {"a": ""}, False),
    ],
)
def test_selects(selector: dict[str, Any], labels: dict[str, str], expected: bool) -> None:
    assert rules.selects(selector, labels) is expected


def test_which_pods_count() -> None:
    pod: dict[str, Any] = {
        "metadata": {"namespace": "jhub", "name": "x", "labels": {"a": "1"}},
        "spec": {"containers": [{"ports": [{"name": "http", "containerPort": 80}, {"containerPort": 81}]}]},
        "status": {"podIP": "10.88.1.9", "phase": "Running"},
    }
    assert PolicyPod.of(pod) == PolicyPod("jhub", "x", "10.88.1.9", {"a": "1"}, {("http", "TCP"): 80})
    assert PolicyPod.of({**pod, "status": {"phase": "Pending"}}) is None
    assert PolicyPod.of({**pod, "status": {**pod["status"], "phase": "Succeeded"}}) is None
    assert PolicyPod.of({**pod, "spec": {**pod["spec"], "hostNetwork": True}}) is None
