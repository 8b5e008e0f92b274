"""The scenarios, one after the other, on one rehearsal cloud."""

from __future__ import annotations

import os
import shutil
import subprocess

from . import BIN, BUILD, ROOT, Count, counted, environment

USUAL = ["default", "resize", "destroy"]

SCENARIOS = os.environ.get("SCENARIOS", "").split() or USUAL
"""``SCENARIOS="default simulation" make molecule`` runs others. `modules`, `faults`, `interrupted`, `installed`,
`faulty_deployments` and `simulation` (which needs what `default` deploys) have not passed whole on any machine yet."""


def stage() -> Count:
    """Every scenario; one that does not come to its tests counts as a failed one."""
    reports = [BUILD / f"molecule-{name}.xml" for name in SCENARIOS]
    for report in reports:
        report.unlink(missing_ok=True)
    names = [part for name in SCENARIOS for part in ("--scenario-name", name)]
    # Molecule's own choice is a folder named after the checkout's last part, which others have too; and a state that an
    # interrupted run left would say that the cloud has been made.
    state = BUILD / "molecule"
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
