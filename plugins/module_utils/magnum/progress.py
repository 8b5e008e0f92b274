"""The module's half of progress: lines into a pipe that the action plugin shows.

The other half is ``plugins/plugin_utils/progress.py``. Nothing here can fail a module: without a reader (module
run on another host, or without its action plugin) the lines are dropped.
"""

from __future__ import annotations

import contextlib
import os
import stat
import time
from collections.abc import Callable

VARIABLE = "STFC_JUPYTERHUB_PROGRESS"
"""Environment variable with the path of the pipe. The action plugin sets it."""

REPEAT = 30.0
"""Seconds after which an unchanged line is said again, so that a long wait is seen to be one."""

LONGEST = 500
"""Characters of one line. A pipe takes up to PIPE_BUF (512 at least) in one piece."""


class Progress:
    """Says what is being waited for.

    >>> progress = Progress()
    >>> progress.say("cluster jupyterhub: CREATE_IN_PROGRESS, 1 of 4 nodes ready")

    The seconds since the object was made are appended.
    """

    def __init__(self, path: str | None = None, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._began = clock()
        self._last: tuple[str, float] = ("", -REPEAT)
        self._fd = _open(path if path is not None else os.environ.get(VARIABLE))

    def say(self, text: str) -> None:
        """Show ``text`` with the seconds, unless the same was said less than ``REPEAT`` seconds ago."""
        now = self._clock()
        last, at = self._last
        if text == last and now - at < REPEAT:
            return
        self._last = (text, now)
        if self._fd is None:
            return
        line = " ".join(f"{text}, {now - self._began:.0f} s".split())
        try:
            os.write(self._fd, (line[:LONGEST] + "\n").encode()[: LONGEST + 11])
        except OSError:
            self.close()

    def close(self) -> None:
        if self._fd is not None:
            with contextlib.suppress(OSError):
                os.close(self._fd)
            self._fd = None


def _open(path: str | None) -> int | None:
    if not path:
        return None
    try:
        # Without a reader this fails at once instead of waiting for one.
        fd = os.open(path, os.O_WRONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError:
        return None
    if not stat.S_ISFIFO(os.fstat(fd).st_mode):
        os.close(fd)
        return None
    return fd
