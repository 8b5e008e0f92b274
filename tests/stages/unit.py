"""Unit tests of the collection and of the rehearsal."""

from __future__ import annotations

import subprocess

from . import BIN, BUILD, LONG, ROOT, Count, counted, environment


def stage() -> Count:
    """pytest on tests/unit."""
    report = BUILD / "unit.xml"
    report.unlink(missing_ok=True)
    chosen = [] if LONG else ["-m", "not long"]
    command = [str(BIN / "pytest"), "-q", "-n", "2", "-rs", *chosen, f"--junitxml={report}", "tests/unit"]
    done = subprocess.run(command, cwd=ROOT, env=environment(), check=False)
    return counted([report], "unit tests", done.returncode)
