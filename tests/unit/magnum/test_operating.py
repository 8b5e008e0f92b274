"""Operations that Magnum refuses: for what is asked, or for what runs already."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.stfc.jupyterhub.plugins.module_utils.magnum.errors import ApiError
from ansible_collections.stfc.jupyterhub.plugins.module_utils.magnum.operating import (
    OperatingModule,
    drops_patch,
    drops_resize,
    takes_always,
)
from ansible_collections.stfc.jupyterhub.plugins.module_utils.magnum.waiter import Drops

from .test_waiter import MASTER, OTHER, SHORT, Cloud, Json, capi, cluster, has, workers

STUCK = {**OTHER, "status": "UPDATE_IN_PROGRESS"}
HEAT = {"stack_id": "49dc23f5-ffc9-40c3-9d34-7be7f9e34d63", "api_address": "https://192.0.2.1:6443"}


def operate(cloud: Cloud, refusals: list[ApiError], drops: Drops = takes_always, **more: Any) -> None:
    """Resize default-worker to three; Magnum answers with ``refusals`` first."""

    def request() -> None:
        if refusals:
            raise refusals.pop(0)

    module = object.__new__(OperatingModule)
    module.operate(cloud.waiter, "resizing", request, has(3), group="default-worker", drops=drops, **more)


@pytest.mark.parametrize(
    "refusal",
    [
        ApiError("resizing", 400, "Flavor g9 could not be found."),
        ApiError("creating", 409, "A node group with name default-worker already exists."),
        ApiError("patching", 400, "Invalid: min_node_count (3) should be less or equal to node_count (2)"),
    ],
)
@pytest.mark.parametrize("drops", [takes_always, drops_resize("default-worker"), drops_patch("default-worker")])
def test_a_refusal_of_what_is_asked_is_told_at_once_beside_a_stuck_group(refusal: ApiError, drops: Drops) -> None:
    cloud = Cloud((capi("UPDATE_IN_PROGRESS"), MASTER, workers(), STUCK), short=SHORT, timeout=3600)
    with pytest.raises(ApiError) as raised:
        operate(cloud, [refusal], drops)
    assert raised.value is refusal
    assert cloud.clock.now < 1010


def test_a_refusal_that_sounds_busy_is_asked_again_beside_a_stuck_group() -> None:
    stuck = (capi("UPDATE_IN_PROGRESS"), MASTER, workers(), STUCK)
    grown = (capi("UPDATE_IN_PROGRESS"), MASTER, workers("UPDATE_COMPLETE", 3), STUCK)
    busy = [ApiError("resizing", 409, "Another operation is in progress.") for _turn in range(2)]
    cloud = Cloud(*[stuck] * 6, grown, short=SHORT, timeout=3600)
    operate(cloud, busy)
    assert (busy, cloud.clock.now < 1020) == ([], True)
    always = [ApiError("resizing", 409, "Another operation is in progress.") for _turn in range(9)]
    with pytest.raises(ApiError, match="Another operation"):
        operate(Cloud(stuck, short=SHORT, timeout=3600), always)
    assert len(always) == 4


def test_elsewhere_what_runs_is_waited_for() -> None:
    def of(status: str, *groups: Json) -> tuple[Json, ...]:
        return (cluster(status, **HEAT), MASTER, *groups)

    idle, busy = of("UPDATE_COMPLETE", workers()), of("UPDATE_IN_PROGRESS", workers("UPDATE_IN_PROGRESS"))
    grown = of("UPDATE_COMPLETE", workers("UPDATE_COMPLETE", 3))
    cloud = Cloud(idle, busy, busy, idle, grown)
    operate(cloud, [ApiError("resizing", 400, "Cannot do it now.")])
    assert len(cloud.states) == 1
