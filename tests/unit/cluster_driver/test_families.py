"""What the imitated driver families accept, and where they read the autoscaler's bounds."""

from __future__ import annotations

import pytest

from rehearsal.cluster import families, wishes
from rehearsal.cluster.desired import Group
from rehearsal.cluster.flavors import Flavor

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


def test_cluster_api_reads_the_minimum_from_the_field_and_the_maximum_from_either() -> None:
    """magnum-cluster-api 0.38.2: ``resources.mutate_machine_deployment``, ``utils.get_node_group_max_node_count``."""
    labels = {**SCALING, "min_node_count": "2", "max_node_count": "9"}
    bounds = families.get("cluster-api").bounds
    assert bounds(labels, 1, 4, default=True) == (1, 4)
    assert bounds(labels, 2, None, default=True) == (2, 9)
    assert bounds(labels, 0, None, default=False) == (0, 9)


def test_cluster_api_without_any_bounds_scales_between_none_and_one() -> None:
    assert families.get("cluster-api").bounds(SCALING, None, None, default=True) == (0, 1)


def test_capi_helm_reads_default_group_from_labels_and_others_from_fields() -> None:
    """magnum-capi-helm 1.4.0: ``driver.Driver._get_node_counts``."""
    labels = {**SCALING, "min_node_count": "2", "max_node_count": "9"}
    bounds = families.get("capi-helm").bounds
    assert bounds(labels, 1, 4, default=True, count=2) == (2, 9)
    assert bounds(labels, 1, 4, default=False, count=2) == (1, 4)
    assert bounds(SCALING, 1, 4, default=True, count=2) == (2, 4)  # a minimum of 1 counts as unset
    assert bounds(labels, 3, 3, default=False, count=3) is None


@pytest.mark.parametrize(
    ("minimum", "maximum", "words"),
    [
        (0, 3, "greater than or equal to 1"),
        (3, 4, "less than or equal to current node count"),
        (2, 1, "Max node count must be greater than or equal to min"),
    ],
)
def test_capi_helm_refuses_bounds(minimum: int, maximum: int, words: str) -> None:
    with pytest.raises(families.RefusedError, match=words):
        families.get("capi-helm").bounds(SCALING, minimum, maximum, default=False, count=2)


def test_cluster_api_takes_no_template_without_a_name_server() -> None:
    """magnum-cluster-api 0.38.2: ``resources.py``, ``cluster_template.dns_nameserver.split(",")``."""
    with pytest.raises(families.RefusedError, match="'NoneType' object has no attribute 'split'"):
        families.get("cluster-api").check_template(None)
    families.get("cluster-api").check_template("192.0.2.53")
    families.get("capi-helm").check_template(None)
    families.get("heat").check_template(None)


@pytest.mark.parametrize(
    ("family", "name", "words"),
    [
        ("cluster-api", "GPU", "Expected a lowercase RFC 1123 subdomain name, got GPU"),
        ("cluster-api", "-a", "Expected a lowercase"),
        ("capi-helm", "g2", "at least three characters long"),
        ("capi-helm", "2gpu", "at least three characters long"),
    ],
)
def test_names_that_a_driver_refuses(family: str, name: str, words: str) -> None:
    with pytest.raises(families.RefusedError, match=words):
        families.get(family).name_rule(name)
    families.get("heat").name_rule(name)
    families.get(family).name_rule("gpu")


def test_capi_helm_refuses_small_flavors_and_other_systems() -> None:
    family = families.get("capi-helm")
    for vcpus, ram, words in ((1, 4096, "enough CPU"), (2, 1024, "enough RAM")):
        with pytest.raises(families.RefusedError, match=words):
            family.check_flavor("c3.tiny", vcpus, ram)
        families.get("cluster-api").check_flavor("c3.tiny", vcpus, ram)
    with pytest.raises(families.RefusedError, match=r"\(vm, rocky, kubernetes\) not supported"):
        family.check_distro("rocky")
    families.get("cluster-api").check_distro("rocky")


class Nodegroup:
    """What of Magnum's object is read for a size."""

    def __init__(self, count: int, minimum: int, maximum: int | None, **labels: str) -> None:
        self.node_count, self.min_node_count, self.max_node_count = count, minimum, maximum
        self.labels, self.role, self.is_default, self.name = {**SCALING, **labels}, "worker", True, "default-worker"


def asked(family: str, nodegroup: Nodegroup) -> int:
    """How many nodes a new group of the family starts with."""
    group = Group(
        "default-worker", "worker", nodegroup.node_count, Flavor("c3.small", 2, 2048, 20), "f", "i", "v1.34.4"
    )
    wishes.first_count(families.get(family), nodegroup, group)
    return group.count


def test_an_autoscaled_group_starts_at_its_minimum() -> None:
    assert asked("cluster-api", Nodegroup(2, 0, None)) == 0
    assert asked("cluster-api", Nodegroup(2, 1, None, max_node_count="5")) == 1
    assert asked("capi-helm", Nodegroup(2, 1, 5, min_node_count="1", max_node_count="5")) == 1
    assert asked("heat", Nodegroup(2, 1, None, min_node_count="1", max_node_count="5")) == 2


@pytest.mark.parametrize(
    ("family", "after_resize", "after_bounds"), [("cluster-api", 1, 3), ("capi-helm", 1, 1), ("heat", 4, 1)]
)
def test_who_moves_an_autoscaled_group(family: str, after_resize: int, after_bounds: int) -> None:
    nodegroup = Nodegroup(4, 3, 6, min_node_count="3", max_node_count="6")
    assert wishes.resized(families.get(family), nodegroup, 1) == after_resize
    assert wishes.rebounded(families.get(family), nodegroup, 1) == after_bounds


@pytest.mark.parametrize("family", ["cluster-api", "capi-helm", "heat"])
def test_whose_control_plane_keeps_its_size(family: str) -> None:
    """Of the cluster's own family, whatever the rehearsal's is."""
    nodegroup = Nodegroup(3, 1, None, auto_scaling_enabled="false")
    assert wishes.resized(families.get(family), nodegroup, 1) == 3
    nodegroup.role = "master"
    if families.get(family).control_plane_resizes:
        assert wishes.resized(families.get(family), nodegroup, 1) == 3
        return
    with pytest.raises(families.RefusedError, match="Resizing the master nodegroup is not supported by this driver"):
        wishes.resized(families.get(family), nodegroup, 1)
