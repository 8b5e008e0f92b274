# Copyright: Contributors to the stfc.jupyterhub collection
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Show the one report of all layers, keep it as JSON, and stop where it says so. The logic is in module_utils."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from ansible import constants
from ansible.errors import AnsibleActionFail
from ansible.plugins.action import ActionBase
from ansible_collections.stfc.jupyterhub.plugins.module_utils.preflight.report import FailOn, Layer, Report

LAYER: dict[str, Any] = {
    "name": {"type": "str", "required": True},
    "problems": {"type": "list", "elements": "dict"},
    "skipped": {"type": "str"},
    "notes": {"type": "list", "elements": "str"},
    "needed": {"type": "bool", "default": False},
}

ARGUMENTS: dict[str, Any] = {
    "layers": {"type": "list", "elements": "dict", "options": LAYER, "required": True},
    "dest": {"type": "str"},
    "fail_on": {"type": "str", "choices": ["error", "warning", "never"], "default": "error"},
}


class ActionModule(ActionBase):
    """Writes one file on the controller, the report, and touches nothing else."""

    _requires_connection = False
    _supports_check_mode = True

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        result: dict[str, Any] = super().run(tmp, task_vars)
        _validation, arguments = self.validate_argument_spec(argument_spec=ARGUMENTS)
        report = Report(
            [
                Layer(each["name"], each["problems"] or (), each["skipped"] or "", each["notes"] or (), each["needed"])
                for each in arguments["layers"]
            ]
        )
        failed = report.fails(arguments["fail_on"])
        color = constants.COLOR_ERROR if report.count("error") or report.missing() else constants.COLOR_OK
        if report.count("warning") and color == constants.COLOR_OK:
            color = constants.COLOR_WARN
        # Shown here as text: in a result, some of the callbacks would print it as one line of JSON.
        self._display.display(f"\n{report.text()}\n", color=color)
        if arguments["dest"]:
            _write(arguments["dest"], report.json())
        counts = {f"{severity}_count": report.count(severity) for severity in ("error", "warning")}
        result = {**result, **counts, "changed": False, "failed": failed}
        if failed:
            result["msg"] = _reason(report, arguments["fail_on"])
        return result


def _reason(report: Report, fail_on: FailOn) -> str:
    """Why this stops the run."""
    sentences = []
    if report.stops(fail_on):
        files = " and ".join(dict.fromkeys(str(each["file"]) for each in report.problems() if each["file"]))
        sentences.append(f"The report above says what to change in {files} ({report.summary()}).")
    for layer in report.layers:
        if layer.name in report.missing():
            sentences.append(f"The {layer.name} was not checked: {layer.skipped.rstrip('.')}.")
    return " ".join(sentences)


def _write(dest: str, text: str) -> None:
    """The report is this run's own answer, so it is written in check mode, too."""
    path = Path(os.path.abspath(os.path.expanduser(dest)))
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise AnsibleActionFail(f"writing the report to {path}: {error.strerror}. Give another file.") from error
