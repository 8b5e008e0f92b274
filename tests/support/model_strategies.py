"""Legal and broken files, made from the model's own description: a new key is fuzzed without new code here."""

from __future__ import annotations

import copy
import dataclasses
import math
import string
from collections.abc import Iterator, Mapping
from typing import Any

from ansible_collections.stfc.jupyterhub.plugins.module_utils import model
from ansible_collections.stfc.jupyterhub.plugins.module_utils.magnum.families import FAMILIES
from ansible_collections.stfc.jupyterhub.plugins.module_utils.model import REQUIRED, Key, Path, convert, keys
from ansible_collections.stfc.jupyterhub.plugins.module_utils.quantity import SECONDS, SIZE_UNITS
from hypothesis import strategies as st
from yaml import SafeDumper, ScalarNode, dump


class Plain(str):
    """Text that is written without quotes, though YAML would read it as something else."""


class _Dumper(SafeDumper):
    """Writes Plain as it is."""


_Dumper.add_representer(
    Plain, lambda dumper, text: dumper.represent_scalar(dumper.resolve(ScalarNode, text, (True, False)), str(text))
)


def written(values: Any) -> str:
    """``values`` as a file."""
    return str(dump(values, Dumper=_Dumper, allow_unicode=True))


LABELS = st.text(string.ascii_lowercase + string.digits, min_size=1, max_size=12)
PRINTABLE = st.characters(min_codepoint=32, exclude_categories=["Cs", "Cc", "Cf", "Co", "Cn"], exclude_characters="{}")
MISREAD = st.sampled_from(
    [
        "0022",
        "12:30",
        "1.10",
        "1_000",
        "0x1F",
        "1.0e+3",
        "+5",
        ".inf",
        "yes",
        "no",
        "On",
        "2026-01-02",
        "y",
        "1e3",
        "08",
    ]
).map(Plain)
"""Text that YAML 1.1 takes for numbers, truth values and dates."""
SOME_WORDS = st.text(PRINTABLE, min_size=1, max_size=30).filter(lambda text: text.strip() and not convert.around(text))
WORDS = st.one_of(SOME_WORDS, MISREAD)
BRACES = ["{", "}", "{}", "{username}", "{a}", "${", "$(", "$$", '{"a": ', "{username", "x", " "]
FREE = st.one_of(
    SOME_WORDS,
    MISREAD,
    st.lists(st.sampled_from(BRACES), max_size=5).map("".join).filter(lambda t: not any(m in t for m in ("{{", "{%"))),
)
"""Text that may be anything but a template."""
LETTERS = st.text(string.ascii_lowercase, min_size=2, max_size=8)
HOSTS = st.builds(lambda labels, end: ".".join([*labels, end]), st.lists(LABELS, min_size=1, max_size=3), LETTERS)
ADDRESSES = st.ip_addresses(v=4).map(str)
UNBOUNDED = {"integer": 10**6, "number": 10**6, "size": 2**44, "duration": 30 * 86400}
"""Where a key has no maximum."""

CHECKED = {
    keys.absolute_path: st.lists(LABELS, min_size=1, max_size=3).map(lambda parts: "/" + "/".join(parts)),
    keys.cidr: st.sampled_from(["192.0.2.0/24", "10.0.0.0/8", "2001:db8::/32", "192.0.2.7/32"]),
    keys.dns_label: LABELS,
    keys.email: st.tuples(LABELS, HOSTS).map("@".join),
    keys.host_name: HOSTS,
    keys.host_port: st.tuples(HOSTS, st.integers(1, 65535)).map(lambda pair: f"{pair[0]}:{pair[1]}"),
    keys.image: st.tuples(HOSTS, LABELS, LABELS).map(lambda parts: "{}/{}:{}".format(*parts)),
    keys.ipv4: ADDRESSES,
    keys.kubernetes_version: st.tuples(st.integers(28, 40), st.integers(0, 20)).map(lambda v: f"v1.{v[0]}.{v[1]}"),
    keys.profile_name: LABELS,
    keys.url: HOSTS.map(lambda host: f"https://{host}/path"),
}
"""Text that passes each check. For a check that is not here, the key's example and default serve."""


