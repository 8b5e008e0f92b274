"""Settings for idle kernels, as the notebook's own environment reads them beside a team's."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.stfc.jupyterhub.plugins.module_utils.hub_values.notebooks import (
    SERVER_CONFIG,
    kernel_culling,
)

from rehearsal.setup import environments

READ = """
import json, sys
import jupyter_core.paths
# As in a container, below another root.
root = sys.argv[1]
jupyter_core.paths.SYSTEM_CONFIG_PATH[:] = [root + "/usr/local/etc/jupyter", root + "/etc/jupyter"]
from jupyter_server.serverapp import ServerApp
server = ServerApp()
server.load_config_file()
print(json.dumps(server.config.MappingKernelManager))
"""

THEIRS = {"MappingKernelManager": {"cull_idle_timeout": 77}}


@pytest.fixture(scope="module")
def notebook() -> Path:
    """The Python of the rehearsal's notebooks."""
    environment = environments.find("notebook")
    if environment is None:
        pytest.skip("the notebook's environment is not here: `make rehearse` makes it")
    return environment / "bin" / "python"


@pytest.mark.parametrize(
    ("theirs", "text", "timeout"),
    [
        (None, "", 86400),
        ("etc/jupyter/jupyter_server_config.json", json.dumps(THEIRS), 77),
        ("etc/jupyter/jupyter_server_config.py", "c.MappingKernelManager.cull_idle_timeout = 77", 77),
        ("usr/local/etc/jupyter/jupyter_server_config.json", json.dumps(THEIRS), 77),
        ("etc/jupyter/jupyter_server_config.json", json.dumps({"ServerApp": {"port": 1}}), 86400),
    ],
    ids=["none", "json", "python", "beside ours", "of something else"],
)
def test_a_team_s_settings_go_over_ours(
    notebook: Path, service: Any, tmp_path: Path, theirs: str | None, text: str, timeout: int
) -> None:
    ours = kernel_culling(service())
    for place, content in {SERVER_CONFIG.lstrip("/"): json.dumps(ours), **({theirs: text} if theirs else {})}.items():
        (tmp_path / place).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / place).write_text(content)
    done = subprocess.run(
        [notebook, "-c", READ, tmp_path], capture_output=True, text=True, check=True, env={"HOME": str(tmp_path)}
    )
    expected = ours["MappingKernelManager"] | {"cull_idle_timeout": timeout}
    assert json.loads(done.stdout.splitlines()[-1]) == expected
