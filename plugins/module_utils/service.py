# Copyright: Contributors to the stfc.jupyterhub collection
# SPDX-License-Identifier: BSD-3-Clause
"""Reads the two files of a service and its overlays, and says everything that is wrong with them in one report.

Layers, each over the ones before: ``openstack.yml`` and ``jupyterhub.yml``, the overlays in their order, extra
variables (``-e``). Objects are merged key by key, lists are replaced. Each layer is checked as it is written, then
the whole is rendered and checked again.

Knows nothing of Ansible: reading and rendering are passed in.
"""

from __future__ import annotations

import dataclasses
import os
import re
import stat
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path as FilePath
from typing import Any

try:
    import yaml
    from yaml import SafeLoader
except ImportError:  # a target may lack it; the files are read on the controller, which has it
    SafeLoader = object  # type: ignore[assignment, misc]

from . import model
from .model import FILES, UNKNOWN, Converter, Deferred, Finding, Path
from .model.chart_rules import SECRET_NAMES, given_chart, is_local
from .model.convert import written
from .model.text_rules import misread

Read = Callable[[str], str]
"""Text of a file. Raises OSError, or ValueError with a message for people."""

Renderer = Callable[[Mapping[str, Any]], Callable[[Deferred], Any]]
"""Given the variables that templates may use (among them Deferred ones), the function that renders one template.

It raises RenderError.
"""

COMMAND_LINE = "extra variables (-e)"
"""The name under which extra variables are reported."""

MOST_VALUES = 20_000
"""Values in one file; aliases of aliases can stand for any number."""

ChartSchema = Callable[[str], Any]
"""The JSON Schema of the values of a chart on this machine; None where there is none."""

PRIVATE = "x-"
"""Keys at the top of a file that begin so are the file's own: a place for what its aliases share."""

Place = tuple[str, int]
"""File as it was named, and line (0: no line)."""


class MissingFileError(FileNotFoundError):
    """A file that is not there, and what to do about it: for ``Read`` to raise."""

    def __init__(self, hint: str) -> None:
        super().__init__("there is no such file")
        self.hint = hint


class RenderError(ValueError):
    """A template that cannot be rendered. ``undefined`` names the variable that is missing, if that is why."""

    def __init__(self, message: str, undefined: str = "") -> None:
        super().__init__(message)
        self.undefined = undefined


@dataclasses.dataclass(frozen=True)
class Problem:
    """One line of the report. ``file`` as it was named; ``line`` 0 where there is none."""

    file: str
    line: int
    key: str
    message: str
    hint: str = ""
    severity: str = "error"

    def __str__(self) -> str:
        place = _shown(self.file, self.line)
        key = f" {self.key}" if self.key else ""
        warning = " (warning)" if self.severity == "warning" else ""
        text = f"{place}{warning}{key}\n    {self.message}"
        return f"{text}\n    -> {self.hint}" if self.hint else text


@dataclasses.dataclass(frozen=True)
class Service:
    """A service without errors: ``values`` as the roles get them, the files they came from, warnings.

    ``places``: where each key that is written was written, ``file:line`` by key.
    """

    values: dict[str, Any]
    files: tuple[str, ...]
    warnings: tuple[Problem, ...]
    places: dict[str, str]


class ServiceError(ValueError):
    """Files with errors. ``problems`` has the warnings too; ``str()`` is the report.

    ``known`` holds the values that are right, as ``model.partial`` leaves them; ``places`` is as in Service.
    """

    def __init__(
        self,
        problems: Sequence[Problem],
        known: Mapping[str, Any] | None = None,
        places: Mapping[str, str] | None = None,
    ) -> None:
        self.problems = tuple(problems)
        self.known = dict(known or {})
        self.places = dict(places or {})
        super().__init__(report(problems))


@dataclasses.dataclass
class Layer:
    """One file (or the command line) as it is written: its values, the line of each, and what is wrong already.

    ``texts``: how the numbers and truth values among them were written. Keys that are text have that text as value.
    """

    file: str
    values: dict[str, Any] = dataclasses.field(default_factory=dict)
    lines: dict[Path, int] = dataclasses.field(default_factory=dict)
    texts: dict[Path, str] = dataclasses.field(default_factory=dict)
    problems: list[Problem] = dataclasses.field(default_factory=list)

    def line(self, path: Path) -> int:
        """Line of the nearest value at or above ``path``."""
        for length in range(len(path), 0, -1):
            if path[:length] in self.lines:
                return self.lines[path[:length]]
        return self.lines.get((), 0)

    def problem(self, finding: Finding) -> Problem:
        """What was found in these values, for the report."""
        key = model.show_path(finding.path, self.values)
        return Problem(self.file, self.line(finding.path), key, finding.message, finding.hint, finding.severity)


