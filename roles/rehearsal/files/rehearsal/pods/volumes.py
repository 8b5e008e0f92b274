"""A pod's volumes: made, kept current, bound into its containers, removed.

Files from ConfigMaps, Secrets, the downward API and tokens are written as the kubelet writes them: into a fresh
folder that a symlink ``..data`` is swapped to, so that a reader sees the old set or the new one.
"""

from __future__ import annotations

import asyncio
import base64
import dataclasses
import json
import logging
import os
import shutil
import tempfile
import time
from collections.abc import Callable, Mapping
from pathlib import Path

from rehearsal import quantity
from rehearsal.claim_files import DRIVER, ClaimFiles
from rehearsal.pods import processes
from rehearsal.pods.environment import ConfigError, Fetch, expand
from rehearsal.pods.kube import UNREACHABLE, ApiError, Kube, Object
from rehearsal.pods.sandbox import Mount

log = logging.getLogger(__name__)

Files = dict[str, tuple[bytes, int]]
"""Path below the volume: content and mode."""

SOURCES = ("configMap", "secret", "downwardAPI", "projected")
SUPPORTED = (*SOURCES, "emptyDir", "persistentVolumeClaim", "ephemeral")
"""Kinds of volumes that a real pod may have. hostPath is not among them: a pod sees nothing of the machine."""

TOKEN_AGE = 0.8
"""A token is renewed after this part of its life (kubelet: 80 %, and after a day at most)."""


class NotReadyError(Exception):
    """A volume cannot be mounted yet; the text says which and why."""


@dataclasses.dataclass
class _Volume:
    path: Path
    read_only: bool = False
    memory: bool = False


def unsupported(pod: Object) -> str:
    """The first volume of a kind that cannot be had, in words; empty when there is none."""
    for volume in pod["spec"].get("volumes") or []:
        kind = next((key for key in volume if key != "name"), "emptyDir")
        if kind not in SUPPORTED:
            return f"volume {volume['name']} is of the kind {kind}"
    return ""


def keys_to_files(source: Object, data: Mapping[str, bytes], default_mode: int, what: str) -> Files:
    """The files of a ConfigMap or Secret. ConfigError for an ``items`` key that is missing and not optional."""
    mode = source.get("defaultMode") or default_mode
    items = source.get("items") or [{"key": key, "path": key} for key in sorted(data)]
    files: Files = {}
    for item in items:
        if item["key"] in data:
            files[item["path"]] = (data[item["key"]], item.get("mode") or mode)
        elif not source.get("optional"):
            raise ConfigError(f"{what} has no key {item['key']}")
    return files


def downward_to_files(source: Object, answer: Callable[[Object], str], default_mode: int) -> Files:
    """The files of a downward API source; ``answer`` turns an item's reference into text."""
    mode = source.get("defaultMode") or default_mode
    return {item["path"]: (answer(item).encode(), item.get("mode") or mode) for item in source.get("items") or []}


def write_files(folder: Path, files: Files) -> None:
    """Show exactly ``files`` in ``folder``, in one step for a reader (kubelet: AtomicWriter)."""
    folder.mkdir(parents=True, exist_ok=True)
    fresh = Path(tempfile.mkdtemp(prefix="..", dir=folder))
    fresh.chmod(0o755)
    for name, (content, mode) in files.items():
        path = fresh / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
        path.chmod(mode)
    link = folder / "..data"
    old = folder / os.readlink(link) if link.is_symlink() else None
    temporary = folder / "..data_tmp"
    temporary.unlink(missing_ok=True)
    temporary.symlink_to(fresh.name)
    temporary.replace(link)
    shown = {Path(name).parts[0] for name in files}
    for name in shown:
        if not (folder / name).is_symlink():
            (folder / name).symlink_to(f"..data/{name}")
    for entry in folder.iterdir():
        if entry.is_symlink() and not entry.name.startswith("..") and entry.name not in shown:
            entry.unlink()
    if old is not None:
        shutil.rmtree(old, ignore_errors=True)


