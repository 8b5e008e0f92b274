"""Liveness, readiness and startup probes, with the kubelet's counting and defaults (pkg/kubelet/prober).

One thing is quicker than a kubelet: until a container is ready for the first time its readiness is asked every
second at least, however long the period, because a person is waiting for it.
"""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import ssl
from collections.abc import Awaitable, Callable
from typing import Protocol

from rehearsal.pods.kube import Object

Exec = Callable[[list[str], float], Awaitable[tuple[int, str]]]
"""Runs a command in the container for at most so many seconds: its exit status and output."""


@dataclasses.dataclass(frozen=True)
class Timing:
    """A probe's times in seconds and its thresholds in answers."""

    delay: float
    period: float
    timeout: float
    successes: int
    failures: int

    @classmethod
    def of(cls, probe: Object) -> Timing:
        return cls(
            probe.get("initialDelaySeconds") or 0,
            probe.get("periodSeconds") or 10,
            probe.get("timeoutSeconds") or 1,
            probe.get("successThreshold") or 1,
            probe.get("failureThreshold") or 3,
        )


class Counter:
    """Answers in a row, and what they decide: True, False, or None for "not enough yet"."""

    def __init__(self, timing: Timing) -> None:
        self._timing = timing
        self._last: bool | None = None
        self._count = 0

    def add(self, good: bool) -> bool | None:
        self._count = self._count + 1 if good == self._last else 1
        self._last = good
        if self._count < (self._timing.successes if good else self._timing.failures):
            return None
        return good


def port_number(container: Object, port: int | str) -> int:
    """A port by number or by its name in the container. ValueError when there is no such name."""
    if isinstance(port, int) or port.isdigit():
        return int(port)
    for one in container.get("ports") or []:
        if one.get("name") == port:
            return int(one["containerPort"])
    raise ValueError(f"container {container['name']} has no port named {port}")


async def ask(action: Object, container: Object, address: str, timeout: float, execute: Exec) -> tuple[bool, str]:
    """Do one check (``httpGet``, ``tcpSocket`` or ``exec``): whether it is good, and what was seen."""
    try:
        return await asyncio.wait_for(_ask(action, container, address, timeout, execute), timeout)
    except asyncio.TimeoutError:
        return False, f"no answer within {timeout:g} s"
    except (OSError, ValueError, ssl.SSLError) as error:
        return False, str(error) or type(error).__name__


async def _ask(action: Object, container: Object, address: str, timeout: float, execute: Exec) -> tuple[bool, str]:
    if get := action.get("httpGet"):
        return await http_get(get, get.get("host") or address, port_number(container, get["port"]))
    if tcp := action.get("tcpSocket"):
        _reader, writer = await asyncio.open_connection(tcp.get("host") or address, port_number(container, tcp["port"]))
        writer.close()
        return True, ""
    if command := action.get("exec"):
        code, output = await execute(list(command.get("command") or []), timeout)
        return code == 0, output.strip()[:500] or f"exit status {code}"
    return False, f"checks of the kind {', '.join(sorted(action))} are not supported here"


async def http_get(get: Object, host: str, port: int) -> tuple[bool, str]:
    """One GET; good from 200 to 399. TLS is not verified, as kubelets do not."""
    context: ssl.SSLContext | None = None
    if get.get("scheme") == "HTTPS":
        context = ssl.create_default_context()
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    headers = {"Host": f"{host}:{port}", "User-Agent": "kube-probe/1.34", "Accept": "*/*", "Connection": "close"}
    headers |= {one["name"]: one["value"] for one in get.get("httpHeaders") or []}
    path = get.get("path") or "/"
    path = path if path.startswith("/") else f"/{path}"
    reader, writer = await asyncio.open_connection(host, port, ssl=context)
    try:
        lines = [f"GET {path} HTTP/1.1", *(f"{name}: {value}" for name, value in headers.items()), "", ""]
        writer.write("\r\n".join(lines).encode())
        words = (await reader.readline()).decode("latin-1").split()
    finally:
        writer.close()
    if len(words) < 2 or not words[1].isdigit():
        return False, "no HTTP answer"
    return 200 <= int(words[1]) < 400, f"HTTP probe failed with statuscode: {words[1]}"


class Probed(Protocol):
    """What the probes need of a container."""

    spec: Object

    def on_started(self) -> None: ...
    def on_ready(self, ready: bool) -> None: ...
    def on_unhealthy(self, probe: str, message: str, fatal: bool, grace: float | None) -> None: ...


async def watch_health(container: Probed, address: str, execute: Exec) -> None:
    """Run the container's probes until cancelled: startup first, then liveness and readiness side by side."""
    spec = container.spec
    if startup := spec.get("startupProbe"):
        if not await _until_started(container, startup, address, execute):
            return
    else:
        container.on_started()
    watches = []
    if liveness := spec.get("livenessProbe"):
        watches.append(_live(container, liveness, address, execute))
    if readiness := spec.get("readinessProbe"):
        watches.append(_ready(container, readiness, address, execute))
    else:
        container.on_ready(True)
    tasks = [asyncio.ensure_future(watch) for watch in watches]
    try:
        await asyncio.gather(*tasks)
    finally:
        for task in tasks:
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task


async def _until_started(container: Probed, probe: Object, address: str, execute: Exec) -> bool:
    timing = Timing.of(probe)
    counter = Counter(timing)
    await asyncio.sleep(timing.delay)
    while True:
        good, why = await ask(probe, container.spec, address, timing.timeout, execute)
        verdict = counter.add(good)
        if not good:
            container.on_unhealthy("Startup", why, verdict is False, probe.get("terminationGracePeriodSeconds"))
        if verdict is not None:
            if verdict:
                container.on_started()
            return verdict
        await asyncio.sleep(timing.period)


async def _live(container: Probed, probe: Object, address: str, execute: Exec) -> None:
    timing = Timing.of(probe)
    counter = Counter(timing)
    await asyncio.sleep(timing.delay)
    while True:
        good, why = await ask(probe, container.spec, address, timing.timeout, execute)
        verdict = counter.add(good)
        if not good:
            container.on_unhealthy("Liveness", why, verdict is False, probe.get("terminationGracePeriodSeconds"))
        if verdict is False:
            return
        await asyncio.sleep(timing.period)


async def _ready(container: Probed, probe: Object, address: str, execute: Exec) -> None:
    timing = Timing.of(probe)
    counter = Counter(timing)
    ever = False
    await asyncio.sleep(timing.delay)
    while True:
        good, why = await ask(probe, container.spec, address, timing.timeout, execute)
        verdict = counter.add(good)
        if not good and ever:
            container.on_unhealthy("Readiness", why, False, None)
        if verdict is not None:
            container.on_ready(verdict)
            ever = ever or verdict
        await asyncio.sleep(timing.period if ever else min(timing.period, 1))