def load(
    openstack: str,
    jupyterhub: str | None,
    overlays: Sequence[str] = (),
    *,
    read: Read,
    renderer: Renderer,
    variables: Mapping[str, Any] | None = None,
    extra: Mapping[str, Any] | None = None,
    chart_schema: ChartSchema = lambda _ref: None,
) -> Service:
    """Read, check, merge and render the two files, the overlays and the extra variables.

    ``variables`` are what templates may use besides the files' own keys; of ``extra``, only keys of the files count.
    Without ``jupyterhub`` its keys are neither asked for nor returned: whoever removes a cluster needs no login secret.
    Raises ServiceError with every problem of every file.
    """
    own = [parse(openstack, read), Layer("jupyterhub.yml") if jupyterhub is None else parse(jupyterhub, read)]
    layers = [*own, *(parse(overlay, read) for overlay in overlays)]
    known = {key.name for file in FILES for key in file.keys}
    given = {name: _deferred(value) for name, value in (extra or {}).items() if name in known}
    merged = _Merged({file.name: layer.file for file, layer in zip(FILES, own, strict=True)})
    for layer in layers:
        merged.add(layer)
    merged.replace(Layer(COMMAND_LINE, given))
    problems = [problem for layer in layers for problem in layer.problems]
    problems += _check_as_written(own[0], (FILES[0],), (FILES[1],))
    problems += _check_as_written(own[1], (FILES[1],), (FILES[0],))
    for layer in layers[2:]:
        problems += _check_as_written(layer, FILES)
    for layer in layers:
        problems += _misread(layer)
    for layer in own:
        problems += _plain_secrets(layer)
    problems += _readable_secrets(layers[2:])
    # A file that cannot be read at all says nothing about its keys: they are not missing.
    readable = tuple(file for layer, file in zip(own, FILES, strict=True) if () in layer.lines)
    values = merged.render(renderer, variables or {}, problems)
    converted, findings = model.check(values, readable, merged.context())
    findings += _of_given_chart(converted, findings, chart_schema)
    skipped = known - {key.name for file in readable for key in file.keys}
    for finding in findings:
        if finding.path[0] not in skipped:
            problems.append(merged.problem(finding, values))
    loaded = {} if any(problem.severity == "error" for problem in problems) else model.finish(converted)
    if loaded:
        problems += _not_as_given({name: values[name] for name in given}, loaded)
    problems = _in_order(problems, [*(layer.file for layer in layers), COMMAND_LINE])
    if any(problem.severity == "error" for problem in problems):
        raise ServiceError(problems, model.partial(converted), merged.written(values))
    files = tuple(layer.file for layer in layers if jupyterhub is not None or layer is not own[1])
    return Service(loaded, files, tuple(problems), merged.written(values))


def _of_given_chart(values: Mapping[str, Any], known: Sequence[Finding], chart_schema: ChartSchema) -> list[Finding]:
    """What a chart on this machine does not take of ``hub_values``, and is not known already."""
    ref = values.get("hub_chart_ref")
    schema = chart_schema(ref) if isinstance(ref, str) and is_local(ref) else None
    places = [finding.path for finding in known]
    return [
        finding
        for finding in (given_chart(values, schema) if schema else ())
        if not any(finding.path[: len(place)] == place for place in places)
    ]


def report(problems: Sequence[Problem]) -> str:
    """All problems, under a line that counts them."""
    errors = sum(problem.severity == "error" for problem in problems)
    warnings = len(problems) - errors
    counts = [f"{errors} error{'s' * (errors != 1)}"] if errors else []
    counts += [f"{warnings} warning{'s' * (warnings != 1)}"] if warnings else []
    title = f"{' and '.join(counts)} in the files of this service. Nothing was touched."
    return "\n\n".join([title, *map(str, problems)])


# Reading


