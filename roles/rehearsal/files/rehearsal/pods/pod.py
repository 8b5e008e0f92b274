"""The life of one pod that runs for real: its volumes, its network, its containers in order, its status, its end."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections.abc import Coroutine, Mapping
from pathlib import Path
from typing import Any, Protocol, TypeVar

from rehearsal.claim_files import ClaimFiles
from rehearsal.pods import environment, events, processes, sandbox, status, timestamps, volumes
from rehearsal.pods.container import Container
from rehearsal.pods.images import Image
from rehearsal.pods.kube import UNREACHABLE, ApiError, Kube, Object
from rehearsal.pods.memory import MemoryGuard
from rehearsal.pods.network import Addresses, PodNetwork
from rehearsal.removal import remove_tree

log = logging.getLogger(__name__)

REFRESH_SECONDS = 30
"""Between two looks at the ConfigMaps, Secrets and tokens in a pod's volumes (kubelet: about 60)."""

SETTLE_SECONDS = 0.02
"""A status waits this long for the next change, so that one patch carries both."""

SUSPEND_SECONDS = 3.0
"""How long containers have to end when the runner is told to end."""

RESTARTED = "the pod runner was restarted; container restarted"

T = TypeVar("T")


class Node:
    """What a pod may learn of its node."""

    def __init__(self, obj: Object) -> None:
        addresses = obj.get("status", {}).get("addresses") or []
        self.address: str = next((one["address"] for one in addresses if one["type"] == "InternalIP"), "")
        self.allocatable: Mapping[str, str] = obj.get("status", {}).get("allocatable") or {}


class Host(Protocol):
    """What a pod needs of the runner."""

    kube: Kube
    folder: Path
    guard: MemoryGuard
    addresses: Addresses
    claims: ClaimFiles

    def find_image(self, reference: str) -> Image | None: ...
    def services(self) -> list[Object]: ...
    async def node(self, name: str) -> Node: ...


