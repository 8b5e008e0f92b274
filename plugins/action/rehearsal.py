# Copyright: Contributors to the stfc.jupyterhub collection
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Start, stop or remove the rehearsal cloud, showing what it does while it does it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections import deque
from pathlib import Path
from typing import Any

from ansible.errors import AnsibleActionFail
from ansible.plugins.action import ActionBase

ARGUMENTS: dict[str, Any] = {
    "state": {"type": "str", "choices": ["started", "stopped", "absent"], "default": "started"},
    "directory": {"type": "path", "required": True},
    "package": {"type": "path", "required": True},
    "boot_seconds": {"type": "float"},
    "servers": {"type": "bool"},
    "real_pods": {"type": "int"},
}

SETTINGS = ("boot_seconds", "servers", "real_pods")


class ActionModule(ActionBase):
    """Runs the rehearsal's own command line on this machine."""

    _requires_connection = False
    _supports_check_mode = True
    TRANSFERS_FILES = False

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        result = super().run(tmp, task_vars)
        _validation, arguments = self.validate_argument_spec(argument_spec=ARGUMENTS)
        self._package = Path(arguments["package"])
        self._directory = Path(arguments["directory"]).absolute()
        state = arguments["state"]
        if self._task.check_mode:
            return result | self._foresee(state)
        if state == "started":
            settings = [f"{name}={arguments[name]}" for name in SETTINGS if arguments[name] is not None]
            setup = self._run([sys.executable, "-m", "rehearsal.setup", "--state", str(self._directory), "--json"])
            cloud = self._cloud("up", *(part for pair in settings for part in ("--set", pair)))
            result.update(changed=bool(setup["made"]) or cloud["changed"], cloud=self._for_deployment(setup, cloud))
            result["_ansible_no_log"] = True  # the users' passwords and the client's secret
        elif self._directory.exists():
            result.update(changed=self._cloud("stop" if state == "stopped" else "clean")["changed"])
        return result

    def _foresee(self, state: str) -> dict[str, Any]:
        if not (self._directory / "settings.json").exists():
            if state == "started":
                raise AnsibleActionFail("check mode needs a rehearsal that is there: run `make rehearse` once first")
            return {"changed": False}
        status = self._cloud("status")
        if state == "started":
            setup = self._run([sys.executable, "-m", "rehearsal.setup", "--state", str(self._directory), "--json"])
            return {
                "changed": not status["running"],
                "cloud": self._for_deployment(setup, status),
                "_ansible_no_log": True,
            }
        return {"changed": status["running"] or state == "absent"}

    def _for_deployment(self, setup: dict[str, Any], cloud: dict[str, Any]) -> dict[str, Any]:
        """What the role writes down for a deployment: search path, interpreter, ports, login provider."""
        return {
            "python": self._python(),
            "path": [os.path.dirname(sys.executable), setup["bin"]],
            "ports": cloud["ports"],
            "login": cloud["login"]["client"],
            "users": cloud["login"]["users"],
        }

    def _python(self) -> str:
        """The interpreter of the services' environment."""
        found = self._run([sys.executable, "-m", "rehearsal.setup", "--state", str(self._directory), "--python"])
        return str(found["python"])

    def _cloud(self, *command: str) -> dict[str, Any]:
        return self._run([self._python(), "-m", "rehearsal", "--state", str(self._directory), *command])

    def _run(self, command: list[str]) -> dict[str, Any]:
        """Run one of the rehearsal's commands: progress comes on its stderr, one JSON object on its stdout."""
        environment = {**os.environ, "PYTHONPATH": str(self._package), "PYTHONUNBUFFERED": "1"}
        last: deque[str] = deque(maxlen=12)
        with subprocess.Popen(
            command,
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            stdin=subprocess.DEVNULL,
            text=True,
        ) as process:
            if process.stdout is None or process.stderr is None:
                raise AssertionError("both are pipes")
            for line in process.stderr:
                last.append(line.rstrip())
                self._display.display(f"  {line.rstrip()}")
            answer = process.stdout.read()
        if process.returncode:
            told = "\n".join(last) or "it said nothing"
            raise AnsibleActionFail(f"the rehearsal's `{' '.join(command[1:])}` failed:\n{told}")
        return json.loads(answer)
