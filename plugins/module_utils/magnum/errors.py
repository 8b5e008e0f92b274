"""What can go wrong, as messages that a person can act on."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from .families import recognise

FORBIDDEN = 403
"""HTTP's status for what these credentials may not do."""


class MagnumError(Exception):
    """Base of all. ``str()`` is the whole message; ``details`` goes into the module's result."""

    def __init__(self, message: str, **details: Any) -> None:
        super().__init__(message)
        self.details = details


class ApiError(MagnumError):
    """Magnum answered an error. ``status`` is the HTTP status, 0 when no answer came at all."""

    def __init__(self, doing: str, status: int, answer: str, request_id: str | None = None) -> None:
        said = f"Magnum answered {status}: {answer}" if status else f"no answer came: {answer}"
        request = f" (request {request_id})" if request_id else ""
        message = f"{doing}: {said}{request}"
        if advice := next_step(status, answer):
            message = f"{message.rstrip('.')}. {advice}"
        super().__init__(message, status=status, answer=answer, request_id=request_id)
        self.status = status
        self.answer = answer


class CredentialsError(MagnumError):
    """Keystone refuses the credentials, perhaps in the middle of a wait."""

    def __init__(self, doing: str, answer: str, cloud: str = "this cloud") -> None:
        where = f"{doing}: " if doing else ""
        super().__init__(
            f"{where}Keystone refuses the credentials of {cloud}: {answer.rstrip('.')}. Check its entry in "
            "clouds.yaml: a wrong password, or an application credential that has expired or was deleted. "
            "What was asked of the cloud before goes on there: run this again with good ones.",
            answer=answer,
        )
        self.doing = doing
        self.answer = answer


class NotOwnerError(MagnumError):
    """Only who made a cluster may read its CA or have it sign (Magnum, ``common/policies/certificate.py``).

    ``problem`` and ``hint`` are the message's two halves.
    """

    def __init__(self, cluster: Mapping[str, Any], path: str) -> None:
        self.problem = (
            f"cluster {cluster.get('name')} was made by the user {cluster.get('user_id')}, and "
            f"Magnum lets nobody else read its CA or sign a certificate (403); no kubeconfig that works is at {path}"
        )
        self.hint = (
            f"have that user run this, or copy the kubeconfig that a run of that user wrote to {path}; in a team, let "
            "one service user make the cluster, and everybody use its credentials"
        )
        super().__init__(f"{self.problem}: {self.hint}.", owner=cluster.get("user_id"))


class NotFoundError(ApiError):
    """Magnum answered 404."""


class CloudTooOldError(MagnumError):
    """The cloud's Magnum lacks a feature; see ``versions.FEATURES``."""


class NotUniqueError(MagnumError):
    """Several objects share the name: Magnum allows it, we do not choose between them."""

    def __init__(self, kind: str, name: str, uuids: Sequence[str]) -> None:
        super().__init__(
            f"there are {len(uuids)} {kind}s named '{name}': {', '.join(uuids)}. "
            f"Give the uuid of the one that is meant, or delete the others.",
            uuids=list(uuids),
        )


class RefusedError(MagnumError):
    """The wanted change is one that Magnum cannot make. ``refusals`` are whole sentences."""

    def __init__(self, what: str, refusals: Sequence[str]) -> None:
        super().__init__(f"{what} cannot be changed as asked. " + " ".join(refusals), refusals=list(refusals))
        self.refusals = list(refusals)


class OperationFailedError(MagnumError):
    """An operation ended in a ``*_FAILED`` status, or never started."""


class TimedOutError(MagnumError):
    """The wait was over before the operation was."""


def next_step(status: int, answer: str) -> str:
    """What to do after an answer of this status; empty where the answer says it itself."""
    if advice := quota_advice(answer):
        return advice
    if status == 409:
        return "Something else works on it: run this again when that is over."
    if status == FORBIDDEN:
        return "These credentials may not do it: look at their roles, or ask the cloud's operators."
    if status == 0 or status >= 500:
        return "It is safe to run this again; if it stays so, ask the cloud's operators."
    return ""


