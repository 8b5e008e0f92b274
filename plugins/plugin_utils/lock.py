# Copyright: Contributors to the stfc.jupyterhub collection
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Tells a module that takes a lock for which process: this ``ansible-playbook``."""

from __future__ import annotations

import os
from typing import Any

from ansible_collections.stfc.jupyterhub.plugins.plugin_utils.progress import ProgressAction


class LockAction(ProgressAction):
    """An action runs in a worker that ends with its task; its parent is Ansible itself."""

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        if self._local():
            self._task.args = {"process": os.getppid(), **self._task.args}
        return super().run(tmp, task_vars)
