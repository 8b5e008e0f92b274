# Copyright: Contributors to the stfc.jupyterhub collection
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Read the two files of a service, check them, and set their keys as facts. The logic is in module_utils/service.py."""

from __future__ import annotations

import base64
import dataclasses
import json
import os
import re
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from ansible import constants
from ansible.module_utils.parsing.convert_bool import boolean
from ansible.parsing.vault import AnsibleVaultError
from ansible.plugins.action import ActionBase
from ansible.template import Templar
from ansible.utils.vars import load_extra_vars
from ansible_collections.stfc.jupyterhub.plugins.module_utils import model, service
from ansible_collections.stfc.jupyterhub.plugins.module_utils.chart_file import schema_of
from ansible_collections.stfc.jupyterhub.plugins.module_utils.imprint import imprint
from ansible_collections.stfc.jupyterhub.plugins.module_utils.model import Deferred
from ansible_collections.stfc.jupyterhub.plugins.module_utils.preflight.questions import questions

try:
    from ansible.template import trust_as_template
except ImportError:  # ansible-core 2.18 trusts every text

    def trust_as_template(value: str) -> str:
        return value


COLLECTION = Path(__file__).resolve().parents[2]

ARGUMENTS: dict[str, Any] = {
    "openstack_vars": {"type": "str"},
    "jupyterhub_vars": {"type": "str"},
    "overlays": {"type": "list", "elements": "str"},
    "cluster_only": {"type": "bool", "default": False},
    "collect": {"type": "bool", "default": False},
    "shipped": {"type": "bool"},
}

SHIPPED = {"openstack": "roles/cluster/files/openstack.yml", "jupyterhub": "roles/hub/files/jupyterhub.yml"}
"""Where an installed collection has the files that a checkout has in ``vars/``. They describe somebody's service."""

NOT_INJECTED = (
    "Ansible's setting inject_facts_as_vars is off, and the roles take the keys of the two files from facts. Set it "
    "for this run: ANSIBLE_INJECT_FACT_VARS=true, or inject_facts_as_vars = true in ansible.cfg."
)


