"""Waiting for Magnum, whose status lags behind what it has accepted."""

from __future__ import annotations

import datetime
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from .client import PASSING, SETTLING, Magnum
from .errors import (
    ApiError,
    NotFoundError,
    OperationFailedError,
    TimedOutError,
    fault_text,
    lost_group,
    quota_advice,
)
from .families import recognise
from .progress import Progress

Json = dict[str, Any]

STALE = 60.0
"""Seconds after which an accepted operation must have shown in a status. Magnum's conductor takes one or two; it
drops an operation without a word when it finds it not allowed."""

GRACE = 2.0
"""Minutes that Magnum's driver has to make something of a cluster, and that a creation may be over its limit."""

OUTAGE = 600.0
"""Seconds without an answer after which a wait is given up: an API that is restarted or upgraded is back by then."""

PATIENCE = 30.0
"""Seconds for which Nova has to show why servers do not come before it is believed: others may end some meanwhile."""

ASK_NOVA = 5.0
"""Seconds between two questions to Nova."""

FIRST_POLL, LONGEST_POLL = 0.5, 10.0
"""Seconds between looks: they grow by a fifth each time."""


@dataclass(frozen=True)
class Seen:
    """A cluster and the short form of its node groups, at one moment."""

    cluster: Json
    groups: tuple[Json, ...]

    @property
    def busy(self) -> bool:
        """Whether an operation is running."""
        return _busy(self.cluster) or any(_busy(g) for g in self.groups)

    @property
    def failed(self) -> bool:
        return _status(self.cluster).endswith("_FAILED")

    @property
    def stands_alone(self) -> bool:
        """Whether each node group is done by itself: the driver is one that tries for ever, and says nothing."""
        family = recognise(cluster=self.cluster)
        return family is not None and family.keeps_trying

    @property
    def usable(self) -> bool:
        """Whether Kubernetes' API is there, and only groups of workers are on their way."""
        planes = [g for g in self.groups if g.get("role") == "master"]
        return bool(self.cluster.get("api_address")) and bool(planes) and not any(map(_busy, planes))

    def group(self, name: str) -> Json | None:
        return next((g for g in self.groups if g.get("name") == name), None)

    @property
    def mark(self) -> tuple[Any, ...]:
        """Differs as soon as Magnum has written anything about the cluster or its node groups."""
        return (
            self.cluster.get("status"),
            self.cluster.get("updated_at"),
            tuple((g.get("uuid"), g.get("status"), g.get("node_count")) for g in self.groups),
        )


Drops = Callable[[Seen], bool]
"""Whether Magnum's conductor drops a request in this state, without a word to who asked."""


def _status(thing: Mapping[str, Any]) -> str:
    return str(thing.get("status") or "")


def _busy(thing: Mapping[str, Any]) -> bool:
    return _status(thing).endswith("_IN_PROGRESS")


