"""Logs of forked processes."""

from __future__ import annotations

import os
import sys
from pathlib import Path

LIMIT = 8 * 1024 * 1024
"""Bytes above which a log is put aside (``.1``) when its process starts."""


def redirect(path: Path) -> None:
    """Send this process's standard output and standard error, of libraries too, to the end of the log (mode 0600)."""
    if path.exists() and path.stat().st_size > LIMIT:
        path.replace(path.with_name(f"{path.name}.1"))
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    os.dup2(descriptor, 1)
    os.dup2(descriptor, 2)
    os.close(descriptor)
    sys.stdout = sys.stderr = os.fdopen(1, "w", buffering=1, closefd=False)
