"""The command line of bubblewrap for one container.

A container is a process tree with its own mounts, PIDs and user namespace, inside its pod's network, IPC and UTS
namespaces. Its root is an empty folder on disk (the writable layer) with the machine's ``/usr`` and the image's own
paths shown read-only; nothing else of the machine is there. ``/usr/local`` is left out: it is the machine's owner's.
"""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Iterator, Mapping
from pathlib import Path

from rehearsal.pods.environment import ConfigError
from rehearsal.pods.images import Image
from rehearsal.pods.kube import Object

ETC = (
    "ld.so.cache",
    "ld.so.conf",
    "ld.so.conf.d",
    "ssl/certs",
    "ssl/openssl.cnf",
    "ca-certificates",
    "pki/tls/certs",
    "pki/ca-trust",
    "crypto-policies",
    "mime.types",
    "alternatives",
    "fonts",
)
"""What programs need of the machine's /etc; none of it is secret."""

MERGED = ("bin", "sbin", "lib", "lib32", "lib64", "libx32")
"""Folders of / that are links into /usr on a merged-/usr system, and real ones elsewhere."""


@dataclasses.dataclass(frozen=True)
class Mount:
    """``source`` on the machine, seen at ``target`` in the container."""

    source: Path
    target: str
    read_only: bool = False


@dataclasses.dataclass(frozen=True)
class Identity:
    """Who the container's processes are inside. Outside they are always the user who runs the rehearsal."""

    uid: int
    gid: int
    capabilities: tuple[str, ...] = ()


@dataclasses.dataclass(frozen=True)
class Sandbox:
    """Everything that the command line is made of."""

    root: Path
    identity: Identity
    image: Image
    workdir: str
    etc: Mapping[str, Path]
    mounts: tuple[Mount, ...] = ()
    read_only_root: bool = False


def identity(pod: Object, container: Object, image: Image) -> Identity:
    """User, group and capabilities, as the pod's and the container's ``securityContext`` say.

    Only one user and one group can be mapped, so ``fsGroup`` and ``supplementalGroups`` are not visible as numbers;
    what they are for holds all the same, since every file of the pod's volumes belongs to that one user and group.
    Capabilities are given only when the image table allows them too. Raises ConfigError for ``runAsNonRoot`` with an
    image whose user is root.
    """
    own = container.get("securityContext") or {}
    context = {**(pod["spec"].get("securityContext") or {}), **own}
    uid = int(context.get("runAsUser", image.user))
    gid = int(context.get("runAsGroup", image.group))
    if context.get("runAsNonRoot") and uid == 0:
        raise ConfigError(f"container has runAsNonRoot and image {image.name} will run as root")
    asked = {_capability(name) for name in (own.get("capabilities") or {}).get("add") or []}
    everything = bool(own.get("privileged")) or "CAP_ALL" in asked
    given = tuple(name for name in map(_capability, image.capabilities) if everything or name in asked)
    # A capability over the pod's network is held by the root of the pod's user namespace, who is user 0.
    return Identity(0, 0, given) if given else Identity(uid, gid)


def _capability(name: str) -> str:
    name = name.upper()
    return name if name.startswith("CAP_") else f"CAP_{name}"


def arguments(sandbox: Sandbox) -> list[str]:
    """bubblewrap's options, in the order in which they take effect (later mounts lie on earlier ones)."""
    who, image = sandbox.identity, sandbox.image
    options = ["--die-with-parent", "--unshare-pid", "--cap-drop", "ALL"]
    if who.capabilities:
        for name in who.capabilities:
            options += ["--cap-add", name]
    else:
        options += ["--unshare-user", "--uid", str(who.uid), "--gid", str(who.gid)]
    options += ["--bind", str(sandbox.root), "/"]
    for folder in ("/etc", "/etc/ssl", "/etc/pki/tls", "/usr"):
        options += ["--perms", "0755", "--dir", folder]
    options += _system()
    options += ["--dev", "/dev", "--proc", "/proc"]
    for folder in ("/tmp", "/var/tmp"):  # noqa: S108 - the container's own
        options += ["--perms", "1777", "--dir", folder]
    for folder in ("/run", "/root", image.home, sandbox.workdir):
        options += ["--dir", folder]
    for name, source in sandbox.etc.items():
        options += ["--ro-bind", str(source), f"/etc/{name}"]
    for path in image.paths:
        options += ["--ro-bind", path, path]
    for path, target in image.binds.items():
        options += ["--ro-bind", path, target]
    # A mount below another one comes after it.
    for mount in sorted(sandbox.mounts, key=lambda one: one.target.rstrip("/").count("/")):
        options += ["--ro-bind" if mount.read_only else "--bind", str(mount.source), mount.target.rstrip("/") or "/"]
    if sandbox.read_only_root:
        options += ["--remount-ro", "/"]
    return [*options, "--chdir", sandbox.workdir]


def _system() -> Iterator[str]:
    """The machine's programs and libraries, and the harmless part of its /etc."""
    for part in sorted(Path("/usr").iterdir()):
        if part.name != "local":
            yield from ("--ro-bind", str(part), str(part))
    for name in MERGED:
        folder = Path("/") / name
        if folder.is_symlink():
            yield from ("--symlink", str(folder.readlink()), str(folder))
        elif folder.is_dir():
            yield from ("--ro-bind", str(folder), str(folder))
    for file in ETC:
        yield from ("--ro-bind-try", f"/etc/{file}", f"/etc/{file}")
    yield from ("--ro-bind-try", os.path.realpath("/etc/localtime"), "/etc/localtime")
