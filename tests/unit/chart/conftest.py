"""Helm and the charts that the tests compare."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from rehearsal.setup import binaries

ROOT = Path(__file__).resolve().parents[3]
CHART = ROOT / "roles" / "rehearsal" / "files" / "chart" / "jupyterhub"
GOLDEN = sorted((ROOT / "tests" / "unit" / "hub" / "golden").glob("*.yaml"))
"""Values that the product makes of vars files: ``values`` in each file."""

Values = dict[str, Any]
Objects = dict[tuple[str, str], dict[str, Any]]
"""Manifests by kind and name."""


class HelmError(Exception):
    """Helm refused; the message is what it said."""


@pytest.fixture(scope="session")
def helm() -> str:
    """Helm, from where a rehearsal keeps it or from PATH."""
    found = binaries.find("helm") or shutil.which("helm")
    if not found:
        pytest.skip("helm is not here: `make rehearse` builds it, or put it on PATH")
    return str(found)


@pytest.fixture
def render(helm: str, tmp_path: Path) -> Callable[..., Objects]:
    """``render(values, chart=CHART)``: the objects that a chart makes of values. Raises HelmError."""

    def render(values: Values, chart: Path = CHART) -> Objects:
        path = tmp_path / "values.yaml"
        path.write_text(yaml.safe_dump(values))
        command = [helm, "template", "jupyterhub", str(chart), "--namespace", "jupyterhub", "--values", str(path)]
        environment = {**os.environ, "HELM_CACHE_HOME": str(tmp_path), "HELM_CONFIG_HOME": str(tmp_path)}
        done = subprocess.run(command, capture_output=True, text=True, check=False, env=environment)
        if done.returncode:
            raise HelmError(done.stderr)
        manifests = [manifest for manifest in yaml.safe_load_all(done.stdout) if manifest]
        objects = {(manifest["kind"], manifest["metadata"]["name"]): manifest for manifest in manifests}
        assert len(objects) == len(manifests), "two objects of one kind have one name"
        return objects

    return render


@pytest.fixture
def real_chart() -> Path:
    """The real chart, where the environment names one."""
    given = os.environ.get("JUPYTERHUB_CHART")
    if not given:
        pytest.skip("JUPYTERHUB_CHART names no real chart to compare with")
    if not (Path(given) / "Chart.yaml").exists() and not Path(given).is_file():
        pytest.fail(f"JUPYTERHUB_CHART={given} is neither a chart's directory nor its archive")
    return Path(given)


@pytest.fixture(scope="session")
def real_schema() -> dict[str, Any]:
    """The real chart's schema of values, where its data lies beside the checkout."""
    path = ROOT.parent / "shared" / "z2jh" / "4.4.0" / "values.schema.yaml"
    if not path.exists():
        pytest.skip(f"the real chart's schema is not at {path}")
    schema: dict[str, Any] = yaml.safe_load(path.read_text())
    return schema


@pytest.fixture(params=GOLDEN, ids=lambda path: path.stem)
def product_values(request: pytest.FixtureRequest) -> Values:
    """Values that the product sets, for each of its golden services."""
    values: Values = yaml.safe_load(request.param.read_text())["values"]
    return values
