"""What has to be done so that Magnum has what is wanted, and what cannot be done: pure functions.

Objects are the dictionaries of the API. A wanted field that is None is left as it is.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from .families import DEFAULT_WORKER

Json = dict[str, Any]
Same = Callable[[str, Any, Any], bool]
"""``same(field, live, wanted)``: whether two values mean the same (a name and the id of one flavor)."""


@dataclass(frozen=True)
class Action:
    """One request. ``kind`` is create, patch, resize, upgrade or delete; ``body`` what to send; ``says`` a sentence."""

    kind: str
    says: str
    body: Any = None


@dataclass
class Plan:
    """Actions in order, refusals as sentences, and the state before and after for ``--diff``."""

    actions: list[Action] = field(default_factory=list)
    refusals: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    before: Json = field(default_factory=dict)
    after: Json = field(default_factory=dict)

    @property
    def changed(self) -> bool:
        return bool(self.actions)


CLUSTER_FIELDS = (
    "keypair",
    "flavor_id",
    "master_flavor_id",
    "docker_volume_size",
    "fixed_network",
    "fixed_subnet",
    "floating_ip_enabled",
    "master_lb_enabled",
    "discovery_url",
)
"""Fields of a cluster that never change after create."""

NODEGROUP_FIELDS = ("flavor_id", "image_id", "role", "docker_volume_size")
"""Fields of a node group that never change after create."""

TEMPLATE_FIELDS = (
    "coe",
    "image_id",
    "flavor_id",
    "master_flavor_id",
    "dns_nameserver",
    "keypair_id",
    "external_network_id",
    "fixed_network",
    "fixed_subnet",
    "network_driver",
    "apiserver_port",
    "docker_volume_size",
    "docker_storage_driver",
    "http_proxy",
    "https_proxy",
    "no_proxy",
    "volume_driver",
    "registry_enabled",
    "insecure_registry",
    "tls_disabled",
    "server_type",
    "master_lb_enabled",
    "floating_ip_enabled",
    "public",
    "hidden",
    "tags",
    "driver",
    "labels",
)

CHANGEABLE_IN_USE = frozenset({"public", "hidden", "name"})
"""What Magnum lets change of a template that clusters refer to."""


def equal(_field: str, live: Any, wanted: Any) -> bool:
    """Equal as Magnum keeps them: labels and numbers are text there."""
    return normal(live) == normal(wanted)


def normal(value: Any) -> Any:
    """A value as Magnum would give it back: label values as text, booleans as ``true`` and ``false``."""
    if isinstance(value, Mapping):
        return {str(k): label(v) for k, v in value.items()}
    if isinstance(value, bool) or value is None:
        return value
    if isinstance(value, (list, tuple)):
        return [normal(v) for v in value]
    return str(value)


def label(value: Any) -> str:
    """A label's value as text. YAML's booleans become the words that Magnum's drivers compare with."""
    return str(value).lower() if isinstance(value, bool) else str(value)


def truth(value: Any) -> bool:
    """A label's value as Magnum's drivers read a boolean (oslo.utils' bool_from_string)."""
    return str(value).strip().lower() in ("1", "t", "true", "on", "y", "yes")


def autoscaled(cluster: Mapping[str, Any], group: Mapping[str, Any] | None) -> bool:
    """Whether an autoscaler owns the count of a node group (None: the default group of a cloud without node groups).

    With autoscaling on, that is the default group, and any other that has a maximum. A group's own label overrides
    the cluster's.
    """
    labels = dict(cluster.get("labels") or {})
    if group:
        labels.update(group.get("labels") or {})
    if not truth(labels.get("auto_scaling_enabled", False)):
        return False
    if group is None or group.get("name") == DEFAULT_WORKER or group.get("is_default"):
        return True
    return bool(group.get("max_node_count"))


def default_worker(groups: Sequence[Mapping[str, Any]]) -> Mapping[str, Any] | None:
    """The group of workers that Magnum made with the cluster."""
    for group in groups:
        if group.get("role") == "worker" and (group.get("is_default") or group.get("name") == DEFAULT_WORKER):
            return group
    return None