_NOVA_QUOTA = re.compile(
    r"Quota exceeded for (?P<what>[\w, ]+?): Requested (?P<asked>[\d, ]+), but already used (?P<used>[\d, ]+) "
    r"of (?P<limit>[\d, ]*\d)"
)
_HIGHER = "Ask the cloud's operators for a higher quota, or ask for fewer or smaller nodes."
_ANY_QUOTA = re.compile(r"quota|ResourceLimitExceeded|reached the maximum|over limit", re.I)


def quota_advice(text: str, missing: int = 0) -> str:
    """What to do about a quota of which a service's words ``text`` tell; empty when they tell of none.

    Nova tells what one more server takes. ``missing`` is how many servers are still to be made (0: not known).
    """
    found = _NOVA_QUOTA.search(text)
    if found is None:
        return _HIGHER if _ANY_QUOTA.search(text) else ""
    names = [name.strip() for name in found["what"].split(",")]
    numbers = [[int(n) for n in found[part].split(",")] for part in ("asked", "used", "limit")]
    if any(len(row) != len(names) for row in numbers):
        return _HIGHER
    parts = []
    for name, asked, used, limit in zip(names, *numbers, strict=True):
        need = f"{asked} more for each node"
        if missing > 1:
            need += f", {used + asked * missing} in all for the {missing} that are missing"
        parts.append(f"{name} ({limit} allowed, {used} used; {need})")
    takes = " and ".join(parts)
    return f"This takes a higher quota of {takes}: ask the cloud's operators, or ask for fewer or smaller nodes."


def missing_nodes(node_groups: Sequence[Mapping[str, Any]], servers: int) -> int:
    """How many nodes the groups have not got, when the cluster has so many servers.

    ``node_addresses`` do not tell it: the drivers on Cluster API leave them empty.
    """
    return max(sum(int(group.get("node_count") or 0) for group in node_groups) - servers, 0)


def fault_text(cluster: Mapping[str, Any], node_groups: Sequence[Mapping[str, Any]] = ()) -> str:
    """What Magnum says about a failure: the cluster's reason, its faults, its node groups' reasons, each once."""
    parts: list[str] = []
    seen: set[str] = set()

    def add(where: str, text: Any) -> None:
        line = str(text or "").strip().rstrip(".")
        if line and line not in seen:
            seen.add(line)
            parts.append(f"{where}: {line}" if where else line)

    add("", cluster.get("status_reason"))
    for name, reason in sorted((cluster.get("faults") or {}).items()):
        add(name, reason)
    for group in node_groups:
        if str(group.get("status") or "").endswith("FAILED"):
            add(f"node group {group.get('name')}", group.get("status_reason"))
    return "; ".join(parts) or "Magnum gives no reason"


HEATS_NOT_FOUND = "ERROR: None"
"""Heat's HTTPNotFound as text."""


def lost_group(cluster: Mapping[str, Any], node_groups: Sequence[Mapping[str, Any]]) -> str:
    """What to say where a node group keeps the whole cluster from ever changing again; empty where none does.

    magnum-cluster-api cannot delete a group that it refused to make (``delete_nodegroup`` raises Heat's HTTPNotFound,
    which Magnum does not know any more), and while it is there, each look at the cluster fails
    (``update_nodegroups_status``: MachineDeploymentNotFound).
    """
    family = recognise(cluster=cluster)
    if family is None or not family.lost_group_is_final:
        return ""
    lost = [
        str(group.get("name"))
        for group in node_groups
        if group.get("status") == "DELETE_FAILED" and HEATS_NOT_FOUND in str(group.get("status_reason"))
    ]
    if not lost:
        return ""
    return (
        f"Node group {', '.join(lost)} of cluster {cluster.get('name')} is DELETE_FAILED, and that is final: "
        f"{family.title} cannot delete a group that it did not make, and while it is there no operation on the cluster "
        "ends. Only a new cluster helps; users' volumes are kept."
    )