class Pod:
    """One pod. ``run`` ends when the pod is gone; ``update`` and ``delete`` tell it what the API says."""

    def __init__(self, host: Host, obj: Object) -> None:
        self.host = host
        self.kube = host.kube
        self.guard = host.guard
        self.obj = obj
        self.namespace: str = obj["metadata"]["namespace"]
        self.name: str = obj["metadata"]["name"]
        self.uid: str = obj["metadata"]["uid"]
        self.folder = host.folder / self.uid
        self.path = f"/api/v1/namespaces/{self.namespace}/pods/{self.name}"
        self.address = ""
        self.node = Node({})
        self.volumes = volumes.Volumes(host.kube, obj, self.folder / "volumes", self.fetch, self._downward, host.claims)
        self._network: PodNetwork | None = None
        self._recorder = events.Recorder(host.kube, obj)
        self._events: asyncio.Queue[tuple[str, str, str, str]] = asyncio.Queue()
        self._tasks: set[asyncio.Task[Any]] = set()
        self._deleting = asyncio.Event()
        self._changed = asyncio.Event()
        self._sent: Object = {}
        self._finished = False
        self._released = False
        self._failure: tuple[str, str] | None = None
        self._conditions: list[Object] = (obj.get("status") or {}).get("conditions") or []
        self._start_time = (obj.get("status") or {}).get("startTime") or timestamps.now()
        inits = [Container(self, one, status.kind_of(one, True)) for one in self.spec.get("initContainers") or []]
        self.containers = [*inits, *(Container(self, one, "main") for one in self.spec["containers"])]
        self._resume()

    @property
    def spec(self) -> Object:
        spec: Object = self.obj["spec"]
        return spec

    @property
    def policy(self) -> str:
        return str(self.spec.get("restartPolicy") or "Always")

    @property
    def grace(self) -> float:
        """Seconds that the containers have to end."""
        seconds = self.obj["metadata"].get("deletionGracePeriodSeconds")
        return float(self.spec.get("terminationGracePeriodSeconds", 30) if seconds is None else seconds)

    def _resume(self) -> None:
        """Take over a pod that an earlier runner left: its containers died with that."""
        old = self.obj.get("status") or {}
        known = [*(old.get("initContainerStatuses") or []), *(old.get("containerStatuses") or [])]
        by_name = {one["name"]: one for one in known}
        alive = False
        for container in self.containers:
            if container.name in by_name:
                alive = alive or "running" in (by_name[container.name].get("state") or {})
                container.resume(by_name[container.name], RESTARTED)
        if alive:
            self.event("Warning", "RunnerRestarted", RESTARTED)

    @property
    def finished(self) -> bool:
        """Whether all has run to its end: such a pod only waits to be deleted."""
        return self._finished

    # What the API says

    def update(self, obj: Object) -> None:
        """A newer version of the pod's object."""
        self.obj = obj
        if obj["metadata"].get("deletionTimestamp"):
            self._deleting.set()
        if status.overruled(self._sent.get("conditions") or [], self._other_conditions()):
            # As a kubelet does. News older than our last word are answered the same: a patch that changes nothing.
            self._sent = {}
            self.changed()

    def delete(self) -> None:
        """The pod's object is gone without our word: end at once."""
        self.obj["metadata"]["deletionGracePeriodSeconds"] = 1
        self._deleting.set()

    # What the containers ask for

    def image(self, reference: str) -> Image:
        found = self.host.find_image(reference)
        if found is None:
            raise environment.ConfigError(f"image {reference} is not in the image table any more")
        return found

    def enter(self) -> list[str]:
        if self._network is None:
            raise processes.CommandError("the pod has no network yet")
        return self._network.enter()

    def changed(self) -> None:
        """The status is to be written again."""
        self._changed.set()

    def event(self, kind: str, reason: str, message: str, *, container: str = "") -> None:
        """Record an event, in order, without waiting for it."""
        self._events.put_nowait((kind, reason, message, container))

    def keep(self, work: Coroutine[Any, Any, T]) -> asyncio.Task[T]:
        """Run something beside, for as long as the pod lives."""
        task = asyncio.ensure_future(work)
        self._tasks.add(task)
        task.add_done_callback(self._done)
        return task

    def _done(self, task: asyncio.Task[Any]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()):
            log.error("%s/%s: %s", self.namespace, self.name, error, exc_info=error)

    async def fetch(self, kind: str, name: str, optional: bool) -> Mapping[str, bytes] | None:
        """The data of a ConfigMap or Secret of the pod's namespace; None when optional and missing."""
        try:
            found = await self.kube.get(f"/api/v1/namespaces/{self.namespace}/{kind}/{name}")
        except ApiError as error:
            if error.status == 404 and optional:
                return None
            if error.status == 404:
                raise environment.ConfigError(f'{kind.removesuffix("s")} "{name}" not found') from error
            raise
        return volumes.secret_data(found) if kind == "secrets" else volumes.config_data(found)

    def _downward(self, origin: Object, container: str = "") -> str:
        if reference := origin.get("fieldRef"):
            return environment.field(
                self.obj, reference["fieldPath"], address=self.address, node_address=self.node.address
            )
        if reference := origin.get("resourceFieldRef"):
            return environment.resource(self.obj, reference, container, self.node.allocatable)
        raise environment.ConfigError(f"values of the kind {', '.join(sorted(origin))} are not supported")

    async def environment(self, container: Object, image: Image) -> dict[str, str]:
        """The whole environment of a container. Raises ConfigError or ApiError."""
        links = self.spec.get("enableServiceLinks", True)
        base = {
            "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
            "HOME": image.home,
            "HOSTNAME": self.name,
            "LANG": "C.UTF-8",
            **image.env,
            **environment.service_variables(self.host.services(), self.namespace, links),
        }
        return await environment.build(
            container, base, self.fetch, lambda origin: self._downward(origin, container["name"])
        )

    def etc(self, folder: Path, who: sandbox.Identity, image: Image) -> dict[str, Path]:
        """The files of a container's /etc that are made for it."""
        name = "root" if who.uid == 0 else "jovyan"
        texts = {
            "passwd": "root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534:nobody:/nonexistent:/bin/false\n",
            "group": "root:x:0:\nnogroup:x:65534:\n",
            "hostname": f"{self.name}\n",
            "nsswitch.conf": "passwd: files\ngroup: files\nhosts: files dns\n",
            # There is no name server: a name that is not in /etc/hosts is refused at once.
            "resolv.conf": f"search {self.namespace}.svc.cluster.local svc.cluster.local cluster.local\n",
        }
        if who.uid not in (0, 65534):
            texts["passwd"] += f"{name}:x:{who.uid}:{who.gid}::{image.home}:/bin/bash\n"
        if who.gid not in (0, 65534):
            texts["group"] += f"{name if who.gid == who.uid else 'users'}:x:{who.gid}:\n"
        found = {"hosts": self.folder / "hosts"}
        for file, text in texts.items():
            found[file] = folder / file
            found[file].write_text(text)
        return found

    def write_hosts(self) -> None:
        """Bring /etc/hosts up to date. In place: it is bound into the containers."""
        if not self.address or self._released:
            return
        text = hosts_file(self.spec, self.name, self.namespace, self.address, self.host.services())
        path = self.folder / "hosts"
        if not path.exists() or path.read_text() != text:
            with path.open("r+" if path.exists() else "w") as stream:
                stream.write(text)
                stream.truncate()

    # Life

    async def run(self) -> None:
        """Live until the pod's object is deleted, then end in order and confirm the deletion.

        Cancelled (the runner ends), it stops its processes quickly and leaves everything else as it is, so that the
        next runner goes on with the pod.
        """
        recorder = asyncio.ensure_future(self._record())
        reporter = asyncio.ensure_future(self._report())
        life = asyncio.ensure_future(self._live())
        deleting = asyncio.ensure_future(self._deleting.wait())
        try:
            await asyncio.wait({life, deleting}, return_when=asyncio.FIRST_COMPLETED)
            if life.done() and not life.cancelled() and (error := life.exception()):
                log.error("%s/%s: %s", self.namespace, self.name, error, exc_info=error)
            await deleting
            await _cancel(life)
            await self._end_containers(self.grace)
            await _cancel(reporter)
            await self._release()
            await self._send_status(final=True)
            with contextlib.suppress(asyncio.TimeoutError):
                await asyncio.wait_for(self._events.join(), 5)
            await self.confirm()
            await asyncio.to_thread(remove_tree, self.folder)
        except asyncio.CancelledError:
            # What is written down must stay "running": the next runner starts again what runs.
            await _cancel(reporter)
            await _cancel(life)
            await self._end_containers(SUSPEND_SECONDS)
            if self._network is not None:
                self._network.close()
            raise
        finally:
            for task in (life, deleting, reporter, recorder, *self._tasks):
                await _cancel(task)

    async def _live(self) -> None:
        await self._prepare()
        refresh = asyncio.ensure_future(self._refresh())
        supervisors: list[asyncio.Task[int]] = []
        try:
            seconds = self.spec.get("activeDeadlineSeconds")
            work = self._run_containers(supervisors)
            if seconds is None:
                await work
            else:
                left = timestamps.seconds(self._start_time) + float(seconds) - time.time()
                try:
                    await asyncio.wait_for(work, max(left, 0.01))
                except asyncio.TimeoutError:
                    self._failure = ("DeadlineExceeded", "Pod was active on the node longer than the deadline")
                    self.event("Normal", "DeadlineExceeded", self._failure[1])
        finally:
            await _cancel(refresh)
            for task in supervisors:
                await _cancel(task)
        await self._end_containers(self.grace)
        self._finished = True
        self.changed()
        await self._release()

    async def _prepare(self) -> None:
        """Address, volumes and network; tried again until all is there, with an event when it takes long."""
        self.folder.mkdir(parents=True, exist_ok=True)
        delay, tries = 0.1, 0
        while True:
            tries += 1
            try:
                if not self.address:
                    self.node = await self.host.node(self.spec["nodeName"])
                    self.address = self.host.addresses.take(self.uid)
                self.write_hosts()
                await self.volumes.prepare(self.obj)
                if self._network is None:
                    self._network = await PodNetwork.create(self.address, self.spec.get("hostname") or self.name)
            except volumes.NotReadyError as error:
                reason, text = "FailedMount", str(error)
            except (ApiError, environment.ConfigError, processes.CommandError, *UNREACHABLE) as error:
                reason, text = "FailedCreatePodSandBox", str(error) or type(error).__name__
            else:
                self.event("Normal", "Pulled", "Environments of all images are ready on this machine")
                self.changed()
                return
            if tries >= 4:
                self.event("Warning", reason, text)
            await asyncio.sleep(delay)
            delay = min(delay * 2, 5.0)

    async def _refresh(self) -> None:
        while True:
            await asyncio.sleep(REFRESH_SECONDS)
            await self.volumes.refresh(self.obj)

    async def _run_containers(self, supervisors: list[asyncio.Task[int]]) -> None:
        """Init containers one after the other, sidecars from their turn on, then all the others to their end."""
        for container in self.containers:
            if container.kind == "sidecar":
                supervisors.append(asyncio.ensure_future(container.supervise()))
                await container.start_seen.wait()
            elif container.kind == "init" and await container.supervise() != 0:
                return
        mains = [asyncio.ensure_future(one.supervise()) for one in self.containers if one.kind == "main"]
        supervisors += mains
        await asyncio.gather(*mains)

    async def _end_containers(self, grace: float) -> None:
        """Stop what runs: the main containers together, then the sidecars in reverse order."""
        deadline = time.monotonic() + grace
        await asyncio.gather(*(one.stop(grace) for one in self.containers if one.kind != "sidecar"))
        for container in reversed([one for one in self.containers if one.kind == "sidecar"]):
            await container.stop(max(deadline - time.monotonic(), 1.0))

    async def _release(self) -> None:
        """Give back network and volumes."""
        self._released = True
        if self._network is not None:
            self._network.close()
            self._network = None
        self.host.addresses.give_back(self.uid)
        await self.volumes.remove()

    async def confirm(self) -> None:
        """Tell the API server that nothing of the pod is left: the object goes."""
        body = {
            "apiVersion": "v1",
            "kind": "DeleteOptions",
            "gracePeriodSeconds": 0,
            "preconditions": {"uid": self.uid},
        }
        for delay in (0.5, 1, 2, 5, 10):
            try:
                await self.kube.delete(self.path, body)
            except ApiError as error:
                if error.status not in (404, 409):
                    log.warning("deleting %s/%s: %s", self.namespace, self.name, error)
                return
            except UNREACHABLE as error:
                log.warning("deleting %s/%s: %s", self.namespace, self.name, error)
                await asyncio.sleep(delay)
            else:
                return

    # Status

    async def _record(self) -> None:
        while True:
            kind, reason, message, container = await self._events.get()
            try:
                await self._recorder.record(kind, reason, message, container)
            finally:
                self._events.task_done()

    async def _report(self) -> None:
        while True:
            await self._changed.wait()
            await asyncio.sleep(SETTLE_SECONDS)
            self._changed.clear()
            if not await self._send_status():
                await asyncio.sleep(1)
                self._changed.set()

    async def _send_status(self, final: bool = False) -> bool:
        """Write the status if it changed; False when the API server could not be reached."""
        fresh = self.status(final)
        if fresh == self._sent:
            return True
        try:
            await self.kube.patch(f"{self.path}/status", {"metadata": {"uid": self.uid}, "status": fresh})
        except ApiError as error:
            if error.status not in (404, 409):
                log.warning("status of %s/%s: %s", self.namespace, self.name, error)
        except UNREACHABLE as error:
            log.warning("status of %s/%s: %s", self.namespace, self.name, error or type(error).__name__)
            return False
        self._sent = fresh
        return True

    def status(self, final: bool = False) -> Object:
        """The pod's status as it is now."""
        known = [container.status() for container in self.containers]
        phase = status.phase(known, self.policy)
        if self._failure:
            phase = "Failed"
        elif final and phase in ("Pending", "Running"):
            # Kubelet: a pod that was told to go has failed unless all of its containers ended well.
            codes = [one.exit_code for one in known if one.kind == "main"]
            phase = "Succeeded" if codes and all(code == 0 for code in codes) else "Failed"
        own = {one["type"]: one.get("status") == "True" for one in self._other_conditions()}
        gates = {one["conditionType"]: own.get(one["conditionType"], False) for one in self._gates()}
        fresh = status.conditions(
            known, sandboxed=self._network is not None, phase=phase, gates=gates, deleting=self._deleting.is_set()
        )
        self._conditions = status.stamped(fresh, self._conditions, timestamps.now())
        found: Object = {
            "phase": phase,
            "startTime": self._start_time,
            "conditions": self._conditions,
            "containerStatuses": [one.as_api() for one in known if one.kind == "main"],
        }
        if inits := [one.as_api() for one in known if one.kind != "main"]:
            found["initContainerStatuses"] = inits
        if self._failure:
            found["reason"], found["message"] = self._failure
        if self.node.address:
            found |= {"hostIP": self.node.address, "hostIPs": [{"ip": self.node.address}]}
        if self.address:
            # Addresses are merged by their value: an older one has to be replaced.
            found |= {"podIP": self.address, "podIPs": [{"$patch": "replace"}, {"ip": self.address}]}
        return found

    def _gates(self) -> list[Object]:
        return list(self.spec.get("readinessGates") or [])

    def _other_conditions(self) -> list[Object]:
        return list((self.obj.get("status") or {}).get("conditions") or [])


def hosts_file(spec: Object, name: str, namespace: str, address: str, services: list[Object]) -> str:
    """/etc/hosts of a pod. Services' names stand here because there is no name server in the cluster."""
    lines = ["127.0.0.1\tlocalhost", f"{address}\t{name}"]
    for service in sorted(services, key=lambda one: (one["metadata"]["namespace"], one["metadata"]["name"])):
        place, own = service["metadata"]["namespace"], service["metadata"]["name"]
        target = service["spec"].get("clusterIP") or "None"
        if target != "None":
            names = [own] if place == namespace else []
            names += [f"{own}.{place}", f"{own}.{place}.svc", f"{own}.{place}.svc.cluster.local"]
            lines.append(f"{target}\t{' '.join(names)}")
    for alias in spec.get("hostAliases") or []:
        lines.append(f"{alias['ip']}\t{' '.join(alias.get('hostnames') or [])}")
    return "\n".join(lines) + "\n"


async def _cancel(task: asyncio.Task[Any]) -> None:
    task.cancel()
    with contextlib.suppress(asyncio.CancelledError, Exception):
        await task
