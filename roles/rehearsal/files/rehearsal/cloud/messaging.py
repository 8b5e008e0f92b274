"""Make oslo.messaging's driver ``fake://`` deliver at once. Installed before any service is imported.

Its listeners, a dozen threads in some services, look for a message twenty times a second: that costs processor time
for as long as the cloud runs, and each call between the parts of a service half that pause.
"""

from __future__ import annotations

import threading
import time
import types
from typing import Any

LONGEST_PAUSE = 0.5
"""Seconds after which a listener looks whether it has been stopped."""

_installed = False


class Bell:
    """Rung for every message; listeners wait for it between two looks at their queues, and miss none."""

    def __init__(self) -> None:
        self._condition = threading.Condition()
        self._rings = 0
        self._listener = threading.local()

    def ring(self) -> None:
        """A message is in a queue."""
        with self._condition:
            self._rings += 1
            self._condition.notify_all()

    def wait(self, longest: float = LONGEST_PAUSE) -> None:
        """Wait at most that many seconds for a message that has come since this thread last returned from here."""
        with self._condition:
            heard = getattr(self._listener, "heard", None)
            self._condition.wait_for(lambda: self._rings != heard, longest)
            self._listener.heard = self._rings


def install() -> None:
    """Change the driver in this process. Further calls do nothing."""
    global _installed
    if _installed:
        return
    _installed = True
    from oslo_messaging._drivers import impl_fake

    bell, deliver = Bell(), impl_fake.FakeExchange.deliver_message

    def deliver_message(self: Any, *args: Any, **kwargs: Any) -> None:
        deliver(self, *args, **kwargs)
        bell.ring()

    impl_fake.FakeExchange.deliver_message = deliver_message
    impl_fake.time = types.SimpleNamespace(time=time.time, sleep=lambda _seconds: bell.wait())
