"""npm environments from ``environments/NAME/package-lock.json``, kept in ``<cache>/envs/<name>-<digest>/``.

The lock has each package's version and integrity checksum, not the address that it came from: npm asks its configured
registry. Commands are in ``node_modules/.bin``. Complete when ``.complete.json`` is there, {node, lock, seconds}.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import tempfile
import time
from pathlib import Path

from rehearsal.settings import cache_dir

from . import toolchains
from .cache import locked, read_manifest, write_manifest
from .commands import SetupError, run
from .progress import Say, step
from .python_environments import COMPLETE, LOCKS


def names() -> list[str]:
    """Environments that have a lock."""
    return sorted(path.parent.name for path in LOCKS.glob("*/package-lock.json"))


def folder(name: str) -> Path:
    """Where the environment ``name`` is, or will be."""
    lock = LOCKS / name / "package-lock.json"
    return cache_dir() / "envs" / f"{name}-{hashlib.sha256(lock.read_bytes()).hexdigest()[:12]}"


def find(name: str) -> Path | None:
    """Folder of the environment ``name``; None when it, or a Node that can run it, is not there."""
    path = folder(name)
    return path if read_manifest(path / COMPLETE) is not None and toolchains.find_node() else None


def ensure(name: str, say: Say) -> Path:
    """Folder of the environment ``name``, made from its lock when it is not there."""
    if path := find(name):
        return path
    path = folder(name)
    with locked(path.parent / f".{name}.lock", say):
        if find(name) is None:
            node = toolchains.node(say)
            if read_manifest(path / COMPLETE) is None:
                with step(say, f"making the npm environment {name}"):
                    _make(name, path, node)
    return path


def _make(name: str, path: Path, node: toolchains.Node) -> None:
    began = time.monotonic()
    draft = Path(tempfile.mkdtemp(prefix=f".{name}-", dir=path.parent))
    try:
        draft.chmod(0o755)
        for part in ("package.json", "package-lock.json"):
            shutil.copyfile(LOCKS / name / part, draft / part)
        run(
            f"making the npm environment {name} in {path}",
            [node.npm, "ci", "--omit=dev", "--no-audit", "--no-fund", "--ignore-scripts"],
            cwd=draft,
            env={"PATH": f"{node.node.parent}{os.pathsep}{os.environ.get('PATH', '')}"},
            hint="Packages come from the registry of `npm config get registry`; is it reachable?",
        )
        lock = hashlib.sha256((draft / "package-lock.json").read_bytes()).hexdigest()
        seconds = round(time.monotonic() - began, 1)
        write_manifest(draft / COMPLETE, {"node": str(node.node), "lock": lock, "seconds": seconds})
        if path.exists():
            shutil.rmtree(path)
        draft.rename(path)
    except OSError as error:
        raise SetupError(f"making the npm environment {name} in {path}: {error}") from error
    finally:
        shutil.rmtree(draft, ignore_errors=True)
