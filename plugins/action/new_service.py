# Copyright: Contributors to the stfc.jupyterhub collection
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Write the files of a new service from a team's answers. The logic is in module_utils/new_service.py."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from ansible import constants
from ansible.errors import AnsibleActionFail
from ansible.plugins.action import ActionBase
from ansible.utils.vars import load_extra_vars
from ansible_collections.stfc.jupyterhub.plugins.module_utils import new_service

COLLECTION = Path(__file__).resolve().parents[2]
ROLES = {new_service.OPENSTACK: "cluster", new_service.JUPYTERHUB: "hub"}

ARGUMENTS: dict[str, Any] = {"answers": {"type": "dict"}, "dest": {"type": "str"}}


class ActionModule(ActionBase):
    """Writes files on the controller that are not there yet."""

    _requires_connection = False
    _supports_check_mode = True
    _supports_diff = True

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        result: dict[str, Any] = super().run(tmp, task_vars)
        _validation, arguments = self.validate_argument_spec(argument_spec=ARGUMENTS)
        answers = arguments["answers"]
        if answers is None:
            answers = {str(name): value for name, value in load_extra_vars(self._loader).items()}
        if "name" in answers and "service" not in answers:  # Ansible warns of a variable called so
            answers["service"] = answers.pop("name")
        root = Path(arguments["dest"] or _root(str((task_vars or {}).get("playbook_dir") or "")))
        name = str(answers.get("service") or "new")
        try:
            files = new_service.compose(answers, _shipped(), _schemas(root, name), _there(root))
        except new_service.AnswersError as error:
            self._display.display(f"\n{error}\n", color=constants.COLOR_ERROR)
            return {**result, "failed": True, "msg": "The report above says what to answer."}
        if not self._task.check_mode:
            for path, text in files.items():
                _write(root / path, text)
            self._display.display(f"\n{_next_steps(root, name)}\n", color=constants.COLOR_OK)
        diff = [{"before": "", "after": text, "after_header": path} for path, text in files.items()]
        return {**result, "changed": True, "files": [str(root / path) for path in files], "diff": diff}


def _root(playbooks: str) -> str:
    """The checkout that the playbook is in, else the current directory."""
    checkout = Path(playbooks).resolve().parent
    inside = playbooks and (checkout / "inventories").is_dir() and (checkout / "vars").is_dir()
    return str(checkout) if inside else os.getcwd()


def _shipped() -> dict[str, str]:
    return {file: (COLLECTION / "roles" / role / "files" / file).read_text() for file, role in ROLES.items()}


def _schemas(root: Path, name: str) -> dict[str, str]:
    """Where an editor finds the schemas: from the new files where the collection is in the same tree, else at all."""
    result = {}
    for file, role in ROLES.items():
        schema = COLLECTION / "roles" / role / "files" / file.replace(".yml", ".schema.json")
        inside = root.resolve() == COLLECTION
        result[file] = os.path.relpath(schema, root.resolve() / "vars" / name) if inside else str(schema)
    return result


def _there(root: Path) -> dict[str, str]:
    """Files of other services, by their paths from the root."""
    found = [*root.glob("vars/**/*.yml"), *root.glob("inventories/**/*.yml")]
    return {path.relative_to(root).as_posix(): path.read_text(errors="replace") for path in found if path.is_file()}


def _write(path: Path, text: str) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("x", encoding="utf-8") as stream:
            stream.write(text)
    except OSError as error:
        raise AnsibleActionFail(f"writing {path}: {error.strerror}") from error


def _next_steps(root: Path, name: str) -> str:
    here = os.path.relpath(root)
    where = "" if here == "." else f" (in {here})"
    prefix = "playbooks/" if (root / "playbooks").is_dir() else "stfc.jupyterhub."
    end = ".yml" if prefix == "playbooks/" else ""
    identifier, secret = new_service.variables(name)
    return (
        f"Written{where}: vars/{name}/openstack.yml, vars/{name}/jupyterhub.yml, inventories/{name}.\n"
        f"Next: export {identifier}=... {secret}=...   (what your login provider gave you)\n"
        f"      ansible-playbook -i inventories/{name} {prefix}preflight{end}\n"
        f"      ansible-playbook -i inventories/{name} {prefix}deploy{end}"
    )
