# Copyright: Contributors to the stfc.jupyterhub collection
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Plan a service: check the variables, work everything out, show it, write it. Logic: module_utils/planning."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ansible import constants
from ansible.errors import AnsibleActionFail
from ansible.plugins.action import ActionBase
from ansible_collections.stfc.jupyterhub.plugins.module_utils.magnum.facts import cluster_facts
from ansible_collections.stfc.jupyterhub.plugins.module_utils.model import FILES, normalise
from ansible_collections.stfc.jupyterhub.plugins.module_utils.planning.page import ReportError, page
from ansible_collections.stfc.jupyterhub.plugins.module_utils.planning.plan import Known, make_plan
from ansible_collections.stfc.jupyterhub.plugins.module_utils.planning.rooms import Live
from ansible_collections.stfc.jupyterhub.plugins.module_utils.planning.settings import SettingsError, settings
from ansible_collections.stfc.jupyterhub.plugins.module_utils.planning.text import summary

TEMPLATE = Path(__file__).resolve().parents[2] / "roles/plan/templates/plan.html.j2"

ARGUMENTS: dict[str, Any] = {
    "cloud": {"type": "dict", "default": {}},
    "cluster": {"type": "dict", "default": {}},
    "hub": {"type": "dict", "default": {}},
    "missing": {"type": "list", "elements": "str", "default": []},
    "check_only": {"type": "bool", "default": False},
}


class ActionModule(ActionBase):
    """Reads variables, writes the report and the JSON on the controller, and touches nothing else."""

    _requires_connection = False
    _supports_check_mode = True

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        result: dict[str, Any] = super().run(tmp, task_vars)
        variables = task_vars or {}
        _validation, arguments = self.validate_argument_spec(argument_spec=ARGUMENTS)
        service = normalise(self._named(variables, {key.name for file in FILES for key in file.keys}), FILES)
        wanted = self._named(variables, {name for name in variables if name.startswith("plan_")})
        profiles = {profile["name"]: profile for profile in service["hub_profiles"]}
        try:
            chosen = settings(wanted, profiles, lambda name: Path(name).expanduser().read_text(encoding="utf-8"))
        except SettingsError as error:
            # Shown here as text: in a result, some of the callbacks would print it as one line of JSON.
            self._display.display(f"\n{error}\n", color=constants.COLOR_ERROR)
            count = f"{len(error.findings)} problem{'s' * (len(error.findings) != 1)}"
            return {**result, "failed": True, "msg": f"The report above says what to change ({count})."}
        if arguments["check_only"]:
            return {**result, "changed": False}
        try:
            plan = make_plan(self._known(service, arguments), chosen)
        except ValueError as error:  # hub_values that cannot work
            raise AnsibleActionFail(str(error)) from error
        missing = plan["not_worked_out"]
        if chosen["report"]:
            try:
                result["report"] = _write(
                    chosen["report"], page(plan, TEMPLATE.read_text(encoding="utf-8")), "the report"
                )
            except ReportError as error:
                missing.append(f"the report {chosen['report']}: {error}")
        if chosen["json"]:
            result["json"] = _write(chosen["json"], json.dumps(plan, indent=1, ensure_ascii=False) + "\n", "the JSON")
        written = [f"{what}: {result[key]}" for key, what in (("report", "Report"), ("json", "JSON")) if key in result]
        self._display.display("\n" + "\n".join([summary(plan), *([""] if written else []), *written]) + "\n")
        return {**result, "changed": False}

    def _named(self, variables: Mapping[str, Any], names: set[str]) -> dict[str, Any]:
        """Variables of a play, rendered."""
        return {name: self._templar.template(variables[name]) for name in sorted(names) if name in variables}

    @staticmethod
    def _known(service: Mapping[str, Any], arguments: Mapping[str, Any]) -> Known:
        cloud, cluster, hub = arguments["cloud"], arguments["cluster"], arguments["hub"]
        known = service["cluster_flavors_known"]
        flavors = {**known, **(cloud.get("flavors") or {})}
        source = f"the cloud {service['openstack_cloud']}" if cloud.get("flavors") else "cluster_flavors_known"
        live = Live(cluster.get("nodes") or (), cluster.get("pods") or (), cluster.get("csi_nodes") or ())
        driver = service["cluster_driver"]
        family = (cloud.get("family") or {}).get("name") or ("cluster-api" if driver == "auto" else driver)
        facts = cluster_facts(
            cloud.get("current") or {"name": service["cluster_name"], "uuid": None},
            service["cluster_node_groups"],
            live.nodes,
            flavors=flavors,
            family=family,
            kubeconfig="",
            network_driver=service["cluster_network_driver"],
            site_template=service["cluster_template"],
            kubelet_options=str(service["cluster_labels"].get("kubelet_options") or ""),
            daemon_sets=cluster.get("daemon_sets") if live.nodes else None,
            cloud=service["openstack_cloud"] or "",
            external_network=cloud.get("external_network") or "",
        )
        return Known(service, facts, flavors, source, cloud, live, hub, arguments["missing"])


def _write(name: str, text: str, what: str) -> str:
    """Write a file, which is this run's own answer, so in check mode too; its absolute path."""
    path = Path(os.path.abspath(os.path.expanduser(name)))
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise AnsibleActionFail(f"writing {what} to {path}: {error.strerror}. Give another file.") from error
    return str(path)
