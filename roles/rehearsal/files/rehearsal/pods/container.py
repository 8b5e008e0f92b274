"""One container of a pod: its runs, its probes, its end."""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import os
import signal
import subprocess
import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from rehearsal import quantity
from rehearsal.pods import environment, probes, processes, sandbox, status, timestamps
from rehearsal.pods.kube import UNREACHABLE, ApiError, Object
from rehearsal.pods.logs import ContainerLog
from rehearsal.removal import remove_tree

if TYPE_CHECKING:
    from rehearsal.pods.pod import Pod

log = logging.getLogger(__name__)

KILLED = 128 + signal.SIGKILL

MESSAGE_BYTES = 4096
FALLBACK_BYTES, FALLBACK_LINES = 2048, 80
"""Sizes of a termination message (kubelet: MaxContainerTerminationMessageLength and ...LogLength, ...LogLines)."""

MINIMUM_GRACE = 2.0
"""Seconds that a container has after SIGTERM at least, whatever its preStop hook took."""

RETRY_SECONDS = 2.0
"""Between two attempts to create a container whose configuration is not there yet."""


REPORT_SECONDS = 5.0
"""How long a sandbox that is being made may take to say so before it is ended all the same."""


class CreateError(Exception):
    """The sandbox could not be made or the program not be started."""


class Run:
    """One run of a container: the sandbox's processes, its log, its end."""

    def __init__(
        self, process: subprocess.Popen[bytes], log_file: ContainerLog, env: dict[str, str], workdir: str
    ) -> None:
        self.process = process
        self.log = log_file
        self.env = env
        self.workdir = workdir
        self.started_at = timestamps.now()
        self.began = time.monotonic()
        self.sandbox_pid: int | None = None
        self.exit_code: int | None = None
        self.executed = False
        self.stopping = False
        self.ended = asyncio.Event()
        self.reported = asyncio.Event()
        """The sandbox has told its init (``sandbox_pid``), or that it will not have one."""
        self._main: int | None = None

    @property
    def main_pid(self) -> int | None:
        """The container's own first process: the only child of the sandbox's init when that starts."""
        if self._main is None and self.sandbox_pid:
            with contextlib.suppress(OSError, ValueError, IndexError):
                path = Path(f"/proc/{self.sandbox_pid}/task/{self.sandbox_pid}/children")
                self._main = int(path.read_text().split()[0])
        return None if self.ended.is_set() else self._main

    async def main_started(self, seconds: float = 5) -> None:
        """Wait until the main process is there: the sandbox reports its init a few milliseconds earlier."""
        deadline = time.monotonic() + seconds
        while self.main_pid is None and not self.ended.is_set() and time.monotonic() < deadline:
            await asyncio.sleep(0.005)

    def kill(self) -> None:
        """End the main process at once; the sandbox's init goes with it, and everything else with that."""
        if not processes.kill(self.main_pid):
            processes.kill(self.sandbox_pid or self.process.pid)


