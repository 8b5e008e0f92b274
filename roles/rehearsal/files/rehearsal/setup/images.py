"""The image table: what stands, on this machine, for the container images that run for real.

``<state>/images.json`` is one object. A key is an image's name with its tag (``registry.k8s.io/x:v1``), or without it
for any other tag; the more exact one wins. A value says what the image's own configuration would say, and what it
holds (paths are of this machine, shown read-only)::

    paths         [path, …]           shown at the same place: environments cannot be moved
    binds         {path: target, …}   shown elsewhere
    env           {name: value, …}
    entrypoint    [word, …]           when the pod gives no command
    cmd           [word, …]           when the pod gives neither command nor arguments
    append        [word, …]           after whatever is run
    workdir       path
    user, group   numeric id; the group is the user when it is not given
    home          path
    capabilities  [name, …]           that a container of the image may have, if it asks or is privileged

An image that is not in the table is played.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from rehearsal.settings import make_private

from . import toolchains
from .cache import read_manifest, write_text
from .commands import SetupError
from .python_environments import COMPLETE

NEEDS = ("hub", "notebook", "proxy")
"""Environments that the table is made of."""

SYSTEM = ["/usr/local/sbin", "/usr/local/bin", "/usr/sbin", "/usr/bin", "/sbin", "/bin"]

USER_SERVERS = (
    "quay.io/jupyter/base-notebook",
    "quay.io/jupyter/minimal-notebook",
    "quay.io/jupyter/scipy-notebook",
    "quay.io/jupyterhub/k8s-singleuser-sample",
)
"""Images whose place the notebook environment takes."""

PINNED_SCHEDULER = "v1.30.14"
"""Tag of kube-scheduler that the chart pins, and that we have at this very version."""

AWAITER = Path(__file__).with_name("image_awaiter.py")

OURS = {"traefik": "traefik.py", "quay.io/jupyterhub/k8s-secret-sync": "secret_sync.py"}
"""Images of the chart's that a program of ours stands for, run by the hub's Python."""


def write(state: Path, environments: Mapping[str, Path], binaries: Mapping[str, Path]) -> Path:
    """Write ``<state>/images.json``, with the files that it names, and return its path.

    ``environments`` has those of ``NEEDS``, ``binaries`` both schedulers, and pebble where it was asked for once. The
    file is left alone when it is right, so that nobody reads it again for nothing.
    """
    node = toolchains.find_node()
    if node is None:
        raise SetupError("writing the image table: there is no Node; run the set-up again")
    make_private(state)
    awaiter = state / "image-awaiter"
    _write_if_other(awaiter, f"#!{_python(environments['hub'])}\n{AWAITER.read_text()}", 0o755)
    entries = table(environments, binaries, node=node.node, iptables=_iptables(), awaiter=awaiter)
    path = state / "images.json"
    _write_if_other(path, json.dumps(entries, indent=1, sort_keys=True) + "\n", 0o644)
    return path


def table(
    environments: Mapping[str, Path],
    binaries: Mapping[str, Path],
    *,
    node: Path,
    iptables: Path | None,
    awaiter: Path,
) -> dict[str, dict[str, Any]]:
    """The image table's entries by image."""
    hub, notebook, proxy = (environments[name] for name in NEEDS)
    user_server = {
        "paths": [str(notebook), *python_paths(notebook)],
        "env": {"PATH": _path(notebook / "bin"), "SHELL": "/bin/bash", "LANG": "C.UTF-8", "NB_USER": "jovyan"},
        "cmd": ["jupyterhub-singleuser"],
        "workdir": "/home/jovyan",
        "home": "/home/jovyan",
        "user": 1000,
        "group": 100,
    }
    entries: dict[str, dict[str, Any]] = {
        "quay.io/jupyterhub/k8s-hub": {
            "paths": [str(hub), *python_paths(hub)],
            "env": {"PATH": _path(hub / "bin"), "LANG": "C.UTF-8"},
            "cmd": ["jupyterhub", "--config", "/usr/local/etc/jupyterhub/jupyterhub_config.py"],
            "workdir": "/srv/jupyterhub",
            "home": "/home/jovyan",
            "user": 1000,
            "group": 1000,
        },
        "quay.io/jupyterhub/configurable-http-proxy": {
            "paths": [str(proxy)],
            "binds": {str(node): "/usr/local/bin/node"},
            "env": {"PATH": _path(proxy / "node_modules" / ".bin"), "NODE_ENV": "production"},
            "cmd": ["configurable-http-proxy"],
            "workdir": "/srv/configurable-http-proxy",
            "home": "/srv/configurable-http-proxy",
            "user": 65534,
        },
        f"registry.k8s.io/kube-scheduler:{PINNED_SCHEDULER}": _scheduler(binaries["kube-scheduler-1.30"]),
        # The chart's rules of access for its scheduler know nothing of the resources of newer releases.
        "registry.k8s.io/kube-scheduler": {
            **_scheduler(binaries["kube-scheduler"]),
            "append": ["--feature-gates=DynamicResourceAllocation=false"],
        },
        "registry.k8s.io/pause": {"cmd": ["sleep", "infinity"], "home": "/", "user": 65535},
        "quay.io/jupyterhub/k8s-image-awaiter": {
            "paths": python_paths(hub),
            "binds": {str(awaiter): "/image-awaiter"},
            "entrypoint": ["/image-awaiter"],
            "home": "/",
            "user": 65534,
        },
    }
    for image, file in OURS.items():
        entries[image] = {
            "paths": [str(hub), *python_paths(hub)],
            "binds": {str(Path(__file__).with_name(file)): f"/{file}"},
            "env": {"LANG": "C.UTF-8"},
            "entrypoint": [str(hub / "bin" / "python"), f"/{file}"],
            "home": "/",
            "user": 65534,
        }
    if pebble := binaries.get("pebble"):
        inside = "/usr/local/bin/pebble"
        entries["ghcr.io/letsencrypt/pebble"] = {
            "binds": {str(pebble.resolve()): inside},
            "entrypoint": [inside],
            "home": "/",
            "user": 65534,
        }
    if iptables is not None:
        entries["quay.io/jupyterhub/k8s-network-tools"] = {
            "binds": {str(iptables): "/usr/local/sbin/iptables"},
            "env": {"PATH": ":".join(SYSTEM)},
            "cmd": ["/bin/sh"],
            "home": "/root",
            "user": 0,
            "capabilities": ["CAP_NET_ADMIN", "CAP_NET_RAW"],
        }
    return {**entries, **dict.fromkeys(USER_SERVERS, user_server)}


