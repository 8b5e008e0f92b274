"""Run everything that CI runs, or the stages named: ``run.py [lint] [unit] [molecule]``.

Each stage prints what it does as it does it. The last line says how many tests passed, failed and were skipped;
a linter counts as one test. The exit status is 1 when anything failed. Standard library only, so that it starts
anywhere; the tools are those of ``.venv``.
"""

from __future__ import annotations

import dataclasses
import os
import subprocess
import sys
import time
import xml.etree.ElementTree as ElementTree
from collections.abc import Callable, Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
BUILD = ROOT / "build"
BIN = ROOT / ".venv" / "bin"

PYTHON_TREES = ["plugins", "roles/rehearsal/files/rehearsal", "tests", "molecule"]

LINTERS = {
    "generated files are current": ["python", "tests/tools/generate.py", "--check"],
    "yamllint": ["yamllint", "--strict", "."],
    "ruff check": ["ruff", "check", *PYTHON_TREES],
    "ruff format": ["ruff", "format", "--check", "--quiet", *PYTHON_TREES],
    "mypy (collection)": ["mypy", "-p", "ansible_collections.stfc.jupyterhub.plugins"],
    "mypy (rehearsal)": ["mypy", "-p", "rehearsal"],
    "ansible-lint": ["ansible-lint", "--strict", "--offline"],
    "changelog fragments": ["antsibull-changelog", "lint"],
}

SCENARIOS = ["default", "resize", "destroy", "modules", "faults"]


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


def lint() -> Count:
    """Every linter, each a test of its own."""
    count = Count()
    for name, command in LINTERS.items():
        began = time.monotonic()
        done = subprocess.run([str(BIN / command[0]), *command[1:]], cwd=ROOT, env=environment(), check=False)
        print(f"{'ok' if done.returncode == 0 else 'FAILED':7} {name} ({time.monotonic() - began:.1f} s)", flush=True)
        count += Count(passed=1) if done.returncode == 0 else Count(failed=1)
    return count


def unit() -> Count:
    """Unit tests of the collection and of the rehearsal."""
    report = BUILD / "unit.xml"
    report.unlink(missing_ok=True)
    command = ["pytest", "-q", "-n", "2", "-rs", f"--junitxml={report}", "tests/unit"]
    done = subprocess.run([str(BIN / command[0]), *command[1:]], cwd=ROOT, env=environment(), check=False)
    return _counted([report], "unit tests", done.returncode)


def molecule() -> Count:
    """The scenarios, one after the other, on one rehearsal cloud."""
    reports = [BUILD / f"molecule-{name}.xml" for name in SCENARIOS]
    for report in reports:
        report.unlink(missing_ok=True)
    command = [
        "molecule",
        "test",
        "--no-command-borders",
        *(part for name in SCENARIOS for part in ("--scenario-name", name)),
    ]
    done = subprocess.run([str(BIN / command[0]), *command[1:]], cwd=ROOT, env=environment(), check=False)
    count = _counted([report for report in reports if report.exists()], "molecule", done.returncode)
    for name, report in zip(SCENARIOS, reports, strict=True):
        if not report.exists():
            print(f"FAILED  molecule {name}: it did not come to its tests", flush=True)
            count += Count(failed=1)
    return count


def _counted(reports: list[Path], name: str, status: int) -> Count:
    count = Count()
    for report in reports:
        for suite in _suites(report):
            total, bad = int(suite.get("tests", 0)), int(suite.get("failures", 0)) + int(suite.get("errors", 0))
            skipped = int(suite.get("skipped", 0))
            count += Count(total - bad - skipped, bad, skipped)
    if status and not count.failed:
        print(f"FAILED  {name}: exit status {status}", flush=True)
        count += Count(failed=1)
    return count


def _suites(report: Path) -> Iterator[ElementTree.Element]:
    return ElementTree.parse(report).getroot().iter("testsuite")


STAGES: dict[str, Callable[[], Count]] = {"lint": lint, "unit": unit, "molecule": molecule}


def main(names: list[str]) -> int:
    """Run the stages named, or all."""
    if unknown := [name for name in names if name not in STAGES]:
        print(f"no stage {', '.join(unknown)}; there are {', '.join(STAGES)}", file=sys.stderr)
        return 2
    BUILD.mkdir(exist_ok=True)
    chart = os.environ.get("JUPYTERHUB_CHART")
    total = Count()
    for name in names or STAGES:
        began = time.monotonic()
        print(f"=== {name}", flush=True)
        count = STAGES[name]()
        total += count
        print(f"=== {name}: {count.passed} passed, {count.failed} failed, {count.skipped} skipped", end=" ")
        print(f"in {time.monotonic() - began:.0f} s", flush=True)
    if not chart:
        print("The scenarios ran with the stand-in chart unless the chart's repository could be reached; "
              "JUPYTERHUB_CHART=DIR runs them with a real one.")  # fmt: skip
    print(f"{total.passed} passed, {total.failed} failed, {total.skipped} skipped", flush=True)
    return 1 if total.failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
