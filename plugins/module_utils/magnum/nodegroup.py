"""What module ``coe_nodegroup`` does."""

from __future__ import annotations

from typing import Any

from .errors import ApiError, MagnumError, OperationFailedError, fault_text
from .operating import OperatingModule, drops_patch, drops_resize, takes_always
from .plan import Action, Plan, label, plan_nodegroup
from .waiter import Waiter

Json = dict[str, Any]


class NodegroupModule(OperatingModule):
    """Finds the cluster and the group, plans, refuses or acts, waits."""

    def act(self) -> Json:
        name = self.params["name"]
        cluster = self.find_cluster(self.params["cluster"])
        if cluster is None:
            return self._without_cluster(name)
        self.magnum.require("nodegroups")
        live = self.magnum.find_nodegroup(cluster["uuid"], name)
        if self.params["state"] == "absent":
            return self._absent(cluster, live)
        return self._present(cluster, live)

    def _without_cluster(self, name: str) -> Json:
        cluster = self.params["cluster"]
        if self.params["state"] == "absent":
            return {"changed": False, "actions": []}
        if not self.check_mode:
            raise MagnumError(f"Node group {name}: there is no cluster {cluster}.")
        self.warn(f"Node group {name}: there is no cluster {cluster}. Without check mode it has to be there.")
        plan = plan_nodegroup(self._wanted(), None, None)
        return {**self._result(plan), "nodegroup": {}}

    def _absent(self, cluster: Json, live: Json | None) -> Json:
        if live is None:
            return {"changed": False, "actions": []}
        name, uuid = live["name"], cluster["uuid"]
        if live.get("is_default"):
            raise MagnumError(
                f"Node group {name} of cluster {cluster['name']} was made with the cluster and goes only with it."
            )
        result: Json = {"changed": True, "actions": [f"delete node group {name}"]}
        result["diff"] = {"before": {"name": name, "node_count": live.get("node_count")}, "after": {}}
        if self.check_mode:
            return result
        waiter = self.waiter(uuid, cluster["name"])
        if live.get("status") == "DELETE_IN_PROGRESS":
            if self.params["wait"]:
                waiter.until_idle(f"deleting node group {name}", name)
            return {**result, "changed": False, "actions": []}
        self._delete(waiter, cluster, live, self.params["wait"])
        return result

    def _delete(self, waiter: Waiter, cluster: Json, live: Json, wait: bool) -> None:
        uuid, name = cluster["uuid"], live["name"]
        self.operate(
            waiter,
            f"deleting node group {name} of cluster {cluster['name']}",
            lambda: self.magnum.delete_nodegroup(uuid, live["uuid"], name),
            lambda seen: seen.group(name) is None,
            group=name,
            wait=wait,
            drops=takes_always,
        )

    def _present(self, cluster: Json, live: Json | None) -> Json:
        waiter = self.waiter(cluster["uuid"], cluster["name"])
        cluster, live = self._settle(waiter, cluster, live)
        plan = self._plan(cluster, live)
        self.refuse(f"Node group {self.params['name']} of cluster {cluster['name']}", plan)
        result = self._result(plan)
        if self.check_mode:
            return {**result, "nodegroup": live or {}}
        last = plan.actions[-1] if plan.actions else None
        for action in plan.actions:
            wait = self.params["wait"] or action is not last
            if action.kind == "create":
                other = self._create(waiter, cluster, action, wait)
                if other is not None:
                    self.warn(f"Node group {other['name']} was made by somebody else at the same moment.")
                    return self._present(cluster, other)
                continue
            self._carry_out(waiter, cluster, live, action, wait)
        if plan.changed:
            live = self.magnum.find_nodegroup(cluster["uuid"], self.params["name"]) or live
        return {**result, "nodegroup": live or {}}

    def _create(self, waiter: Waiter, cluster: Json, action: Action, wait: bool) -> Json | None:
        """Make the group; answers the group of that name that somebody else has made first."""
        uuid, name, body = cluster["uuid"], self.params["name"], dict(action.body)
        doing = f"{action.says} of cluster {cluster['name']}"
        if not self._api_address(waiter, cluster, doing):
            raise OperationFailedError(f"{doing}: the cluster has no API address yet, and Magnum needs one for this.")
        made: list[str] = []
        try:
            self.operate(
                waiter,
                doing,
                lambda: made.append(self.magnum.create_nodegroup(uuid, body)),
                lambda seen: _complete(seen.group(name)),
                group=name,
                wait=wait,
                drops=takes_always,
            )
        except ApiError as error:
            other = self.magnum.find_nodegroup(uuid, name) if error.status == 409 else None
            if other is None:
                raise
            return other
        if not wait:
            return None
        # Of two requests at once Magnum drops one without a word.
        live = self.magnum.find_nodegroup(uuid, name)
        return live if live is not None and live["uuid"] not in made else None

    def _plan(self, cluster: Json, live: Json | None) -> Plan:
        def against(template: Json | None) -> Plan:
            return plan_nodegroup(
                self._wanted(),
                live,
                cluster,
                nodes=self.params["current_nodes"],
                template=template,
                remove=self.params["nodes_to_remove"] or (),
                same=self.same,
            )

        plan = against(None)
        if plan.refusals and live and not live.get("is_default"):
            # An upgrade to the cluster's template may be what is asked.
            return against(self.magnum.find_template(cluster["cluster_template_id"]))
        return plan

    def _settle(self, waiter: Waiter, cluster: Json, live: Json | None) -> tuple[Json, Json | None]:
        """Both once what already happens to them is over. A group that failed to be made has to be deleted first."""
        if live is None:
            return cluster, None
        name, status = live["name"], str(live.get("status"))
        if status in ("CREATE_IN_PROGRESS", "DELETE_IN_PROGRESS") and not self.check_mode:
            seen = waiter.until_idle(f"making node group {name} of cluster {cluster['name']} as asked", name)
            cluster = seen.cluster
            live = self.magnum.find_nodegroup(cluster["uuid"], name)
            status = str(live.get("status")) if live else ""
        if live is not None and status in ("CREATE_FAILED", "DELETE_FAILED"):
            if self.params["replace_failed"] and not live.get("is_default"):
                self.warn(f"Node group {name} is {status} ({fault_text({}, [live])}): it is deleted and made again.")
                if not self.check_mode:
                    self._delete(waiter, cluster, live, wait=True)
                return cluster, None
            raise OperationFailedError(
                f"Node group {name} of cluster {cluster['name']} is {status}: {fault_text({}, [live])}. "
                f"Delete it (state: absent) before it is made again.",
                status=status,
                status_reason=live.get("status_reason"),
            )
        return cluster, live

    def _carry_out(self, waiter: Waiter, cluster: Json, live: Json | None, action: Action, wait: bool) -> None:
        uuid, name = cluster["uuid"], self.params["name"]
        doing = f"{action.says} of cluster {cluster['name']}"
        if live is None:
            raise AssertionError(f"node group {name} is not there; its plan has to create it")
        group = live["uuid"]
        if action.kind == "upgrade":
            template, batch = action.body["cluster_template"], self.params["max_batch_size"]
            self.operate(
                waiter,
                doing,
                lambda: self.magnum.upgrade(uuid, cluster["name"], template, batch, name),
                lambda seen: _complete(seen.group(name)),
                group=name,
                wait=wait,
            )
            return
        if action.kind == "resize":
            count = action.body["node_count"]
            self.operate(
                waiter,
                doing,
                lambda: self.magnum.resize(uuid, cluster["name"], count, name, self.params["nodes_to_remove"]),
                lambda seen: int((seen.group(name) or {}).get("node_count") or 0) == count,
                group=name,
                wait=wait,
                drops=drops_resize(name),
            )
            return
        self.operate(
            waiter,
            doing,
            lambda: self.magnum.patch_nodegroup(uuid, group, name, action.body),
            lambda _seen: self._patched(uuid, name, action.body),
            group=name,
            wait=wait,
            drops=drops_patch(name),
        )

    def _patched(self, cluster: str, name: str, patch: list[Json]) -> bool:
        live = self.magnum.find_nodegroup(cluster, name) or {}
        return all(live.get(p["path"].lstrip("/")) == p.get("value") for p in patch)

    def _api_address(self, waiter: Waiter, cluster: Json, doing: str) -> str | None:
        if cluster.get("api_address"):
            return str(cluster["api_address"])
        return waiter.until_taken(doing, takes_always).cluster.get("api_address")

    def _wanted(self) -> Json:
        names = {"flavor": "flavor_id", "image": "image_id"}
        keys = (
            "name node_count min_node_count max_node_count flavor image role docker_volume_size node_labels node_taints"
        )
        wanted = {names.get(k, k): self.params[k] for k in keys.split()}
        if self.params["labels"] is not None:
            wanted["labels"] = {str(k): label(v) for k, v in self.params["labels"].items()}
            wanted["merge_labels"] = self.params["merge_labels"]
        for taint in wanted["node_taints"] or []:
            if taint.get("value") is None:
                taint.pop("value", None)
        if wanted["node_labels"] is not None:
            wanted["node_labels"] = {str(k): str(v) for k, v in wanted["node_labels"].items()}
        return wanted

    def _result(self, plan: Plan) -> Json:
        header = f"node group {self.params['name']} of cluster {self.params['cluster']}"
        return {
            "changed": plan.changed,
            "actions": [a.says for a in plan.actions],
            "diff": self.diff(plan, header),
        }


def _complete(group: Json | None) -> bool:
    return group is not None and str(group.get("status")).endswith("_COMPLETE")