class Container:
    """Keeps one container of a pod in the state that its spec asks for."""

    def __init__(self, pod: Pod, spec: Object, kind: status.Kind) -> None:
        self.pod = pod
        self.spec = spec
        self.kind = kind
        self.name: str = spec["name"]
        reason = "ContainerCreating" if kind != "main" or not pod.spec.get("initContainers") else "PodInitializing"
        self.state: Object = {"waiting": {"reason": reason}}
        self.last_state: Object = {}
        self.restarts = 0
        self.ready = False
        self.started = False
        self.run: Run | None = None
        self.start_seen = asyncio.Event()
        limit = ((spec.get("resources") or {}).get("limits") or {}).get("memory")
        self.memory_limit = int(quantity.parse(limit)) if limit else None
        self._out_of_memory = False
        self._in_a_row = 0
        self._stopping: asyncio.Task[None] | None = None
        self._shown: Object | None = None

    # What the status shows

    def status(self) -> status.ContainerStatus:
        return status.ContainerStatus(
            name=self.name,
            image=self.spec["image"],
            kind=self.kind,
            state=self._shown or self.state,
            last_state=self.last_state,
            restarts=self.restarts,
            ready=self.ready or self._shown is not None,
            started=self.started,
            run=f"{self.pod.uid}/{self.name}/{self.restarts}",
        )

    def resume(self, known: Object, why: str) -> None:
        """Go on after a restart of the runner, with which this container died: ``known`` is its old status.

        A container that had ended for good stays so; an init container runs again, its pod's network being new.
        """
        self.restarts = int(known.get("restartCount") or 0)
        state = known.get("state") or {}
        ended = state.get("terminated")
        if ended and self.kind == "main" and not status.restarts(self.pod.policy, self.kind, int(ended["exitCode"])):
            self.state, self.last_state = state, known.get("lastState") or {}
        elif ended and self.kind == "init" and self.pod.policy != "Always":
            # The API server does not let its state go back; it is shown as ended while it runs again.
            self._shown, self.last_state = state, known.get("lastState") or {}
        elif ended or "running" in state:
            self.restarts += 1
            self.last_state = {"terminated": ended} if ended else self._lost(state["running"], why)
        else:
            self.last_state = known.get("lastState") or {}

    @staticmethod
    def _lost(running: Object, why: str) -> Object:
        ended = {"exitCode": KILLED, "reason": "ContainerStatusUnknown", "message": why}
        return {"terminated": ended | {"startedAt": running.get("startedAt"), "finishedAt": timestamps.now()}}

    # Life

    async def supervise(self) -> int:
        """Run, and run again as the restart policy says; the exit code of the last run."""
        while True:
            ended = self.state.get("terminated")
            if ended and not status.restarts(self.pod.policy, self.kind, int(ended["exitCode"])):
                return int(ended["exitCode"])
            if ended:
                await self._back_off(ended)
            if await self._start():
                await self._watch()
            else:
                await asyncio.sleep(RETRY_SECONDS)

    async def _back_off(self, ended: Object) -> None:
        if self.run is not None and time.monotonic() - self.run.began > status.STABLE_SECONDS:
            self._in_a_row = 0
        self._in_a_row += 1
        self.last_state = {"terminated": ended}
        seconds = status.back_off(self._in_a_row)
        if seconds:
            message = f"back-off {seconds:g}s restarting failed container={self.name} pod={self.pod.name}"
            self._waiting("CrashLoopBackOff", message)
            self.pod.event(
                "Warning", "BackOff", f"Back-off restarting failed container {self.name}", container=self.name
            )
            await asyncio.sleep(seconds)
        self.restarts += 1

    def _waiting(self, reason: str, message: str = "") -> None:
        self.state = {"waiting": {"reason": reason} | ({"message": message} if message else {})}
        self.ready = self.started = False
        self.pod.changed()

    async def _start(self) -> bool:
        """Start a run; False (with the reason in the state and an event) when that cannot be yet."""
        try:
            await self._create()
        except (environment.ConfigError, ApiError) as error:
            self._failed("CreateContainerConfigError", str(error))
        except (CreateError, processes.CommandError, OSError, *UNREACHABLE) as error:
            self._failed("CreateContainerError", str(error) or type(error).__name__)
        else:
            return True
        return False

    def _failed(self, reason: str, message: str) -> None:
        self._waiting(reason, message[:1000])
        self.pod.event("Warning", "Failed", f"Error: {message}", container=self.name)

    async def _create(self) -> None:
        image = self.pod.image(self.spec["image"])
        env = await self.pod.environment(self.spec, image)
        folder = self.pod.folder / "containers" / self.name
        root = folder / "root"
        await asyncio.to_thread(_fresh, root)
        message = folder / "termination-log"
        message.write_bytes(b"")
        who = sandbox.identity(self.pod.obj, self.spec, image)
        security = self.spec.get("securityContext") or {}
        mounts = self.pod.volumes.mounts(self.spec, env)
        mounts.append(sandbox.Mount(message, self.spec.get("terminationMessagePath") or "/dev/termination-log"))
        box = sandbox.Sandbox(
            root=root,
            identity=who,
            image=image,
            workdir=self.spec.get("workingDir") or image.workdir,
            etc=self.pod.etc(folder, who, image),
            mounts=tuple(mounts),
            read_only_root=bool(security.get("readOnlyRootFilesystem")),
        )
        command = self.spec.get("command") or list(image.entrypoint)
        rest = self.spec.get("args") or ([] if self.spec.get("command") else list(image.cmd))
        argv = [environment.expand(word, env) for word in [*command, *rest]]
        argv += [environment.expand(word, env) for word in image.append]
        if not argv:
            raise CreateError(f"no command specified for image {image.name}")
        self.pod.event("Normal", "Created", f"Created container: {self.name}", container=self.name)
        await self._launch(box, argv, env, ContainerLog(folder / "log" / f"{self.restarts}.log"))
        self._forget_old_logs(folder / "log")

    async def _launch(self, box: sandbox.Sandbox, argv: list[str], env: dict[str, str], log_file: ContainerLog) -> None:
        out_read, out_write = os.pipe()
        status_read, status_write = os.pipe()
        # The options name the machine's paths: in a file they are not on a command line that the container sees.
        with _options_file(sandbox.arguments(box)) as options:
            try:
                command = ["bwrap", "--json-status-fd", str(status_write), "--args", str(options), "--", *argv]
                process = processes.start(
                    [*self.pod.enter(), *command],
                    env=env,
                    stdout=out_write,
                    stderr=out_write,
                    pass_fds=[options, status_write],
                )
            except BaseException:
                os.close(out_read)
                os.close(status_read)
                log_file.close()
                raise
            finally:
                os.close(out_write)
                os.close(status_write)
        # From the start somebody waits for its end: this may be cancelled at any moment, and `stop` called.
        run = self.run = Run(process, log_file, env, box.workdir)
        self._out_of_memory = False
        self.pod.keep(self._collect(run, out_read, status_read))
        await run.reported.wait()
        if run.sandbox_pid is None:
            await run.ended.wait()
            raise CreateError(log_file.tail(5, 500).strip() or "the sandbox could not be made")
        await run.main_started()
        if run.ended.is_set():
            return
        self.state = {"running": {"startedAt": run.started_at}}
        self.pod.changed()
        self.pod.event("Normal", "Started", f"Started container {self.name}", container=self.name)
        if self.memory_limit:
            self.pod.guard.add(self)

    async def _collect(self, run: Run, out_read: int, status_read: int) -> None:
        """Take a run's reports and output from these descriptors until its end, then write its end down."""
        reports, report_pipe = await processes.pipe_reader(status_read)
        output, output_pipe = await processes.pipe_reader(out_read)
        first = await reports.readline()
        with contextlib.suppress(ValueError, KeyError):
            run.sandbox_pid = int(json.loads(first)["child-pid"])
        run.reported.set()
        reading = asyncio.ensure_future(self._read(run, output))
        code = await processes.wait(run.process)
        # A process of the container that outlives its sandbox's init cannot be; what is in the pipe is all there is.
        with contextlib.suppress(asyncio.TimeoutError):
            await asyncio.wait_for(reading, 2)
        with contextlib.suppress(asyncio.TimeoutError, ValueError):
            for line in (await asyncio.wait_for(reports.read(), 1)).splitlines():
                run.executed = run.executed or "exit-code" in json.loads(line)
        output_pipe.close()
        report_pipe.close()
        self.pod.guard.remove(self)
        # A sandbox that had to be killed as a whole has no exit status of its own.
        run.exit_code = KILLED if run.stopping and not run.executed else 128 - code if code < 0 else code
        if run.sandbox_pid is not None:
            self._terminated(run)
        run.log.close()
        run.ended.set()
        self.pod.changed()

    @staticmethod
    async def _read(run: Run, output: asyncio.StreamReader) -> None:
        while data := await output.read(65536):
            run.log.feed(data)

    def _terminated(self, run: Run) -> None:
        code = run.exit_code or 0
        reason = "Completed" if code == 0 else "OOMKilled" if self._out_of_memory else "Error"
        message = self._message(run, code)
        if not run.executed and code not in (0, KILLED):
            # bubblewrap itself ended: the program could not be started.
            reason, code, message = "StartError", 128, run.log.tail(3, FALLBACK_BYTES).strip() or message
        self.state = {
            "terminated": {
                "exitCode": code,
                "reason": reason,
                "startedAt": run.started_at,
                "finishedAt": timestamps.now(),
            }
            | ({"message": message} if message else {})
        }
        self.ready = self.kind == "init" and code == 0
        self.started = False
        self._shown = None

    def _message(self, run: Run, code: int) -> str:
        path = self.pod.folder / "containers" / self.name / "termination-log"
        text = ""
        with contextlib.suppress(OSError), path.open("rb") as stream:
            text = stream.read(MESSAGE_BYTES).decode(errors="replace")
        if not text and code and self.spec.get("terminationMessagePolicy") == "FallbackToLogsOnError":
            text = run.log.tail(FALLBACK_LINES, FALLBACK_BYTES)
        return text

    async def _watch(self) -> None:
        """Hooks and probes of the current run, until it ends."""
        run = self.run
        assert run is not None
        health = asyncio.ensure_future(self._health())
        try:
            await run.ended.wait()
        finally:
            health.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await health
        if self._stopping:
            await self._stopping
            self._stopping = None

    async def _health(self) -> None:
        hook = (self.spec.get("lifecycle") or {}).get("postStart")
        if hook:
            good, why = await self._hook(hook, 30)
            if not good:
                self.pod.event("Warning", "FailedPostStartHook", f"PostStartHook failed: {why}", container=self.name)
                self._restart(f"FailedPostStartHook of container {self.name}", None)
                return
        if self.kind == "init":
            self.on_started()
            return
        await probes.watch_health(self, self.pod.address, self.execute)

    async def _hook(self, hook: Object, seconds: float) -> tuple[bool, str]:
        if pause := hook.get("sleep"):
            await asyncio.sleep(min(float(pause["seconds"]), seconds))
            return True, ""
        return await probes.ask(hook, self.spec, self.pod.address, seconds, self.execute)

    # What probes and the memory guard say

    def on_started(self) -> None:
        self.started = True
        self.start_seen.set()
        self.pod.changed()

    def on_ready(self, ready: bool) -> None:
        if self.ready != ready:
            self.ready = ready
            self.pod.changed()

    def on_unhealthy(self, probe: str, message: str, fatal: bool, grace: float | None) -> None:
        text = f"{probe} probe failed: {message}"
        self.pod.event("Warning", "Unhealthy", text, container=self.name)
        if fatal:
            self._restart(f"Container {self.name} failed {probe.lower()} probe, will be restarted", grace)

    def _restart(self, why: str, grace: float | None) -> None:
        if self._stopping is None:
            self._stopping = self.pod.keep(self.stop(self.pod.grace if grace is None else grace, why))

    @property
    def sandbox_pid(self) -> int | None:
        return self.run.sandbox_pid if self.run else None

    @property
    def memory_volumes(self) -> Iterable[Path]:
        return self.pod.volumes.memory_paths

    def on_out_of_memory(self, victim: int, name: str, used: int, total: int) -> None:
        main = self.run is not None and victim == self.run.main_pid
        self._out_of_memory = self._out_of_memory or main
        whole = " (the container's main process)" if main else ""
        text = (
            f"Memory limit of container {self.name} reached ({total >> 20} of {(self.memory_limit or 0) >> 20} MiB): "
            f"killed process {name} with {used >> 20} MiB{whole}"
        )
        self.pod.event("Warning", "OOMKilling", text, container=self.name)

    # Commands inside, and the end

    async def execute(self, command: list[str], seconds: float) -> tuple[int, str]:
        """Run a command in the running container. TimeoutError when it takes longer; OSError when nothing runs."""
        process = self.spawn(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        assert process.stdout is not None
        reader, transport = await processes.pipe_reader(os.dup(process.stdout.fileno()))
        process.stdout.close()
        try:
            return await asyncio.wait_for(self._finish(process, reader), seconds)
        finally:
            transport.close()
            processes.end(process)

    @staticmethod
    async def _finish(process: subprocess.Popen[bytes], reader: asyncio.StreamReader) -> tuple[int, str]:
        output = await reader.read(16384)
        return await processes.wait(process), output.decode(errors="replace")

    def spawn(self, command: list[str], *, tty: bool = False, **streams: object) -> subprocess.Popen[bytes]:
        """Start a command in all of the running container's namespaces. OSError when nothing runs.

        With ``tty`` its stdin becomes its controlling terminal.
        """
        run = self.run
        pid = run.main_pid if run else None
        if run is None or pid is None:
            raise ProcessLookupError(f"container {self.name} is not running")
        enter = ["nsenter", "--preserve-credentials", "-t", str(pid)]
        enter += ["--user", "--mount", "--pid", "--net", "--ipc", "--uts", "--"]
        session = ["setsid", "--ctty", "--wait"] if tty else []
        return processes.start(
            ["setpriv", "--pdeathsig", "KILL", *session, *enter, "/usr/bin/env", "-C", run.workdir, *command],
            env=run.env,
            start_new_session=not tty,
            **streams,
        )

    async def stop(self, grace: float, why: str = "") -> None:
        """preStop hook, SIGTERM, and SIGKILL when ``grace`` seconds are over."""
        run = self.run
        if run is None or run.ended.is_set():
            return
        run.stopping = True
        self.pod.event("Normal", "Killing", why or f"Stopping container {self.name}", container=self.name)
        deadline = time.monotonic() + grace
        hook = (self.spec.get("lifecycle") or {}).get("preStop")
        if hook and grace > 0:
            good, text = await self._hook(hook, grace)
            if not good:
                self.pod.event("Warning", "FailedPreStopHook", f"PreStopHook failed: {text}", container=self.name)
        with contextlib.suppress(asyncio.TimeoutError):
            await asyncio.wait_for(run.reported.wait(), REPORT_SECONDS)
        if grace > 0:
            # Never the outer bubblewrap: its init, were it not yet bound to it, would be left behind.
            processes.kill(run.main_pid or run.sandbox_pid, signal.SIGTERM)
            with contextlib.suppress(asyncio.TimeoutError):
                await asyncio.wait_for(run.ended.wait(), max(deadline - time.monotonic(), MINIMUM_GRACE))
        while not run.ended.is_set():
            run.kill()
            with contextlib.suppress(asyncio.TimeoutError):
                await asyncio.wait_for(run.ended.wait(), 2)
            if not run.ended.is_set():
                processes.kill(run.sandbox_pid)
                processes.kill(run.process.pid)

    # Logs

    def log_path(self, previous: bool) -> Path | None:
        """The file of the current or the previous run's log; None when there was no such run."""
        folder = self.pod.folder / "containers" / self.name / "log"
        number = self.restarts
        if self.run is None or "waiting" in self.state:
            # The current run is still to come: what there is belongs to the last one.
            number -= 1 if not (folder / f"{number}.log").exists() else 0
        path = folder / f"{number - 1 if previous else number}.log"
        return path if path.exists() else None

    @staticmethod
    def _forget_old_logs(folder: Path) -> None:
        files = sorted(folder.glob("*.log"), key=lambda path: int(path.stem))
        for path in files[:-2]:
            path.unlink()
            path.with_suffix(".old").unlink(missing_ok=True)


@contextlib.contextmanager
def _options_file(options: list[str]) -> Iterator[int]:
    """A file without a name that holds bubblewrap's options; its descriptor is inherited."""
    fd = os.memfd_create("options", 0)
    try:
        os.write(fd, b"\0".join(os.fsencode(option) for option in options))
        os.lseek(fd, 0, os.SEEK_SET)
        yield fd
    finally:
        os.close(fd)


def _fresh(folder: Path) -> None:
    """An empty folder, whatever the last run left there."""
    remove_tree(folder)
    folder.mkdir(parents=True)
