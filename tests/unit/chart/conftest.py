"""Helm and the charts that the tests compare."""

from __future__ import annotations

import base64
import itertools
import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from ansible_collections.stfc.jupyterhub.plugins.module_utils.hub_values.quoted import quoted

from rehearsal.setup import binaries, environments
from tests.support.golden import GOLDEN, values
from tests.support.pod_builder import PodBuilder

ROOT = Path(__file__).resolve().parents[3]
CHART = ROOT / "roles" / "rehearsal" / "files" / "chart" / "jupyterhub"
Values = dict[str, Any]
Objects = dict[tuple[str, str], dict[str, Any]]
"""Manifests by kind and name."""

Released = Callable[[Values, Path], Path]
"""``released(values, chart)``: the folder that the hub's pod has then."""


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

    return lambda values, chart=CHART: render_with(helm, tmp_path, values, chart)


def render_with(helm: str, folder: Path, values: Values, chart: Path) -> Objects:
    """The objects that a chart makes of values. Raises HelmError."""
    path = folder / "values.yaml"
    path.write_text(quoted(values))
    command = [helm, "template", "jupyterhub", str(chart), "--namespace", "jupyterhub", "--values", str(path)]
    environment = {**os.environ, "HELM_CACHE_HOME": str(folder), "HELM_CONFIG_HOME": str(folder)}
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=environment)
    if done.returncode:
        raise HelmError(done.stderr)
    manifests = [manifest for manifest in yaml.safe_load_all(done.stdout) if manifest]
    objects = {(manifest["kind"], manifest["metadata"]["name"]): manifest for manifest in manifests}
    assert len(objects) == len(manifests), "two objects of one kind have one name"
    return objects


@pytest.fixture(scope="session")
def builder() -> Iterator[PodBuilder]:
    """The rehearsal's hub, with JupyterHub and KubeSpawner at the chart's versions."""
    environment = environments.find("hub")
    if environment is None:
        pytest.skip("the hub's environment is not here: `make rehearse` makes it")
    with PodBuilder(environment / "bin" / "python") as made:
        yield made


@pytest.fixture
def released(render: Callable[..., Objects], tmp_path: Path) -> Released:
    folders = (tmp_path / str(index) for index in itertools.count())

    def released(values: Values, chart: Path) -> Path:
        folder = next(folders)
        mount(render(values, chart), folder)
        return folder

    return released


def mount(objects: Objects, folder: Path) -> None:
    """Lay the hub's ConfigMap and Secret out as its pod sees them below /usr/local/etc/jupyterhub."""
    for name in ("config", "secret"):
        (folder / name).mkdir(parents=True)
    for name, text in objects["ConfigMap", "hub"]["data"].items():
        (folder / "config" / name).write_text(text)
        if name.endswith(".py"):
            (folder / name).write_text(text.replace("/usr/local/etc/jupyterhub", str(folder)))
    secret = objects["Secret", "hub"]
    contents = {name: base64.b64decode(text) for name, text in (secret.get("data") or {}).items()}
    contents |= {name: text.encode() for name, text in (secret.get("stringData") or {}).items()}
    for name, content in contents.items():
        (folder / "secret" / name).write_bytes(content)
    (container,) = objects["Deployment", "hub"]["spec"]["template"]["spec"]["containers"]
    for file in (each for each in container["volumeMounts"] if each["name"] == "files"):
        path = folder / Path(file["mountPath"]).relative_to("/usr/local/etc/jupyterhub")
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(contents[file["subPath"]])


def chart_in_use() -> Path:
    """The real chart where the environment names its directory, else the stand-in."""
    given = os.environ.get("JUPYTERHUB_CHART") or ""
    return Path(given) if given and Path(given).is_dir() else CHART


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
    return values(request.param)
