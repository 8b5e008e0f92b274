"""Our drivers, announced to Magnum, Octavia and Neutron by entry points.

The environment of the services is cached and serves many checkouts, so nothing is installed into it: a folder with
the metadata of a distribution, on the services' ``PYTHONPATH``, announces the drivers of this checkout.
"""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

import rehearsal
from rehearsal.cloud.layout import Cloud

ENTRY_POINTS = {
    "magnum.drivers": "rehearsal.cluster.magnum_driver:Driver",
    "neutron.ml2.mechanism_drivers": "rehearsal.cloud.neutron_driver:Driver",
    "octavia.api.drivers": "rehearsal.cloud.octavia_driver:Driver",
}
NAME = "rehearsal"
"""Name of each driver in its group."""

METADATA = "Metadata-Version: 2.1\nName: stfc-jupyterhub-rehearsal\nVersion: 0.1.0\n"


def write(cloud: Cloud) -> Path:
    """Write the metadata folder, and return the folder to put on ``PYTHONPATH``."""
    folder = cloud.folder("plugins")
    metadata = folder / "stfc_jupyterhub_rehearsal-0.1.0.dist-info"
    metadata.mkdir(exist_ok=True)
    text = "\n".join(f"[{group}]\n{NAME} = {target}\n" for group, target in ENTRY_POINTS.items())
    for name, content in (("METADATA", METADATA), ("entry_points.txt", text)):
        path = metadata / name
        if not path.exists() or path.read_text() != content:
            path.write_text(content)
    return folder


def sources(*parts: str) -> str:
    """A digest of the Python files of the parts (folders) of this package."""
    digest = hashlib.sha256()
    for part in parts:
        for path in sorted((Path(rehearsal.__file__).parent / part).rglob("*.py")):
            digest.update(path.read_bytes())
    return digest.hexdigest()


def python_path(cloud: Cloud) -> str:
    """``PYTHONPATH`` of the services: this package's folder and the metadata."""
    return os.pathsep.join((str(Path(rehearsal.__file__).parents[1]), str(write(cloud))))