def python_paths(environment: Path) -> list[str]:
    """Folders of the Python below an environment that a sandbox does not have anyway (it has ``/usr``).

    Not the whole installation: pods mount files below ``/usr/local``, where a Python may be.
    """
    prefix = _python(environment).parents[1]
    if prefix == Path("/usr"):
        return []
    return [str(path) for name in ("bin", "lib", "lib64") if (path := prefix / name).is_dir()]


def _python(environment: Path) -> Path:
    """The base Python of an environment, links resolved."""
    manifest = read_manifest(environment / COMPLETE)
    if manifest is None:
        raise SetupError(f"writing the image table: {environment} is not complete; run the set-up again")
    return Path(manifest["python"]).resolve()


def _scheduler(binary: Path) -> dict[str, Any]:
    inside = "/usr/local/bin/kube-scheduler"
    return {"binds": {str(binary.resolve()): inside}, "entrypoint": [inside], "home": "/", "user": 65534}


def _path(first: Path) -> str:
    return ":".join([str(first), *SYSTEM])


def _iptables() -> Path | None:
    """The machine's iptables for nftables; it goes by the name that it is called with."""
    found = shutil.which("xtables-nft-multi", path=":".join(SYSTEM)) or shutil.which(
        "iptables-nft", path=":".join(SYSTEM)
    )
    return Path(found).resolve() if found else None


def _write_if_other(path: Path, text: str, mode: int) -> None:
    try:
        if path.read_text() == text:
            return
    except OSError:
        pass
    write_text(path, text, mode)