def plan_cluster(
    wanted: Mapping[str, Any],
    live: Mapping[str, Any] | None,
    groups: Sequence[Mapping[str, Any]] = (),
    *,
    template: str | None = None,
    template_name: str | None = None,
    same: Same = equal,
) -> Plan:
    """Plan for one cluster.

    ``wanted`` has the API's fields (without ``cluster_template_id``); ``template`` is the uuid of the wanted
    template. Create, upgrade to another template, and resize of the default group are possible; the rest is refused.
    The count of an autoscaled group is left alone.
    """
    wanted = {k: v for k, v in wanted.items() if v is not None}
    plan = Plan()
    shown = template_name or template
    if live is None:
        body = dict(wanted)
        body["cluster_template_id"] = template or shown
        plan.after = {**wanted, "cluster_template": shown}
        plan.actions.append(Action("create", f"create cluster {wanted['name']} from template {shown}", body))
        return plan

    name = live["name"]
    for key in CLUSTER_FIELDS:
        if key in wanted and not same(key, live.get(key), wanted[key]):
            plan.refusals.append(_never(key, live.get(key), wanted[key], f"a new cluster instead of {name}"))
    if "master_count" in wanted and int(live.get("master_count") or 0) != int(wanted["master_count"]):
        plan.refusals.append(
            _never("master_count", live.get("master_count"), wanted["master_count"], f"a new cluster instead of {name}")
        )
    upgrading = template is not None and live.get("cluster_template_id") != template
    for key, value in sorted((wanted.get("labels") or {}).items()):
        if key == "kube_tag" and upgrading:
            continue  # the driver takes it over from the new template
        has = (live.get("labels") or {}).get(key)
        if has is None or label(has) != label(value):
            plan.refusals.append(_never(f"label {key}", has, label(value), f"a new cluster instead of {name}"))

    group = default_worker(groups)
    if upgrading:
        _note(plan, "cluster_template", live.get("cluster_template_id"), shown)
        body = {"cluster_template": template, "nodegroup": group["name"] if group else DEFAULT_WORKER}
        plan.actions.append(Action("upgrade", f"upgrade cluster {name} to template {shown}", body))

    if "node_count" in wanted:
        has = int((group if group is not None else live).get("node_count") or 0)
        if has != int(wanted["node_count"]) and not autoscaled(live, group):
            _note(plan, "node_count", has, int(wanted["node_count"]))
            plan.actions.append(
                Action(
                    "resize",
                    f"resize cluster {name} from {has} to {wanted['node_count']} nodes",
                    {"node_count": int(wanted["node_count"]), "nodegroup": group["name"] if group else None},
                )
            )
        elif _failed(group) and not plan.actions and not autoscaled(live, group):
            plan.actions.append(_again(group or {}, False))
    return plan


def plan_nodegroup(
    wanted: Mapping[str, Any],
    live: Mapping[str, Any] | None,
    cluster: Mapping[str, Any] | None,
    *,
    nodes: int | None = None,
    same: Same = equal,
) -> Plan:
    """Plan for one node group.

    ``nodes`` is how many nodes Kubernetes counts; it is needed only when new bounds leave out the count that Magnum
    remembers, because an autoscaler's doing is not known to Magnum. ``cluster`` is None when it is yet to be made.

    Magnum refuses bounds that leave out its count, and counts outside of its bounds. So bounds are first widened to
    hold the old and the new, then the count is moved, then the bounds are drawn in.
    """
    wanted = {k: v for k, v in wanted.items() if v is not None}
    plan = Plan()
    name = wanted["name"]
    if live is None:
        body = dict(wanted)
        body.setdefault("node_count", max(int(wanted.get("min_node_count") or 0), 0) or 1)
        plan.after = dict(body)
        plan.actions.append(Action("create", f"create node group {name}", body))
        return plan

    remake = f"node group {name} to be deleted and made again, which drains its nodes"
    if live.get("is_default"):
        remake = f"a new cluster, because {name} is the cluster's default group"
    for key in NODEGROUP_FIELDS:
        if key in wanted and not same(key, live.get(key), wanted[key]):
            plan.refusals.append(_never(key, live.get(key), wanted[key], remake))
    for key, value in sorted((wanted.get("labels") or {}).items()):
        has = (live.get("labels") or {}).get(key)
        if has is None or label(has) != label(value):
            plan.refusals.append(_never(f"label {key}", has, label(value), remake))

    _plan_size(plan, wanted, live, cluster or {}, nodes)
    patch = []
    for key in ("node_labels", "node_taints"):
        if key in wanted and normal(live.get(key) or type(wanted[key])()) != normal(wanted[key]):
            _note(plan, key, live.get(key), wanted[key])
            patch.append(_set(key, live.get(key), wanted[key]))
    if patch:
        plan.actions.append(Action("patch", f"change labels or taints of the nodes of {name}", patch))
    if not plan.actions and _failed(live):
        plan.actions.append(_again(live, autoscaled(cluster or {}, live)))
    return plan


def _failed(group: Mapping[str, Any] | None) -> bool:
    return str((group or {}).get("status")) == "UPDATE_FAILED"


def _again(live: Mapping[str, Any], owned: bool) -> Action:
    """Ask for what a node group has to be already, as the last operation on it failed and Magnum kept its wish.

    Where an autoscaler owns the count, the bounds are what is asked for.
    """
    name, count = live["name"], int(live.get("node_count") or 0)
    if owned:
        body = [_set("min_node_count", live.get("min_node_count"), int(live.get("min_node_count") or 0))]
        return Action("patch", f"set the bounds of node group {name} again, as that failed", body)
    wish = {"node_count": count, "nodegroup": name}
    return Action("resize", f"resize node group {name} to {count} nodes again, as that failed", wish)