def below(volume: Path, sub_path: str, create: bool) -> Path:
    """The place in a volume that a ``subPath`` names.

    A user can leave a symlink in a volume; one that leads out of it is refused, for it would lead onto the machine.
    """
    if ".." in Path(sub_path).parts or sub_path.startswith("/"):
        raise ConfigError(f"subPath {sub_path} must stay in its volume")
    root = volume.resolve()
    path = (root / sub_path).resolve()
    if not path.is_relative_to(root):
        raise ConfigError(f"subPath {sub_path} leads out of its volume")
    if not path.exists():
        if not create:
            raise ConfigError(f"subPath {sub_path} does not exist in its volume")
        path.mkdir(parents=True)
    return path


class Volumes:
    """The volumes of one pod, in ``folder`` (``pods/<uid>/volumes``)."""

    def __init__(
        self,
        kube: Kube,
        pod: Object,
        folder: Path,
        fetch: Fetch,
        downward: Callable[[Object], str],
        claims: ClaimFiles,
    ) -> None:
        self._claims = claims
        self._kube = kube
        self._pod = pod
        self._folder = folder
        self._fetch = fetch
        self._downward = downward
        self._made: dict[str, _Volume] = {}
        self._written: dict[str, Files] = {}
        self._tokens: dict[str, tuple[bytes, float]] = {}

    @property
    def memory_paths(self) -> list[Path]:
        """Memory-backed volumes: what is on them counts as the pod's memory."""
        return [volume.path for volume in self._made.values() if volume.memory]

    async def prepare(self, pod: Object) -> None:
        """Make what is missing and bring files up to date. NotReadyError while something cannot be had."""
        self._pod = pod
        for spec in pod["spec"].get("volumes") or []:
            try:
                await self._prepare(spec)
            except (ConfigError, ApiError, processes.CommandError, OSError) as error:
                raise NotReadyError(f'MountVolume.SetUp failed for volume "{spec["name"]}" : {error}') from error

    async def refresh(self, pod: Object) -> None:
        """Bring files up to date; what fails is logged and tried again at the next time."""
        try:
            await self.prepare(pod)
        except (NotReadyError, *UNREACHABLE) as error:
            log.warning("%s/%s: %s", pod["metadata"]["namespace"], pod["metadata"]["name"], error)

    def mounts(self, container: Object, environment: Mapping[str, str]) -> list[Mount]:
        """Where the container sees its volumes. ConfigError for a ``subPath`` that cannot be."""
        found = []
        for mount in container.get("volumeMounts") or []:
            volume = self._made[mount["name"]]
            read_only = volume.read_only or bool(mount.get("readOnly"))
            sub_path = mount.get("subPath") or ""
            if mount.get("subPathExpr"):
                sub_path = expand(mount["subPathExpr"], environment)
            source = below(volume.path, sub_path, not volume.read_only) if sub_path else volume.path
            found.append(Mount(source, mount["mountPath"], read_only))
        return found

    async def remove(self) -> None:
        """Take away what belongs to the pod alone; claims stay."""
        await unmount_all(self._folder)
        await asyncio.to_thread(shutil.rmtree, self._folder, True)

    async def _prepare(self, spec: Object) -> None:
        name = spec["name"]
        path = self._folder / name
        if "persistentVolumeClaim" in spec or "ephemeral" in spec:
            if name not in self._made:
                self._made[name] = await self._claim(spec)
        elif any(kind in spec for kind in SOURCES):
            files = await self._files(spec)
            if self._written.get(name) != files:
                write_files(path, files)
                self._written[name] = files
            self._made[name] = _Volume(path, read_only=True)
        elif name not in self._made:
            self._made[name] = await self._empty(path, spec.get("emptyDir") or {})

    async def _empty(self, path: Path, spec: Object) -> _Volume:
        path.mkdir(parents=True, exist_ok=True)
        memory = spec.get("medium") == "Memory"
        if memory and not path.is_mount():
            size = f",size={int(quantity.parse(spec['sizeLimit']))}" if spec.get("sizeLimit") else ""
            options = f"mode=1777,nosuid,nodev{size}"
            await processes.run(["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(path)])
        elif not memory:
            path.chmod(0o777)
        return _Volume(path, memory=memory)

    async def _claim(self, spec: Object) -> _Volume:
        meta = self._pod["metadata"]
        source = spec.get("persistentVolumeClaim") or {}
        claim_name = source.get("claimName") or f"{meta['name']}-{spec['name']}"
        claim = await self._kube.get(f"/api/v1/namespaces/{meta['namespace']}/persistentvolumeclaims/{claim_name}")
        if claim.get("status", {}).get("phase") != "Bound":
            raise ConfigError(f"claim {claim_name} is not bound")
        volume = await self._kube.get(f"/api/v1/persistentvolumes/{claim['spec']['volumeName']}")
        path = self._place(volume["metadata"]["name"], volume["spec"])
        return _Volume(path, read_only=bool(source.get("readOnly")))

    def _place(self, name: str, spec: Object) -> Path:
        """The folder of a PersistentVolume. ConfigError for one that cannot be mounted."""
        csi = spec.get("csi") or {}
        if csi.get("driver") == DRIVER:
            path = self._claims.data(csi["volumeHandle"])
            if not path.is_dir():
                raise ConfigError(f"persistent volume {name}: there is no volume {csi['volumeHandle']}")
            return path
        place = spec.get("hostPath") or spec.get("local") or {}
        if not place.get("path"):
            raise ConfigError(f"persistent volume {name} is neither of {DRIVER}, nor hostPath, nor local")
        path = Path(place["path"])
        path.mkdir(parents=True, exist_ok=True)
        return path

    async def _files(self, spec: Object) -> Files:
        if "projected" not in spec:
            return await self._source(spec, 0o644)
        mode = spec["projected"].get("defaultMode") or 0o644
        files: Files = {}
        for source in spec["projected"].get("sources") or []:
            files |= await self._source(source, mode)
        return files

    async def _source(self, source: Object, mode: int) -> Files:
        if config := source.get("configMap"):
            return await self._keys("configmaps", config, config["name"], mode)
        if secret := source.get("secret"):
            return await self._keys("secrets", secret, secret.get("secretName") or secret["name"], mode)
        if "downwardAPI" in source:
            return downward_to_files(source["downwardAPI"] or {}, self._downward, mode)
        if token := source.get("serviceAccountToken"):
            return {token["path"]: (await self._token(token), 0o600)}
        raise ConfigError(f"projected sources of the kind {', '.join(sorted(source))} are not supported")

    async def _keys(self, kind: str, source: Object, name: str, mode: int) -> Files:
        data = await self._fetch(kind, name, bool(source.get("optional")))
        return keys_to_files(source, data or {}, mode, f"{kind} {name}")

    async def _token(self, source: Object) -> bytes:
        """A token of the pod's service account, bound to the pod, renewed in time."""
        key = json.dumps(source, sort_keys=True)
        known = self._tokens.get(key)
        if known and time.time() < known[1]:
            return known[0]
        meta, lifetime = self._pod["metadata"], int(source.get("expirationSeconds") or 3600)
        account = self._pod["spec"].get("serviceAccountName") or "default"
        answer = await self._kube.create(
            f"/api/v1/namespaces/{meta['namespace']}/serviceaccounts/{account}/token",
            {
                "spec": {
                    "audiences": [source["audience"]] if source.get("audience") else [],
                    "expirationSeconds": lifetime,
                    "boundObjectRef": {"apiVersion": "v1", "kind": "Pod", "name": meta["name"], "uid": meta["uid"]},
                }
            },
        )
        token = answer["status"]["token"].encode()
        self._tokens[key] = (token, time.time() + min(TOKEN_AGE * lifetime, 86400))
        return token


async def unmount_all(folder: Path) -> None:
    """Take memory-backed volumes below ``folder`` away, also those of an earlier runner."""
    for path in folder.iterdir() if folder.is_dir() else []:
        if path.is_mount():
            try:
                await processes.run(["umount", "--lazy", str(path)])
            except processes.CommandError as error:
                log.warning("%s", error)


def secret_data(item: Object) -> dict[str, bytes]:
    """The data of a Secret, decoded."""
    return {key: base64.b64decode(value) for key, value in (item.get("data") or {}).items()}


def config_data(item: Object) -> dict[str, bytes]:
    """The data of a ConfigMap, text and binary."""
    text = {key: value.encode() for key, value in (item.get("data") or {}).items()}
    return text | {key: base64.b64decode(value) for key, value in (item.get("binaryData") or {}).items()}