class Waiter:
    """Waits for one cluster. All times are seconds; ``timeout`` is for everything this object waits for.

    ``short`` says why Nova makes no more servers for the groups of workers that are on their way, or nothing. Where the
    driver never gives up, a wait ends with that, and ``notes`` has what was said. ``missing`` says how many servers the
    cluster has not got, 0 where that is not known.
    """

    def __init__(
        self,
        magnum: Magnum,
        uuid: str,
        name: str,
        timeout: float,
        progress: Progress,
        *,
        short: Callable[[Seen], str] = lambda _seen: "",
        missing: Callable[[Seen], int] = lambda _seen: 0,
        sleep: Callable[[float], None] = time.sleep,
        clock: Callable[[], float] = time.monotonic,
        now: Callable[[], datetime.datetime] = lambda: datetime.datetime.now(datetime.timezone.utc),
    ) -> None:
        self._magnum = magnum
        self._uuid = uuid
        self._name = name
        self._timeout = timeout
        self._progress = progress
        self._sleep = sleep
        self._clock = clock
        self._now = now
        self._until = clock() + timeout
        self._short, self._missing = short, missing
        self._asked: float
        self._short_since: float
        self._said = ""
        self.notes: list[str] = []

    def look(self) -> Seen | None:
        """The cluster now; None when it is not there, or not yet."""
        try:
            cluster = self._magnum.get_cluster(self._uuid)
            groups = self._magnum.short_nodegroups(self._uuid)
        except NotFoundError:
            return None
        except ApiError as error:
            # Just after create, before the rows of the node groups exist.
            if error.status == 400:
                return None
            raise
        return Seen(cluster, tuple(groups))

    def pause(self, seconds: float) -> None:
        """Do nothing for a while. Raises TimedOutError when the time is over."""
        if self._clock() >= self._until:
            raise TimedOutError(f"cluster {self._name}: not done within {self._timeout:.0f} s.")
        self._sleep(seconds)

    def began(self, before: Seen) -> bool:
        """Whether an operation whose request was answered by an error has begun all the same.

        Looks for ``SETTLING`` seconds, as the conductor takes a moment.
        """
        until = self._clock() + SETTLING
        while True:
            seen = self.look()
            if seen is None or seen.busy or seen.mark != before.mark:
                return True
            if self._clock() >= until:
                return False
            self._sleep(FIRST_POLL)

    def until_created(self) -> Json:
        """Wait for a cluster that has been asked for.

        Raises OperationFailedError with Magnum's reason, TimedOutError.
        """
        began = self._clock()
        doing = f"creating cluster {self._name}"
        for seen in self._looks(doing):
            if seen is None:
                if self._clock() - began > STALE:
                    raise OperationFailedError(
                        f"{doing}: Magnum accepted it, but after {STALE:.0f} s there is still no cluster "
                        f"{self._uuid}. Its conductor may be down: run this again, or ask the cloud's operators."
                    )
                self._progress.say(f"cluster {self._name}: accepted, not there yet")
                continue
            self._tell(seen)
            if seen.failed:
                raise self._fault(doing, seen, "Delete the cluster (state: absent) before it is tried again.")
            if not seen.busy and _status(seen.cluster):
                return seen.cluster
            if seen.usable and self._goes_no_further(seen):
                return seen.cluster
        raise AssertionError("unreachable")

    def until_idle(self, doing: str, group: str | None = None) -> Seen:
        """Wait until no operation runs on the cluster, whatever its outcome.

        Where groups stand alone, only on ``group``, and no longer than it may still come to something. Raises
        OperationFailedError when the cluster is gone, TimedOutError.
        """
        for seen in self._looks(f"{doing}: another operation on cluster {self._name} still runs"):
            if seen is None:
                raise OperationFailedError(f"{doing}: cluster {self._name} ({self._uuid}) is gone.")
            self._refuse_lost(doing, seen)
            if not seen.busy:
                return seen
            alone = group is not None and seen.stands_alone and seen.usable
            if alone and (not _busy(seen.group(group or "") or {}) or self._goes_no_further(seen, group)):
                return seen
            self._progress.say(f"{self._summary(seen)}; waiting for this to end before {doing}")
        raise AssertionError("unreachable")

    def until_taken(self, doing: str, drops: Drops) -> Seen:
        """Wait until Magnum can be asked: where groups stand alone, as soon as it does not drop the request.

        ``drops`` says so of a state; any group may have made it so. Raises OperationFailedError when the cluster is
        gone, or when what is waited for will not end; TimedOutError.
        """
        for seen in self._looks(f"{doing}: Magnum does not take this yet"):
            if seen is None:
                raise OperationFailedError(f"{doing}: cluster {self._name} ({self._uuid}) is gone.")
            self._refuse_lost(doing, seen)
            if not seen.busy or (seen.stands_alone and seen.usable and not drops(seen)):
                return seen
            if seen.usable and self._goes_no_further(seen):
                raise OperationFailedError(
                    f"{doing}: Magnum takes no such request while it is {self._summary(seen)}, and that does not end. "
                    f"{' '.join(self.notes)}"
                )
            self._progress.say(f"{self._summary(seen)}; waiting for this to end before {doing}")
        raise AssertionError("unreachable")

    def until_done(
        self,
        doing: str,
        before: Seen,
        reached: Callable[[Seen], bool],
        group: str | None = None,
    ) -> Seen:
        """Wait for an operation that Magnum has just accepted.

        The status from before is still there at first, so a status counts only once something differs from
        ``before``. ``reached`` says whether the result is there (the count is the wanted one); ``group`` is the node
        group that is meant. Raises OperationFailedError with Magnum's reason, or when it never began; TimedOutError.
        """
        began = self._clock()
        moved = False
        for seen in self._looks(doing):
            if seen is None:
                raise OperationFailedError(f"{doing}: cluster {self._name} ({self._uuid}) is gone.")
            self._tell(seen)
            self._refuse_lost(doing, seen)
            moved = moved or seen.mark != before.mark
            member = seen.group(group) if group else None
            alone = bool(group) and seen.stands_alone and seen.usable
            if _busy(member or {}) if alone else seen.busy:
                if alone and self._goes_no_further(seen, group):
                    return seen
                continue
            failed = seen.failed and not alone
            if moved and (failed or (member and _status(member).endswith("_FAILED"))):
                raise self._fault(doing, seen, "Run this again once the cause is gone.")
            if moved and reached(seen):
                return seen
            if self._clock() - began > STALE:
                if reached(seen):
                    return seen
                raise OperationFailedError(
                    f"{doing}: Magnum accepted it, but nothing has come of it within {STALE:.0f} s "
                    f"(cluster {_status(seen.cluster)}; {fault_text(seen.cluster, seen.groups)}). Magnum drops an "
                    f"operation silently when the state of the cluster does not allow it."
                )
        raise AssertionError("unreachable")

    def until_gone(self, before: Seen | None = None) -> None:
        """Wait until the cluster is no more. Raises OperationFailedError when deleting fails, TimedOutError."""
        doing = f"deleting cluster {self._name}"
        began = self._clock()
        moved = before is None
        for seen in self._looks(doing):
            if seen is None:
                return
            self._tell(seen)
            moved = moved or (before is not None and seen.mark != before.mark)
            if moved and _status(seen.cluster) == "DELETE_FAILED":
                raise self._fault(doing, seen, "Delete it again once the cause is gone.")
            if not _status(seen.cluster).startswith("DELETE_") and self._clock() - began > STALE:
                raise OperationFailedError(
                    f"{doing}: Magnum accepted it, but after {STALE:.0f} s the cluster is still "
                    f"{_status(seen.cluster)}. Its conductor may be down: run this again, or ask the cloud's operators."
                )

    def _refuse_lost(self, doing: str, seen: Seen) -> None:
        """Raises OperationFailedError where nothing that is waited for will come."""
        if not any(_status(group) == "DELETE_FAILED" for group in seen.groups):
            return
        if text := lost_group(seen.cluster, self._magnum.list_nodegroups(self._uuid)):  # their list has no reasons
            raise OperationFailedError(f"{doing}: {text}", status=_status(seen.cluster))

    def _goes_no_further(self, seen: Seen, group: str | None = None) -> bool:
        """Whether Nova has shown for a while why servers do not come, where the driver asks for them for ever."""
        if not seen.stands_alone:
            return False
        now = self._clock()
        if now - self._asked >= ASK_NOVA:
            self._asked = now
            self._said = self._short(_only(seen, group))
            self._short_since = min(self._short_since, now) if self._said else float("inf")
        if now - self._short_since < PATIENCE:
            return False
        if self._said not in self.notes:
            self.notes.append(self._said)
        return True

    def _looks(self, doing: str) -> Iterator[Seen | None]:
        """The cluster again and again, until the time is over. Times without an answer are waited through."""
        self._asked, self._short_since = float("-inf"), float("inf")  # each wait is for groups of its own
        pause, silent = FIRST_POLL, None
        seen: Seen | None = None
        while True:
            try:
                seen = self.look()
            except ApiError as error:
                if error.status not in (*PASSING, 0):
                    raise
                silent = self._clock() if silent is None else silent
                if self._clock() - silent > OUTAGE:
                    raise
                self._progress.say(f"cluster {self._name}: Magnum does not answer; {doing} goes on being waited for")
            else:
                silent = None
                yield seen
            left = self._until - self._clock()
            if left <= 0:
                raise self._timed_out(doing, seen)
            self._sleep(min(pause, left))
            pause = min(pause * 1.2, LONGEST_POLL)

    def _timed_out(self, doing: str, seen: Seen | None) -> TimedOutError:
        state = self._summary(seen) if seen else f"cluster {self._name} is not there"
        fault = ""
        if seen and (reason := fault_text(seen.cluster, seen.groups)) != "Magnum gives no reason":
            fault = f" Magnum says: {reason}."
        advice = "It goes on in the cloud: run this again to go on waiting, or give a longer timeout."
        if seen and seen.stands_alone and (short := self._short(seen)):
            advice = f"{short} {advice}"
        if seen and (stuck := never_ends(seen.cluster, self._now())):
            advice = stuck
        return TimedOutError(f"{doing}: not done within {self._timeout:.0f} s ({state}).{fault} {advice}")

    def _tell(self, seen: Seen) -> None:
        self._progress.say(self._summary(seen))

    def _summary(self, seen: Seen) -> str:
        return summary(self._name, seen.cluster, seen.groups)

    def _fault(self, doing: str, seen: Seen, advice: str) -> OperationFailedError:
        # Faults are only in the cluster's whole form; ``look`` has read that. Groups' reasons are not in their list.
        groups: Sequence[Json] = ()
        if any(_status(g).endswith("_FAILED") for g in seen.groups):
            groups = self._magnum.list_nodegroups(self._uuid)
        reason = fault_text(seen.cluster, groups)
        quota = quota_advice(reason)
        if quota:
            quota = quota_advice(reason, self._missing(seen))
        advice = " ".join(part for part in (quota, advice) if part)
        return OperationFailedError(
            f"{doing} failed ({_status(seen.cluster)}): {reason}. {advice}",
            status=seen.cluster.get("status"),
            status_reason=seen.cluster.get("status_reason"),
            faults=seen.cluster.get("faults") or {},
        )


