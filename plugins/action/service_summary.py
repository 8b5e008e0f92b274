# Copyright: Contributors to the stfc.jupyterhub collection
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Show the closing summary of a deployment and, when asked, write it to a file."""

from __future__ import annotations

import json
import os
from typing import Any

from ansible.plugins.action import ActionBase
from ansible_collections.stfc.jupyterhub.plugins.module_utils import private_file
from ansible_collections.stfc.jupyterhub.plugins.module_utils.summary import render, summarise

ARGUMENTS: dict[str, Any] = {
    "cluster": {"type": "dict", "required": True},
    "hub": {"type": "dict", "required": True},
    "profiles": {"type": "list", "elements": "dict", "default": []},
    "users_file": {"type": "path"},
    "dest": {"type": "path"},
}


class ActionModule(ActionBase):
    """A summary is a report, so it never counts as a change."""

    _requires_connection = False
    _supports_check_mode = True

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        result = super().run(tmp, task_vars)
        _validation, arguments = self.validate_argument_spec(argument_spec=ARGUMENTS)
        if not arguments["hub"]:
            return result | {"skipped": True, "msg": "there is nothing deployed to sum up"}
        users = []
        if arguments["users_file"] and os.path.exists(arguments["users_file"]):
            with open(arguments["users_file"], encoding="utf-8") as stream:
                users = json.load(stream)
        summary = summarise(arguments["cluster"], arguments["hub"], users)
        self._display.display("\n" + render(summary, arguments["profiles"]) + "\n")
        if arguments["dest"] and not self._task.check_mode:
            result["summary_file"] = os.path.abspath(arguments["dest"])
            private_file.write(result["summary_file"], json.dumps(summary, indent=2) + "\n")  # users' passwords
        return result
