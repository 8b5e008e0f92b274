"""Times as the Kubernetes API writes them."""

from __future__ import annotations

import datetime
import time


def now() -> str:
    """This second, RFC 3339 in UTC."""
    return datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")


def now_nano() -> str:
    """This instant to the nanosecond, as the lines of a container's log are stamped."""
    seconds, nano = divmod(time.time_ns(), 10**9)
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(seconds)) + f".{nano:09d}Z"


def seconds(stamp: str) -> float:
    """Unix time of an RFC 3339 stamp with any number of decimals. ValueError when it is none."""
    whole, _sep, rest = stamp.rstrip("Z").partition(".")
    moment = datetime.datetime.fromisoformat(whole).replace(tzinfo=datetime.timezone.utc)
    return moment.timestamp() + (float("0." + rest) if rest else 0.0)
