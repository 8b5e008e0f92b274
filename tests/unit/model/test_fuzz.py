"""Files made at random: legal ones render what the chart accepts, broken ones are reported, none ends in a traceback.

``FUZZ_EXAMPLES`` in the environment sets how many of each kind are tried (``make fuzz``: 10000). The chart's schema is
the one of ``JUPYTERHUB_CHART``, else the real one where it lies beside the checkout, else that of the values which
we rely on (the stand-in chart's).
"""

from __future__ import annotations

import copy
import functools
import json
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml
from ansible_collections.stfc.jupyterhub.plugins.module_utils import hub_values, model, service
from ansible_collections.stfc.jupyterhub.plugins.module_utils.hub_values.merge import merged
from ansible_collections.stfc.jupyterhub.plugins.module_utils.kubespawner import FIELDS
from ansible_collections.stfc.jupyterhub.plugins.module_utils.magnum.desired import desired
from ansible_collections.stfc.jupyterhub.plugins.module_utils.magnum.facts import cluster_facts
from ansible_collections.stfc.jupyterhub.plugins.module_utils.magnum.families import FAMILIES
from ansible_collections.stfc.jupyterhub.plugins.module_utils.model.chart_rules import GROUPS, LEAVES
from ansible_collections.stfc.jupyterhub.plugins.module_utils.model.server_rules import LISTS, VARIABLES
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from rehearsal.pods.environment import expand
from rehearsal.setup import binaries, environments
from tests.support import hub_value_strategies, model_strategies
from tests.support.pod_builder import PodBuilder, values_of
from tests.support.service_files import JUPYTERHUB, OPENSTACK, renderer
from tests.unit.chart.conftest import chart_in_use, mount, render_with

ROOT = Path(__file__).parents[3]
SHAPED = [*GROUPS, *LEAVES, *LISTS, *VARIABLES, "singleuser.profileList"]
STAND_IN = ROOT / "roles" / "rehearsal" / "files" / "chart" / "jupyterhub" / "values.schema.json"
BESIDE = ROOT.parent / "shared" / "z2jh" / "4.4.0" / "values.schema.yaml"

EXAMPLES = int(os.environ.get("FUZZ_EXAMPLES", "50"))
often = settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=list(HealthCheck))

NAMES = [key.name for file in model.FILES for key in file.keys]
JUNK = st.recursive(
    st.one_of(
        st.none(),
        st.booleans(),
        st.integers(),
        st.floats(),
        st.text(max_size=12),
        st.sampled_from(["{{ missing }}", "{{ 1 / 0 }}", "{{", "{% if %}", "1.5Gb", "1d", "dummy", "none", "oidc"]),
    ),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.dictionaries(st.one_of(st.sampled_from(NAMES), st.text(max_size=8)), inner, max_size=3),
    ),
    max_leaves=8,
)


def load(openstack: str, jupyterhub: str, overlay: str = "") -> list[service.Problem]:
    """The problems of a service; any other exception than ServiceError fails the test."""
    texts = {"openstack.yml": openstack, "jupyterhub.yml": jupyterhub, "overlay.yml": overlay}
    try:
        loaded = service.load(
            "openstack.yml",
            "jupyterhub.yml",
            ["overlay.yml"] if overlay else [],
            read=texts.__getitem__,
            renderer=renderer,
            variables={"secret": "s" * 20},
        )
    except service.ServiceError as error:
        assert error.problems
        return list(error.problems)
    assert model.normalise(loaded.values) == loaded.values
    return list(loaded.warnings)


def places(value: Any) -> list[tuple[Any, Any]]:
    """Every (container, key) in ``value``."""
    members = (
        list(value.items()) if isinstance(value, dict) else list(enumerate(value)) if isinstance(value, list) else []
    )
    return [place for key, member in members for place in ((value, key), *places(member))]


