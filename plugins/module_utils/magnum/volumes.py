"""Volumes of a cluster's claims in the project, and what keeps them there when the cluster goes: pure functions.

Cinder's CSI driver names a volume ``pvc-<uid of the claim>`` and writes into its metadata the claim, the
PersistentVolume and, as `CSI_CLUSTER`, what it was told as its cluster: the stack's name by magnum-capi-helm, the UUID
by magnum-cluster-api, ``kubernetes`` for every cluster by Magnum's Heat driver. It never reads that key again
(cloud-provider-openstack, pkg/csi/cinder/controllerserver.go), so it can be another while the volume is used.

The janitor of clouds with magnum-capi-helm deletes every volume and snapshot whose `CSI_CLUSTER` names a cluster that
goes, whatever the reclaim policy (cluster-api-janitor-openstack, internal/openstack/resources.go). From 0.9 on it
spares volumes with `KEEP`, and snapshots never. So a volume that is to stay has both marks, and ours say whose it is.

Once a snapshot is there, Cinder takes no metadata for it whose keys have a slash (cinder, api/schemas/
snapshot_metadata.py), but lets all of it be replaced. So a marked snapshot has its metadata under keys with a colon.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from .families import recognise

Json = Mapping[str, Any]

DRIVER = "cinder.csi.openstack.org"
CSI_CLUSTER = f"{DRIVER}/cluster"
KEEP, TRUE = "janitor.capi.azimuth-cloud.com/keep", "true"
KEPT = "kept by stfc.jupyterhub"
"""What we write as `CSI_CLUSTER`: no cluster's name has a blank."""

OURS = "jupyterhub.stfc.ac.uk/cluster"
"""Our mark: the UUID of the cluster whose claim the volume is."""
OUR_NAME = "jupyterhub.stfc.ac.uk/cluster-name"
BEFORE = "jupyterhub.stfc.ac.uk/csi-cluster"
"""Our mark: the `CSI_CLUSTER` that the volume had."""

CLAIM, NAMESPACE, PERSISTENT = (f"csi.storage.k8s.io/{key}" for key in ("pvc/name", "pvc/namespace", "pv/name"))
_UNSPELLED = {
    key.replace("/", ":"): key for key in (CSI_CLUSTER, KEEP, OURS, OUR_NAME, BEFORE, CLAIM, NAMESPACE, PERSISTENT)
}

SHARED = ("kubernetes",)
"""Values of `CSI_CLUSTER` that say nothing: several clusters of a project may have them."""


def spelled(metadata: Json) -> dict[str, str]:
    """Metadata as a snapshot takes it."""
    return {key.replace("/", ":"): str(value) for key, value in metadata.items()}


def unspelled(metadata: Json) -> dict[str, str]:
    """Metadata of a snapshot under the keys that volumes have."""
    ours = {_UNSPELLED[key]: value for key, value in metadata.items() if key in _UNSPELLED}
    return {**ours, **{key: value for key, value in metadata.items() if key not in _UNSPELLED}}


@dataclass(frozen=True)
class Cluster:
    """``uuid`` is empty where it is not known. ``names``: under which the CSI driver may know this cluster."""

    name: str
    uuid: str = ""
    names: tuple[str, ...] = ()


@dataclass(frozen=True)
class Thing:
    """A volume or a snapshot. ``size`` in GiB; ``kind`` is ``volume`` or ``snapshot``."""

    kind: str
    id: str
    name: str
    size: int
    status: str
    metadata: Json = field(default_factory=dict)

    @property
    def claim(self) -> str:
        """``namespace/name`` of its claim; empty where that is not told."""
        namespace, name = self.metadata.get(NAMESPACE), self.metadata.get(CLAIM)
        return f"{namespace}/{name}" if namespace and name else ""

    @property
    def kept(self) -> bool:
        """Whether the marks that keep it are there."""
        return self.metadata.get(KEEP) == TRUE and self.metadata.get(CSI_CLUSTER) in (None, KEPT)

    @property
    def title(self) -> str:
        return f"{self.name} ({self.claim or self.kind}, {self.id})"


@dataclass(frozen=True)
class Found:
    """Volumes and snapshots of one cluster, and those of which only Kubernetes could tell whose they are."""

    mine: tuple[Thing, ...] = ()
    unclear: tuple[Thing, ...] = ()


def handles(persistent: Iterable[Json]) -> dict[str, Json]:
    """PersistentVolumes of Cinder's CSI driver by the volume's id."""
    found = {}
    for volume in persistent:
        csi = (volume.get("spec") or {}).get("csi") or {}
        if csi.get("driver") == DRIVER and csi.get("volumeHandle"):
            found[str(csi["volumeHandle"])] = volume
    return found


def sort_out(things: Iterable[Thing], cluster: Cluster, persistent: Sequence[Json] | None) -> Found:
    """Which of the project's volumes and snapshots are this cluster's.

    ``persistent``: its PersistentVolumes, None where Kubernetes was not asked; only then is there something unclear.
    """
    named = handles(persistent or ())
    mine, unclear = [], []
    for thing in things:
        of = thing.metadata.get(CSI_CLUSTER)
        if thing.id in named or _marked(thing, cluster) or (of in cluster.names and of not in SHARED):
            mine.append(thing)
        elif persistent is None and of in SHARED and OURS not in thing.metadata:
            unclear.append(thing)
    return Found(tuple(mine), tuple(unclear))


