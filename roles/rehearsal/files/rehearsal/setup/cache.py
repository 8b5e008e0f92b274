"""Locks and small manifests in the cache that all checkouts of this user share."""

from __future__ import annotations

import fcntl
import json
import os
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from .progress import EVERY, Say

PAUSE = 0.2
"""Seconds between two looks at a lock that somebody else holds."""


@contextmanager
def locked(path: Path, told: Say) -> Iterator[None]:
    """Hold the lock file ``path``; says that it waits while another set-up of this user holds it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with open(path, "w") as stream:
        began = time.monotonic()
        next_sign = 0.0
        while True:
            try:
                fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                waited = time.monotonic() - began
                if waited >= next_sign:
                    told(f"another set-up is at work in {path.parent}; waiting for it ({waited:.0f} s)")
                    next_sign += EVERY
                time.sleep(PAUSE)
        yield


def read_manifest(path: Path) -> dict[str, Any] | None:
    """The manifest at ``path``, or None when there is none that can be read."""
    try:
        manifest = json.loads(path.read_text())
    except (OSError, ValueError):
        return None
    return manifest if isinstance(manifest, dict) else None


def write_manifest(path: Path, manifest: dict[str, Any]) -> None:
    """Write ``manifest`` in one step."""
    write_text(path, json.dumps(manifest, indent=1, sort_keys=True) + "\n")


def write_text(path: Path, text: str, mode: int = 0o644) -> None:
    """Write ``text`` to ``path`` in one step."""
    fd, temporary = tempfile.mkstemp(prefix=f".{path.name}-", dir=path.parent)
    with os.fdopen(fd, "w") as stream:
        stream.write(text)
    os.chmod(temporary, mode)
    os.replace(temporary, path)