_MADE: dict[int, st.SearchStrategy[Any]] = {}
"""Strategies by the identity of their keys: making one costs more than drawing from it."""


def value(key: Key) -> st.SearchStrategy[Any]:
    """What may be written for ``key``."""
    if id(key) not in _MADE:
        legal = getattr(_Values, key.type)(key)
        _MADE[id(key)] = st.one_of(st.none(), legal) if key.null else legal
    return _MADE[id(key)]


class _Values:
    """A strategy for each type of keys."""

    @staticmethod
    def string(key: Key) -> st.SearchStrategy[Any]:
        if key.choices:
            return st.sampled_from(key.choices)
        if key.secret:
            return st.just("{{ secret }}")
        if key.pattern:
            return st.from_regex(key.pattern, fullmatch=True, alphabet=string.ascii_letters + string.digits + "-._/+")
        if key.check:
            if key.check in CHECKED:
                return st.one_of(CHECKED[key.check], CHECKED[key.check].map(Plain))
            return st.sampled_from([text for text in (key.example, key.default) if isinstance(text, str)])
        return FREE.filter(lambda text: key.default == "" or text.strip()) if key.free else WORDS

    @staticmethod
    def integer(key: Key) -> st.SearchStrategy[Any]:
        low, high = _bounds(key)
        return st.integers(math.ceil(low), math.floor(high))

    @staticmethod
    def number(key: Key) -> st.SearchStrategy[Any]:
        low, high = _bounds(key)
        return st.one_of(st.floats(low, high), st.integers(math.ceil(low), math.floor(high)))

    @staticmethod
    def boolean(_key: Key) -> st.SearchStrategy[Any]:
        return st.booleans()

    @staticmethod
    def size(key: Key) -> st.SearchStrategy[Any]:
        return _quantity(key, {unit: factor for unit, factor in SIZE_UNITS.items() if unit}, 1024**2)

    @staticmethod
    def duration(key: Key) -> st.SearchStrategy[Any]:
        return _quantity(key, SECONDS, 0)

    @staticmethod
    def list(key: Key) -> st.SearchStrategy[Any]:
        if not key.options:
            element = dataclasses.replace(key, type="string", default=REQUIRED, null="", unique="")
            return st.lists(_Values.string(element), max_size=3)
        return st.lists(_Values.object(key), min_size=1, max_size=3, unique_by=lambda item: item[key.unique])

    @staticmethod
    def mapping(key: Key) -> st.SearchStrategy[Any]:
        names = st.text(string.ascii_letters + "_", min_size=1, max_size=12)
        if key.member:
            return st.dictionaries(names if key.member.free else SOME_WORDS, value(key.member), max_size=3)
        if isinstance(key.example, dict) and any(isinstance(inner, dict) for inner in key.example.values()):
            return st.sampled_from([{}, key.example])  # the chart's, which allows only what it knows
        return st.dictionaries(names, st.one_of(WORDS, st.integers(), st.booleans()), max_size=3)

    @staticmethod
    def object(key: Key) -> st.SearchStrategy[Any]:
        return members(key.options)


def _bounds(key: Key) -> tuple[float, float]:
    low = 0 if key.minimum is None else key.minimum
    return low, UNBOUNDED[key.type] if key.maximum is None else key.maximum


def _quantity(key: Key, units: Mapping[str, int], least_bare: int) -> st.SearchStrategy[Any]:
    low, high = _bounds(key)
    written = [
        st.integers(math.ceil(low / factor), math.floor(high / factor)).map(lambda count, unit=unit: f"{count}{unit}")
        for unit, factor in units.items()
        if math.ceil(low / factor) <= math.floor(high / factor)
    ]
    return st.one_of(st.integers(max(math.ceil(low), least_bare), math.floor(high)), *written)


