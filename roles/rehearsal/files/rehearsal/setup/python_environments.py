"""Python environments from lock files, kept in ``<cache>/envs/<name>-<digest>/``.

``environments/NAME.in`` says what is wanted, ``NAME.txt`` is the lock made from it: every package at one version, with
markers for other systems. The digest is of the lock, of Python's minor version and of `LENIENT`. An environment is
complete when its ``.complete.json`` is there, {python, lock, seconds}; it is written last, so a half-made one is made
again.
"""

from __future__ import annotations

import functools
import hashlib
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

from rehearsal.settings import cache_dir

from .cache import locked, read_manifest, write_manifest
from .commands import SetupError, run
from .progress import Say, step

LOCKS = Path(__file__).resolve().parents[2] / "environments"

OLDEST = (3, 11)
"""The locked OpenStack release needs it; so do the locks."""

NEWEST = (3, 14)
"""The newest Python that is looked for on PATH when the running one is too old."""

COMPLETE = ".complete.json"

STRICT_SINCE = (3, 13)
"""Since then Python refuses certificates without key identifiers, as Magnum's own CA makes them."""

LENIENT = """# The images of hubs have an older Python, which takes the certificates of Magnum's own CA.
import _ssl

_ssl.VERIFY_X509_STRICT = 0
"""
"""A ``sitecustomize.py`` by which a newer one looks at certificates as `STRICT_SINCE`'s predecessors do."""

COMPILED_WHEN_USED = frozenset({"cloud"})
"""Environments of which little is ever imported, by processes that may write beside it: Python keeps the bytecode of
that, and two thirds of a minute are saved. The others are read-only to their pods, so they are compiled as a whole."""


@functools.lru_cache(maxsize=1)
def interpreter() -> tuple[Path, str]:
    """The Python that environments are made with, and its minor version as ``3.11``.

    That is the base of the running one, or when it is too old the newest on PATH; links are resolved, since sandboxes
    show the Python at its real place. Raises SetupError when there is none.
    """
    if sys.version_info[:2] >= OLDEST:
        base = Path(getattr(sys, "_base_executable", sys.executable))
        return base.resolve(), "{}.{}".format(*sys.version_info)
    for minor in range(NEWEST[1], OLDEST[1] - 1, -1):
        if (found := shutil.which(f"python3.{minor}")) and (path := _executable(found)):
            return path, f"3.{minor}"
    raise SetupError(
        f"the rehearsal's environments need Python {OLDEST[0]}.{OLDEST[1]} or newer; {sys.executable} is "
        f"{sys.version.split()[0]} and PATH has no newer one. Install one (Debian, Ubuntu: apt-get install python3.11)"
    )


def _executable(found: str) -> Path | None:
    """What a ``python3.X`` on PATH really is; None when it is a shim with nothing behind it."""
    told = subprocess.run(
        [found, "-c", "import sys; print(sys._base_executable)"], capture_output=True, text=True, check=False
    )
    return Path(told.stdout.strip()).resolve() if told.returncode == 0 else None


def names() -> list[str]:
    """Environments that have a lock."""
    return sorted(path.stem for path in LOCKS.glob("*.txt"))


def digest(lock: bytes, minor: str) -> str:
    """What tells one environment from another of the same name."""
    lenient = LENIENT if _is_strict(minor) else ""
    return hashlib.sha256(lock + b"\n" + minor.encode() + lenient.encode()).hexdigest()[:12]


def _is_strict(minor: str) -> bool:
    return tuple(int(part) for part in minor.split(".")) >= STRICT_SINCE


def folder(name: str) -> Path:
    """Where the environment ``name`` is, or will be."""
    _base, minor = interpreter()
    return cache_dir() / "envs" / f"{name}-{digest(_lock(name).read_bytes(), minor)}"


def find(name: str) -> Path | None:
    """Folder of the environment ``name``; None when it is not there or its Python has gone."""
    path = folder(name)
    complete = read_manifest(path / COMPLETE) is not None and os.access(path / "bin" / "python", os.X_OK)
    return path if complete else None


def ensure(name: str, say: Say) -> Path:
    """Folder of the environment ``name``, made from its lock when it is not there."""
    if path := find(name):
        return path
    path = folder(name)
    with locked(path.parent / f".{name}.lock", say):
        if find(name) is None:
            with step(say, f"making the Python environment {name}"):
                _make(name, path)
    return path


def uv() -> str | None:
    """uv on PATH, or beside the running Python."""
    beside = Path(sys.executable).with_name("uv")
    return shutil.which("uv") or (str(beside) if os.access(beside, os.X_OK) else None)


def _lock(name: str) -> Path:
    path = LOCKS / f"{name}.txt"
    if not path.exists():
        raise SetupError(f"there is no environment {name}: {path} does not exist; there are {', '.join(names())}")
    return path


def _make(name: str, path: Path) -> None:
    began = time.monotonic()
    lock = _lock(name)
    base, minor = interpreter()
    python = path / "bin" / "python"
    what = f"making the Python environment {name} in {path}"
    if path.exists():
        shutil.rmtree(path)  # half made
    # The lock is complete: --no-deps keeps the resolver from having another opinion.
    if tool := uv():
        run(what, [tool, "venv", "--no-config", "--python", base, path])
        install: list[str | Path] = [tool, "pip", "install", "--no-deps", "--python", python]
        install += [] if name in COMPILED_WHEN_USED else ["--compile-bytecode"]
    else:
        hint = "On Debian and Ubuntu `python3 -m venv` needs the package python3-venv"
        run(what, [base, "-m", "venv", path], hint=hint)
        install = [python, "-m", "pip", "install", "--disable-pip-version-check", "--no-input", "--no-deps"]
        install += ["--no-compile"] if name in COMPILED_WHEN_USED else []
    run(what, [*install, "-r", lock], hint="Packages come from the configured Python index; is it reachable?")
    if _is_strict(minor):
        packages = path / "lib" / f"python{minor}" / "site-packages"
        packages.mkdir(parents=True, exist_ok=True)
        (packages / "sitecustomize.py").write_text(LENIENT)
    write_manifest(
        path / COMPLETE,
        {
            "python": str(base),
            "lock": hashlib.sha256(lock.read_bytes()).hexdigest(),
            "seconds": round(time.monotonic() - began, 1),
        },
    )
