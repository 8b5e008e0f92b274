"""The nested supervisord's configuration."""

from __future__ import annotations

import configparser
from pathlib import Path

from rehearsal.cluster import programs
from rehearsal.cluster.inside import network_commands
from rehearsal.cluster.layout import ClusterDir
from rehearsal.settings import Settings


def test_programs_come_back_and_stop_in_the_opposite_order(tmp_path: Path) -> None:
    cluster = ClusterDir(Settings.load(tmp_path), "5dcaa89c-d048-498a-9e73-ee9ee4cfe5f4")
    text = programs.supervisord_configuration(cluster, {"etcd": ["/bin/etcd", "--a=50%"], "runner": ["py", "a b"]})
    conf = configparser.RawConfigParser()
    conf.read_string(text)
    assert conf["program:etcd"]["command"] == "/bin/etcd --a=50%%"
    assert conf["program:runner"]["command"] == 'py "a b"'
    assert conf["program:etcd"]["autorestart"] == "true"
    assert int(conf["program:etcd"]["priority"]) < int(conf["program:runner"]["priority"])
    assert conf["unix_http_server"]["chmod"] == "0600"


def test_kube_proxy_leaves_conntrack_alone(tmp_path: Path) -> None:
    cluster = ClusterDir(Settings.load(tmp_path), "5dcaa89c-d048-498a-9e73-ee9ee4cfe5f4")
    configuration = programs.kube_proxy_configuration(cluster)
    assert configuration["mode"] == "nftables"
    assert set(configuration["conntrack"].values()) == {0, "0s"}  # type: ignore[attr-defined]


def test_all_node_addresses_are_local() -> None:
    assert ["route", "add", "local", "192.168.4.0/22", "dev", "lo"] in network_commands("192.168.4.0/22")


def test_the_audit_log_is_of_operators_alone() -> None:
    policy = programs.audit_policy()
    unseen, seen, rest = policy["rules"]  # type: ignore[misc]
    assert {"pod-runner", "cluster-controller", "kwok", "system:apiserver"} <= set(unseen["users"])
    assert (unseen["level"], rest) == ("None", {"level": "None"})
    assert seen == {"level": "Metadata", "userGroups": ["system:masters"]}  # never what is in a Secret
