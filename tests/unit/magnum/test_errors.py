"""What an operator is told to do."""

from __future__ import annotations

import pytest
from ansible_collections.stfc.jupyterhub.plugins.module_utils.magnum.errors import (
    ApiError,
    lost_group,
    missing_nodes,
    next_step,
    quota_advice,
)

NOVA = (
    "default-worker: Quota exceeded for cores, ram: Requested 8, 16384, "
    "but already used 36, 40960 of 40, 51200 cores, ram"
)


def test_a_quota_is_named_with_what_it_takes() -> None:
    advice = quota_advice(NOVA, missing=3)
    assert "a higher quota of cores (40 allowed, 36 used; 8 more for each node, 60 in all for the 3 that are" in advice
    assert "and ram (51200 allowed, 40960 used; 16384 more for each node, 90112 in all" in advice
    assert "in all" not in quota_advice(NOVA)


@pytest.mark.parametrize(
    "words",
    [
        "Quota exceeded for resources: ['floatingip'].",
        "VolumeLimitExceeded: Maximum number of volumes allowed (10) exceeded for quota 'volumes'.",
        "You have reached the maximum clusters per project, 10. You may delete a cluster to make room.",
        "Quota exceeded for cores, ram: Requested 8, but already used 36 of 40 cores, ram",
    ],
)
def test_other_quotas_are_known_for_such(words: str) -> None:
    assert quota_advice(words).startswith("Ask the cloud's operators for a higher quota")


def test_what_is_no_quota_is_none() -> None:
    assert quota_advice("No valid host was found.") == ""


def test_nodes_that_are_missing_are_counted_by_servers() -> None:
    """magnum-cluster-api 0.38.2 and magnum-capi-helm 1.4.0 leave ``node_addresses`` empty."""
    groups = [
        {"status": "CREATE_FAILED", "node_count": 5, "node_addresses": []},
        {"status": "CREATE_COMPLETE", "node_count": 3, "node_addresses": []},
    ]
    assert missing_nodes(groups, servers=5) == 3
    assert missing_nodes(groups, servers=9) == 0


@pytest.mark.parametrize(
    ("status", "answer", "step"),
    [
        (0, "connection reset", "safe to run this again"),
        (500, "oops", "safe to run this again"),
        (409, "busy", "run this again when that is over"),
        (403, "not you", "look at their roles"),
        (403, NOVA, "higher quota of cores"),
    ],
)
def test_every_answer_has_a_next_step(status: int, answer: str, step: str) -> None:
    assert step in next_step(status, answer)
    assert str(ApiError("resizing cluster hub to 3", status, answer)).startswith("resizing cluster hub to 3: ")


def test_a_refusal_speaks_for_itself() -> None:
    assert next_step(400, "bad") == ""


def test_a_group_that_can_never_be_deleted_is_told_as_final() -> None:
    """magnum-cluster-api 0.38.2 raises Heat's HTTPNotFound, of which Magnum 23 makes DELETE_FAILED, each time."""
    live = {"name": "hub", "stack_id": "kube-ab1c2"}
    group = {"name": "GPU", "status": "DELETE_FAILED", "status_reason": "ERROR: None"}
    assert "Node group GPU of cluster hub is DELETE_FAILED, and that is final" in lost_group(live, [group])
    assert lost_group(live, [{**group, "status_reason": "Read timed out."}]) == ""
    assert lost_group(live, [{**group, "status": "CREATE_FAILED"}]) == ""
    assert lost_group({**live, "stack_id": "hub-abcdefgh2345"}, [group]) == ""