def parse(file: str, read: Read) -> Layer:
    """The values of a YAML file with the line of each. What is wrong with the YAML is in ``problems``."""
    layer = Layer(file)
    try:
        text = read(file)
    except FileNotFoundError as error:
        hint = error.hint if isinstance(error, MissingFileError) else "check the name; it starts from this folder"
        layer.problems.append(Problem(file, 0, "", "there is no such file", hint))
        return layer
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        layer.problems.append(Problem(file, 0, "", f"cannot be read: {reason}"))
        return layer
    try:
        node = yaml.compose(text, Loader=_Loader)
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 0
        message, hint = _syntax(error, text.splitlines()[line - 1] if 0 < line <= len(text.splitlines()) else "")
        layer.problems.append(Problem(file, line, "", message, hint))
        return layer
    except (yaml.YAMLError, RecursionError) as error:
        reason = "it is nested too deeply" if isinstance(error, RecursionError) else str(error).splitlines()[0]
        layer.problems.append(Problem(file, 0, "", f"is not YAML: {reason}"))
        return layer
    layer.lines[()] = 1
    if node is None:
        return layer
    builder = _Builder(layer)
    try:
        values = builder.build(node, ())
    except (_TooMuchError, RecursionError) as error:
        line, reason = (error.line, str(error)) if isinstance(error, _TooMuchError) else (0, "is nested too deeply")
        layer.problems.append(Problem(file, line, "", reason, "write the values out, without aliases"))
        layer.lines.clear()
        return layer
    layer.values = values if isinstance(values, dict) else {}
    for line, path, message, hint in builder.notes:
        layer.problems.append(Problem(file, line, model.show_path(path, layer.values), message, hint))
    if isinstance(values, dict):
        return layer
    if values is not None and values is not UNKNOWN:
        message, hint = "the file is not made of keys with values", "write one such as cluster_name: jupyterhub"
        layer.problems.append(Problem(file, node.start_mark.line + 1, "", message, hint))
        layer.lines.clear()
    return layer


class _Loader(SafeLoader):
    """YAML as Ansible reads it, but dates and ``=`` stay text."""

    yaml_implicit_resolvers = {  # noqa: RUF012, as in the class above
        first: [(tag, regexp) for tag, regexp in resolvers if tag.rpartition(":")[2] not in ("timestamp", "value")]
        for first, resolvers in getattr(SafeLoader, "yaml_implicit_resolvers", {}).items()
    }


class _TooMuchError(ValueError):
    def __init__(self, message: str, line: int) -> None:
        super().__init__(message)
        self.line = line


