"""Keeps the nftables rules of the cluster's namespace what its NetworkPolicies say."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from pathlib import Path

from rehearsal.pods import choice, processes
from rehearsal.pods.kube import SYNCED, Kube, Object
from rehearsal.pods.rules import PolicyPod, rule_set
from rehearsal.pods.runner import cluster_of

log = logging.getLogger(__name__)

SETTLE_SECONDS = 0.03
"""Changes that come together make one new rule set."""


class Policies:
    """Watches pods, namespaces and policies, and loads a new rule set when it differs."""

    def __init__(self, kube: Kube) -> None:
        self._kube = kube
        self._pods: dict[str, PolicyPod] = {}
        self._policies: dict[str, Object] = {}
        self._namespaces: dict[str, tuple[str, dict[str, str]]] = {}
        self._changed = asyncio.Event()
        self._synced: set[str] = set()

    async def run(self) -> None:
        """Work until cancelled. The rules stay: without them every pod would be open."""
        watches = [
            asyncio.ensure_future(self._watch("/api/v1/pods", self._pod)),
            asyncio.ensure_future(self._watch("/api/v1/namespaces", self._namespace)),
            asyncio.ensure_future(self._watch("/apis/networking.k8s.io/v1/networkpolicies", self._policy)),
        ]
        try:
            await self._apply(len(watches))
        finally:
            for task in watches:
                task.cancel()
            await self._kube.close()

    async def _watch(self, path: str, handle: object) -> None:
        assert callable(handle)
        query = {"fieldSelector": "spec.nodeName!="} if path.endswith("/pods") else {}
        async for kind, item in self._kube.watch(path, **query):
            if kind == SYNCED:
                self._synced.add(path)
            else:
                handle(item, kind == "DELETED")
            self._changed.set()

    def _pod(self, pod: Object, gone: bool) -> None:
        uid = pod["metadata"]["uid"]
        known = PolicyPod.of(pod) if not gone and choice.made(pod) == choice.REAL else None
        if known is None:
            self._pods.pop(uid, None)
        else:
            self._pods[uid] = known

    def _namespace(self, item: Object, gone: bool) -> None:
        meta = item["metadata"]
        if gone:
            self._namespaces.pop(meta["uid"], None)
        else:
            self._namespaces[meta["uid"]] = (meta["name"], meta.get("labels") or {})

    def _policy(self, item: Object, gone: bool) -> None:
        meta = item["metadata"]
        if gone:
            self._policies.pop(meta["uid"], None)
        else:
            names = {"namespace": meta["namespace"], "name": meta["name"]}
            self._policies[meta["uid"]] = {"metadata": names, "spec": item["spec"]}

    async def _apply(self, kinds: int) -> None:
        loaded = ""
        while True:
            await self._changed.wait()
            await asyncio.sleep(SETTLE_SECONDS)
            self._changed.clear()
            # Half of the picture would close what is allowed, or open what is not.
            if len(self._synced) < kinds:
                continue
            text = rule_set(self._policies.values(), self._pods.values(), dict(self._namespaces.values()))
            if text == loaded:
                continue
            try:
                await processes.run(["nft", "-f", "-"], text=text)
            except processes.CommandError as error:
                log.warning("loading the rules of %d policies: %s; trying again", len(self._policies), error)
                await asyncio.sleep(2)
                self._changed.set()
            else:
                loaded = text


async def main(cluster_path: Path) -> None:
    """Enforce the policies of the cluster in ``cluster_path`` until cancelled."""
    kube = await Kube.connect(cluster_of(cluster_path).kubeconfig("runner"))
    with contextlib.suppress(asyncio.CancelledError):
        await Policies(kube).run()
