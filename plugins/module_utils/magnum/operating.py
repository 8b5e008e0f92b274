"""What modules share that start operations on clusters."""

from __future__ import annotations

from collections.abc import Callable

from .client import PASSING
from .errors import ApiError
from .module import MagnumModule
from .waiter import Seen, Waiter

BUSY_PAUSE = 2.0
BUSY_ATTEMPTS = 5
"""How often an operation that Magnum refuses as busy is asked again although nothing is seen to run."""


class OperatingModule(MagnumModule):
    """A module that starts operations on clusters, one after another."""

    def operate(
        self,
        waiter: Waiter,
        doing: str,
        request: Callable[[], None],
        reached: Callable[[Seen], bool],
        *,
        group: str | None = None,
        wait: bool = True,
    ) -> None:
        """Start an operation when no other runs, and wait for its result. Raises MagnumError."""
        before = waiter.until_idle(doing)
        refused = 0
        while True:
            try:
                request()
                break
            except ApiError as error:
                if error.status in (*PASSING, 0):
                    if waiter.began(before):
                        break  # answered by an error, and carried out all the same
                    raise
                if error.status not in (400, 409):
                    raise
                # Another operation came first, or Magnum has not noticed the end of the last one.
                seen = waiter.look()
                if seen is not None and seen.busy:
                    before = waiter.until_idle(doing)
                    continue
                refused += 1
                if refused >= BUSY_ATTEMPTS or not sounds_busy(error):
                    raise
                waiter.pause(BUSY_PAUSE)
                before = waiter.until_idle(doing)
        if wait:
            waiter.until_done(doing, before, reached, group)


def sounds_busy(error: ApiError) -> bool:
    """Whether a refusal (400, 409) is for an operation that runs already."""
    answer = error.answer.lower()
    if "already exists" in answer or "invalid" in answer:
        return False
    return error.status == 409 or "in progress" in answer or "when status is" in answer
