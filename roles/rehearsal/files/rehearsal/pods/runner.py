"""The pod runner: watches the pods that are bound to nodes, chooses which run for real, and runs those."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections.abc import Coroutine
from pathlib import Path
from typing import Any

from aiohttp import web

from rehearsal.claim_files import ClaimFiles
from rehearsal.cluster.layout import ClusterDir
from rehearsal.pods import choice, kubelet_api, metadata, processes
from rehearsal.pods.events import Recorder
from rehearsal.pods.images import Image, ImageTable
from rehearsal.pods.kube import SYNCED, UNREACHABLE, ApiError, Kube, Object
from rehearsal.pods.memory import MemoryGuard
from rehearsal.pods.network import Addresses
from rehearsal.pods.pod import Node, Pod
from rehearsal.pods.volumes import unmount_all
from rehearsal.removal import remove_tree
from rehearsal.settings import Settings

log = logging.getLogger(__name__)

NODE_SECONDS = 60
"""How long what is known of a node is taken for true."""

MARKS_AT_ONCE = 16

CERTIFICATE_SECONDS = 1.0
"""How often it is looked whether the certificates are others."""


class Runner:
    """Runs the real pods of one cluster."""

    def __init__(self, cluster: ClusterDir, kube: Kube) -> None:
        self.kube = kube
        self.folder = cluster.path / "pods"
        self.guard = MemoryGuard()
        self.addresses = Addresses()
        self.pods: dict[str, Pod] = {}
        self._cluster = cluster
        self.claims = ClaimFiles(cluster.settings.state)
        self._images = ImageTable(cluster.settings.state / "images.json")
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._background: set[asyncio.Task[Any]] = set()
        self._services: dict[str, Object] = {}
        self._services_known = asyncio.Event()
        self._nodes: dict[str, tuple[float, Node]] = {}
        self._marks = asyncio.Semaphore(MARKS_AT_ONCE)
        self._marked: set[str] = set()
        self._buried: set[str] = set()
        self._server: web.AppRunner

    # What pods ask for

    def find_image(self, reference: str) -> Image | None:
        return self._images.find(reference)

    def services(self) -> list[Object]:
        return list(self._services.values())

    async def node(self, name: str) -> Node:
        known = self._nodes.get(name)
        if known is None or time.monotonic() - known[0] > NODE_SECONDS:
            known = self._nodes[name] = (time.monotonic(), Node(await self.kube.get(f"/api/v1/nodes/{name}")))
        return known[1]

    def find_pod(self, namespace: str, name: str) -> Pod | None:
        """The real pod of that name; the newest, should an older one still be ending."""
        for pod in reversed(list(self.pods.values())):
            if (pod.namespace, pod.name) == (namespace, name):
                return pod
        return None

    # Life

    async def run(self) -> None:
        """Work until cancelled; then stop the pods' processes and leave the pods to the next runner."""
        self.folder.mkdir(parents=True, exist_ok=True)
        if left := processes.end_strangers():
            log.warning("ended %d processes that an earlier runner had left", left)
        self._server = await kubelet_api.serve(self, self._cluster)
        cloud = await metadata.serve()
        beside = [asyncio.ensure_future(self.guard.run()), asyncio.ensure_future(self._watch_services())]
        beside.append(asyncio.ensure_future(self._follow_certificates()))
        try:
            await self._services_known.wait()
            beside.append(asyncio.ensure_future(self._watch_pods()))
            # None of them ends by itself; what one of them dies of must be seen.
            await asyncio.gather(*beside)
        finally:
            for task in beside:
                task.cancel()
            ending = list(self._tasks.values())
            for task in ending:
                task.cancel()
            await asyncio.gather(*ending, return_exceptions=True)
            await self._server.cleanup()
            await cloud.cleanup()
            await self.kube.close()

    async def _follow_certificates(self) -> None:
        """Take new certificates, the kubelet's too, when the cluster gets a new CA."""
        kubeconfig = self._cluster.kubeconfig("runner")
        seen = kubeconfig.stat().st_mtime_ns
        while True:
            await asyncio.sleep(CERTIFICATE_SECONDS)
            now = kubeconfig.stat().st_mtime_ns
            if now == seen:
                continue
            seen = now
            log.info("new certificates")
            await self.kube.renew(kubeconfig)
            await self._server.cleanup()
            self._server = await kubelet_api.serve(self, self._cluster)

    async def _watch_services(self) -> None:
        async for kind, service in self.kube.watch("/api/v1/services"):
            if kind == SYNCED:
                self._services_known.set()
            elif kind == "DELETED":
                self._services.pop(service["metadata"]["uid"], None)
            else:
                meta, spec = service["metadata"], service["spec"]
                self._services[meta["uid"]] = {
                    "metadata": {"namespace": meta["namespace"], "name": meta["name"]},
                    "spec": {"clusterIP": spec.get("clusterIP") or "None", "ports": spec.get("ports") or []},
                }
            if self._services_known.is_set():
                for pod in self.pods.values():
                    try:
                        pod.write_hosts()
                    except OSError as error:
                        log.warning("%s/%s: writing /etc/hosts: %s", pod.namespace, pod.name, error)

    async def _watch_pods(self) -> None:
        waiting: list[Object] | None = []
        async for kind, pod in self.kube.watch("/api/v1/pods", fieldSelector="spec.nodeName!="):
            if kind == SYNCED:
                await self._take_over(waiting or [])
                waiting = None
            elif kind == "DELETED":
                self._gone(pod["metadata"]["uid"])
            elif waiting is None:
                self._handle_alone(pod)
            elif choice.made(pod) != choice.PLAYED:
                waiting.append(pod)

    async def _take_over(self, pods: list[Object]) -> None:
        """What is there when the runner starts: addresses first, for each pod to have its own again."""
        real = {pod["metadata"]["uid"]: pod for pod in pods if choice.made(pod) == choice.REAL}
        for uid, pod in real.items():
            address = (pod.get("status") or {}).get("podIP")
            if address and not _finished(pod):
                self.addresses.reserve(address, uid)
        for folder in list(self.folder.iterdir()):
            if folder.name not in real:
                await unmount_all(folder / "volumes")
                try:
                    await asyncio.to_thread(remove_tree, folder)
                except OSError as error:
                    log.warning("removing %s, whose pod is gone: %s", folder, error)
        for pod in pods:
            self._handle_alone(pod)

    def _gone(self, uid: str) -> None:
        self._marked.discard(uid)
        self._buried.discard(uid)
        if pod := self.pods.get(uid):
            pod.delete()

    def _handle_alone(self, obj: Object) -> None:
        """What goes wrong with one pod must not end the others."""
        try:
            self._handle(obj)
        except Exception:
            log.exception("pod %s/%s", obj["metadata"]["namespace"], obj["metadata"]["name"])

    def _handle(self, obj: Object) -> None:
        """A pod is new or has changed."""
        uid, deleted = obj["metadata"]["uid"], bool(obj["metadata"].get("deletionTimestamp"))
        if pod := self.pods.get(uid):
            pod.update(obj)
            return
        chosen = choice.made(obj)
        if chosen == choice.PLAYED or (uid in self._marked and not deleted):
            return
        if _finished(obj) or uid in self._buried or (deleted and not chosen):
            if deleted:
                # Nothing of it runs here: it may go.
                self._beside(Pod(self, obj).confirm())
            return
        if not chosen:
            budget = Settings.load(self._cluster.settings.state).real_pods  # it may have changed
            found = choice.choose(obj, lambda name: self._images.find(name) is not None, self._used(), budget)
            self._marked.add(uid)
            self._beside(self._mark(obj, found))
            if found.runs == choice.PLAYED:
                return
        self._start(obj)

    def _used(self) -> int:
        return sum(not pod.finished for pod in self.pods.values())

    def _start(self, obj: Object) -> None:
        pod = Pod(self, obj)
        log.info("running %s/%s", pod.namespace, pod.name)
        self.pods[pod.uid] = pod
        task = asyncio.ensure_future(pod.run())
        self._tasks[pod.uid] = task
        task.add_done_callback(lambda done: self._ended(pod, done))
        if pod.obj["metadata"].get("deletionTimestamp"):
            pod.update(obj)

    def _ended(self, pod: Pod, task: asyncio.Task[None]) -> None:
        self.pods.pop(pod.uid, None)
        self._tasks.pop(pod.uid, None)
        # Late news of a pod that has ended must not start it again.
        self._buried.add(pod.uid)
        if not task.cancelled() and (error := task.exception()):
            log.error("%s/%s: %s", pod.namespace, pod.name, error, exc_info=error)

    async def _mark(self, pod: Object, found: choice.Choice) -> None:
        """Write the choice on the pod; KWOK takes the played ones from then on."""
        meta = pod["metadata"]
        path = f"/api/v1/namespaces/{meta['namespace']}/pods/{meta['name']}"
        body = {"metadata": {"uid": meta["uid"], "annotations": found.annotations()}}
        async with self._marks:
            while True:
                try:
                    await self.kube.patch(path, body)
                except ApiError as error:
                    if error.status not in (404, 409):
                        log.warning("marking %s/%s: %s", meta["namespace"], meta["name"], error)
                    return
                except UNREACHABLE:
                    await asyncio.sleep(1)
                else:
                    break
        if found.missed:
            await Recorder(self.kube, pod).record("Warning", "Played", f"Nothing runs in this pod: {found.why}")

    def _beside(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.ensure_future(work)
        self._background.add(task)
        task.add_done_callback(self._background.discard)


def _finished(pod: Object) -> bool:
    return (pod.get("status") or {}).get("phase") in ("Succeeded", "Failed")


async def main(cluster_path: Path) -> None:
    """Run the pods of the cluster in ``cluster_path`` until cancelled."""
    cluster = cluster_of(cluster_path)
    kube = await Kube.connect(cluster.kubeconfig("runner"))
    with contextlib.suppress(asyncio.CancelledError):
        await Runner(cluster, kube).run()


def cluster_of(path: Path) -> ClusterDir:
    """The cluster whose folder ``path`` is (``<state>/clusters/<uuid>``). FileNotFoundError when it is none."""
    path = path.absolute()
    state = path.parents[1]
    if not (state / "settings.json").exists():
        raise FileNotFoundError(
            f"{path} is not <state>/clusters/<uuid> of a rehearsal: {state}/settings.json is missing"
        )
    return ClusterDir(Settings.load(state), path.name)
