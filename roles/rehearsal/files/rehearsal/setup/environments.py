"""All environments of a rehearsal, of Python and of npm, by name; and the making of their locks."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from . import npm_environments, python_environments
from .commands import SetupError, run
from .progress import Say, step
from .python_environments import LOCKS, OLDEST

ON_DEMAND = frozenset({"go", "node"})
"""Made only on machines that lack the tool."""


def names() -> list[str]:
    """Environments that a rehearsal always needs."""
    return sorted({*python_environments.names(), *npm_environments.names()} - ON_DEMAND)


def find(name: str) -> Path | None:
    """Folder of the environment ``name``; None when it is not there."""
    if name in npm_environments.names():
        return npm_environments.find(name)
    return python_environments.find(name)


def ensure(wanted: Iterable[str] | None, say: Say) -> dict[str, Path]:
    """Folders of the environments ``wanted`` (None: all that a rehearsal needs), by name; makes those missing.

    Raises SetupError when one has no lock or cannot be made.
    """
    npm = npm_environments.names()
    chosen = names() if wanted is None else list(wanted)
    return {name: (npm_environments if name in npm else python_environments).ensure(name, say) for name in chosen}


def lock(wanted: Iterable[str], say: Say, upgrade: bool = False) -> None:
    """Write the locks of ``wanted`` (none: of all) anew from what is asked for; versions stay unless ``upgrade``.

    Needs uv, and npm for the npm ones. The locks name no registry.
    """
    chosen = list(wanted) or sorted({path.stem for path in LOCKS.glob("*.in")} | set(npm_environments.names()))
    for name in chosen:
        with step(say, f"locking {name}"):
            if (LOCKS / name / "package.json").exists():
                _lock_npm(name, upgrade)
            else:
                _lock_python(name, upgrade)


def _lock_python(name: str, upgrade: bool) -> None:
    tool = python_environments.uv()
    if tool is None:
        raise SetupError("locks are made with uv; install it (pip install uv)")
    source = LOCKS / f"{name}.in"
    if not source.exists():
        raise SetupError(f"there is no environment {name}: {source} does not exist")
    run(
        f"locking {name}",
        [
            tool, "pip", "compile", "--quiet", "--universal", "--python-version", "{}.{}".format(*OLDEST),
            "--no-header", "--no-annotate", "--no-emit-index-url", "--no-emit-find-links",
            *(["--upgrade"] if upgrade else []), source, "--output-file", LOCKS / f"{name}.txt",
        ],
    )  # fmt: skip


def _lock_npm(name: str, upgrade: bool) -> None:
    run(
        f"locking {name}",
        [
            "npm", "update" if upgrade else "install", "--package-lock-only", "--omit-lockfile-registry-resolved",
            "--no-audit", "--no-fund",
        ],
        cwd=LOCKS / name,
    )  # fmt: skip
