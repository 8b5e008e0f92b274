"""What has to be done so that Magnum has what is wanted, and what cannot be done: pure functions.

Objects are the dictionaries of the API. A wanted field that is None is left as it is.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from .families import DEFAULT_WORKER, recognise

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

CHANGEABLE_IN_USE = ("name", "public", "hidden", "tags")
"""What Magnum lets change of a template that clusters refer to, one in each request."""

NEVER_EMPTY = frozenset(
    {
        "coe",
        "image_id",
        "external_network_id",
        "network_driver",
        "server_type",
        "registry_enabled",
        "tls_disabled",
        "public",
        "hidden",
    }
)
"""Fields of a template that Magnum does not let be taken away."""

LISTS = {"dns_nameserver": True, "no_proxy": False, "tags": False}
"""Fields that Magnum keeps as text with commas, and whether their order matters."""

CLUSTER_NAME = re.compile(r"^[a-zA-Z][a-zA-Z0-9_.-]{0,63}$")
"""Names of which Magnum makes a cluster. It takes 242 characters, but the name becomes the common name of the cluster's
CA, which has 64 at most (X.520, ub-common-name), so that a longer one ends in CREATE_FAILED."""

MIRROR = "container_infra_prefix"
"""The label with a registry's address."""


def equal(field_name: str, live: Any, wanted: Any) -> bool:
    """Equal as Magnum keeps them: labels and numbers are text there, some lists have commas, nothing is null."""
    if field_name in LISTS:
        one, other = split(live), split(wanted)
        return one == other if LISTS[field_name] else sorted(one) == sorted(other)
    if is_empty(live) and is_empty(wanted):
        return True
    return normal(live) == normal(wanted)


def split(value: Any) -> list[str]:
    """The parts of text with commas, or of a list."""
    parts = value if isinstance(value, (list, tuple)) else str(value or "").split(",")
    return [part.strip() for part in map(str, parts) if part.strip()]


def is_empty(value: Any) -> bool:
    """Whether a value means that nothing is set. False does not."""
    return value is None or (not isinstance(value, bool) and value in ("", 0, [], {}))


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
    """A label's value as text. True and False become the words that Magnum's drivers compare with."""
    text = str(value)
    return text.lower() if text.lower() in ("true", "false") else text


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
    resizes_control_plane: bool = True,
    remove: Sequence[str] = (),
    same: Same = equal,
) -> Plan:
    """Plan for one cluster.

    ``wanted`` has the API's fields (without ``cluster_template_id``); ``template`` is the uuid of the wanted
    template. Create, upgrade to another template, and resize of the default groups are possible (of the control plane
    where the driver can, ``resizes_control_plane``); the rest is refused. The count of an autoscaled group is left
    alone. ``remove`` are the servers that are to go first when workers become fewer.
    """
    wanted = {k: v for k, v in wanted.items() if v is not None}
    plan = Plan()
    shown = template_name or template
    if live is None:
        if not CLUSTER_NAME.match(wanted["name"]):
            plan.refusals.append(
                f"'{wanted['name']}' is no name for a cluster: Magnum takes a letter, then letters, digits, '_', '.' "
                f"and '-', 64 characters at most."
            )
        body = dict(wanted)
        body["cluster_template_id"] = template or shown
        plan.after = {**wanted, "cluster_template": shown}
        plan.actions.append(Action("create", f"create cluster {wanted['name']} from template {shown}", body))
        return plan

    name = live["name"]
    for key in CLUSTER_FIELDS:
        if key in wanted and not same(key, live.get(key), wanted[key]):
            plan.refusals.append(_never(key, live.get(key), wanted[key], f"a new cluster instead of {name}"))
    upgrading = template is not None and live.get("cluster_template_id") != template
    for key, value in sorted((wanted.get("labels") or {}).items()):
        if key == "kube_tag" and upgrading:
            continue  # the driver takes it over from the new template
        has = (live.get("labels") or {}).get(key)
        if key == MIRROR and str(has).rstrip("/") == str(value).rstrip("/"):
            continue  # how it has to end is the driver's
        if has is None or label(has) != label(value):
            plan.refusals.append(_never(f"label {key}", has, label(value), f"a new cluster instead of {name}"))

    group = default_worker(groups)
    if upgrading:
        _note(plan, "cluster_template", live.get("cluster_template_id"), shown)
        body = {"cluster_template": template, "nodegroup": group["name"] if group else DEFAULT_WORKER}
        plan.actions.append(Action("upgrade", f"upgrade cluster {name} to template {shown}", body))

    if "master_count" in wanted:
        _plan_control_plane(plan, int(wanted["master_count"]), live, groups, resizes_control_plane)
    if "node_count" in wanted:
        has = int((group if group is not None else live).get("node_count") or 0)
        if has != int(wanted["node_count"]) and not autoscaled(live, group):
            _note(plan, "node_count", has, int(wanted["node_count"]))
            _check_removal(plan, has, int(wanted["node_count"]), remove)
            body = {"node_count": int(wanted["node_count"]), "nodegroup": group["name"] if group else None}
            if remove:
                body["nodes_to_remove"] = list(remove)
            says = f"resize cluster {name} from {has} to {wanted['node_count']} nodes"
            plan.actions.append(Action("resize", says, body))
        elif _failed(group) and not plan.actions and not autoscaled(live, group):
            plan.actions.append(_again(group or {}, False))
    return plan


