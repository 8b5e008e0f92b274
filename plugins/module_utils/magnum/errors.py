"""What can go wrong, as messages that a person can act on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any


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
        super().__init__(f"{doing}: {said}{request}", status=status, answer=answer, request_id=request_id)
        self.status = status
        self.answer = answer


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
