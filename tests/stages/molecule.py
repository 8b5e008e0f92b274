"""The scenarios, one after the other, on one rehearsal cloud."""

from __future__ import annotations

import subprocess

from . import BIN, BUILD, ROOT, Count, counted, environment

SCENARIOS = ["default", "resize", "destroy", "modules", "faults"]


def stage() -> Count:
    """Every scenario; one that does not come to its tests counts as a failed one."""
    reports = [BUILD / f"molecule-{name}.xml" for name in SCENARIOS]
    for report in reports:
        report.unlink(missing_ok=True)
    names = [part for name in SCENARIOS for part in ("--scenario-name", name)]
    command = [str(BIN / "molecule"), "test", "--no-command-borders", *names]
    done = subprocess.run(command, cwd=ROOT, env=environment(), check=False)
    count = counted([report for report in reports if report.exists()], "molecule", done.returncode)
    for name, report in zip(SCENARIOS, reports, strict=True):
        if not report.exists():
            print(f"FAILED  molecule {name}: it did not come to its tests", flush=True)
            count += Count(failed=1)
    return count