def _plan_control_plane(
    plan: Plan, count: int, live: Mapping[str, Any], groups: Sequence[Mapping[str, Any]], possible: bool
) -> None:
    group = next((g for g in groups if g.get("role") == "master" and g.get("is_default", True)), None)
    has = int((group or {}).get("node_count") or live.get("master_count") or 0)
    if has == count:
        return
    if group is None or not possible:
        # A Magnum without node groups cannot name the control plane in a resize.
        plan.refusals.append(_never("master_count", has, count, f"a new cluster instead of {live['name']}"))
        return
    _note(plan, "master_count", has, count)
    plan.actions.append(
        Action(
            "resize",
            f"resize the control plane of cluster {live['name']} from {has} to {count} nodes",
            {"node_count": count, "nodegroup": group["name"]},
        )
    )


def _check_removal(plan: Plan, has: int, wants: int, remove: Sequence[str]) -> None:
    if len(remove) > max(has - wants, 0):
        plan.refusals.append(
            f"{len(remove)} servers are named to be removed, but from {has} to {wants} nodes only "
            f"{max(has - wants, 0)} go."
        )


def plan_nodegroup(
    wanted: Mapping[str, Any],
    live: Mapping[str, Any] | None,
    cluster: Mapping[str, Any] | None,
    *,
    nodes: int | None = None,
    template: Mapping[str, Any] | None = None,
    remove: Sequence[str] = (),
    same: Same = equal,
) -> Plan:
    """Plan for one node group.

    ``nodes`` is how many nodes Kubernetes counts; it is needed only when new bounds leave out the count that Magnum
    remembers, because an autoscaler's doing is not known to Magnum. ``cluster`` is None when it is yet to be made.
    ``template`` is the cluster's own: a group that was made later can be upgraded to its image and ``kube_tag``, and
    to nothing else. ``remove`` are the servers that are to go first when the group becomes smaller.

    Magnum refuses bounds that leave out its count, and counts outside of its bounds. So bounds are first widened to
    hold the old and the new, then the count is moved, then the bounds are drawn in.
    """
    wanted = {k: v for k, v in wanted.items() if v is not None}
    plan = Plan()
    name = wanted["name"]
    if live is None:
        body = dict(wanted)
        body.setdefault("node_count", max(int(wanted.get("min_node_count") or 0), 0) or 1)
        if body.get("max_node_count") == 0:  # no maximum
            del body["max_node_count"]
        family = recognise(cluster=cluster) if cluster else None
        if family is not None and not family.takes_group(name):
            plan.refusals.append(f"'{name}' is no name for a node group: {family.title} takes {family.group_names[1]}.")
        if body.get("role") == "master":
            plan.refusals.append("Magnum makes no further groups of the control plane (role 'master').")
        plan.after = dict(body)
        plan.actions.append(Action("create", f"create node group {name}", body))
        return plan

    remake = f"node group {name} to be deleted and made again, which drains its nodes"
    if live.get("is_default"):
        remake = f"a new cluster, because {name} is the cluster's default group"
    upgrades = _plan_group_upgrade(plan, wanted, live, template, same)
    for key in NODEGROUP_FIELDS:
        if key in wanted and key not in upgrades and not same(key, live.get(key), wanted[key]):
            plan.refusals.append(_never(key, live.get(key), wanted[key], remake))
    for key, value in sorted((wanted.get("labels") or {}).items()):
        has = (live.get("labels") or {}).get(key)
        if key not in upgrades and (has is None or label(has) != label(value)):
            plan.refusals.append(_never(f"label {key}", has, label(value), remake))

    _plan_size(plan, wanted, live, cluster or {}, nodes)
    if "node_count" in plan.before:
        _check_removal(plan, plan.before["node_count"], plan.after["node_count"], remove)
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