@often
@given(st.data(), JUNK)
def test_a_value_is_replaced_by_junk(data: st.DataObject, junk: Any) -> None:
    files = [yaml.safe_load(OPENSTACK), yaml.safe_load(JUPYTERHUB)]
    container, key = data.draw(st.sampled_from(places(files)[2:]))
    container[key] = copy.deepcopy(junk)
    load(*(yaml.safe_dump(file, allow_unicode=True) for file in files))


@often
@given(JUNK, JUNK, JUNK)
def test_files_of_junk(openstack: Any, jupyterhub: Any, overlay: Any) -> None:
    load(*(yaml.safe_dump(value, allow_unicode=True) for value in (openstack, jupyterhub, overlay)))


@often
@given(st.sampled_from(NAMES), JUNK)
def test_a_key_of_junk_in_an_overlay(name: str, junk: Any) -> None:
    load(OPENSTACK, JUPYTERHUB, yaml.safe_dump({name: junk}, allow_unicode=True))


@often
@given(st.integers(0, len(JUPYTERHUB)), st.integers(0, 30), st.text(max_size=5))
def test_text_is_cut_and_pasted(position: int, cut: int, paste: str) -> None:
    load(OPENSTACK, JUPYTERHUB[:position] + paste + JUPYTERHUB[position + cut :])


@often
@given(st.text())
def test_text_that_is_hardly_yaml(text: str) -> None:
    load(text, JUPYTERHUB)


def _misspell(draw: Callable[[Any], Any], name: str) -> str:
    position = draw(st.integers(1, len(name) - 1))
    return name[:position] + draw(st.sampled_from("xqz")) + name[position:]


@often
@given(st.data())
def test_a_misspelt_key_is_reported_with_the_right_one(data: st.DataObject) -> None:
    name = data.draw(st.sampled_from(NAMES))
    wrong = _misspell(data.draw, name)
    problems = load(OPENSTACK, JUPYTERHUB, yaml.safe_dump({wrong: 1}))
    assert ("overlay.yml", 1, wrong, f"write {name}") in [(p.file, p.line, p.key, p.hint) for p in problems]


# Files made from the model


@functools.cache
def chart() -> tuple[jsonschema.Draft202012Validator, dict[str, Any]]:
    """The schema of the chart's values, and its defaults, over which ours are merged as Helm does."""
    given = os.environ.get("JUPYTERHUB_CHART")
    places = [Path(given) / name for name in ("values.schema.json", "values.schema.yaml")] if given else []
    place = next(path for path in (*places, BESIDE, STAND_IN) if path.is_file())
    schema = yaml.safe_load(place.read_text())
    defaults = yaml.safe_load((place.parent / "values.yaml").read_text())
    return jsonschema.validators.validator_for(schema)(schema), defaults


@functools.cache
def editor_schemas() -> list[jsonschema.Draft202012Validator]:
    """Of the two files, as editors have them."""
    places = ("cluster/files/openstack.schema.json", "hub/files/jupyterhub.schema.json")
    return [jsonschema.Draft202012Validator(json.loads((ROOT / "roles" / place).read_text())) for place in places]


def dump(files: list[dict[str, Any]]) -> list[str]:
    return [model_strategies.written(file) for file in files]


@often
@given(model_strategies.files())
def test_what_is_legal_for_each_key_is_taken(files: list[dict[str, Any]]) -> None:
    for file, values, schema in zip(model.FILES, files, editor_schemas(), strict=True):
        converter = model.Converter()
        converter.files([file], model_strategies.rendered(values))
        assert converter.findings == []
        assert [f"{error.json_path}: {error.message}" for error in schema.iter_errors(values)] == []


