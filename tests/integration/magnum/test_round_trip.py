"""The modules against a real Magnum: create, repeat, change, repeat, check mode, delete, repeat.

The cloud is the one that OS_CLIENT_CONFIG_FILE and OS_CLOUD name: a rehearsal's (`. .rehearsal/env`), or a project
where clusters may be made and deleted. Flavors and images are those of the rehearsal unless MAGNUM_TEST_* says else.
"""

from __future__ import annotations

import os
import subprocess
import sys
import uuid
from pathlib import Path

import pytest

HERE = Path(__file__).parent
ROOT = HERE.parents[2]

pytestmark = pytest.mark.skipif(
    not (os.environ.get("OS_CLIENT_CONFIG_FILE") and os.environ.get("OS_CLOUD")),
    reason="OS_CLIENT_CONFIG_FILE and OS_CLOUD name no cloud (. .rehearsal/env)",
)


def run(book: str, folder: Path, **variables: str) -> subprocess.CompletedProcess[str]:
    given = [part for key, value in variables.items() for part in ("-e", f"{key}={value}")]
    for key, value in os.environ.items():
        if key.startswith("MAGNUM_TEST_"):
            given += ["-e", f"{key.lower()}={value}"]
    return subprocess.run(
        [str(Path(sys.executable).parent / "ansible-playbook"), "-i", "localhost,", str(HERE / book), *given],
        cwd=ROOT,
        env={**os.environ, "HOME": str(folder)},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize("book", ["cluster_template.yml", "cluster.yml"])
def test_round_trip(book: str, tmp_path: Path) -> None:
    """Every task's ``changed`` is asserted in the playbook; what it made is deleted even when it fails."""
    done = run(book, tmp_path, magnum_test_name=f"it-{uuid.uuid4().hex[:8]}", magnum_test_folder=str(tmp_path))
    assert done.returncode == 0, done.stdout + done.stderr
    assert "PRIVATE KEY" not in done.stdout + done.stderr


def test_an_unknown_cloud_is_told_with_the_nearest_name(tmp_path: Path) -> None:
    done = run("cluster_template.yml", tmp_path, magnum_test_cloud=f"{os.environ['OS_CLOUD']}x")
    assert done.returncode != 0
    assert f"Did you mean {os.environ['OS_CLOUD']}?" in " ".join(done.stdout.split() + done.stderr.split())
    assert "Traceback" not in done.stdout + done.stderr
