"""Whose a volume is, and what keeps it when its cluster goes."""

from __future__ import annotations

import re
from typing import Any

import pytest
from ansible_collections.stfc.jupyterhub.plugins.module_utils.magnum.errors import MagnumError
from ansible_collections.stfc.jupyterhub.plugins.module_utils.magnum.keeping import Keeper
from ansible_collections.stfc.jupyterhub.plugins.module_utils.magnum.volumes import (
    BEFORE,
    CSI_CLUSTER,
    KEEP,
    KEPT,
    OUR_NAME,
    OURS,
    Cluster,
    Found,
    Thing,
    at_risk,
    gone,
    needed,
    refused,
    sort_out,
    spelled,
    summary,
    unspelled,
    without_marks,
)

UUID = "6d0c4b3a-19f5-4d3b-8a7e-6a4f1f0f6c11"
STACK = "hub-abcdefghijkl"
CLUSTER = Cluster("hub", UUID, ("hub", UUID, STACK))
CLAIM = {
    "csi.storage.k8s.io/pvc/name": "claim-anna",
    "csi.storage.k8s.io/pvc/namespace": "jupyterhub",
    "csi.storage.k8s.io/pv/name": "pvc-1",
}
MARKS = {KEEP: "true", CSI_CLUSTER: KEPT, BEFORE: STACK, OURS: UUID, OUR_NAME: "hub"}


def volume(identifier: str, kind: str = "volume", /, **metadata: str) -> Thing:
    return Thing(kind, identifier, f"pvc-{identifier}", 1, "available", metadata)


def of(identifier: str, cluster: str, **more: str) -> Thing:
    return volume(identifier, **{CSI_CLUSTER: cluster, **CLAIM, **more})


def persistent(handle: str, driver: str = "cinder.csi.openstack.org") -> dict[str, Any]:
    return {
        "metadata": {"name": f"pvc-{handle}"},
        "spec": {
            "capacity": {"storage": "1Gi"},
            "claimRef": {"namespace": "jupyterhub", "name": "claim-anna"},
            "csi": {"driver": driver, "volumeHandle": handle},
        },
    }


@pytest.mark.parametrize("cluster", ["hub", UUID, STACK])
def test_a_volume_is_known_by_what_its_driver_was_told(cluster: str) -> None:
    mine = of("v1", cluster)
    assert sort_out([mine, of("v2", "another"), volume("boot")], CLUSTER, None) == Found((mine,))


def test_heat_calls_every_cluster_the_same() -> None:
    ours, others, marked = (
        of("v1", "kubernetes"),
        of("v2", "kubernetes"),
        of("v3", "kubernetes", **{OURS: "another cluster's"}),
    )
    listed = [ours, others, marked]
    assert sort_out(listed, CLUSTER, None) == Found((), (ours, others))
    assert sort_out(listed, CLUSTER, [persistent("v1")]) == Found((ours,))
    # a cluster that somebody named as Heat names all of them
    assert sort_out(listed, Cluster("kubernetes", "u", ("kubernetes", "u")), None).mine == ()
    assert without_marks(listed, CLUSTER, "jupyterhub") == ["v1", "v2"]
    assert without_marks(listed, CLUSTER, None) == ["v1", "v2"]
    assert without_marks(listed, CLUSTER, "elsewhere") == []


def test_what_is_marked_is_found_again_and_needs_nothing() -> None:
    before = of("v1", STACK)
    assert needed(before, CLUSTER) == MARKS
    after = of("v1", STACK, **MARKS)
    assert after.kept
    assert needed(after, CLUSTER, persistent("v1")) == needed(after, CLUSTER) == {}
    gone_by_name = Cluster("hub", "", ("hub",))
    assert sort_out([after], gone_by_name, None) == Found((after,))
    assert without_marks([after], CLUSTER, "jupyterhub") == []


@pytest.mark.parametrize(
    ("stack", "risk"),
    [
        ("hub-7abcdefghij2", True),  # magnum-capi-helm
        ("kube-x7k2p", False),  # magnum-cluster-api
        ("0b2a6a33-67a4-4b7e-9d3c-0c5ad0b1a111", False),  # Heat
        ("something-else", True),
        (None, True),
    ],
)
def test_only_some_clouds_clean_up_after_a_cluster(stack: str | None, risk: bool) -> None:
    assert at_risk({"stack_id": stack}) is risk
    assert at_risk({"cluster_id": stack}) is risk