def _plan_size(
    plan: Plan, wanted: Mapping[str, Any], live: Mapping[str, Any], cluster: Mapping[str, Any], nodes: int | None
) -> None:
    name = live["name"]
    low_now, high_now = int(live.get("min_node_count") or 0), live.get("max_node_count") or None
    low = int(wanted["min_node_count"]) if "min_node_count" in wanted else low_now
    # Zero means no maximum: null in the API.
    high = (int(wanted["max_node_count"]) or None) if "max_node_count" in wanted else high_now
    count = int(live.get("node_count") or 0)
    if high is not None and low > high:
        plan.refusals.append(f"Its minimum ({low}) is above its maximum ({high}).")
        return

    after = {**live, "max_node_count": high}
    owned = autoscaled(cluster, after)
    target = count
    if not owned and "node_count" in wanted:
        target = int(wanted["node_count"])
        if target < low or (high is not None and target > high):
            plan.refusals.append(f"{target} nodes are outside of its bounds ({low} to {high or 'no maximum'}).")
            return
    elif count < low or (high is not None and count > high):
        really = count if nodes is None else nodes
        target = max(low, really) if high is None else min(max(low, really), high)

    steps: list[tuple[int, int | None, int]] = []  # minimum, maximum, count after each step
    wide_low = min(low, low_now) if target != count else low
    wide_high = None if high is None or high_now is None else max(high, int(high_now))
    if target == count:
        steps.append((low, high, count))
    else:
        outside = target < low_now or (high_now is not None and target > int(high_now))
        if outside:
            steps.append((wide_low, wide_high, count))
            steps.append((wide_low, wide_high, target))
        else:
            steps.append((low_now, high_now, target))
        steps.append((low, high, target))

    at = (low_now, high_now, count)
    for step in steps:
        if step[:2] != at[:2]:
            bounds = f"{step[0]} to {step[1] or 'no maximum'}"
            patch = []
            # The API checks the whole, so both go in one request.
            if step[0] != at[0]:
                patch.append(_set("min_node_count", at[0], step[0]))
            if step[1] != at[1]:
                patch.append(_set("max_node_count", at[1], step[1]))
            plan.actions.append(Action("patch", f"set the bounds of node group {name} to {bounds} nodes", patch))
        if step[2] != at[2]:
            plan.actions.append(
                Action(
                    "resize",
                    f"resize node group {name} from {at[2]} to {step[2]} nodes",
                    {"node_count": step[2], "nodegroup": name},
                )
            )
        at = step
    for key, has, wants in (
        ("min_node_count", low_now, low),
        ("max_node_count", high_now, high),
        ("node_count", count, target),
    ):
        if has != wants:
            _note(plan, key, has, wants)


def plan_template(
    wanted: Mapping[str, Any], live: Mapping[str, Any] | None, *, in_use: bool, same: Same = equal
) -> Plan:
    """Plan for one cluster template. One that clusters refer to can only be published or hidden."""
    wanted = {k: v for k, v in wanted.items() if v is not None}
    plan = Plan()
    if live is None:
        plan.after = dict(wanted)
        plan.actions.append(Action("create", f"create cluster template {wanted['name']}", dict(wanted)))
        return plan
    patch = []
    for key in TEMPLATE_FIELDS:
        if key not in wanted or same(key, live.get(key), wanted[key]):
            continue
        if in_use and key not in CHANGEABLE_IN_USE:
            plan.refusals.append(
                _never(
                    key,
                    live.get(key),
                    wanted[key],
                    "a template of another name to which the clusters are then upgraded, "
                    f"because clusters refer to {wanted['name']}",
                )
            )
            continue
        _note(plan, key, live.get(key), wanted[key])
        patch.append(_set(key, live.get(key), wanted[key]))
    if patch:
        plan.actions.append(Action("patch", f"change cluster template {wanted['name']}", patch))
    return plan


def _set(key: str, has: Any, value: Any) -> Json:
    # Magnum takes "add" only where nothing is, "replace" only where something is.
    if value is None:
        return {"op": "remove", "path": f"/{key}"}
    return {"op": "add" if has is None else "replace", "path": f"/{key}", "value": value}


def _note(plan: Plan, key: str, has: Any, wants: Any) -> None:
    plan.before[key] = has
    plan.after[key] = wants


def _never(key: str, has: Any, wants: Any, needs: str) -> str:
    return f"Its {key} is {_show(has)} and cannot become {_show(wants)}: that needs {needs}."


def _show(value: Any) -> str:
    return "not set" if value is None else f"'{value}'" if isinstance(value, str) else str(value)