def _plan_group_upgrade(
    plan: Plan, wanted: Mapping[str, Any], live: Mapping[str, Any], template: Mapping[str, Any] | None, same: Same
) -> set[str]:
    """Upgrade a group that was made later to the cluster's template; the fields and labels that this changes."""
    if template is None or live.get("is_default"):
        return set()
    found = {}
    image = template.get("image_id")
    if "image_id" in wanted and not same("image_id", live.get("image_id"), wanted["image_id"]):
        if not same("image_id", image, wanted["image_id"]):
            return set()
        found["image_id"] = (live.get("image_id"), wanted["image_id"])
    tag, wants = (template.get("labels") or {}).get("kube_tag"), (wanted.get("labels") or {}).get("kube_tag")
    has = (live.get("labels") or {}).get("kube_tag")
    if wants is not None and label(wants) != label(has):
        if tag is None or label(tag) != label(wants):
            return set()
        found["kube_tag"] = (has, label(wants))
    for key, (before, after) in found.items():
        _note(plan, key, before, after)
    if found:
        says = f"upgrade node group {live['name']} to the cluster's template {template['name']}"
        plan.actions.append(Action("upgrade", says, {"cluster_template": template["uuid"]}))
    return set(found)


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
    """Plan for one cluster template.

    Text that is empty, or a number that is zero, takes a field away. Of a template that clusters refer to only
    ``CHANGEABLE_IN_USE`` can change; those are asked one by one in any case, because other projects' clusters that
    refer to it are not seen.
    """
    wanted = {k: as_kept(k, v) for k, v in wanted.items() if v is not None}
    plan = Plan()
    if live is None:
        body = {k: v for k, v in wanted.items() if not is_empty(v)}
        plan.after = dict(body)
        plan.actions.append(Action("create", f"create cluster template {body['name']}", body))
        return plan
    name = live["name"]
    patch = []
    for key in TEMPLATE_FIELDS:
        if key not in wanted or same(key, live.get(key), wanted[key]):
            continue
        if in_use and not (key == "hidden" or (key in ("public", "tags") and wanted[key])):
            plan.refusals.append(
                _never(
                    key,
                    live.get(key),
                    wanted[key],
                    "a template of another name to which the clusters are then upgraded, because clusters refer to "
                    f"{name}",
                )
            )
            continue
        if is_empty(wanted[key]) and key in NEVER_EMPTY:
            plan.refusals.append(f"Its {key} can be changed, but not be taken away.")
            continue
        _note(plan, key, live.get(key), wanted[key])
        if key not in CHANGEABLE_IN_USE:
            patch.append(_set(key, live.get(key), _or_null(wanted[key])))
    if patch:
        plan.actions.append(Action("patch", f"change cluster template {name}", patch))
    if wanted.get("name", name) != name:
        _note(plan, "name", name, wanted["name"])
    for key in CHANGEABLE_IN_USE:
        if key in plan.after:
            says = f"set {key} of cluster template {name} to {_show(wanted[key])}"
            plan.actions.append(Action("patch", says, [_set(key, live.get(key), _or_null(wanted[key]))]))
    return plan


def _or_null(value: Any) -> Any:
    return None if is_empty(value) and not isinstance(value, dict) else value


def as_kept(key: str, value: Any) -> Any:
    """A template's field as Magnum keeps it."""
    return ",".join(split(value)) if key in LISTS else value


def _set(key: str, has: Any, value: Any) -> Json:
    if value is None:
        return {"op": "remove", "path": f"/{key}"}
    # Magnum takes "add" only where nothing is, and reads dicts and lists only in "replace".
    if isinstance(value, (dict, list)):
        return {"op": "replace", "path": f"/{key}", "value": value}
    return {"op": "add" if has is None else "replace", "path": f"/{key}", "value": value}


def _note(plan: Plan, key: str, has: Any, wants: Any) -> None:
    plan.before[key] = has
    plan.after[key] = wants


def _never(key: str, has: Any, wants: Any, needs: str) -> str:
    return f"Its {key} is {_show(has)} and cannot become {_show(wants)}: that needs {needs}."


def _show(value: Any) -> str:
    return "not set" if value is None else f"'{value}'" if isinstance(value, str) else str(value)
