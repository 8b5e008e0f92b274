"""``ansible-test sanity`` without containers: with the Pythons that are here, and what PyPI has."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Sequence
from pathlib import Path

from . import BUILD, CACHE, Count, Outcome, environment, run
from .collection import copy, site_packages
from .environments import pythons

STAND_IN = '''"""In place of get-pip.py, which only the network has: the pip that came with Python."""
import ensurepip

ensurepip.bootstrap()
'''

VERSION = """
from ansible_test._internal.python_requirements import get_venv_packages
print(get_venv_packages(type("Python", (), {"version": ""}))["pip"])
"""
"""Prints the release of pip that it wants."""


def sanity(core: str, bin_folder: Path, name: str, options: Sequence[str]) -> Outcome:
    """The tests that ``options`` choose, with the ansible-test of ansible-core ``core``, in ``build/sanity/NAME``."""
    folder = BUILD / "sanity" / name
    root = copy(folder, site_packages(bin_folder))
    home = CACHE / f"ansible-test-{core}"  # it keeps the environments of its linters there
    _bootstrap(bin_folder, home)
    env = {key: value for key, value in environment().items() if not key.startswith("ANSIBLE_")}
    env.setdefault("PIP_CACHE_DIR", str(Path.home() / ".cache" / "pip"))
    env.update(HOME=str(home), PATH=f"{bin_folder}:{pythons(folder / 'bin')}", LC_ALL="C.UTF-8")
    command = [str(bin_folder / "ansible-test"), "sanity", "--local", "--color", "no", *options]
    status, output = run(command, env, root)
    (folder / "output").write_text(output)
    ran = re.findall(r'^Running sanity test "([^"]+)"', output, re.MULTILINE)
    # A test may say why in the middle of the run; all of it is said again at its end.
    skips = sorted(set(re.findall(r"Skipping sanity test .*", output)))
    wrong = re.search(r"^FATAL: The (\d+) sanity test", output, re.MULTILINE)
    failed = int(wrong[1]) if wrong else int(status != 0 or not ran)
    count = Count(max(len(ran) - len(skips) - failed, 0), failed, len(skips))
    told = "\n".join(line for line in output.splitlines() if re.match("ERROR|FATAL|>>>|  ", line)) if wrong else output
    return Outcome(count, f"{count.passed} tests", skips, told)


def _bootstrap(bin_folder: Path, home: Path) -> None:
    done = subprocess.run([str(bin_folder / "python"), "-c", VERSION], capture_output=True, text=True, check=True)
    cache = home / ".ansible" / "test" / "cache"
    cache.mkdir(parents=True, exist_ok=True)
    (cache / f"get_pip_{done.stdout.strip().replace('.', '_')}.py").write_text(STAND_IN)
