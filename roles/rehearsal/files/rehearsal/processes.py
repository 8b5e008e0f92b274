"""The process manager of a rehearsal: one supervisord, to which programs are added one by one.

``Supervisor`` is used by ``up`` and ``stop``, and by the cloud's services too: Magnum's driver adds a cluster's
programs while it runs. Each program has a file of its own below ``supervisor/conf.d``, so it comes back with
the next start.
"""

from __future__ import annotations

import contextlib
import os
import pwd
import subprocess
import sys
import time
import xmlrpc.client
from collections.abc import Iterator, Sequence
from http.client import HTTPException
from pathlib import Path
from typing import Any

import psutil

from rehearsal.program import Program, plain
from rehearsal.settings import Settings, write_private

UP_STATES = ("RUNNING", "STARTING", "BACKOFF")

SHELL_SETTINGS = ("ANSIBLE_", "KUBECONFIG", "OS_", "PYTHON", "SUPERVISOR_")
"""Beginnings of the names of environment variables that programs do not inherit."""

BAD_NAME, ALREADY_STARTED, NOT_RUNNING, ALREADY_ADDED = 10, 60, 70, 90
"""supervisord's fault codes (supervisor.xmlrpc.Faults)."""


class ProcessError(Exception):
    """The process manager, or a program of it, did not do what was asked."""


def environment() -> dict[str, str]:
    """What every program inherits: this process's environment without settings of one caller's shell.

    A cloud, kubeconfig or Python path that somebody chose for a terminal must not reach services that outlive it. Nor
    must a proxy: whom they ask is on this machine, the API server of a cluster in a network that no proxy reaches.
    """
    return {key: value for key, value in os.environ.items() if not key.startswith(SHELL_SETTINGS) and not is_proxy(key)}


def is_proxy(name: str) -> bool:
    """Whether an environment variable of this name names a proxy, or who is asked without one."""
    return name.lower().endswith("_proxy")


