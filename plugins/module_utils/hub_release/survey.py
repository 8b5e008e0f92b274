# Copyright: Contributors to the stfc.jupyterhub collection
# SPDX-License-Identifier: BSD-3-Clause
"""What there is of a release and of the objects beside it, and what there is to do."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from ..lock.lease import NAMESPACE, LeaseStore
from ..lock.locking import LockError
from ..summary import count
from .client import Kubernetes
from .steward import Steward

Json = dict[str, Any]


class Beside(NamedTuple):
    """What belongs beside the release: the arguments of ``Steward.survey``."""

    objects: list[Json]
    labels: Mapping[str, str]
    secrets: Mapping[str, Mapping[str, str]]
    reads: Sequence[str]


def survey(steward: Steward, beside: Beside, grace: float, node_groups: Mapping[str, Any]) -> Json:
    """What ``make_usable`` answers, without curing anything, and how many nodes and pods there are.

    Raises ReleaseError, KubernetesError, LockError.
    """
    # Whoever holds it may be changing what is looked at; one that died left it for the next run to take over.
    held = ["another run holds the lock of the cluster, or left it behind"] if _held(steward.kubernetes) else []
    answer = _look(steward, beside, grace, patient=False)
    answer |= {"changed": False, "work": [*held, *answer["work"]]}
    return answer | counted(steward.kubernetes, node_groups)


def make_usable(steward: Steward, beside: Beside, grace: float) -> Json:
    """What ``Steward.make_usable`` and ``Steward.survey`` answer, and what is left to do (``work``, sentences)."""
    return _look(steward, beside, grace, patient=True)


def counted(kubernetes: Kubernetes, node_groups: Mapping[str, Any]) -> Json:
    """Nodes of each group and pods, as ``summary.count`` has them."""
    return count(kubernetes.find("v1", "Node"), kubernetes.find("v1", "Pod"), node_groups)


def _look(steward: Steward, beside: Beside, grace: float, patient: bool) -> Json:
    usable = steward.make_usable(grace, patient=patient)
    seen = steward.survey(*beside)
    work = [
        *filter(None, [usable["cure"]]),
        *(["there is no release yet"] if not usable["revision"] else []),
        *(f"{name} is not as described" for name in seen["differing"]),
        *(f"StatefulSet/{name} is not described any more" for name in seen["surplus"]),
        *(f"Secret {name} is not there" for name in beside.reads if name not in seen["fingerprints"]),
        *(f"{what} is not as released" for what in seen.pop("drift")),
        *seen.pop("waiting"),
    ]
    return usable | seen | {"work": work}


def _held(kubernetes: Kubernetes) -> bool:
    """Whether a run holds the lock. Who may not see it takes none either (``hub_lock``)."""
    try:
        return bool(LeaseStore(kubernetes.within(NAMESPACE)).look())
    except LockError as error:
        if not error.refused:
            raise
        return False
