# Copyright: Contributors to the stfc.jupyterhub collection
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Counts the changed tasks of a run and adds them to the run's summary."""

from __future__ import annotations

DOCUMENTATION = r"""
name: change_count
type: aggregate
short_description: Add the number of changed tasks and the run's seconds to its summary
description:
  - When a task of the run named a summary file (M(stfc.jupyterhub.service_summary) does), the keys C(changed), the
    number of tasks that changed something, and C(seconds), how long the run took, are added to that JSON file.
author:
  - Science and Technology Facilities Council Cloud (@stfc)
requirements:
  - enabled in configuration (C(callbacks_enabled = stfc.jupyterhub.change_count))
"""

import json
import os
import time
from typing import Any

from ansible.plugins.callback import CallbackBase
from ansible_collections.stfc.jupyterhub.plugins.module_utils import private_file


class CallbackModule(CallbackBase):
    """Counts results that changed something."""

    CALLBACK_VERSION = 2.0
    CALLBACK_TYPE = "aggregate"
    CALLBACK_NAME = "stfc.jupyterhub.change_count"
    CALLBACK_NEEDS_ENABLED = True

    def __init__(self) -> None:
        super().__init__()
        self._began = time.monotonic()
        self._changed = 0
        self._summary_file: str | None = None

    def v2_runner_on_ok(self, result: Any) -> None:
        """Count a changed task once, however many items it had."""
        data = result.result if hasattr(result, "result") else result._result
        self._changed += bool(data.get("changed"))
        self._summary_file = data.get("summary_file") or self._summary_file

    def v2_playbook_on_stats(self, stats: Any) -> None:
        """Complete the summary that the run wrote."""
        if not self._summary_file or not os.path.exists(self._summary_file):
            return
        with open(self._summary_file, encoding="utf-8") as stream:
            summary = json.load(stream)
        summary["changed"] = self._changed
        summary["seconds"] = round(time.monotonic() - self._began, 1)
        private_file.write(self._summary_file, json.dumps(summary, indent=2) + "\n")  # users' passwords are in it
        self._display.display(f"{self._changed} changed in {summary['seconds']:.0f} s; {self._summary_file}")
