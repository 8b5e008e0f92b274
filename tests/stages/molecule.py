"""The scenarios, one after the other, on one rehearsal cloud."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys

from . import BIN, BUILD, LONG, ROOT, Count, counted, environment

ON_THE_DEPLOYED = ["default", "simulation", "installed", "modules", "resize", "destroy"]
"""They build on what `default` deploys, in this order; the last takes it down."""

SLOW = ["faulty_deployments", "letsencrypt"]
"""What waits for clouds that fail, and rarely breaks: only ``make test-long`` runs it, on an empty cloud."""

ON_AN_EMPTY_CLOUD = ["faults", "interrupted"]
"""They deploy themselves. The last one leaves what it has deployed, and the cloud goes with all of it."""

SCENARIOS = os.environ.get("SCENARIOS", "").split() or [
    *ON_THE_DEPLOYED,
    *(SLOW if LONG else ()),
    *ON_AN_EMPTY_CLOUD,
]
"""``SCENARIOS="default resize" make molecule`` runs some; `default` is among them, since it makes the cloud."""


def ensure_packages() -> None:
    """The tests' own system packages; where they cannot be installed, the tests that need them are skipped."""
    sys.path.insert(0, str(ROOT / "roles" / "rehearsal" / "files"))
    from rehearsal.setup import commands, progress, system

    try:
        system.ensure_packages(progress.say, ROOT / "tests" / "bindep.txt")
    except commands.SetupError as error:
        print(error, flush=True)


def stage() -> Count:
    """Every scenario; one that does not come to its tests counts as a failed one."""
    reports = [BUILD / f"molecule-{name}.xml" for name in SCENARIOS]
    for report in reports:
        report.unlink(missing_ok=True)
    names = [part for name in SCENARIOS for part in ("--scenario-name", name)]
    # Molecule's own choice is a folder named after the checkout's last part, which others have too; and a state that an
    # interrupted run left would say that the cloud has been made.
    state = BUILD / "molecule"
    ensure_packages()
    shutil.rmtree(state, ignore_errors=True)
    env = {**environment(), "MOLECULE_EPHEMERAL_DIRECTORY": str(state)}
    command = [str(BIN / "molecule"), "test", "--no-command-borders", *names]
    done = subprocess.run(command, cwd=ROOT, env=env, check=False)
    count = counted([report for report in reports if report.exists()], "molecule", done.returncode)
    for name, report in zip(SCENARIOS, reports, strict=True):
        if not report.exists():
            print(f"FAILED  molecule {name}: it did not come to its tests", flush=True)
            count += Count(failed=1)
    return count