class _Builder:
    """Builds values from YAML nodes, noting lines in ``layer`` and what is wrong in ``notes``."""

    def __init__(self, layer: Layer) -> None:
        self.layer = layer
        self.loader = _Loader("")
        self.notes: list[tuple[int, Path, str, str]] = []
        self.open: list[int] = []
        self.flattened: set[int] = set()
        self.count = 0

    def build(self, node: yaml.Node, path: Path) -> Any:
        line = node.start_mark.line + 1
        self.layer.lines.setdefault(path, line)
        self.layer.texts.pop(path, None)  # of a key given twice, whose last value counts
        self.count += 1
        if self.count > MOST_VALUES:
            raise _TooMuchError(f"has more than {MOST_VALUES} values", line)
        if id(node) in self.open:
            raise _TooMuchError("contains itself by an alias", line)
        self.open.append(id(node))
        try:
            if isinstance(node, yaml.MappingNode):
                return self._mapping(node, path)
            if isinstance(node, yaml.SequenceNode):
                return [self.build(item, (*path, index)) for index, item in enumerate(node.value)]
            return self._scalar(node, path)
        finally:
            self.open.pop()

    def _mapping(self, node: yaml.MappingNode, path: Path) -> dict[str, Any]:
        try:
            if id(node) not in self.flattened:
                self._duplicates(node, path)
                self.flattened.add(id(node))
                self.loader.flatten_mapping(node)
        except (yaml.MarkedYAMLError, RecursionError):
            self._note(node, path, "merges (<<) something that has no keys", "merge an object")
            return {}
        result: dict[str, Any] = {}
        for key_node, value_node in node.value:
            name = str(key_node.value) if isinstance(key_node, yaml.ScalarNode) else ""
            if not path and name.startswith(PRIVATE):
                continue  # what anchors in it name is where the aliases are
            if not name:
                self._note(key_node, path, "has a key that is not text", 'a template needs quotes around it: "{{ … }}"')
                continue
            self.layer.lines[(*path, name)] = key_node.start_mark.line + 1
            result[name] = self.build(value_node, (*path, name))
        return result

    def _duplicates(self, node: yaml.MappingNode, path: Path) -> None:
        seen: dict[str, int] = {}
        for key_node, _value in node.value:
            if not isinstance(key_node, yaml.ScalarNode) or key_node.tag == "tag:yaml.org,2002:merge":
                continue
            name, line = str(key_node.value), key_node.start_mark.line + 1
            if name in seen:
                self._note(
                    key_node, (*path, name), f"is given twice, first in line {seen[name]}", "keep one of the two"
                )
            seen.setdefault(name, line)

    def _scalar(self, node: yaml.Node, path: Path) -> Any:
        if node.tag in ("!vault", "!vault-encrypted"):
            return Deferred(str(node.value), tag="vault")
        if node.tag == "!unsafe":
            return str(node.value)
        try:
            value = self.loader.construct_object(node)
        except (yaml.MarkedYAMLError, ValueError, TypeError, KeyError):
            self._note(node, path, f"has a tag or a value that is not known here ({node.tag})", "write a plain value")
            return UNKNOWN
        if isinstance(value, str) and _is_template(value):
            return Deferred(value)
        if value is None or isinstance(value, str):
            return value
        if not isinstance(value, (int, float, bool)) or _is_text(path):
            return str(node.value)  # 0022, 1.10, 12:30 and no are what stands there, not what YAML makes of it
        self.layer.texts[path] = str(node.value)
        return value

    def _note(self, node: yaml.Node, path: Path, message: str, hint: str) -> None:
        self.notes.append((node.start_mark.line + 1, path, message, hint))


def _syntax(error: yaml.MarkedYAMLError, line: str) -> tuple[str, str]:
    """What is wrong in words that help, and what to write. The line is not repeated: it may hold a secret."""
    problem = error.problem or "not understood"
    if "cannot start any token" in problem and "\\t" in problem:
        column = error.problem_mark.column if error.problem_mark else 0
        if not line[column:].strip():
            return "there is a tab at the end of this line", "remove it"
        if not line[:column].strip():
            return "a tab is used to indent", "indent with spaces"
        return "there is a tab in this line where only spaces may be", "write spaces"
    if problem.startswith("mapping values are not allowed"):
        return "there is a second colon in this line, or its indentation is wrong", "put quotes around text with ': '"
    if "{{" in line and "}}" in line:
        return f"is not YAML: {problem}", 'a template needs quotes around it: "{{ … }}"'
    hint = "look at this line and the ones before it: brackets, quotes, colons, indentation"
    return f"is not YAML: {problem}", hint


# Merging and rendering