@often
@given(model_strategies.legal())
def test_a_legal_file_renders_what_cloud_and_chart_take(files: list[dict[str, Any]]) -> None:
    texts = dict(zip(("openstack.yml", "jupyterhub.yml"), dump(files), strict=True))
    variables = {"secret": "s" * 20}
    loaded = service.load(*texts, read=texts.__getitem__, renderer=renderer, variables=variables).values
    assert model.normalise(loaded) == loaded
    assert_text_is_what_was_written(files, loaded)
    flavors = loaded["cluster_flavors_known"]
    for family in FAMILIES.values():
        wanted = desired(loaded, family)
        assert wanted.node_groups.keys() == {group["name"] for group in loaded["cluster_node_groups"]}
        cluster = cluster_facts(
            {"name": "hub", "uuid": "u"},
            loaded["cluster_node_groups"],
            [],
            flavors=flavors,
            family=family.name,
            kubeconfig="/k",
        )
        values = hub_values.hub_values(loaded, cluster)
    validator, defaults = chart()
    errors = validator.iter_errors(merged(defaults, values))
    assert [f"{error.json_path}: {error.message}" for error in errors] == []
    for manifest in (*hub_values.placeholders(loaded, cluster), *hub_values.secrets(loaded)):
        assert manifest["metadata"]["name"]
    assert "s" * 20 not in json.dumps(values)
    for profile, made in zip(loaded["hub_profiles"], values["singleuser"]["profileList"], strict=True):
        for name, text in made["kubespawner_override"].get("environment", {}).items():
            filled = text.format(**{field: f"{{{field}}}" for field in FIELDS})  # as KubeSpawner, then as a kubelet
            assert expand(filled, {}) == profile["environment"][name]


def assert_text_is_what_was_written(files: list[dict[str, Any]], loaded: dict[str, Any]) -> None:
    given = {name: value for file in files for name, value in file.items()}
    for name in ("cluster_labels", "cluster_keypair", "cluster_registry_mirror"):
        assert loaded[name] == (given.get(name) or ({} if name == "cluster_labels" else None))
    profiles = {profile["name"]: profile for profile in given.get("hub_profiles") or []}
    for profile in loaded["hub_profiles"] if profiles else []:
        assert profile["environment"] == (profiles[profile["name"]].get("environment") or {})
        assert profile["description"] == (profiles[profile["name"]].get("description") or "")


@st.composite
def extended(draw: st.DrawFn) -> list[dict[str, Any]]:
    """Both files, legal, with ``hub_values`` of the kinds that operators write."""
    openstack, jupyterhub = draw(model_strategies.legal())
    offered = [each["name"] for each in jupyterhub.get("hub_profiles") or [] if each.get("enabled", True)]
    return [openstack, {**jupyterhub, "hub_values": draw(hub_value_strategies.legal(offered or ["default"]))}]


def made(files: list[dict[str, Any]], family: str = "cluster-api") -> tuple[dict[str, Any], dict[str, Any]]:
    """A service, and a cluster as it describes it. Raises ServiceError."""
    texts = dict(zip(("openstack.yml", "jupyterhub.yml"), dump(files), strict=True))
    loaded = service.load(*texts, read=texts.__getitem__, renderer=renderer, variables={"secret": "s" * 20}).values
    cluster = cluster_facts(
        {"name": "hub", "uuid": "u"},
        loaded["cluster_node_groups"],
        [],
        flavors=loaded["cluster_flavors_known"],
        family=family,
        kubeconfig="/k",
        network_driver=loaded["cluster_network_driver"],
    )
    return loaded, cluster


@pytest.fixture(scope="module")
def hub(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[PodBuilder, Path]]:
    """The real KubeSpawner, and what the hub's pod has after a release."""
    helm, environment = binaries.find("helm"), environments.find("hub")
    if not helm or environment is None:
        pytest.skip("helm and the hub's environment are not here: `make rehearse` makes them")
    folder = tmp_path_factory.mktemp("hub") / "hub"
    quiet = {"prePuller": {"hook": {"enabled": False}}}
    mount(render_with(str(helm), tmp_path_factory.mktemp("helm"), quiet, chart_in_use()), folder)
    with PodBuilder(environment / "bin" / "python") as builder:
        yield builder, folder


