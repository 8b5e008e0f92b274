# Copyright: Contributors to the stfc.jupyterhub collection
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Progress of long modules, shown while they run.

A module cannot print: its output is its result. Here its action plugin makes a pipe, tells the module its path in an
environment variable, and shows every line that comes through it at once. An action plugin is two lines::

    from ansible_collections.stfc.jupyterhub.plugins.plugin_utils.progress import ProgressAction

    class ActionModule(ProgressAction):
        pass

and the module says ``Progress().say("...")`` (``plugins/module_utils/magnum/progress.py``). Only a module that runs
on the controller's own host, as the same user, is given a pipe; elsewhere nothing is shown and nothing breaks.
"""

from __future__ import annotations

import os
import shutil
import tempfile
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from ansible import constants
from ansible.plugins.action import ActionBase
from ansible.utils.display import Display
from ansible_collections.stfc.jupyterhub.plugins.module_utils.magnum.progress import VARIABLE


class ProgressAction(ActionBase):
    """Runs the module of the task's own name, and shows what it says meanwhile."""

    TRANSFERS_FILES = False
    _supports_check_mode = True
    _supports_diff = True
    _supports_async = False

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        result: dict[str, Any] = super().run(tmp, task_vars)
        if not self._local():
            result.update(self._execute_module(task_vars=task_vars))
            return result
        with shown(self._show) as pipe:
            given = self._task.environment
            self._task.environment = [*(given if isinstance(given, list) else [given] if given else [])]
            self._task.environment.append({VARIABLE: pipe})
            try:
                result.update(self._execute_module(task_vars=task_vars))
            finally:
                self._task.environment = given
        return result

    def _local(self) -> bool:
        return self._connection.transport == "local" and not self._play_context.become

    def _show(self, line: str) -> None:
        Display().display(f"    {line}", color="dark gray")


@contextmanager
def shown(show: Callable[[str], None]) -> Iterator[str]:
    """Path of a pipe; each line written to it is given to ``show`` (in a thread) until the block ends."""
    folder = Path(tempfile.mkdtemp(prefix="progress-", dir=constants.DEFAULT_LOCAL_TMP))  # mode 0700
    pipe = folder / "pipe"
    try:
        os.mkfifo(pipe, 0o600)
        # Open for both: reading never ends while we hold the writing end, whoever comes and goes.
        fd = os.open(pipe, os.O_RDWR | os.O_CLOEXEC)
        reader = threading.Thread(target=_read, args=(fd, show), daemon=True, name="progress")
        reader.start()
        try:
            yield str(pipe)
        finally:
            os.write(fd, _END)
            reader.join(timeout=5)
            os.close(fd)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


_END = b"\0\n"


def _read(fd: int, show: Callable[[str], None]) -> None:
    rest = b""
    while True:
        rest += os.read(fd, 4096)
        *lines, rest = rest.split(b"\n")
        for line in lines:
            if line == _END.rstrip(b"\n"):
                return
            show(line.decode(errors="replace"))
