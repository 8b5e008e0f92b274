"""Virtual environments beside ``.venv``, from lock files in ``tests/``, kept for all checkouts of this user."""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

from . import BIN, CACHE, ROOT, environment


def made(lock: str, python: Path | None = None) -> Path:
    """``bin`` of the environment of the lock file ``tests/LOCK``, which is made if need be. Raises RuntimeError.

    Its Python is that of ``.venv``, unless another is given.
    """
    file = ROOT / "tests" / lock
    python = (python or BIN / "python").resolve()
    key = hashlib.sha256(file.read_bytes() + str(python).encode()).hexdigest()[:12]
    folder = CACHE / "envs" / f"{file.stem}-{key}"
    folder.parent.mkdir(parents=True, exist_ok=True)
    with open(f"{folder}.lock", "w") as stream:
        fcntl.flock(stream, fcntl.LOCK_EX)
        if not (folder / "complete").exists():
            shutil.rmtree(folder, ignore_errors=True)
            uv = str(BIN / "uv")
            _run([uv, "venv", "--quiet", "--python", str(python), str(folder)])
            _run([uv, "pip", "install", "--quiet", "--python", str(folder / "bin/python"), "-r", str(file)])
            (folder / "complete").touch()
    return folder / "bin"


def pythons(folder: Path) -> str:
    """A search path with every Python that works here, by links in ``folder``, and without folders of broken ones.

    pyenv puts a command on PATH for each version that it has, which fails unless that version was switched on.
    """
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    names = [f"python3.{minor}" for minor in range(8, 20)]
    places = [Path(place) for place in environment()["PATH"].split(":") if place]
    broken = {place for place in places for name in names if (place / name).exists() and not _works(place / name)}
    for name in names:
        if works := python(name, [place for place in places if place not in broken]):
            (folder / name).symlink_to(works)
    return ":".join([str(BIN), str(folder), *(str(place) for place in places if place not in {*broken, BIN})])


def python(name: str, places: Sequence[Path]) -> Path | None:
    """A Python of that name (``python3.13``) that works: in one of the folders, or of pyenv's; None without one."""
    pyenv = Path(os.environ.get("PYENV_ROOT") or Path.home() / ".pyenv") / "versions"
    own = sorted(pyenv.glob(f"{name.removeprefix('python')}.*/bin/{name}"))
    found = [place / name for place in places if (place / name).exists()] + own
    return next((path for path in found if _works(path)), None)


def newest(oldest: int) -> Path | None:
    """The newest Python here, at least 3.``oldest``; None where there is none."""
    places = [Path(place) for place in environment()["PATH"].split(":") if place]
    found = (python(f"python3.{minor}", places) for minor in range(19, oldest - 1, -1))
    return next(filter(None, found), None)


def _works(python: Path) -> bool:
    """Whether it starts, and can make environments."""
    return (
        subprocess.run([str(python), "-c", "import ensurepip, venv"], capture_output=True, check=False).returncode == 0
    )


def _run(command: list[str]) -> None:
    done = subprocess.run(command, env=environment(), capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"{' '.join(command)} failed:\n{done.stdout}{done.stderr}")
