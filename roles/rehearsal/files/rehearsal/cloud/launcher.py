"""The program ``cloud``: loads the shared libraries once and forks one process per service.

A service that dies is started again within seconds, with what it died of in the log. When this parent ends,
however it ends, its services end with it.
"""

from __future__ import annotations

import argparse
import ctypes
import gc
import json
import os
import signal
import socket
import struct
import sys
import threading
import time
import traceback
from pathlib import Path
from typing import Any, NoReturn

from rehearsal.cloud import logs, messaging, plugins, preload, sqlite
from rehearsal.cloud.fault_injection import ConnectionCutError, FaultInjection
from rehearsal.cloud.layout import Cloud
from rehearsal.cloud.service import Service, services
from rehearsal.settings import Settings, write_private

STEADY = 20.0
"""Seconds after which a service counts as having started well."""

DELAYS = (0.0, 1.0, 2.0, 5.0, 10.0)
"""Seconds before a service is started again, by how often in a row it died before it was steady."""

GRACE = 5.0
"""Seconds that services have to end before they are killed."""

PR_SET_PDEATHSIG = 1
SIGNALS = {signal.SIGCHLD, signal.SIGTERM, signal.SIGINT}


class Launcher:
    """Keeps one process per service."""

    def __init__(self, cloud: Cloud, programs: dict[str, Service]) -> None:
        self.cloud = cloud
        self.programs = programs
        self.pids: dict[int, str] = {}
        self.state: dict[str, dict[str, Any]] = {
            name: {"pid": None, "started": 0.0, "starts": 0, "died": None} for name in programs
        }
        self.early_deaths = dict.fromkeys(programs, 0)
        self.due: dict[str, float] = {}

    def run(self) -> None:
        """Start all services and keep them until a signal asks to stop."""
        signal.pthread_sigmask(signal.SIG_BLOCK, SIGNALS)
        for name in self.programs:
            self._start(name)
        while True:
            wait = min((at - time.monotonic() for at in self.due.values()), default=3600.0)
            received = signal.sigtimedwait(SIGNALS, max(wait, 0.0))
            if received is not None and received.si_signo != signal.SIGCHLD:
                break
            self._reap()
            for name in [name for name, at in self.due.items() if at <= time.monotonic()]:
                del self.due[name]
                self._start(name)
        self._stop()

    def _start(self, name: str) -> None:
        sources = plugins.sources(*self.programs[name].code)
        pid = os.fork()
        if pid == 0:
            _become(self.programs[name], self.cloud)
        self.pids[pid] = name
        state = self.state[name]
        state.update(pid=pid, started=time.time(), starts=state["starts"] + 1, sources=sources)
        self._publish()

    def _reap(self) -> None:
        while self.pids:
            pid, status = os.waitpid(-1, os.WNOHANG)
            if pid == 0:
                return
            name = self.pids.pop(pid)
            state = self.state[name]
            lived = time.time() - state["started"]
            early = self.early_deaths[name] = self.early_deaths[name] + 1 if lived < STEADY else 0
            delay = DELAYS[min(early, len(DELAYS) - 1)]
            state.update(pid=None, died=f"{_cause(status)} after {lived:.0f} s, at {time.strftime('%F %T')}")
            again = f"it is started again in {delay:.0f} s; see {self.cloud.log(name)}"
            _say(f"{name} (process {pid}) {state['died']}; {again}")
            self.due[name] = time.monotonic() + delay
            self._publish()

    def _stop(self) -> None:
        for pid in self.pids:
            os.kill(pid, signal.SIGTERM)
        deadline = time.monotonic() + GRACE
        while self.pids and time.monotonic() < deadline:
            signal.sigtimedwait({signal.SIGCHLD}, 0.2)
            while self.pids:
                pid, _status = os.waitpid(-1, os.WNOHANG)
                if pid == 0:
                    break
                del self.pids[pid]
        for pid in self.pids:
            os.kill(pid, signal.SIGKILL)

    def _publish(self) -> None:
        write_private(state_file(self.cloud), json.dumps(self.state, indent=1) + "\n")


def state_file(cloud: Cloud) -> Path:
    """JSON, by service: ``pid``, ``started`` (seconds since the epoch), ``starts``, ``died`` (the last death),
    ``sources`` (digest of ``Service.code``)."""
    return cloud.folder("run") / "services.json"


def _cause(status: int) -> str:
    code = os.waitstatus_to_exitcode(status)
    return f"was killed by signal {-code} ({signal.Signals(-code).name})" if code < 0 else f"ended with status {code}"


def _say(text: str) -> None:
    print(f"{time.strftime('%F %T')} {text}", flush=True)


def die_with_parent(parent: int) -> None:
    """Let the kernel kill this process when ``parent``, which forked it, ends."""
    ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:  # it ended before the call
        os._exit(1)


def _become(service: Service, cloud: Cloud) -> NoReturn:
    """Be the service's process from now on."""
    try:
        die_with_parent(os.getppid())
        signal.pthread_sigmask(signal.SIG_UNBLOCK, SIGNALS)
        signal.signal(signal.SIGTERM, lambda *_: os._exit(0))
        logs.redirect(cloud.log(service.name))
        sys.argv = [f"{service.name}-api", "--config-file", service.config_file(cloud)]
        started = time.monotonic()
        service.load(cloud, lambda port, application: _serve(cloud, port, application))
        gc.freeze()  # what is loaded stays: no later collection goes through it
        _say(f"{service.name} is ready after {time.monotonic() - started:.1f} s")
        while True:
            signal.pause()
    except BaseException:
        traceback.print_exc()
    finally:
        os._exit(1)


def _pid_of(cloud: Cloud, service: str) -> int | None:
    pid: int | None = json.loads(state_file(cloud).read_text()).get(service, {}).get("pid")
    return pid


def _reset(connection: socket.socket) -> None:
    """Close it so that the other side reads "connection reset by peer"."""
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    os.close(connection.detach())


def _serve(cloud: Cloud, place: str, application: Any) -> None:
    from sqlalchemy import orm
    from werkzeug.serving import WSGIRequestHandler, make_server

    # Else the first requests race for it: a model's attribute that another one adds may not be there yet.
    orm.configure_mappers()

    class Handler(WSGIRequestHandler):
        protocol_version = "HTTP/1.1"

        def version_string(self) -> str:
            return cloud.settings.name  # tells this rehearsal's services from others

        def log_request(self, code: int | str = "-", size: int | str = "-") -> None:  # noqa: ARG002
            _say(f"{self.command} {self.path} {code}")

        def address_string(self) -> str:
            return "127.0.0.1"  # no name look-up

        def connection_dropped(self, error: BaseException, environ: Any = None) -> None:  # noqa: ARG002
            self.close_connection = True
            if isinstance(error, ConnectionCutError):
                _say(f"{self.command} {self.path} reset")
                _reset(self.connection)

    port = cloud.settings.port(place)
    faulty = FaultInjection(application, place, cloud.settings.state, lambda name: _pid_of(cloud, name))
    server = make_server("127.0.0.1", port, faulty, threaded=True, request_handler=Handler)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, name=f"port {port}", daemon=True).start()


def main() -> None:
    parser = argparse.ArgumentParser(description="Run the OpenStack services of one rehearsal.")
    parser.add_argument("--state", required=True)
    cloud = Cloud(Settings.load(parser.parse_args().state))
    preload.preload()
    sqlite.install()
    messaging.install()
    Launcher(cloud, services()).run()


if __name__ == "__main__":
    main()
