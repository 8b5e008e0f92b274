"""Files that are broken at random: every one is reported or loaded, and none ends in a traceback.

``FUZZ_EXAMPLES`` in the environment sets how many of each kind are tried (``make fuzz``: 10000).
"""

from __future__ import annotations

import copy
import os
from collections.abc import Callable
from typing import Any

import yaml
from ansible_collections.stfc.jupyterhub.plugins.module_utils import model, service
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.support.service_files import JUPYTERHUB, OPENSTACK, renderer

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
