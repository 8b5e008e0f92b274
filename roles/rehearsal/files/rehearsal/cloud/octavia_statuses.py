"""What Octavia is told about its objects: status updates of the provider API, as plain data.

A status update is a mapping of an object list (``loadbalancers``, ``listeners``, ``pools``, ``members``,
``healthmonitors``, ``l7policies``, ``l7rules``) to entries ``{id, provisioning_status, operating_status}``
(octavia-lib, ``DriverLibrary.update_loadbalancer_status``).
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

Entry = dict[str, str]
Status = dict[str, list[Entry]]


def active(identifier: str) -> Entry:
    return {"id": identifier, "provisioning_status": "ACTIVE", "operating_status": "ONLINE"}


def deleted(identifier: str) -> Entry:
    return {"id": identifier, "provisioning_status": "DELETED", "operating_status": "OFFLINE"}


def settled(identifier: str, provisioning_status: str) -> Entry:
    """The entry in which an object that was left in ``provisioning_status`` has to end."""
    return deleted(identifier) if provisioning_status == "PENDING_DELETE" else active(identifier)


def merge(*updates: Status) -> Status:
    """One update from several. Of two entries for one object the later one counts."""
    merged: dict[str, dict[str, Entry]] = {}
    for update in updates:
        for kind, entries in update.items():
            merged.setdefault(kind, {}).update((entry["id"], entry) for entry in entries)
    return {kind: list(entries.values()) for kind, entries in merged.items()}


def created(load_balancer: Any) -> Status:
    """All objects of a load balancer that was asked for with everything below it, ACTIVE.

    ``load_balancer`` is octavia-lib's data model; an attribute that was not given is false there.
    """
    listeners = _given(load_balancer.listeners)
    policies = [policy for listener in listeners for policy in _given(listener.l7policies)]
    pools = [listener.default_pool for listener in listeners if listener.default_pool]
    pools += [policy.redirect_pool for policy in policies if policy.redirect_pool]
    pools += _given(load_balancer.pools)
    return merge(
        {
            "loadbalancers": [active(load_balancer.loadbalancer_id)],
            "listeners": [active(listener.listener_id) for listener in listeners],
            "l7policies": [active(policy.l7policy_id) for policy in policies],
            "l7rules": [active(rule.l7rule_id) for policy in policies for rule in _given(policy.rules)],
            "pools": [active(pool.pool_id) for pool in pools],
            "members": [active(member.member_id) for pool in pools for member in _given(pool.members)],
            "healthmonitors": [active(pool.healthmonitor.healthmonitor_id) for pool in pools if pool.healthmonitor],
        }
    )


def replaced(before: Iterable[str], after: Iterable[str]) -> list[Entry]:
    """Entries of a batch that replaces the objects ``before`` (identifiers) by the objects ``after``."""
    kept = set(after)
    return [active(one) for one in sorted(kept)] + [deleted(one) for one in sorted(set(before) - kept)]


def _given(objects: Any) -> list[Any]:
    return [one for one in objects or () if one]
