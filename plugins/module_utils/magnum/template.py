"""What module ``coe_cluster_template`` does."""

from __future__ import annotations

from typing import Any

from .client import is_uuid
from .errors import ApiError, MagnumError
from .module import MagnumModule
from .plan import TEMPLATE_FIELDS, label, plan_template

Json = dict[str, Any]

OPTION_OF = {
    "image_id": "image",
    "flavor_id": "flavor",
    "master_flavor_id": "master_flavor",
    "keypair_id": "keypair",
    "external_network_id": "external_network",
}
"""Options whose name differs from the API's field."""


class TemplateModule(MagnumModule):
    """Finds the template, plans, refuses or acts."""

    def act(self) -> Json:
        name, new_name = self.params["name"], self.params["new_name"]
        live = self.magnum.find_template(name)
        if self.params["state"] == "absent":
            return self._absent(live)
        if new_name and (renamed := self.magnum.find_template(new_name)):
            if live and live["uuid"] != renamed["uuid"]:
                raise MagnumError(
                    f"Cluster template {name} cannot be renamed: there is another one named {new_name} already "
                    f"({renamed['uuid']})."
                )
            live = renamed
        return self._present(live)

    def _absent(self, live: Json | None) -> Json:
        if live is None:
            return {"changed": False, "actions": []}
        users = self._users(live)
        if users and self.params["keep_in_use"]:
            return {"changed": False, "actions": []}
        if users:
            raise MagnumError(
                f"Cluster template {live['name']} cannot be deleted: clusters refer to it ({', '.join(users)})."
            )
        says = f"delete cluster template {live['name']}"
        result: Json = {"changed": True, "actions": [says]}
        result["diff"] = {"before": {"name": live["name"], "uuid": live["uuid"]}, "after": {}}
        if not self.check_mode:
            try:
                self.magnum.delete_template(live["uuid"], live["name"])
            except ApiError as error:
                # Another project's cluster, or one that came in between.
                if error.status == 400 and self.params["keep_in_use"]:
                    return {"changed": False, "actions": []}
                raise
        return result

    def _present(self, live: Json | None) -> Json:
        name = self.params["name"]
        wanted = self._wanted()
        if live is None and "name" not in wanted:
            raise MagnumError(f"There is no cluster template {name}.")
        if live is None and not wanted.get("image_id"):
            raise MagnumError(f"Cluster template {name} does not exist, and image is needed to create it.")
        plan = plan_template(wanted, live, in_use=False, same=self.same)
        if live and plan.changed and self._users(live):
            plan = plan_template(wanted, live, in_use=True, same=self.same)
        self.refuse(f"Cluster template {name}", plan)
        result: Json = {"changed": plan.changed, "actions": [a.says for a in plan.actions]}
        result["diff"] = self.diff(plan, f"cluster template {name}")
        if not self.check_mode:
            for action in plan.actions:
                if live is None:
                    live = self.magnum.create_template(action.body)
                else:
                    live = self.magnum.patch_template(live["uuid"], live["name"], action.body)
        return {**result, "cluster_template": live or {}}

    def _users(self, live: Json) -> list[str]:
        """Names of this project's clusters that refer to the template."""
        clusters = self.magnum.short_clusters()
        return sorted(c["name"] for c in clusters if c.get("cluster_template_id") == live["uuid"])

    def _wanted(self) -> Json:
        wanted: Json = {"name": self.params["new_name"] or self.params["name"]}
        if is_uuid(wanted["name"]):  # it says which one, not how it is to be called
            wanted["name"] = None
        for key in TEMPLATE_FIELDS:
            wanted[key] = self.params[OPTION_OF.get(key, key)]
        if wanted["labels"] is not None:
            wanted["labels"] = {str(k): label(v) for k, v in wanted["labels"].items()}
        return {k: v for k, v in wanted.items() if v is not None}