class _Merged:
    """The layers, one over the other, and where each value came from."""

    def __init__(self, names: Mapping[str, str]) -> None:
        """``names``: how each of the two files was named, by its usual name."""
        self.names = names
        self.values: dict[str, Any] = {}
        self.places: dict[Path, Place] = {}
        self.texts: dict[Path, str] = {}
        self.templates: dict[Path, str] = {}

    def add(self, layer: Layer) -> None:
        """Merge a layer over the ones before."""
        self.values = self._over(self.values, layer.values, (), layer)

    def replace(self, layer: Layer) -> None:
        """Put the keys of a layer in place of those below, objects too: this is how Ansible sees extra variables."""
        self.values = {name: value for name, value in self.values.items() if name not in layer.values}
        self.add(layer)

    def _over(self, below: Any, above: Any, path: Path, layer: Layer) -> Any:
        if isinstance(below, dict) and isinstance(above, dict):
            if path:
                self.places.setdefault(path, (layer.file, layer.line(path)))
            result = dict(below)
            for name, value in above.items():
                result[name] = self._over(below.get(name), value, (*path, name), layer)
            return result
        for old in [old for old in self.places if old[: len(path)] == path]:
            del self.places[old]
        self._place(above, path, layer)
        return above

    def _place(self, value: Any, path: Path, layer: Layer) -> None:
        self.places[path] = (layer.file, layer.line(path))
        self.texts[path] = layer.texts.get(path, "")
        for step, member in _members(value):
            self._place(member, (*path, step), layer)

    def place(self, path: Path) -> Place:
        """Where ``path``, or what it is in, was written."""
        for length in range(len(path), 0, -1):
            if path[:length] in self.places:
                return self.places[path[:length]]
        owner = next(file for file in FILES if any(key.name == path[0] for key in file.keys))
        return self.names[owner.name], 1

    def written(self, values: Mapping[str, Any]) -> dict[str, str]:
        """``file:line`` by key, as people are told of both."""
        return {model.show_path(path, values): _shown(*place) for path, place in self.places.items() if path}

    def render(self, renderer: Renderer, variables: Mapping[str, Any], problems: list[Problem]) -> dict[str, Any]:
        """The values with every template rendered; what cannot be is UNKNOWN and among ``problems``."""
        render = renderer({**variables, **self.values})

        def walk(value: Any, path: Path) -> Any:
            if isinstance(value, dict):
                return {name: walk(member, (*path, name)) for name, member in value.items()}
            if isinstance(value, list):
                return [walk(member, (*path, index)) for index, member in enumerate(value)]
            if not isinstance(value, Deferred):
                return value
            self.templates[path] = "" if value.tag else value.text
            try:
                rendered = render(value)
            except RenderError as error:
                problems.append(self.problem(_not_rendered(path, value, error), self.values))
                return UNKNOWN
            if not value.tag and _has_comment(value.text):
                message = "{# … #} is a comment of templates: it is left out of the value"
                hint = "remove it, or write !unsafe before the text if it belongs there"
                problems.append(self.problem(Finding(path, message, hint, "warning"), self.values))
            return rendered

        return {name: walk(value, (name,)) for name, value in self.values.items()}

    def context(self) -> model.Context:
        def template(path: Path) -> str:
            return next((self.templates[path[:n]] for n in range(len(path), 0, -1) if path[:n] in self.templates), "")

        def loose(path: Path) -> bool:
            rendered = any(path[:length] in self.templates for length in range(len(path) + 1))
            return rendered or self.place(path)[0] == COMMAND_LINE

        def same_place(one: Path, other: Path) -> bool:
            return self.place(one)[0] == self.place(other)[0]

        return model.Context(template, same_place, loose, lambda path: self.texts.get(path, ""))

    def problem(self, finding: Finding, values: Any) -> Problem:
        file, line = self.place(finding.path)
        key = model.show_path(finding.path, values)
        return Problem(file, line, key, finding.message, finding.hint, finding.severity)


def _shown(file: str, line: int) -> str:
    return f"{file}:{line}" if line else file


def _deferred(value: Any) -> Any:
    """A value from the command line, its templates marked as such."""
    if isinstance(value, dict):
        return {str(name): _deferred(member) for name, member in value.items()}
    if isinstance(value, list):
        return [_deferred(member) for member in value]
    return Deferred(value) if isinstance(value, str) and _is_template(value) else value


def _is_template(text: str) -> bool:
    return any(mark in text for mark in ("{{", "{%", "{#"))


def _has_comment(text: str) -> bool:
    return bool(re.search(r"\{#.*?#\}", re.sub(r"\{\{.*?\}\}|\{%.*?%\}", "", text, flags=re.DOTALL), re.DOTALL))


def _members(value: Any) -> Iterator[tuple[Any, Any]]:
    if isinstance(value, dict):
        yield from value.items()
    elif isinstance(value, list):
        yield from enumerate(value)


def _not_rendered(path: Path, value: Deferred, error: RenderError) -> Finding:
    if value.tag == "vault":
        return Finding(path, "cannot be decrypted", "give the vault's password, for example with --ask-vault-pass")
    if error.undefined:
        message = f"uses {error.undefined}, which is not defined"
        return Finding(path, message, f"define it in the inventory, or give it with -e; {UNSAFE}")
    secret = any(key.secret for key in _keys_along(path))
    message = "cannot be rendered" if secret else f"cannot be rendered: {error}"
    return Finding(path, message, f"look at the template; {UNSAFE}")


UNSAFE = 'if it is no template, write !unsafe "…"'
"""What to do about ``{{``, ``{%`` and ``{#`` that are not Jinja's."""


