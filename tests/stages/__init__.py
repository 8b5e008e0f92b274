"""The stages of ``tests/run.py``, a module each, and what they share. Standard library only."""

from __future__ import annotations

import dataclasses
import os
import subprocess
import time
import xml.etree.ElementTree as ET
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
BUILD = ROOT / "build"
BIN = ROOT / ".venv" / "bin"
CACHE = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "stfc.jupyterhub"
"""What all checkouts of this user share: environments that take long to make."""

LONG = os.environ.get("TEST_LONG") == "1"
"""``make test-long``: also what is slow and rarely breaks (tests marked ``long``, and the slow scenarios)."""


@dataclasses.dataclass
class Count:
    """Tests that passed, failed and were skipped."""

    passed: int = 0
    failed: int = 0
    skipped: int = 0

    def __iadd__(self, other: Count) -> Count:
        self.passed += other.passed
        self.failed += other.failed
        self.skipped += other.skipped
        return self


@dataclasses.dataclass
class Outcome:
    """How a check went: counts, what it ran on or with, why things were skipped, and its output if it failed."""

    count: Count
    ran: str = ""
    skips: Sequence[str] = ()
    output: str = ""


def environment() -> dict[str, str]:
    """What every stage runs with: the tools first on PATH, one rehearsal of its own for all tests."""
    env = {key: value for key, value in os.environ.items() if not key.startswith("OS_")}
    env.update(
        PATH=f"{BIN}:{env['PATH']}",
        REHEARSAL_DIRECTORY=env.get("REHEARSAL_DIRECTORY", str(BUILD / "rehearsal")),
        MOLECULE_GLOB="molecule/*/molecule.yml",
        MYPYPATH=f"{ROOT / '.collections'}:{ROOT / 'roles/rehearsal/files'}",
        ANSIBLE_CONFIG=str(ROOT / "ansible.cfg"),
    )
    return env


def run(command: Sequence[str], env: Mapping[str, str] | None = None, cwd: Path = ROOT) -> tuple[int, str]:
    """Exit status and everything that was printed."""
    done = subprocess.run(
        list(command),
        cwd=cwd,
        env=dict(env or environment()),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        check=False,
    )
    return done.returncode, done.stdout


def one(command: Sequence[str], ran: str = "", env: Mapping[str, str] | None = None, cwd: Path = ROOT) -> Outcome:
    """A command as one test."""
    status, output = run(command, env, cwd)
    return Outcome(Count(failed=1) if status else Count(passed=1), ran, output=output if status else "")


def together(checks: Mapping[str, Callable[[], Outcome]], at_once: int = 2) -> Count:
    """Run the checks, two at a time; each is told of as it ends."""
    total = Count()

    def timed(name: str) -> None:
        began = time.monotonic()
        try:
            outcome = checks[name]()
        except Exception as error:  # the others go on
            outcome = Outcome(Count(failed=1), output=f"{type(error).__name__}: {error}")
        lines = [outcome.output.rstrip()] if outcome.count.failed and outcome.output else []
        lines += [f"skipped {name}: {why}" for why in outcome.skips]
        ran = f", {outcome.ran}" if outcome.ran else ""
        verdict = "FAILED" if outcome.count.failed else "ok"
        lines.append(f"{verdict:7} {name}{ran} ({time.monotonic() - began:.1f} s)")
        print("\n".join(lines), flush=True)
        total.__iadd__(outcome.count)

    with ThreadPoolExecutor(at_once) as pool:
        list(pool.map(timed, checks))
    return total


def counted(reports: Iterable[Path], name: str, status: int) -> Count:
    """What JUnit reports say; ``status`` is the exit status of the command that wrote them."""
    count = Count()
    for report in reports:
        for suite in ET.parse(report).getroot().iter("testsuite"):
            total, bad = int(suite.get("tests", 0)), int(suite.get("failures", 0)) + int(suite.get("errors", 0))
            skipped = int(suite.get("skipped", 0))
            count += Count(total - bad - skipped, bad, skipped)
    if status and not count.failed:
        print(f"FAILED  {name}: exit status {status}", flush=True)
        count += Count(failed=1)
    return count
