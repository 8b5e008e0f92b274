"""What one rehearsal is made of: its folders, its ports and its secrets.

A rehearsal belongs to one checkout and lives in one folder (``.rehearsal/``). Its ports are a block of
one hundred that is chosen from the folder's path, so that two checkouts do not collide, and kept from then on.
Standard library only: the set-up runs before any environment exists.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
import os
import secrets
import socket
import tempfile
from collections.abc import Callable
from pathlib import Path

BLOCK = 100
"""Ports in one rehearsal's block."""

FIRST_PORT, LAST_PORT = 20000, 31900
"""Blocks start between these, below the kernel's ephemeral range (32768 and up)."""

OFFSETS = {
    "keystone": 0,
    "glance": 1,
    "nova": 2,
    "placement": 3,
    "neutron": 4,
    "octavia": 5,
    "magnum": 6,
    "login": 7,
    "cinder": 8,
    "designate": 9,
    "hub-http": 10,
    "hub-https": 11,
    "mdns": 12,
}
"""Fixed places in the block."""

CLUSTER_PORTS = range(20, 40)
"""Offsets of the clusters' API servers."""

FORWARD_PORTS = range(40, 100)
"""Offsets of the local forwards of load balancers other than the hub's."""


def _truth(text: str) -> bool:
    if text.lower() not in ("true", "false"):
        raise ValueError(f"{text} is neither true nor false")
    return text.lower() == "true"


CHANGEABLE: dict[str, Callable[[str], object]] = {
    "boot_seconds": float,
    "servers": _truth,
    "real_pods": int,
    "family": str,
}
"""Settings that may change while a rehearsal lives, and how to read them from text."""


def cache_dir() -> Path:
    """Where built binaries and environments are kept for every checkout of this user."""
    if given := os.environ.get("STFC_JUPYTERHUB_CACHE"):
        return Path(given).absolute()
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base).absolute() / "stfc.jupyterhub"


@dataclasses.dataclass
class Settings:
    """Settings of one rehearsal, kept in ``settings.json`` (mode 0600: it holds the cloud's passwords).

    ``boot_seconds`` is how long a simulated node takes from its server's start to Ready; ``servers`` says
    whether a node has a real Nova server behind it; ``real_pods`` caps the pods that run for real.
    """

    state: Path
    base_port: int
    name: str
    admin_password: str
    member_password: str
    boot_seconds: float = 1.0
    servers: bool = True
    real_pods: int = 24
    family: str = "cluster-api"

    @classmethod
    def load(cls, state: str | Path) -> Settings:
        """Settings of the rehearsal in ``state``; made (and its ports chosen) at the first call.

        Raises ``ValueError`` when its file is there and cannot be understood.
        """
        state = Path(state).absolute()
        path = state / "settings.json"
        if path.exists():
            try:
                return cls(state=state, **json.loads(path.read_text()))
            except (TypeError, ValueError) as error:
                raise ValueError(f"reading {path}: {error}; write it as it was, or remove the rehearsal") from error
        digest = int(hashlib.sha256(str(state).encode()).hexdigest(), 16)
        new = cls(
            state=state,
            base_port=_free_block(digest),
            name=f"rehearsal-{digest % 16**8:08x}",
            admin_password=secrets.token_urlsafe(18),
            member_password=secrets.token_urlsafe(18),
        )
        new.save()
        return new

    def save(self) -> None:
        """Write the settings, readable by their owner alone."""
        make_private(self.state)
        data = {k: v for k, v in dataclasses.asdict(self).items() if k != "state"}
        write_private(self.state / "settings.json", json.dumps(data, indent=1) + "\n")

    def change(self, wanted: dict[str, str]) -> bool:
        """Change settings that may change, given as text, and keep them; tells whether anything did.

        Raises ``ValueError`` for another name, or a value of another kind.
        """
        before = dataclasses.asdict(self)
        for name, text in wanted.items():
            if name not in CHANGEABLE:
                raise ValueError(f"{name} cannot be set; {', '.join(CHANGEABLE)} can")
            try:
                setattr(self, name, CHANGEABLE[name](text))
            except ValueError as error:
                raise ValueError(f"{name}={text}: {error}") from error
        if changed := dataclasses.asdict(self) != before:
            self.save()
        return changed

    def port(self, name: str) -> int:
        """Port of a fixed place (a key of ``OFFSETS``)."""
        return self.base_port + OFFSETS[name]

    @property
    def keystone_url(self) -> str:
        return f"http://127.0.0.1:{self.port('keystone')}/v3"

    @property
    def sockets(self) -> Path:
        """A short folder for UNIX sockets, whose paths may not be longer than 107 bytes.

        Its name holds no user: inside a cluster's user namespace the same user has another number.
        """
        path = Path(tempfile.gettempdir()) / self.name
        path.mkdir(mode=0o700, exist_ok=True)
        if path.stat().st_uid != os.getuid() or path.is_symlink():
            raise PermissionError(f"{path} belongs to somebody else; remove it")
        return path


def make_private(folder: Path) -> None:
    """Have a folder that its owner alone can enter, also where it was open before."""
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    folder.chmod(0o700)


def write_private(path: Path, text: str) -> None:
    """Write ``text`` to ``path`` in one step, never readable by others."""
    fd, temporary = tempfile.mkstemp(prefix=f".{path.name}-", dir=path.parent)  # mkstemp: mode 0600
    with os.fdopen(fd, "w") as stream:
        stream.write(text)
    os.replace(temporary, path)


def _free_block(digest: int) -> int:
    count = (LAST_PORT - FIRST_PORT) // BLOCK
    for attempt in range(count):
        base = FIRST_PORT + BLOCK * ((digest + attempt) % count)
        if all(_free(base + offset) for offset in OFFSETS.values()):
            return base
    raise OSError(f"no free block of {BLOCK} ports between {FIRST_PORT} and {LAST_PORT} on 127.0.0.1")


def _free(port: int) -> bool:
    with socket.socket() as sock:
        try:
            sock.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True
