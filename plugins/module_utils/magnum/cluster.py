"""What module ``coe_cluster`` does."""

from __future__ import annotations

from typing import Any

from ..preflight.project import Owner
from .errors import ApiError, MagnumError, OperationFailedError, TimedOutError, fault_text
from .families import recognise
from .leftovers import is_balancer, names_of
from .operating import BUSY_ATTEMPTS, BUSY_PAUSE, OperatingModule, drops_resize, sounds_busy
from .plan import Action, Plan, default_worker, label, plan_cluster
from .waiter import Seen, Waiter

Json = dict[str, Any]


def _there(live: Json | None) -> Json:
    if live is None:
        raise AssertionError("the plan for a cluster that is not there starts with its creation")
    return live


class ClusterModule(OperatingModule):
    """Finds the cluster, plans, refuses or acts, waits."""

    def act(self) -> Json:
        live = self.find_cluster(self.params["name"])
        return self._absent(live) if self.params["state"] == "absent" else self._present(live)

    def _absent(self, live: Json | None) -> Json:
        if live is None:
            return {"changed": False, "actions": []}
        uuid, name = live["uuid"], live["name"]
        says = f"delete cluster {name}"
        result: Json = {"changed": True, "actions": [says]}
        result["diff"] = {"before": {"name": name, "uuid": uuid, "status": live.get("status")}, "after": {}}
        if self.check_mode:
            return result
        waiter = self.waiter(uuid, name)
        before = waiter.look()
        if before is None:
            return {"changed": False, "actions": []}
        if before.cluster.get("status") == "DELETE_IN_PROGRESS":
            result.update(changed=False, actions=[])
            before = None
        else:
            before = self._delete(waiter, uuid, name, before)
        if self.params["wait"]:
            try:
                waiter.until_gone(before)
            except TimedOutError as error:
                raise TimedOutError(f"{error} {self._in_the_way(live)}".rstrip(), **error.details) from None
        return result

    def _delete(self, waiter: Waiter, uuid: str, name: str, before: Seen) -> Seen | None:
        """Ask for the deletion; while another operation keeps Magnum from it, again. The state from before."""
        for _attempt in range(BUSY_ATTEMPTS):
            try:
                self.magnum.delete_cluster(uuid, name)
            except ApiError as error:
                if error.status not in (400, 409) or not sounds_busy(error):
                    raise
                self.progress.say(f"cluster {name}: {error.answer}; it is deleted after that")
                waiter.pause(BUSY_PAUSE)
                before = waiter.until_idle(f"deleting cluster {name}")
            else:
                return before
        self.magnum.delete_cluster(uuid, name)
        return before

    def _in_the_way(self, live: Json) -> str:
        """What of the cluster is still in the project, as a sentence: a deletion waits for it."""
        names = names_of(live, live["name"])
        try:
            owner = Owner(live, [group["name"] for group in self.magnum.short_nodegroups(live["uuid"])])
            balancers = [
                f"load balancer {b.name} ({b.id}) is {b.provisioning_status}"
                for b in (self.conn.load_balancer.load_balancers() if self.conn.has_service("load-balancer") else ())
                if is_balancer(b.name, names) or owner.owns(b.name, b.description)
            ]
            servers = [s.name for s in self.conn.compute.servers() if owner.owns(s.name, s.metadata)]
        except (self.sdk.exceptions.SDKException, ApiError) as error:
            return f"What it waits for could not be read: {' '.join(str(error).split())}"
        parts = balancers + ([f"{len(servers)} servers ({', '.join(servers[:3])})"] if servers else [])
        if not parts:
            return "Nothing of it is seen among the project's balancers and servers."
        text = f"Still in the project: {'; '.join(parts)}."
        if any(" is PENDING_" in part for part in balancers):
            text += (
                " Octavia takes no request for a balancer that is PENDING. If it stays so, its operators have to set "
                "it to ERROR; then the deletion goes on."
            )
        return text

    def _present(self, live: Json | None) -> Json:
        live = self._settle(live)
        template = self._template(required=live is None)
        wanted = self._wanted(creating=live is None)
        family = recognise(cluster=live, template=template)
        plan = plan_cluster(
            wanted,
            live,
            self._groups(live, wanted) if live else [],
            template=template["uuid"] if template else None,
            template_name=self.params["cluster_template"],
            resizes_control_plane=family is None or family.resizes_control_plane,
            remove=self.params["nodes_to_remove"] or (),
            same=self.same,
        )
        self.refuse(f"Cluster {self.params['name']}", plan)
        result: Json = {"changed": plan.changed, "actions": [a.says for a in plan.actions]}
        result["diff"] = self.diff(plan, f"cluster {self.params['name']}")
        if self.check_mode:
            return {**result, "cluster": live or {}}
        if plan.changed:
            live = self._carry_out(plan, live)
        return {**result, "cluster": live or {}}

    def _groups(self, live: Json, wanted: Json) -> list[Json]:
        """The cluster's node groups in short; the default one whole when its count is another (labels may own it)."""
        groups = self.magnum.short_nodegroups(live["uuid"])
        workers = default_worker(groups)
        if workers and wanted.get("node_count") not in (None, workers["node_count"]):
            whole = self.magnum.find_nodegroup(live["uuid"], workers["uuid"])
            return [whole if whole and g is workers else g for g in groups]
        return groups

    def _settle(self, live: Json | None) -> Json | None:
        """The cluster once what already happens to it is over; None when it is being deleted."""
        if live is None:
            return None
        status, name = str(live.get("status")), live["name"]
        if status == "CREATE_FAILED" or status == "DELETE_FAILED":
            raise OperationFailedError(
                f"Cluster {name} ({live['uuid']}) is {status}: {fault_text(live, self._failed_groups(live))}. "
                f"Delete it (state: absent) before it is made again.",
                status=status,
                status_reason=live.get("status_reason"),
                faults=live.get("faults") or {},
            )
        if status == "UPDATE_FAILED":
            self.warn(f"The last operation on cluster {name} failed: {fault_text(live, self._failed_groups(live))}")
        if self.check_mode:
            return None if status == "DELETE_IN_PROGRESS" else live
        waiter = self.waiter(live["uuid"], name)
        if status == "DELETE_IN_PROGRESS":
            waiter.until_gone()
            return None
        if status == "CREATE_IN_PROGRESS" and self.params["wait"]:
            return waiter.until_created()
        return live

    def _failed_groups(self, live: Json) -> list[Json]:
        return [] if live.get("faults") else self.magnum.list_nodegroups(live["uuid"])

    def _template(self, required: bool) -> Json | None:
        name = self.params["cluster_template"]
        if name is None:
            if required:
                raise MagnumError(
                    f"Cluster {self.params['name']} does not exist, and cluster_template is needed to create it."
                )
            return None
        found = self.magnum.find_template(name)
        if found is None:
            known = sorted({t["name"] for t in self.magnum.list_templates()})
            text = f"there is no cluster template {name}. This project sees: {', '.join(known) or 'none'}."
            if not self.check_mode:
                raise MagnumError(f"Cluster {self.params['name']}: {text}")
            self.warn(f"Cluster {self.params['name']}: {text} Without check mode it has to be there.")
        return found

    def _wanted(self, creating: bool) -> Json:
        names = {"flavor": "flavor_id", "master_flavor": "master_flavor_id"}
        keys = (
            "name keypair master_count node_count flavor master_flavor docker_volume_size fixed_network fixed_subnet "
            "floating_ip_enabled master_lb_enabled discovery_url"
        )
        wanted = {names.get(k, k): self.params[k] for k in keys.split()}
        if self.params["labels"] is not None:
            wanted["labels"] = {str(k): label(v) for k, v in self.params["labels"].items()}
        if creating:
            wanted["create_timeout"] = self.params["create_timeout"]
            if wanted.get("labels"):
                wanted["merge_labels"] = self.params["merge_labels"]
        return wanted

    def _carry_out(self, plan: Plan, live: Json | None) -> Json:
        last = plan.actions[-1]
        for action in plan.actions:
            wait = self.params["wait"] or action is not last
            if action.kind == "create":
                live = self._create(action, wait)
                continue
            self._change(action, _there(live), wait)
        live = _there(live)
        return self.magnum.find_cluster(live["uuid"]) or live

    def _create(self, action: Action, wait: bool) -> Json:
        name = action.body["name"]
        uuid = self.magnum.create_cluster(action.body)
        if not wait:
            return {"uuid": uuid, "name": name, "status": "CREATE_IN_PROGRESS"}
        return self.waiter(uuid, name).until_created()

    def _change(self, action: Action, live: Json, wait: bool) -> None:
        uuid, name = live["uuid"], live["name"]
        waiter = self.waiter(uuid, name)
        if action.kind == "upgrade":
            template, group = action.body["cluster_template"], action.body["nodegroup"]
            self.operate(
                waiter,
                f"upgrading cluster {name}",
                lambda: self.magnum.upgrade(uuid, name, template, self.params["max_batch_size"], group),
                lambda seen: bool(seen.cluster.get("cluster_template_id") == template),
                wait=wait,
            )
            return
        count, group = action.body["node_count"], action.body["nodegroup"]

        def reached(seen: Seen) -> bool:
            of = seen.group(group) if group else seen.cluster
            return of is not None and int(of.get("node_count") or 0) == count

        self.operate(
            waiter,
            f"resizing cluster {name}",
            lambda: self.magnum.resize(uuid, name, count, group, action.body.get("nodes_to_remove")),
            reached,
            group=group,
            wait=wait,
            drops=drops_resize(group),
        )