@st.composite
def members(draw: st.DrawFn, options: tuple[Key, ...]) -> dict[str, Any]:
    """An object: what it needs, and some of what it may have."""
    kind_key = next((key for key in options if key.name == "type"), None)
    kind = draw(value(kind_key)) if kind_key else ""
    result: dict[str, Any] = {"type": kind} if kind else {}
    wanted = draw(st.integers(0, 2 ** len(options) - 1))
    for index, key in enumerate(options):
        if key.name == "type" or (key.only and kind not in key.only):
            continue
        if kind in key.needed_for:
            result[key.name] = draw(getattr(_Values, key.type)(key))
        elif key.must_be_given or wanted >> index & 1:
            result[key.name] = draw(value(key))
    return result


@st.composite
def files(draw: st.DrawFn) -> list[dict[str, Any]]:
    """Both files, each key legal by itself."""
    return [draw(members(file.keys)) for file in model.FILES]


@st.composite
def legal(draw: st.DrawFn) -> list[dict[str, Any]]:
    """Both files, legal as a whole: what must hold between keys is mended where leaving a key out does not do it."""
    openstack, jupyterhub = draw(files())
    _mend_groups(draw, openstack)
    _mend_profiles(draw, openstack, jupyterhub)
    _mend_login(jupyterhub["hub_auth"])
    if (jupyterhub["hub_https"] or {}).get("type", "letsencrypt") == "letsencrypt":
        (jupyterhub.get("hub_address") or {}).pop("internal", None)
    for _attempt in range(30):
        values = {**openstack, **copy.deepcopy(jupyterhub)}
        _converted, findings = model.check(rendered(values))
        errors = [finding for finding in findings if finding.severity == "error"]
        if not errors:
            return [openstack, jupyterhub]
        for path in {_to_leave_out(finding.path) for finding in errors}:
            _remove([openstack, jupyterhub], path)
    raise AssertionError(f"these files cannot be mended: {errors}")


def _mend_groups(draw: st.DrawFn, openstack: dict[str, Any]) -> None:
    plane = openstack.get("cluster_control_plane") or {}
    if "count" in plane:
        plane["count"] |= 1
    groups = openstack.get("cluster_node_groups") or []
    for index, group in enumerate(groups):
        if index == 0:
            group |= {"name": "default-worker", "enabled": True}
        elif not all(family.takes_group(str(group["name"])) for family in FAMILIES.values()):
            group["name"] = f"group-{index}"
        if draw(st.booleans()):
            group |= {"min": None, "max": None, "count": draw(st.integers(0, 10))}
        else:
            high = draw(st.integers(1, 10000))
            group |= {"min": draw(st.integers(0, high)), "max": high, "count": None}


def _mend_profiles(draw: st.DrawFn, openstack: dict[str, Any], jupyterhub: dict[str, Any]) -> None:
    given = openstack.get("cluster_node_groups") or [{"name": "default-worker"}]
    groups = {group["name"]: group for group in given if group.get("enabled", True)}
    profiles = jupyterhub.get("hub_profiles") or []
    for index, profile in enumerate(profiles):
        profile["node_group"] = draw(st.sampled_from(sorted(groups)))
        gpus = groups[profile["node_group"]].get("gpus", 0)
        profile["gpus"] = draw(st.integers(0, gpus))
        profile["placeholders"] = 0 if profile["gpus"] else profile.get("placeholders", 0)
        profile["default"] = index == 0
        profile["enabled"] = index == 0 or profile.get("enabled", True)
        profile.pop("memory_guarantee", None)
        profile["cpu_guarantee"] = min(profile.get("cpu_guarantee", 0.05), profile["cpu"])
    if "hub_core_node_group" in jupyterhub:
        jupyterhub["hub_core_node_group"] = draw(st.sampled_from(sorted(groups)))