def test_a_snapshot_bears_the_marks_under_keys_that_cinder_takes() -> None:
    before = of("s1", STACK)
    marked = {**before.metadata, **needed(before, CLUSTER), "of the team": "x"}
    taken = spelled(marked)
    assert all(re.fullmatch(r"[a-zA-Z0-9_:. -]{1,255}", key) for key in taken)
    assert unspelled(taken) == marked
    snapshot = Thing("snapshot", "s1", "s1", 1, "available", unspelled(taken))
    assert snapshot.kept and needed(snapshot, CLUSTER) == {} and snapshot.claim == "jupyterhub/claim-anna"
    # what a driver writes anew counts
    assert unspelled({**taken, CSI_CLUSTER: "hub-2"})[CSI_CLUSTER] == "hub-2"


def test_another_cluster_of_the_name_takes_over_only_what_it_uses() -> None:
    kept, later = of("v1", STACK, **MARKS), Cluster("hub", "later", ("hub", "later"))
    assert needed(kept, later) == {}
    assert needed(kept, later, persistent("v1")) == {OURS: "later"}


def test_what_the_csi_driver_did_not_write_down_comes_from_kubernetes() -> None:
    bare = volume("v1", **{CSI_CLUSTER: STACK})
    wanted = needed(bare, CLUSTER, persistent("v1"))
    assert {key: wanted[key] for key in CLAIM} == {**CLAIM, "csi.storage.k8s.io/pv/name": "pvc-v1"}
    by_hand = needed(volume("v2"), CLUSTER, persistent("v2"))
    assert CSI_CLUSTER not in by_hand and BEFORE not in by_hand
    assert volume("v2", **by_hand).kept


def test_what_is_said_of_volumes() -> None:
    found = Found((of("v1", STACK),), (of("v2", "kubernetes"),))
    listed = [persistent("v1"), persistent("v3"), persistent("v4", "nfs.csi.k8s.io")]
    assert summary(found, CLUSTER, listed, True) == [
        "kept: jupyterhub/claim-anna, 1 GiB, volume v1",
        "kept: jupyterhub/claim-anna, 1 GiB, volume v2; of hub or of another cluster of the project, as their driver "
        "calls all of them 'kubernetes'",
        "not in the project: jupyterhub/claim-anna, persistent volume pvc-v3, volume v3",
        "not looked at: jupyterhub/claim-anna, persistent volume pvc-v4, which is not Cinder's",
    ]
    assert summary(Found(), CLUSTER, None, True) == ["There are no volumes of claims of hub in the project."]
    assert "was not looked at" in summary(Found(), CLUSTER, None, False)[0]


def test_refusals_name_volume_answer_and_remedy() -> None:
    said = refused([(of(f"v{number}", STACK), "Cinder answered 403: not you.") for number in range(7)])
    assert said.startswith("Could not be marked as kept") and "(7 in all): pvc-v0" in said
    assert "pvc-v0 (jupyterhub/claim-anna, v0): Cinder answered 403: not you;" in said
    assert "and 2 more" in said and "v6" not in said
    assert f"openstack volume set --property {KEEP}=true --property '{CSI_CLUSTER}={KEPT}' v0" in said
    assert "to /snapshots/s1/metadata" in refused([(Thing("snapshot", "s1", "s1", 1, "available"), "no.")])


def test_what_is_gone_is_told() -> None:
    there = [of("v1", STACK), Thing("volume", "v2", "pvc-2", 1, "deleting")]
    assert gone(["v1"], there) == ""
    assert gone(["v1", "v2", "v3"], there).startswith(
        "Volumes of users that were to be kept are gone (2 in all): v2, v3."
    )


def test_a_cloud_without_volumes() -> None:
    class Connection:
        def has_service(self, name: str) -> bool:
            return name != "block-storage"

    keeper = Keeper(Connection(), Exception, print)
    assert (keeper.there, keeper.things()) == (False, [])


def test_volumes_of_a_cluster_that_is_not_there_are_not_marked_as_its_own() -> None:
    class Connection:
        def has_service(self, _name: str) -> bool:
            return True

    with pytest.raises(MagnumError, match="does not exist"):
        Keeper(Connection(), Exception, print).keep(Found((of("v1", "hub"),)), Cluster("hub", "", ("hub",)), None)
