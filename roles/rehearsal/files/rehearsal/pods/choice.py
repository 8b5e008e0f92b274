"""Which pods run for real.

Real: every container's image is in the image table, and there is room in the budget. Played by KWOK, with the reason
in an annotation: pods of DaemonSets (one for each node), pods that only pause (placeholders, image pullers: a hundred
of them must cost nothing), pods with an unknown image or with a volume of a kind that cannot be had, and whatever
comes when the budget is used up. A choice once made holds for the pod's life.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

from rehearsal.pods import images, volumes
from rehearsal.pods.kube import Object

RUNS = "rehearsal.stfc.ac.uk/runs"
WHY = "rehearsal.stfc.ac.uk/why"
"""Annotations of a pod that is bound to a node: ``real`` or ``played``, and for the latter the reason."""

REAL, PLAYED = "real", "played"


@dataclasses.dataclass(frozen=True)
class Choice:
    """``runs`` is REAL or PLAYED; ``why`` says the reason of the latter."""

    runs: str
    why: str = ""
    missed: bool = False
    """Whether somebody may wait for what a real pod would do: it is told in an event, which spawn pages show."""

    def annotations(self) -> dict[str, str]:
        return {RUNS: self.runs} | ({WHY: self.why} if self.why else {})


def made(pod: Object) -> str:
    """The choice that was made for a pod: REAL, PLAYED or nothing yet."""
    return str((pod["metadata"].get("annotations") or {}).get(RUNS, ""))


def choose(pod: Object, known: Callable[[str], bool], used: int, budget: int) -> Choice:
    """Choose for a pod that is bound; ``known`` tells images of the table, ``used`` counts the real pods there are."""
    spec = pod["spec"]
    if any(owner.get("kind") == "DaemonSet" for owner in pod["metadata"].get("ownerReferences") or []):
        return Choice(PLAYED, "pods of DaemonSets are played: there is one for each node")
    if all(images.is_pause(container["image"]) for container in spec["containers"]):
        return Choice(PLAYED, "it only pauses: there is nothing to run")
    for container in [*(spec.get("initContainers") or []), *spec["containers"]]:
        if not known(container["image"]):
            return Choice(PLAYED, f"unknown image {container['image']}: it is not in the image table", True)
    if spec.get("hostNetwork"):
        return Choice(PLAYED, "it asks for the node's network, which is simulated", True)
    if reason := volumes.unsupported(pod):
        return Choice(PLAYED, f"{reason}, which cannot be had here", True)
    if used >= budget:
        why = f"budget: {used} of {budget} pods run for real already (real_pods in settings.json)"
        return Choice(PLAYED, why, True)
    return Choice(REAL)
