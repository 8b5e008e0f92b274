"""The frame of a reconciler: a thread that looks at everything again whenever something may have changed."""

from __future__ import annotations

import abc
import logging
import threading
import time

LOG = logging.getLogger(__name__)

SETTLE_SECONDS = 0.05
"""Changes come in bursts: this long is waited for the rest of one."""


class Reconciler(abc.ABC):
    """``name`` is for logs; ``interval`` the seconds until the next look when nothing wakes it."""

    name: str
    interval: float = 30.0
    retry: float = 2.0

    def __init__(self) -> None:
        self._woken = threading.Event()
        self._woken.set()

    def wake(self) -> None:
        """Look again soon."""
        self._woken.set()

    @abc.abstractmethod
    def reconcile(self) -> float | None:
        """Bring the world one step nearer to what is asked; seconds until the next look (None: ``interval``)."""

    def start(self) -> None:
        """Run for ever, in a thread."""
        threading.Thread(target=self._run, name=self.name, daemon=True).start()

    def _run(self) -> None:
        pause: float | None = None
        while True:
            self._woken.wait(self.interval if pause is None else pause)
            time.sleep(SETTLE_SECONDS)
            self._woken.clear()
            try:
                pause = self.reconcile()
            except Exception as error:
                pause = self.retry
                # an API server or a cloud that is being restarted answers soon again
                LOG.warning("%s: %s: %s", self.name, type(error).__name__, error)
                LOG.debug("%s", self.name, exc_info=True)