class ActionModule(ActionBase):
    """Reads files on the controller, and touches nothing."""

    _requires_connection = False
    _supports_check_mode = True

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        result: dict[str, Any] = super().run(tmp, task_vars)
        variables = task_vars or {}
        if not constants.config.get_config_value("INJECT_FACTS_AS_VARS"):
            return {**result, "failed": True, "msg": NOT_INJECTED}
        _validation, arguments = self.validate_argument_spec(argument_spec=ARGUMENTS)
        if arguments["shipped"] is None:
            arguments["shipped"] = boolean(self._variable("service_shipped", variables) or False)
        self._hints: dict[str, str] = {}
        openstack, jupyterhub = (self._file(name, arguments, variables) for name in ("openstack", "jupyterhub"))
        overlays = arguments["overlays"]
        if overlays is None:
            overlays = self._variable("service_overlays", variables) or []
        overlays = [_named(overlay) for overlay in ([overlays] if isinstance(overlays, str) else overlays)]
        try:
            loaded = service.load(
                openstack,
                None if arguments["cluster_only"] else jupyterhub,
                overlays,
                read=self._read,
                renderer=self._renderer,
                variables=variables,
                extra=load_extra_vars(self._loader),
                chart_schema=schema_of,
            )
        except service.ServiceError as error:
            if arguments["collect"]:
                return {**result, "changed": False, **_collected(error.problems, error.known, error.places)}
            # Shown here as text: in a result, some of the callbacks would print it as one line of JSON.
            self._display.display(f"\n{error}\n", color=constants.COLOR_ERROR)
            errors = sum(problem.severity == "error" for problem in error.problems)
            named = " and ".join(dict.fromkeys(problem.file for problem in error.problems))
            message = f"The report above says what to change in {named} ({errors} error{'s' * (errors != 1)})."
            return {**result, "failed": True, "msg": message}
        collected = _collected(loaded.warnings, loaded.values, loaded.places) if arguments["collect"] else {}
        if collected and not arguments["cluster_only"]:
            # Not taken from the facts by a filter: each task that does so loads the whole model once more.
            hub = model.normalise(loaded.values, [model.JUPYTERHUB])
            collected |= {"hub": _packed(hub), "hub_imprint": imprint(hub)}
        for problem in () if collected else loaded.warnings:
            self._display.warning(" ".join(str(problem).split()), formatted=False)
        self._warn_of_fact_cache()
        files = [os.path.abspath(file) for file in loaded.files]
        facts = {**loaded.values, "service_files": files, "service_places": loaded.places}
        # The facts hold the service's secrets.
        return {**result, "changed": False, **collected, "ansible_facts": facts, "_ansible_no_log": True}

    def _variable(self, name: str, variables: Mapping[str, Any]) -> Any:
        value = variables.get(name)
        return self._templar.template(value) if value is not None else None

    def _file(self, name: str, arguments: Mapping[str, Any], variables: Mapping[str, Any]) -> str:
        """The file to use: argument, variable, the playbook's checkout, this folder, where wanted the collection's own.

        The name of one that is to be made, when there is none: reading it tells what to do.
        """
        given = arguments[f"{name}_vars"] or self._variable(f"{name}_vars", variables)
        if given:
            return _named(str(given))
        playbooks = variables.get("playbook_dir")
        candidates = [Path(str(playbooks)).parent / "vars"] if playbooks else []
        candidates.append(Path.cwd() / "vars")
        for folder in candidates:
            if (folder / f"{name}.yml").is_file():
                return _named(str(folder / f"{name}.yml"))
        shipped = COLLECTION / SHIPPED[name]
        if arguments["shipped"]:
            return str(shipped)
        wanted = candidates[-1] / f"{name}.yml"
        self._hints[str(wanted)] = (
            f"name yours with -e {name}_vars=FILE, or write {_named(str(wanted))}; one to start from: {shipped}"
        )
        return _named(str(wanted))

    def _read(self, file: str) -> str:
        """Text of a file, decrypted if it is a vault."""
        path = os.path.abspath(file)
        if path in self._hints:
            raise service.MissingFileError(self._hints[path])
        with open(path, "rb"):  # for an OSError that says why
            pass
        try:
            content, _show = self._loader._get_file_contents(path)
        except AnsibleVaultError as error:
            raise ValueError("it is encrypted; give the vault's password, for example with --ask-vault-pass") from error
        try:
            return bytes(content).decode("utf-8")
        except UnicodeDecodeError as error:
            raise ValueError(f"byte {error.start + 1} is not UTF-8; save it as UTF-8") from error

    def _renderer(self, variables: Mapping[str, Any]) -> Callable[[Deferred], Any]:
        """Renders with Ansible's templates; ``variables`` may hold further templates."""
        scope = {name: self._for_templates(value) for name, value in variables.items()}
        templar = Templar(loader=self._loader, variables=scope)

        def render(value: Deferred) -> Any:
            if value.tag:
                return self._decrypt(value)
            try:
                return templar.template(trust_as_template(value.text))
            except Exception as error:  # filters and lookups raise anything
                text = str(error).strip()
                undefined = re.search(r"'([^']+)' is undefined", text)
                reason = text.split("\n", maxsplit=1)[0] if text else type(error).__name__
                raise service.RenderError(reason, undefined.group(1) if undefined else "") from error

        return render

    def _for_templates(self, value: Any) -> Any:
        if isinstance(value, Deferred):
            if not value.tag:
                return trust_as_template(value.text)
            try:
                return self._decrypt(value)
            except service.RenderError:
                return None  # reported where it stands
        kind = type(value)  # Ansible's own containers stay as they are
        if kind is dict:
            return {name: self._for_templates(member) for name, member in value.items()}
        if kind is list:
            return [self._for_templates(member) for member in value]
        return value

    def _decrypt(self, value: Deferred) -> str:
        try:
            return bytes(self._loader._vault.decrypt(value.text.encode())).decode("utf-8")
        except Exception as error:
            raise service.RenderError("cannot be decrypted") from error

    def _warn_of_fact_cache(self) -> None:
        cache = str(constants.config.get_config_value("CACHE_PLUGIN"))
        if cache.rpartition(".")[2] != "memory":
            self._display.warning(f"The fact cache {cache} keeps this service's secrets. Use fact_caching = memory.")


def _collected(
    problems: Sequence[service.Problem], known: Mapping[str, Any], places: Mapping[str, str]
) -> dict[str, Any]:
    """What the role preflight goes on with."""
    return {
        "problems": [dataclasses.asdict(problem) for problem in problems],
        "complete": not any(problem.severity == "error" for problem in problems),
        "known": questions(known),
        "places": dict(places),
    }


def _packed(hub: Mapping[str, Any]) -> str:
    """JSON in base64: ansible-core 2.18 takes a text that looks like JSON for the data in it."""
    return base64.b64encode(json.dumps(hub).encode()).decode()


def _named(file: str) -> str:
    """A file as people are told of it: from the current directory where it is below it."""
    path = os.path.abspath(os.path.expanduser(file))
    relative = os.path.relpath(path)
    return path if relative.startswith("..") else relative