class Supervisor:
    """The supervisord of one rehearsal."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.folder = settings.state / "supervisor"
        self.programs = self.folder / "conf.d"
        self.logs = self.folder / "log"
        self.config = self.folder / "supervisord.conf"

    @property
    def socket(self) -> Path:
        return self.settings.sockets / "supervisor.sock"

    # The manager itself

    def running(self) -> bool:
        """Whether supervisord answers."""
        try:
            with self._server() as server:
                return bool(server.getState()["statename"] == "RUNNING")
        except (OSError, ProcessError):
            return False

    def start(self, seconds: float = 20) -> bool:
        """Start supervisord unless it answers, and say whether it was started.

        What a supervisord that was killed left running is ended first: its programs are started again from
        their files. Raises ``ProcessError`` when it does not answer in time.
        """
        if self.running():
            return False
        self._end_left_over()
        self.socket.unlink(missing_ok=True)
        self._write_config()
        command = [sys.executable, "-m", "supervisor.supervisord", "-c", str(self.config)]
        log = self.folder / "start.log"
        with open(os.open(log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as stream:
            status = subprocess.run(
                command,
                stdin=subprocess.DEVNULL,
                stdout=stream,
                stderr=stream,
                check=False,
                cwd=self.folder,
                env=environment(),
            ).returncode
        deadline = time.monotonic() + seconds
        while status == 0 and not self.running():
            if time.monotonic() > deadline:
                status = -1
            time.sleep(0.05)
        if status:
            raise ProcessError(f"supervisord did not start; see {log} and {self.folder / 'supervisord.log'}")
        return True

    def shutdown(self, seconds: float = 60) -> int:
        """Stop supervisord and all that it started; return how many processes were ended.

        Nothing else is touched, and nothing of it is left when this returns (``ProcessError`` if something is).
        """
        family = self._family()
        with contextlib.suppress(OSError, ProcessError), self._server() as server:
            server.shutdown()
        # supervisord ends its programs in order and gently; only what outlives it is ended by us.
        _wait_for_end([one for one in family if _is_supervisord(one)], seconds)
        self._end_left_over(known=family)
        return len(family)

    def _end_left_over(self, program: str | None = None, known: Sequence[psutil.Process] = ()) -> int:
        """End every process of this rehearsal, or of one program; ``known`` adds some that may have lost their mark."""
        left = {one.pid: one for one in (*known, *self._family(program)) if _alive(one)}
        count = len(left)
        for send, wait in ((psutil.Process.terminate, 5), (psutil.Process.kill, 10)):
            for one in left.values():
                with contextlib.suppress(psutil.Error):
                    send(one)  # psutil compares start times first: never a process that got the same id
            _wait_for_end(list(left.values()), wait)
            left = {one.pid: one for one in self._family(program)}
            if not left:
                break
        if left:
            names = ", ".join(f"{one.pid} ({one.info_name})" for one in map(_Named, left.values()))
            raise ProcessError(f"these processes of {self.settings.state} could not be ended: {names}")
        return count

    def _family(self, program: str | None = None) -> list[psutil.Process]:
        """supervisord and everything that descends from it, orphans too, without this process and its parents.

        With ``program``, only what descends from that program.

        supervisord gives its address to each program in ``SUPERVISOR_SERVER_URL``, which programs hand on to
        what they start: that is how orphans are recognised. The socket's folder is this rehearsal's alone.
        """
        url = f"unix://{self.socket}"
        spared = {os.getpid(), *(one.pid for one in psutil.Process().parents())}
        found: dict[int, psutil.Process] = {}
        for one in psutil.process_iter():
            with contextlib.suppress(psutil.Error, OSError):
                if one.uids().real != os.getuid():
                    continue
                environ = one.environ()
                ours = environ.get("SUPERVISOR_SERVER_URL") == url
                if program is not None:
                    ours = ours and environ.get("SUPERVISOR_PROCESS_NAME") == program
                elif _is_supervisord(one) and str(self.config) in one.cmdline():
                    ours = True
                if ours:
                    found[one.pid] = one
                    found.update((child.pid, child) for child in one.children(recursive=True))
        return [one for pid, one in found.items() if pid not in spared and _alive(one)]

    def _write_config(self) -> None:
        for folder in (self.folder, self.programs, self.logs):
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        options = {
            "logfile": self.folder / "supervisord.log",
            "logfile_maxbytes": "5MB",
            "logfile_backups": 1,
            "pidfile": self.folder / "supervisord.pid",
            "childlogdir": self.logs,
            "umask": "077",
            "minfds": 4096,
        }
        if os.getuid() == 0:
            options["user"] = pwd.getpwuid(0).pw_name  # said outright, or it warns of running as root
        lines = [
            "[supervisord]",
            *(f"{key} = {plain(key, str(value))}" for key, value in options.items()),
            "[unix_http_server]",
            f"file = {plain('socket', str(self.socket))}",
            "chmod = 0700",
            "[rpcinterface:supervisor]",
            "supervisor.rpcinterface_factory = supervisor.rpcinterface:make_main_rpcinterface",
            "[include]",
            # Split at blanks, and looked for from this file's folder: so the folder's own name stays out of it.
            f"files = {self.programs.relative_to(self.folder)}/*.conf",
        ]
        write_private(self.config, "\n".join(lines) + "\n")

    # Its programs

    def ensure(self, program: Program) -> bool:
        """Have the program run as described, and say whether anything was changed.

        Writes its file and, where supervisord runs, adds it, replaces it if it changed, and starts it if it ended.
        No other program is touched.
        """
        self.programs.mkdir(mode=0o700, parents=True, exist_ok=True)
        self.logs.mkdir(mode=0o700, parents=True, exist_ok=True)
        path = self._file(program.name)
        text = program.render(self.log(program.name))
        changed = not path.exists() or path.read_text() != text
        if changed:
            write_private(path, text)
        if not self.running():
            return changed
        with self._server() as server:
            state = self._states(server).get(program.name)
            if changed and state is not None:
                self._take_down(server, program.name)
                state = None
            if state is None:
                server.reloadConfig()
                _allow((ALREADY_ADDED,), server.addProcessGroup, program.name)
                return True
            if state not in UP_STATES:
                _allow((ALREADY_STARTED,), server.startProcess, program.name, False)
                return True
        return changed

    def remove(self, name: str) -> bool:
        """Stop the program, wait until it is gone, and forget it. Says whether it was there."""
        there = self._file(name).exists()
        self._file(name).unlink(missing_ok=True)
        if self.running():
            with self._server() as server:
                if name in self._states(server):
                    there = True
                    self._take_down(server, name)
                server.reloadConfig()
        return there

    def _take_down(self, server: Any, name: str) -> None:
        _allow((NOT_RUNNING, BAD_NAME), server.stopProcessGroup, name)
        _allow((BAD_NAME,), server.removeProcessGroup, name)
        self._end_left_over(name)  # what left the program's process group

    def restart(self, name: str) -> None:
        """Stop the program, wait until it is gone, and start it again."""
        with self._server() as server:
            _allow((NOT_RUNNING,), server.stopProcess, name)
            _allow((ALREADY_STARTED,), server.startProcess, name, False)

    def heal(self) -> list[str]:
        """Add and start every program that has a file and is not up. Returns the names of those that were started."""
        started = []
        with self._server() as server:
            if any(name not in self._states(server) for name in self.status()):
                server.reloadConfig()
            for name, one in self.status().items():
                if one["state"] == "DOWN":
                    _allow((ALREADY_ADDED,), server.addProcessGroup, name)
                elif one["state"] not in (*UP_STATES, "STOPPING"):
                    _allow((ALREADY_STARTED,), server.startProcess, name, False)
                else:
                    continue
                started.append(name)
        return started

    def status(self) -> dict[str, dict[str, Any]]:
        """Every program with its ``state`` (supervisord's words), ``pid``, ``seconds`` of running and ``log``.

        A program that has a file and is not known to a running supervisord, or of one that does not run, is ``DOWN``.
        """
        known = {
            path.stem: {"state": "DOWN", "pid": None, "seconds": 0, "log": str(self.log(path.stem))}
            for path in sorted(self.programs.glob("*.conf"))
        }
        with contextlib.suppress(OSError, ProcessError), self._server() as server:
            for one in server.getAllProcessInfo():
                known[one["name"]] = {
                    "state": one["statename"],
                    "pid": one["pid"] or None,
                    "seconds": one["now"] - one["start"] if one["pid"] else 0,
                    "log": one["stdout_logfile"],
                }
        return known

    def log(self, name: str) -> Path:
        return self.logs / f"{name}.log"

    def _file(self, name: str) -> Path:
        return self.programs / f"{name}.conf"

    @staticmethod
    def _states(server: Any) -> dict[str, str]:
        return {one["name"]: one["statename"] for one in server.getAllProcessInfo()}

    @contextlib.contextmanager
    def _server(self) -> Iterator[Any]:
        from supervisor.xmlrpc import SupervisorTransport

        transport = SupervisorTransport(None, None, f"unix://{self.socket}")
        proxy = xmlrpc.client.ServerProxy("http://127.0.0.1", transport=transport)
        try:
            yield proxy.supervisor
        except (HTTPException, xmlrpc.client.Error) as error:
            log = self.folder / "supervisord.log"
            raise ProcessError(
                f"supervisord of {self.settings.state} did not do its part: {error}; see {log}"
            ) from error
        finally:
            transport.close()


class _Named:
    """A process with its name, as far as it can still be told."""

    def __init__(self, process: psutil.Process) -> None:
        self.pid = process.pid
        try:
            self.info_name = process.name()
        except psutil.Error:
            self.info_name = "gone"


def _allow(codes: Sequence[int], call: Any, *args: Any) -> Any:
    """Call supervisord; faults of these codes mean that what is wanted is so already."""
    try:
        return call(*args)
    except xmlrpc.client.Fault as fault:
        if fault.faultCode not in codes:
            raise ProcessError(f"supervisord answered {args!r} with: {fault.faultString}") from fault
        return None


def _is_supervisord(process: psutil.Process) -> bool:
    try:
        return "supervisor.supervisord" in process.cmdline()
    except psutil.Error:
        return False


def _alive(process: psutil.Process) -> bool:
    """Whether it has not ended. A zombie has: whoever should take note of it may be slow to, or never come to it."""
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.Error:
        return False


def _wait_for_end(processes: Sequence[psutil.Process], seconds: float) -> None:
    """Wait until all of them have ended, or so many seconds have passed."""
    deadline = time.monotonic() + seconds
    while any(_alive(one) for one in processes) and time.monotonic() < deadline:
        time.sleep(0.02)
