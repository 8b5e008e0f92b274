"""Make the tools' virtual environment from the lock file: ``setup.py VENV LOCK``. Standard library only.

Does nothing when the environment was made from this very lock file by this very Python in this very place: its
commands name the place that they were made in, so one whose checkout was moved is made anew.
"""

from __future__ import annotations

import hashlib
import shutil
import subprocess
import sys
import time
from pathlib import Path

OLDEST = (3, 11)
"""ansible-core 2.19, which `requirements.txt` asks for, needs it."""


def main(venv: Path, lock: Path) -> int:
    if sys.version_info < OLDEST:
        have = ".".join(map(str, sys.version_info[:3]))
        print(f"make: Python {OLDEST[0]}.{OLDEST[1]} or newer is needed; {sys.executable} is {have}. "
              "Name another with PYTHON=, as in: make PYTHON=python3.12 rehearse", file=sys.stderr)  # fmt: skip
        return 1
    key = key_of(venv, lock)
    stamp = venv / ".lock-sha256"
    if stamp.exists() and stamp.read_text() == key:
        return 0
    began = time.monotonic()
    print(f"make: making {venv} from {lock} (a minute or two) ...", file=sys.stderr, flush=True)
    shutil.rmtree(venv, ignore_errors=True)
    python = getattr(sys, "_base_executable", sys.executable)  # this may be run by the very environment that is to go
    steps = [
        [python, "-m", "venv", str(venv)],
        [str(venv / "bin/python"), "-m", "pip", "install", "--quiet", "uv"],
        [str(venv / "bin/uv"), "pip", "install", "--quiet", "--python", str(venv / "bin/python"), "-r", str(lock)],
    ]
    for step in steps:
        if subprocess.run(step, check=False).returncode:
            print(f"make: could not make {venv}: {' '.join(step)} failed (see above)", file=sys.stderr)
            return 1
    stamp.write_text(key)
    print(f"make: {venv} is ready after {time.monotonic() - began:.0f} s", file=sys.stderr)
    return 0


def key_of(venv: Path, lock: Path) -> str:
    """What an environment is known by: its lock file, the Python, the place."""
    return hashlib.sha256(lock.read_bytes() + sys.version.encode() + bytes(venv.absolute())).hexdigest()


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), Path(sys.argv[2])))
