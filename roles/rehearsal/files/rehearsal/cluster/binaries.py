"""Where the Kubernetes programs of a cluster are."""

from __future__ import annotations

import os
import shutil

from rehearsal.setup import binaries

BINARIES = "REHEARSAL_BINARIES"
"""Environment variable: folders, joined as in PATH, that are looked into first."""


def find(name: str) -> str:
    """Path of the program ``name`` (``kube-apiserver``, ``etcd``, …); FileNotFoundError says what to run.

    Folders of ``REHEARSAL_BINARIES`` come first, then what `rehearsal.setup` keeps in this user's cache.
    """
    if path := shutil.which(name, path=os.environ.get(BINARIES, "")):
        return path
    if kept := binaries.find(name):
        return str(kept)
    raise FileNotFoundError(f"the program {name} is not there; run `make rehearse`, which gets it")