@pytest.mark.long
# Each example is a hub's start and its servers, so one that fails is shown as it is: making it small takes minutes.
@settings(
    max_examples=max(10, min(EXAMPLES // 10, 500)),
    deadline=None,
    suppress_health_check=list(HealthCheck),
    phases=(Phase.explicit, Phase.reuse, Phase.generate),
)
@given(files=extended(), user=st.sampled_from(["ada", "grace@example.org", "a" * 60]))
def test_every_server_of_a_legal_file_starts(
    hub: tuple[PodBuilder, Path], files: list[dict[str, Any]], user: str
) -> None:
    builder, folder = hub
    try:
        loaded, cluster = made(files)
    except service.ServiceError as error:
        # Paths and sizes of random parts may meet; nothing else is wrong with these files.
        known = ("mounted already", "than the guarantee", "than the limit")
        wrong = [each.message for each in error.problems if each.severity == "error"]
        assert all(any(words in message for words in known) for message in wrong), error
        return
    values = hub_values.hub_values(loaded, cluster)
    validator, defaults = chart()
    assert [f"{each.json_path}: {each.message}" for each in validator.iter_errors(merged(defaults, values))] == []
    values_of(folder, merged(yaml.safe_load((chart_in_use() / "values.yaml").read_text()), values))
    servers = builder.servers(folder, [user])
    offered = {each["name"] for each in loaded["hub_profiles"]}
    assert offered <= {each["profile"] for each in servers}
    asked = hub_values.requests(loaded, cluster)
    for server in servers:
        if server["profile"] in offered and not server["choices"]:
            resources = server["pod"]["spec"]["containers"][0]["resources"]["requests"]
            assert float(asked[server["profile"]]["memory"]) == float(resources["memory"])


@often
@given(st.data(), JUNK)
def test_junk_among_the_chart_s_values_is_told_before_anything_is_made_of_it(data: st.DataObject, junk: Any) -> None:
    files = [yaml.safe_load(OPENSTACK), yaml.safe_load(JUPYTERHUB)]
    files[1]["hub_values"] = copy.deepcopy(data.draw(hub_value_strategies.legal(["default"])))
    container, key = data.draw(st.sampled_from(places({"hub_values": files[1]["hub_values"]})))
    (files[1] if key == "hub_values" else container)[key] = copy.deepcopy(junk)
    try:
        loaded, cluster = made(files)
    except service.ServiceError as error:
        assert error.problems
        return
    hub_values.placeholders(loaded, cluster)
    hub_values.requests(loaded, cluster)
    hub_values.overridden(loaded, cluster)


@often
@given(st.sampled_from(SHAPED), JUNK)
def test_junk_for_what_we_write_or_read_too(path: str, junk: Any) -> None:
    files = [yaml.safe_load(OPENSTACK), yaml.safe_load(JUPYTERHUB)]
    value: Any = copy.deepcopy(junk)
    for name in reversed(path.split(".")):
        value = {name: value}
    files[1]["hub_values"] = value
    try:
        loaded, cluster = made(files)
    except service.ServiceError as error:
        assert all(each.message for each in error.problems)
        return
    hub_values.placeholders(loaded, cluster)
    hub_values.overridden(loaded, cluster)


@often
@given(model_strategies.broken())
def test_a_mistake_is_reported_with_its_key(broken: model_strategies.Broken) -> None:
    key = model.show_path(broken.path, {**broken.files[0], **broken.files[1]})
    problems = load(*dump(broken.files))
    found = [problem for problem in problems if problem.key == key and problem.severity == "error"]
    assert found, (broken.mistake, key, problems)
    wrong_file = int(broken.path[0] in broken.files[1])
    assert found[0].file == ("openstack.yml", "jupyterhub.yml")[wrong_file]
    assert found[0].line > 0