def _marked(thing: Thing, cluster: Cluster) -> bool:
    return thing.metadata.get(OURS) in (*cluster.names, cluster.uuid) or thing.metadata.get(OUR_NAME) == cluster.name


def needed(thing: Thing, cluster: Cluster, persistent: Json | None = None) -> dict[str, str]:
    """The metadata that it lacks to be kept and found again; empty where it has all of it.

    ``persistent``: its PersistentVolume, whose claim is written down where the CSI driver did not.
    """
    has = thing.metadata
    if thing.kept and OURS in has and persistent is None:
        return {}  # that of an earlier cluster of the same name stays that one's
    wanted = {KEEP: TRUE, OUR_NAME: cluster.name}
    if cluster.uuid:
        wanted[OURS] = cluster.uuid
    before = has.get(CSI_CLUSTER)
    if before is not None and before != KEPT:
        wanted |= {CSI_CLUSTER: KEPT, BEFORE: str(before)}
    if persistent is not None:
        claim = (persistent.get("spec") or {}).get("claimRef") or {}
        told = {
            CLAIM: claim.get("name"),
            NAMESPACE: claim.get("namespace"),
            PERSISTENT: persistent["metadata"]["name"],
        }
        wanted |= {key: str(value) for key, value in told.items() if value and key not in has}
    return {key: value for key, value in wanted.items() if has.get(key) != value}


def at_risk(cluster: Json) -> bool:
    """Whether a cloud may delete the volumes of this cluster (Magnum's answer) with it; unknown drivers may."""
    family = recognise(cluster=cluster)
    return family is None or family.cleans_up


def without_marks(volumes: Iterable[Thing], cluster: Cluster, namespace: str | None) -> list[str]:
    """Ids of volumes that are, or may be, this cluster's and would not be kept, as far as the cloud alone can tell.

    ``namespace``: the hub's, by which a volume may be ours that says no cluster's name; None where it is not known.
    """
    found = sort_out(volumes, cluster, None)
    maybe = [thing for thing in found.unclear if namespace in (None, thing.metadata.get(NAMESPACE))]
    return [thing.id for thing in (*found.mine, *maybe) if needed(thing, cluster)]


def refused(answers: Sequence[tuple[Thing, str]]) -> str:
    """What to say of things that could not be marked: which, what Cinder answered, what to do."""
    listed = "; ".join(f"{thing.title}: {answer.rstrip('.')}" for thing, answer in answers[:5])
    more = f"; and {len(answers) - 5} more" if len(answers) > 5 else ""
    first = answers[0][0]
    by_hand = (
        f"mark each by hand: openstack volume set --property {KEEP}={TRUE} --property '{CSI_CLUSTER}={KEPT}' {first.id}"
        if first.kind == "volume"
        else f'have Cinder forget whose it is: PUT {{"metadata": {{}}}} to /snapshots/{first.id}/metadata'
    )
    return (
        f"Could not be marked as kept, so that a cloud which cleans up after a cluster would delete them with it "
        f"({len(answers)} in all): {listed}{more}. Look at the roles of these credentials and at the "
        f"quotas of the project, then run this again; or {by_hand}"
    )


def gone(ids: Iterable[str], things: Iterable[Thing]) -> str:
    """What to say of volumes that had to be there and are not; empty where all are."""
    left = {thing.id for thing in things if thing.status not in ("deleting", "deleted")}
    lost = [each for each in ids if each not in left]
    if not lost:
        return ""
    return (
        f"Volumes of users that were to be kept are gone ({len(lost)} in all): {', '.join(lost[:10])}"
        f"{' ...' if len(lost) > 10 else ''}. Ask the cloud's operators at once: many can bring back what was deleted"
    )


def summary(found: Found, cluster: Cluster, persistent: Sequence[Json] | None, looked: bool) -> list[str]:
    """A sentence on each volume, and on what was not looked at. ``looked``: whether the cloud's volumes were listed."""
    if not looked:
        return [
            f"Whether there are volumes of {cluster.name} was not looked at: the cloud has no block-storage service in "
            "its catalog."
        ]
    said = [f"kept: {t.claim or t.name}, {t.size} GiB, {t.kind} {t.id}" for t in found.mine]
    said += [
        f"kept: {t.claim or t.name}, {t.size} GiB, {t.kind} {t.id}; of {cluster.name} or of another cluster of the "
        f"project, as their driver calls all of them '{t.metadata.get(CSI_CLUSTER)}'"
        for t in found.unclear
    ]
    ids = {thing.id for thing in found.mine}
    for volume in persistent or ():
        name, spec = volume["metadata"]["name"], volume.get("spec") or {}
        claim = spec.get("claimRef") or {}
        owner = f"{claim.get('namespace')}/{claim.get('name')}" if claim else "no claim"
        csi = spec.get("csi") or {}
        if csi.get("driver") != DRIVER:
            said.append(f"not looked at: {owner}, persistent volume {name}, which is not Cinder's")
        elif csi.get("volumeHandle") not in ids:
            said.append(f"not in the project: {owner}, persistent volume {name}, volume {csi.get('volumeHandle')}")
    return sorted(said) or [f"There are no volumes of claims of {cluster.name} in the project."]
