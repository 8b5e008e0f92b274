# Copyright: Contributors to the stfc.jupyterhub collection
# SPDX-License-Identifier: BSD-3-Clause
"""Files with secrets: for their owner only, written in one step, and nothing left behind by a run that was killed."""

from __future__ import annotations

import contextlib
import os
import tempfile
from collections.abc import Iterator


def write(path: str, text: str) -> None:
    """Write a file of mode 0600 in one step; folders that are missing get 0700. Raises OSError.

    What was written halfway lies beside it under one name, which the next run writes anew.
    """
    folder, name = os.path.split(os.path.abspath(path))
    os.makedirs(folder, mode=0o700, exist_ok=True)
    halfway = os.path.join(folder, f".{name}.new")
    with contextlib.suppress(FileNotFoundError):
        os.unlink(halfway)
    with os.fdopen(os.open(halfway, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600), "w") as stream:
        stream.write(text)
    try:
        os.replace(halfway, path)
    except OSError:
        os.unlink(halfway)
        raise


@contextlib.contextmanager
def readable(text: str) -> Iterator[str]:
    """A path at which this process finds a text, for libraries that read files only. On Linux it is in memory."""
    if not hasattr(os, "memfd_create"):
        with tempfile.NamedTemporaryFile("w") as stream:  # mode 0600
            stream.write(text)
            stream.flush()
            yield stream.name
        return
    with os.fdopen(os.memfd_create("private"), "w") as stream:
        stream.write(text)
        stream.flush()
        yield f"/proc/self/fd/{stream.fileno()}"