def _is_text(path: Path) -> bool:
    """Whether the value at ``path`` is text by the model: a key, a member of a list, a value of a mapping."""
    steps = list(_keys_along(path))
    if not steps or len(steps) != sum(isinstance(step, str) for step in path):
        return False
    if isinstance(path[-1], int):
        return steps[-1].type == "list" and not steps[-1].options
    return steps[-1].type == "string"


def _keys_along(path: Path) -> Iterator[model.Key]:
    keys: Sequence[model.Key] = [key for file in FILES for key in file.keys]
    member: model.Key | None = None
    for step in path:
        if isinstance(step, int):
            continue
        found = member or next((key for key in keys if key.name == step), None)
        if found is None:
            return
        yield found
        keys, member = found.options, found.member


# Checks of single layers


def _check_as_written(layer: Layer, files: Sequence[model.File], others: Sequence[model.File] = ()) -> list[Problem]:
    converter = Converter(model.Context(text=lambda path: layer.texts.get(path, "")), partial=True)
    converter.files(files, layer.values, others)
    return [layer.problem(finding) for finding in converter.findings]


def _misread(layer: Layer) -> list[Problem]:
    """Values of the chart that YAML reads in another way than people do. They are left as they are."""
    texts = {path: text for path, text in layer.texts.items() if path[:1] == ("hub_values",)}
    return [layer.problem(finding) for finding in misread(layer.values, texts)]


def _secrets(layer: Layer) -> Iterator[Path]:
    """Paths of secrets that are written out in ``layer``."""

    def texts(value: Any, path: Path) -> Iterator[Path]:
        if isinstance(value, str) and value.strip():
            yield path
        for step, member in _members(value):
            yield from texts(member, (*path, step))

    def walk(value: Any, path: Path) -> Iterator[Path]:
        along = list(_keys_along(path))
        if path and along and len(along) == sum(isinstance(step, str) for step in path) and along[-1].secret:
            if isinstance(value, str) and value.strip():
                yield path
            return
        if path[:1] == ("hub_values",) and str(path[-1]).lower() in SECRET_NAMES:
            whole = str(path[-1]).lower() == "cryptkeeper"  # others may be names of variables that come from a Secret
            yield from texts(value, path) if whole or not isinstance(value, dict) else ()
            return
        for step, member in _members(value):
            yield from walk(member, (*path, step))

    yield from walk(layer.values, ())


def _plain_secrets(layer: Layer) -> list[Problem]:
    message = "is a secret, written out in a file that others read and that is usually kept in Git"
    look_up = "{{ lookup('ansible.builtin.env', 'NAME') }}"
    hint = f'encrypt it (ansible-vault encrypt_string), or take it from the environment: "{look_up}"'
    return [layer.problem(Finding(path, message, hint, "warning")) for path in _secrets(layer)]


def _readable_secrets(layers: Sequence[Layer]) -> list[Problem]:
    problems = []
    for layer in layers:
        secrets = list(_secrets(layer))
        try:
            mode = stat.S_IMODE(os.stat(FilePath(layer.file)).st_mode) if secrets else 0
        except OSError:
            continue
        if mode & 0o077:
            message, hint = "is a secret, and others on this machine can read the file", f"chmod 600 {layer.file}"
            problems += [layer.problem(Finding(path, message, hint, "warning")) for path in secrets]
    return problems


def _not_as_given(given: Mapping[str, Any], loaded: Mapping[str, Any]) -> list[Problem]:
    """Extra variables beat facts, so the roles get them as they are given: only what loading leaves alone will do."""
    problems = []
    for name, value in given.items():
        if value == loaded[name] or str(value).lower() == str(loaded[name]).lower():
            continue
        hint = "put it in a file, and name that with -e service_overlays=FILE"
        if isinstance(loaded[name], int):
            hint = f"write -e {name}={written(loaded[name])}"
        problems.append(
            Problem(COMMAND_LINE, 0, name, "would reach the roles as it is written here, not as loaded", hint)
        )
    return problems


def _in_order(problems: Sequence[Problem], files: Sequence[str]) -> list[Problem]:
    order = {file: index for index, file in reversed(list(enumerate(files)))}
    unique = list(dict.fromkeys(problems))
    return sorted(unique, key=lambda problem: (order.get(problem.file, len(order)), problem.line))
