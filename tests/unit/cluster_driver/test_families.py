"""What the imitated driver families accept, and where they read the autoscaler's bounds."""

from __future__ import annotations

import pytest

from rehearsal.cluster import families

SCALING = {"auto_scaling_enabled": "true"}


def test_cluster_api_labels_name_group_and_role() -> None:
    family = families.get("cluster-api")
    assert family.node_labels("gpu", "worker") == {
        "node.cluster.x-k8s.io/nodegroup": "gpu",
        "node-role.kubernetes.io/worker": "",
    }
    assert "node-role.kubernetes.io/control-plane" in family.node_labels("default-master", "master")


def test_other_families_have_labels_of_their_own() -> None:
    assert families.get("capi-helm").node_labels("gpu", "worker") == {"capi.stackhpc.com/node-group": "gpu"}
    assert families.get("heat").node_labels("gpu", "worker") == {
        "magnum.openstack.org/nodegroup": "gpu",
        "magnum.openstack.org/role": "worker",
    }


def test_unknown_family_lists_the_known_ones() -> None:
    with pytest.raises(families.RefusedError, match=r"capi-helm, cluster-api, heat"):
        families.get("swarm")


@pytest.mark.parametrize("count", [0, 2, 4])
def test_control_plane_is_odd(count: int) -> None:
    with pytest.raises(families.RefusedError, match=f"size of {count}"):
        families.get("cluster-api").check_cluster(count, "calico")


@pytest.mark.parametrize("count", [1, 3, 5])
@pytest.mark.parametrize("driver", ["calico", "cilium"])
def test_cluster_api_takes_calico_and_cilium(count: int, driver: str) -> None:
    families.get("cluster-api").check_cluster(count, driver)


def test_cluster_api_refuses_flannel() -> None:
    with pytest.raises(families.RefusedError, match="flannel is not supported; choose one of: calico, cilium"):
        families.get("cluster-api").check_cluster(1, "flannel")


def test_group_without_autoscaling_has_no_bounds() -> None:
    assert families.get("cluster-api").bounds({"max_node_count": "4"}, 1, 4, default=True) is None


def test_cluster_api_prefers_fields_to_labels() -> None:
    labels = {**SCALING, "min_node_count": "2", "max_node_count": "9"}
    family = families.get("cluster-api")
    assert family.bounds(labels, 1, 4, default=True) == (1, 4)
    assert family.bounds(labels, None, None, default=True) == (2, 9)


def test_capi_helm_reads_default_group_from_labels_and_others_from_fields() -> None:
    labels = {**SCALING, "min_node_count": "2", "max_node_count": "9"}
    family = families.get("capi-helm")
    assert family.bounds(labels, 1, 4, default=True) == (2, 9)
    assert family.bounds(labels, 1, 4, default=False) == (1, 4)


def test_zero_minimum() -> None:
    assert families.get("cluster-api").bounds(SCALING, 0, 3, default=False) == (0, 3)
    with pytest.raises(families.RefusedError, match="greater than 0"):
        families.get("capi-helm").bounds(SCALING, 0, 3, default=False)


def test_crossed_bounds_are_refused() -> None:
    with pytest.raises(families.RefusedError, match="max_node_count 1 is less than min_node_count 3"):
        families.get("cluster-api").bounds(SCALING, 3, 1, default=False)
