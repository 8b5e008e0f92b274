"""From what openstacksdk gives to limits, and to what of their use is this cluster's."""

from __future__ import annotations

import threading
from typing import Any

from ansible_collections.stfc.jupyterhub.plugins.module_utils.preflight.project import Limit, Owner
from ansible_collections.stfc.jupyterhub.plugins.module_utils.preflight.reading import Reader, assemble, together
from openstack.block_storage.v3.volume import Volume
from openstack.compute.v2.server import Server
from openstack.compute.v2.server_group import ServerGroup
from openstack.load_balancer.v2.listener import Listener
from openstack.load_balancer.v2.load_balancer import LoadBalancer
from openstack.load_balancer.v2.pool import Pool
from openstack.network.v2.floating_ip import FloatingIP
from openstack.network.v2.port import Port
from openstack.network.v2.router import Router
from openstack.network.v2.security_group import SecurityGroup
from openstack.network.v2.subnet import Subnet

OWNER = Owner({"name": "hub", "uuid": "u-1", "stack_id": "kube-ab12c"}, ["default-worker"])

FLAVOR = {"vcpus": 8, "ram": 16384}


def network(limit: int, used: int) -> dict[str, int]:
    return {"limit": limit, "used": used, "reserved": 1}


ANSWERS: dict[str, Any] = {
    "compute": {
        "maxTotalInstances": 20,
        "totalInstancesUsed": 3,
        "maxTotalCores": 100,
        "totalCoresUsed": 24,
        "maxTotalRAMSize": -1,
        "totalRAMUsed": 49152,
        "maxServerGroups": 10,
        "totalServerGroupsUsed": 2,
        "maxServerGroupMembers": 10,
    },
    "servers": [
        Server(id="s1", name="kube-ab12c-default-worker-x", flavor=FLAVOR),
        Server(id="s2", name="named-otherwise", metadata={"cluster": "u-1"}, flavor=FLAVOR),
        Server(id="s3", name="somebody-elses", flavor=FLAVOR),
    ],
    "server_groups": [ServerGroup(name="kube-ab12c-default-worker"), ServerGroup(name="other")],
    "storage": {
        "id": "p",
        "volumes": {"limit": 100, "in_use": 4, "reserved": 0},
        "gigabytes": {"limit": 1000, "in_use": 53, "reserved": 1},
        "volumes_fast": {"limit": -1, "in_use": 1, "reserved": 0},
        "per_volume_gigabytes": {"limit": -1, "in_use": 0, "reserved": 0},
    },
    "volumes": [
        Volume(id="v1", name="pvc-1", size=1, metadata={"cinder.csi.openstack.org/cluster": "u-1"}, volume_type="fast"),
        Volume(id="v2", name="", size=50, attachments=[{"server_id": "s1"}], volume_type="standard"),
        Volume(id="v3", name="data", size=2, volume_type="standard"),
    ],
    "volume_types": ["standard", "fast"],
    "network": {"port": network(50, 6), "floatingip": network(5, 2), "security_group": network(10, 2)}
    | {"network": network(10, 1), "subnet": network(10, 1), "router": network(5, 1)}
    | {"security_group_rule": network(100, 9)},
    "subnets": [Subnet(name="k8s-clusterapi-kube-ab12c", network_id="n1"), Subnet(name="other", network_id="n2")],
    "routers": [Router(name="k8s-clusterapi-kube-ab12c")],
    "ports": [
        Port(id="p1", device_id="s2", network_id="n2"),
        Port(id="vip1", device_id="lb", network_id="n2"),
        Port(id="p3", device_id="dhcp", network_id="n1"),
        Port(id="p4", device_id="s3", network_id="n2"),
    ],
    "security_groups": [SecurityGroup(name="k8s-kube-ab12c-worker", security_group_rules=[{}, {}])],
    "floating_ips": [
        FloatingIP(floating_ip_address="203.0.113.7", floating_network_id="x", port_id="vip1"),
        FloatingIP(floating_ip_address="203.0.113.8", floating_network_id="x", port_id="p4"),
    ],
    "balancing": {"load_balancer": 10, "listener": None, "pool": -1, "member": 500, "health_monitor": 50},
    "balancers": [
        LoadBalancer(id="l1", name="kube_service_u-1_hub_proxy-public", vip_port_id="vip1"),
        LoadBalancer(id="l2", name="other", vip_port_id="vip2"),
    ],
    "listeners": [Listener(load_balancers=[{"id": "l1"}]), Listener(load_balancers=[{"id": "l2"}])],
    "pools": [
        Pool(loadbalancers=[{"id": "l1"}], members=[{}, {}], health_monitor_id="h"),
        Pool(loadbalancers=[{"id": "l2"}], members=[{}]),
    ],
    "clusters": [{"name": "hub"}, {"name": "other"}],
    "cluster_quota": {"hard_limit": 10},
    "zones": [],
}


def test_use_is_told_apart() -> None:
    shared = {"cluster": {"name": "hub"}}
    project, refusals = assemble("prod", frozenset(), ["member"], ANSWERS, {}, OWNER, shared)
    assert refusals == []
    assert project.limits == {
        "instances": Limit(20, 3, 2),
        "cores": Limit(100, 24, 16),
        "ram": Limit(-1, 49152, 32768),
        "server_groups": Limit(10, 2, 1),
        "server_group_members": Limit(10),
        "volumes": Limit(100, 4, 2),
        "gigabytes": Limit(1000, 54, 51),
        "volumes_fast": Limit(-1, 1, 1),
        "networks": Limit(10, 2, 1),
        "subnets": Limit(10, 2, 1),
        "routers": Limit(5, 2, 1),
        "ports": Limit(50, 7, 3),
        "floating_ips": Limit(5, 3, 1),
        "security_groups": Limit(10, 3, 1),
        "security_group_rules": Limit(100, 10, 2),
        "load_balancers": Limit(10, 2, 1),
        "listeners": Limit(-1, 2, 1),
        "pools": Limit(-1, 2, 1),
        "members": Limit(500, 3, 2),
        "health_monitors": Limit(50, 1, 1),
        "clusters": Limit(10, 2, 1),
    }
    assert [each["ours"] for each in project.floating_ips] == [True, False]
    assert project.limits["instances"].others == 1


def test_parts_run_at_the_same_time_and_fail_alone() -> None:
    meet = threading.Barrier(2, timeout=10)

    def broken() -> None:
        raise ValueError("no")

    results, failures = together({"one": meet.wait, "two": meet.wait, "three": broken})
    assert sorted(results) == ["one", "two"]
    assert str(failures["three"]) == "no"


def test_without_a_cluster_nothing_is_read_to_tell_it_apart() -> None:
    services = frozenset({"compute", "block-storage", "network", "load-balancer", "dns"})
    reader = Reader(_Connection(), services)
    fresh, there = reader.parts({"hub_domain": "h"}, exists=False), reader.parts({"hub_domain": "h"}, exists=True)
    assert set(there) - set(fresh) == {
        "servers",
        "server_groups",
        "volumes",
        "subnets",
        "routers",
        "ports",
        "security_groups",
    }
    assert Reader(_Connection(), frozenset()).parts({}, exists=True) == {}


class _Connection:
    """Only named, never asked."""

    current_project_id = "p"
    container_infrastructure_management = compute = block_storage = network = load_balancer = dns = None