def _mend_login(auth: dict[str, Any]) -> None:
    kind = auth.get("type")
    auth["admin_users"] = ["grace"]
    if kind != "native":
        auth["allowed_users"] = ["ada"]
    if kind == "ldap":
        auth |= {"bind_dn_template": ["uid={username},dc=example"], "lookup_dn": False}


def rendered(values: Any) -> Any:
    """``values`` with a secret in place of the template for it."""
    if isinstance(values, dict):
        return {name: rendered(member) for name, member in values.items()}
    if isinstance(values, list):
        return [rendered(member) for member in values]
    return "s" * 20 if values == "{{ secret }}" else values


def _to_leave_out(path: Path) -> Path:
    """What to leave out where a rule finds something at ``path``: profiles have to stay, and need not fit."""
    return ("cluster_flavors_known",) if path[0] == "hub_profiles" else path


def _remove(both: list[dict[str, Any]], path: Path) -> None:
    for file in both:
        container: Any = file
        for step in path[:-1]:
            found = isinstance(container, dict) and step in container
            found = found or (isinstance(container, list) and isinstance(step, int) and step < len(container))
            container = container[step] if found else None
        if isinstance(container, dict):
            container.pop(path[-1], None)
        elif isinstance(container, list) and isinstance(path[-1], int) and path[-1] < len(container):
            del container[path[-1]]


@dataclasses.dataclass(frozen=True)
class Broken:
    """Two files with one mistake, and where it is."""

    files: list[dict[str, Any]]
    path: Path
    mistake: str


@st.composite
def broken(draw: st.DrawFn) -> Broken:
    """Legal files with one mistake in them."""
    both = draw(legal())
    index, path, key = draw(st.sampled_from(list(_written(both))))
    mistake, wrong = draw(st.sampled_from(_mistakes(key)))
    container: Any = both[index]
    for step in path[:-1]:
        container = container[step]
    if mistake == "misspelt":
        name = str(path[-1])
        middle = len(name) // 2
        path = (*path[:-1], f"{name[:middle]}xq{name[middle:]}")
        container[path[-1]] = container.pop(name)
    else:
        container[path[-1]] = wrong
    return Broken(both, path, mistake)


def _written(both: list[dict[str, Any]]) -> Iterator[tuple[int, Path, Key]]:
    """Every key that is written, with the file that it is in and its path."""
    for index, (file, values) in enumerate(zip(model.FILES, both, strict=True)):
        for path, key in _within(file.keys, values, ()):
            yield index, path, key


def _within(options: tuple[Key, ...], values: Any, path: Path) -> Iterator[tuple[Path, Key]]:
    for key in options:
        if not isinstance(values, dict) or key.name not in values:
            continue
        here, given = (*path, key.name), values[key.name]
        yield here, key
        if key.type == "object":
            yield from _within(key.options, given, here)
        elif key.type == "list" and key.options:
            for position, item in enumerate(given or ()):
                yield from _within(key.options, item, (*here, position))
        elif key.member:
            for name, item in (given or {}).items():
                yield from _within(key.member.options, item, (*here, name))


def _mistakes(key: Key) -> list[tuple[str, Any]]:
    """What can be wrong with a key, and the value that makes it so."""
    result: list[tuple[str, Any]] = [("misspelt", None)]
    result.append(("of another type", 7 if key.type in ("object", "mapping", "list") else ["seven"]))
    if key.choices:
        result.append(("not a choice", "none-of-these"))
    if key.type in ("integer", "number", "size", "duration"):
        result.append(("text", "as much as there is"))
        if key.minimum is not None and key.minimum > 0:
            result.append(("too little", {"size": "0G", "duration": "0s"}.get(key.type, 0)))
        if key.maximum is not None:
            result.append(("too much", int(key.maximum) + 1))
    if key.required and not key.null:
        result.append(("empty", None))
    return result