def _only(seen: Seen, group: str | None) -> Seen:
    return Seen(seen.cluster, tuple(g for g in seen.groups if g.get("name") == group)) if group else seen


def never_ends(cluster: Mapping[str, Any], now: datetime.datetime) -> str | None:
    """Why a creation that is still ``CREATE_IN_PROGRESS`` will stay so, and what to do; None when it may end.

    With Heat, a creation is given up after ``create_timeout`` minutes, unless the conductor that looked after it has
    died. The drivers on Cluster API know no limit.
    """
    if _status(cluster) != "CREATE_IN_PROGRESS" or not cluster.get("created_at"):
        return None
    try:
        began = datetime.datetime.fromisoformat(str(cluster["created_at"]).replace("Z", "+00:00"))
    except ValueError:
        return None
    if began.tzinfo is None:
        began = began.replace(tzinfo=datetime.timezone.utc)
    minutes = (now - began).total_seconds() / 60
    delete = "Delete the cluster (state: absent), and make it anew."
    family = recognise(cluster=cluster)
    limit = 0 if family is not None and family.keeps_trying else int(cluster.get("create_timeout") or 0)
    if limit and minutes > limit + GRACE:
        return (
            f"It was asked for {minutes:.0f} minutes ago, and Magnum itself gives up after {limit}: the conductor that "
            f"made it has died, so this never ends. {delete}"
        )
    if minutes > GRACE and not (cluster.get("stack_id") or cluster.get("cluster_id") or cluster.get("api_address")):
        return (
            f"It was asked for {minutes:.0f} minutes ago, and Magnum's driver has made nothing of it: the conductor "
            f"has perhaps died, and then this never ends. {delete}"
        )
    return None


def summary(name: str, cluster: Mapping[str, Any], groups: Sequence[Mapping[str, Any]]) -> str:
    """One line: status, nodes ready where Magnum's health check tells, node groups that are not done."""
    parts = [_status(cluster) or "no status yet"]
    ready = [v for k, v in (cluster.get("health_status_reason") or {}).items() if k.endswith(".Ready")]
    counts = [int(g.get("node_count") or 0) for g in groups]
    total = sum(counts) if counts else int(cluster.get("node_count") or 0) + int(cluster.get("master_count") or 0)
    if ready:
        parts.append(f"{sum(v == 'True' for v in ready)} of {max(total, len(ready))} nodes ready")
    elif total:
        parts.append(f"{total} nodes asked for")
    open_groups = [f"{g['name']} {_status(g)}" for g in groups if _busy(g) or _status(g).endswith("_FAILED")]
    if open_groups and any(not text.endswith(_status(cluster)) for text in open_groups):
        parts.append(" ".join(["node groups", *open_groups]))
    return f"cluster {name}: {', '.join(parts)}"
