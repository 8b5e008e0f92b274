"""What modules share that start operations on clusters."""

from __future__ import annotations

from collections.abc import Callable

from .client import PASSING
from .errors import ApiError
from .module import MagnumModule
from .waiter import Drops, Seen, Waiter

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
        drops: Drops = lambda _seen: True,
    ) -> None:
        """Start an operation when no other runs, and wait for its result. Raises MagnumError.

        Where node groups stand alone it is not waited for others, but where Magnum would drop the request (``drops``).
        """
        before = waiter.until_taken(doing, drops)
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
                alone = seen is not None and seen.stands_alone and seen.usable
                if seen is not None and seen.busy and not alone:
                    before = waiter.until_idle(doing)
                    continue
                refused += 1
                if refused >= BUSY_ATTEMPTS or not sounds_busy(error):
                    raise
                waiter.pause(BUSY_PAUSE)
                before = waiter.until_taken(doing, drops)
        if wait:
            waiter.until_done(doing, before, reached, group)


def sounds_busy(error: ApiError) -> bool:
    """Whether a refusal (400, 409) is for an operation that runs already."""
    answer = error.answer.lower()
    if "already exists" in answer or "invalid" in answer:
        return False
    return error.status == 409 or "in progress" in answer or "when status is" in answer


def takes_always(_seen: Seen) -> bool:
    """Magnum makes and deletes node groups whatever the state of the cluster (``nodegroup_conductor``)."""
    return False


def drops_resize(group: str | None) -> Drops:
    """Magnum resizes no cluster that is being made or deleted (``cluster_conductor.cluster_resize``)."""

    def drops(seen: Seen) -> bool:
        status = str(seen.cluster.get("status"))
        return status.startswith(("CREATE_IN", "DELETE_")) or drops_patch(group or "")(seen)

    return drops


def drops_patch(group: str) -> Drops:
    """Magnum changes no group that is being made or deleted (``nodegroup_conductor``, ALLOWED_NODEGROUP_STATES)."""

    def drops(seen: Seen) -> bool:
        return str((seen.group(group) or {}).get("status")).startswith(("CREATE_IN", "DELETE_"))

    return drops
