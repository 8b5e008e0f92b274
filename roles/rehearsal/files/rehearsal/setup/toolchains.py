"""Go and Node: this machine's, else those that the Python index carries as wheels."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

from . import python_environments
from .progress import Say

GO = (1, 21)
"""From this version on Go fetches, as a module, the newer toolchain that a ``go.mod`` asks for."""

NODE = (20, 0)
"""What configurable-http-proxy 5 asks for."""


def go(say: Say) -> Path:
    """A Go that can build our modules; got from the Python index when this machine has none."""
    return _on_path("go", ["version"], GO) or python_environments.ensure("go", say) / "bin" / "go"


def node(say: Say) -> Path:
    """A Node, with npm beside it, that can run the proxy."""
    return find_node() or python_environments.ensure("node", say) / "bin" / "node"


def find_node() -> Path | None:
    """Node of this machine or of our environment; None when neither is there."""
    own = _on_path("node", ["--version"], NODE)
    if own is not None and shutil.which("npm"):
        return own
    made = python_environments.find("node")
    return made / "bin" / "node" if made else None


def _on_path(name: str, ask: list[str], oldest: tuple[int, int]) -> Path | None:
    found = shutil.which(name)
    if found is None:
        return None
    told = subprocess.run([found, *ask], capture_output=True, text=True, check=False).stdout
    version = re.search(r"(\d+)\.(\d+)", told)
    recent = version is not None and (int(version[1]), int(version[2])) >= oldest
    return Path(found) if recent else None
