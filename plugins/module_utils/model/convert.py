# Copyright: Contributors to the stfc.jupyterhub collection
# SPDX-License-Identifier: BSD-3-Clause
"""From values as they are written to values as the roles get them, noting everything that is wrong on the way."""

from __future__ import annotations

import dataclasses
import difflib
import math
import re
import unicodedata
from collections.abc import Callable, Iterable, Mapping
from fractions import Fraction
from typing import Any

from .. import quantity
from ..quantity import QuantityError
from ..written import Finding, Path, Severity, is_number
from .keys import REQUIRED, File, Key

_NOUNS = {"integer": "a whole number", "number": "a number", "size": "a size", "duration": "a duration"}
"""What values of a type are called."""

_DECIMAL = re.compile(r"-?(0|[1-9][0-9]*)?(\.[0-9]*)?([eE][-+]?[0-9]+)?", re.ASCII)
"""Numbers that YAML and people read alike."""

SYNONYMS = {
    "admins": "admin_users",
    "capacity_gb": "capacity",
    "cpu_limit": "cpu",
    "cpus": "cpu",
    "domain": "hub_domain",
    "email": "contact_email",
    "gpu": "gpus",
    "groups": "allowed_groups",
    "idle": "idle_timeout",
    "max_node_count": "max",
    "max_nodes": "max",
    "mem": "memory",
    "mem_guarantee": "memory_guarantee",
    "mem_limit": "memory",
    "min_node_count": "min",
    "min_nodes": "min",
    "node_count": "count",
    "nodes": "count",
    "orgs": "allowed_organizations",
    "ram": "memory",
    "replicas": "count",
    "scope": "scopes",
    "size": "capacity",
    "slug": "name",
    "timeout": "idle_timeout",
    "title": "display_name",
    "use_ssl": "tls_strategy",
    "userdata_url": "userinfo_url",
    "users": "allowed_users",
    "vcpus": "cpu",
}
"""Names that other tools have for our keys; tried before the nearest spelling."""


class Deferred:
    """A value that is not known before it is rendered: a Jinja template or a vaulted string."""

    def __init__(self, text: str, tag: str = "") -> None:
        self.text = text
        self.tag = tag


class _Unknown:
    """Stands for a value that is wrong or not rendered yet, so that no rule draws conclusions from it."""

    def __repr__(self) -> str:
        return "unknown"

    def __bool__(self) -> bool:
        return False


UNKNOWN = _Unknown()


@dataclasses.dataclass(frozen=True)
class Context:
    """What the converter may ask about where values come from.

    ``template(path)`` is the Jinja text that gave the value, or "". ``same_place(a, b)``: both were written in the
    same file. A value that came out of a template, or from the command line (``loose(path)``), may be text that
    stands for a number or a truth value. ``text(path)`` is how a number or a truth value was written, or "".
    """

    template: Callable[[Path], str] = lambda _path: ""
    same_place: Callable[[Path, Path], bool] = lambda _path, _other: True
    loose: Callable[[Path], bool] = lambda _path: False
    text: Callable[[Path], str] = lambda _path: ""


class Converter:
    """Converts the values of files; ``findings`` collects what is wrong.

    ``partial``: the values are one of several layers, so that nothing is missing yet and no default is filled in.
    """

    def __init__(self, context: Context | None = None, partial: bool = False) -> None:
        self.context = context or Context()
        self.partial = partial
        self.findings: list[Finding] = []

    def files(self, files: Iterable[File], values: Mapping[str, Any], others: Iterable[File] = ()) -> dict[str, Any]:
        """The values of ``files`` as the roles get them; wrong ones are UNKNOWN.

        A key of one of the ``others`` is reported as being in the wrong file.
        """
        files = tuple(files)
        result: dict[str, Any] = {}
        names = {key.name: key for file in files for key in file.keys}
        elsewhere = {key.name: file for file in others for key in file.keys}
        for name in values:
            if name in names:
                continue
            if name in elsewhere:
                self._note((name,), f"belongs in {elsewhere[name].name}", "move it there")
            else:
                meant = self._unknown((name,), name, [*names, *elsewhere], "these files")
                result[meant] = UNKNOWN
        result = {name: UNKNOWN for name in names if name in result and name not in values}
        for name, key in names.items():
            if name not in result:
                self._member(key, (name,), values, result)
        return result

    def value(self, key: Key, value: Any, path: Path) -> Any:
        """One value as the roles get it, or UNKNOWN."""
        if isinstance(value, Deferred) or value is UNKNOWN:
            return UNKNOWN
        if isinstance(value, str) and not value.strip() and key.null and self.context.loose(path):
            value = None  # an empty look-up: nothing was given
        if value is None:
            return self._null(key, path)
        convert: Callable[[Key, Any, Path], Any] = getattr(self, f"_{key.type}")
        try:
            self._decimal(key, value, path)
            result = convert(key, value, path)
        except QuantityError as error:
            if key.secret:
                self._note(path, "is not what it should be", "")
            else:
                self._note(path, error.message, error.hint)
            return UNKNOWN
        return result if result is UNKNOWN or self._within_bounds(key, value, result, path) else UNKNOWN

    # Members of objects and files

    def _member(
        self, key: Key, path: Path, values: Mapping[str, Any], result: dict[str, Any], kind: Any = None
    ) -> None:
        """Convert ``values[key.name]`` into ``result``, or fill its default in."""
        given = key.name in values
        if key.only and isinstance(kind, str) and kind not in key.only:
            self._not_for(key, path, values.get(key.name), kind)
            return
        if given:
            value = self.value(key, values[key.name], path)
            if value is None and (not key.null or key.default_for) and not self.partial:
                value = self._default(key, kind, path)
            result[key.name] = value
        elif not self.partial:
            result[key.name] = self._default(key, kind, path)
        if self.partial or not isinstance(kind, str) or kind not in key.needed_for:
            return
        if result[key.name] is None:
            template = self.context.template(path)
            state, hint = ("empty", _environment_hint(template)) if template else ("missing", "")
            self._note(path, f"is {state}; type: {kind} needs it", hint or _such_as(key))
            result[key.name] = UNKNOWN

    def _default(self, key: Key, kind: Any, path: Path) -> Any:
        if key.only and not isinstance(kind, str):
            return UNKNOWN
        default = key.default_for.get(kind, key.default) if key.default_for else key.default
        if default is REQUIRED:
            self._note(path, "is missing", _such_as(key))
            return UNKNOWN
        if default is None:
            return None
        return self.value(key, default, path)

    def _not_for(self, key: Key, path: Path, value: Any, kind: str) -> None:
        """Report a key that means nothing for this type, unless an overlay chose another type above it."""
        if value is not None and self.context.same_place(path, (*path[:-1], "type")):
            types = " or ".join(key.only)
            self._note(path, f"means nothing with type: {kind}", f"remove it; it goes with type: {types}")

    def _null(self, key: Key, path: Path) -> Any:
        if key.null:
            return None
        if key.type in ("list", "mapping", "object") and not key.required:
            return None  # "hub_values:" with nothing below it: the default
        template = self.context.template(path)
        such = 'write "" for an empty one' if key.type == "string" and key.default == "" else _such_as(key)
        hint = such if key.required else f"{such}, or leave it out".lstrip(", ")
        self._note(path, "has no value", _environment_hint(template) or hint)
        return UNKNOWN

    # Types

    def _decimal(self, key: Key, value: Any, path: Path) -> None:
        """Raise QuantityError for a number that YAML and people read in different ways: ``010``, ``8:00``."""
        text = self.context.text(path)
        if key.type not in _NOUNS or not text or not is_number(value) or _DECIMAL.fullmatch(text):
            return
        if ":" in text:
            hint = (key.type == "duration" and quantity.clock_hint(text)) or _such_as(key)
        elif not math.isfinite(value):
            hint = _such_as(key)
        elif re.fullmatch(r"[-+]?0[0-7_]+", text):
            hint = f"write {text.lstrip('-+0_') or 0}, or {value} if that is meant"
        else:
            hint = f"write {value:g}" if isinstance(value, float) else f"write {value}"
        raise QuantityError(f"{text} is not {_NOUNS[key.type]}: YAML takes it for {value}", hint)

    def _string(self, key: Key, value: Any, path: Path) -> Any:
        if is_number(value) and self.context.template(path):
            value = str(value)
        if not isinstance(value, str):
            hint = _such_as(key)
            if isinstance(value, (bool, int, float)):
                # Not what to write: how it was written is not known.
                hint = "add | string to the template" if self.context.template(path) else "write it in quotes"
            self._note(path, f"is {_kind(value)}, not text", hint)
            return UNKNOWN
        if not key.free:
            value = value.rstrip("\r\n")
        if not value.strip() and key.default != "":
            template = self.context.template(path)
            self._note(path, "is empty", _environment_hint(template) or _such_as(key))
            return UNKNOWN
        if value in _SYNTAX and not key.secret:
            raise QuantityError(f"{value} alone is no text that the hub could read", "write something beside it")
        wrong = "" if key.free else around(value)
        if wrong and key.secret:
            self._note(path, wrong, "take that out, unless the secret really has it", "warning")
        elif wrong:
            inner = "".join(char for char in value if char.isprintable() or char.isspace()).strip(_BLANKS + _ALL_QUOTES)
            raise QuantityError(wrong, f"write {inner}" if inner.isprintable() and inner else _such_as(key))
        if key.choices and value not in key.choices:
            near = nearest(value, key.choices)
            hint = f"write {near}" if near else f"write one of {', '.join(key.choices)}"
            raise QuantityError(f"{_shown(value)} is not a choice", hint)
        if key.pattern and not re.fullmatch(key.pattern, value, re.ASCII):
            raise QuantityError(
                f"{_shown(value)} is not a {key.name.split('_', 1)[-1].replace('_', ' ')}", _such_as(key)
            )
        if key.check:
            key.check(value)
        return value

    def _integer(self, key: Key, value: Any, path: Path) -> Any:
        if isinstance(value, str) and re.fullmatch(r"-?[0-9]{1,18}", value, re.ASCII):
            if self.context.loose(path):
                return int(value)
            raise QuantityError(f"{value!r} is text, not a number", f"write {value} without quotes")
        if isinstance(value, float) and value.is_integer():
            raise QuantityError(f"{value} is not a whole number", f"write {int(value)}")
        if isinstance(value, bool) or not isinstance(value, int):
            raise QuantityError(f"{self._shown(value, path)} is not a whole number", _such_as(key))
        return value

    def _number(self, key: Key, value: Any, path: Path) -> Any:
        if isinstance(value, str):
            if key.milli and re.fullmatch(r"[0-9]{1,9}m", value, re.ASCII):
                return _whole(int(value[:-1]) / 1000)
            if re.fullmatch(r"[0-9]{1,18}(\.[0-9]{1,18})?", value, re.ASCII):
                if self.context.loose(path):
                    return float(Fraction(value)) if "." in value else int(value)
                raise QuantityError(f"{value!r} is text, not a number", f"write {value} without quotes")
        if not is_number(value) or not math.isfinite(value):
            raise QuantityError(f"{self._shown(value, path)} is not a number", _such_as(key))
        return value

    def _boolean(self, key: Key, value: Any, path: Path) -> Any:
        if isinstance(value, bool):
            return value
        words = {
            "true": True,
            "yes": True,
            "on": True,
            "1": True,
            "false": False,
            "no": False,
            "off": False,
            "0": False,
        }
        word = words.get(str(value).lower())
        if word is not None and self.context.loose(path):
            return word
        hint = "write true or false" if word is None else f"write {str(word).lower()}"
        raise QuantityError(f"{self._shown(value, path)} is neither true nor false", hint)

    def _shown(self, value: Any, path: Path) -> str:
        """``value`` as it was written."""
        if not isinstance(value, (str, bool, int, float)):
            return _kind(value)
        return self.context.text(path) or _shown(value)

    def _size(self, key: Key, value: Any, path: Path) -> Any:
        if isinstance(value, (list, dict)):
            raise QuantityError(f"is {_kind(value)}, not a size", _such_as(key))
        return quantity.size_to_bytes(value)

    def _duration(self, key: Key, value: Any, path: Path) -> Any:
        if isinstance(value, (list, dict)):
            raise QuantityError(f"is {_kind(value)}, not a duration", _such_as(key))
        return quantity.duration_to_seconds(value)

    def _mapping(self, key: Key, value: Any, path: Path) -> Any:
        if not isinstance(value, dict):
            raise QuantityError(f"is {_kind(value)}, not keys with values", _such_as(key))
        if key.check:
            for name in value:
                try:
                    key.check(str(name))
                except QuantityError as error:
                    self._note((*path, name), error.message, error.hint)
        if key.member is None:
            return value
        return {str(name): self.value(key.member, member, (*path, name)) for name, member in value.items()}

    def _object(self, key: Key, value: Any, path: Path) -> Any:
        if not isinstance(value, dict):
            raise QuantityError(f"is {_kind(value)}, not keys with values", _such_as(key))
        names = [option.name for option in key.options]
        result: dict[str, Any] = {}
        for name in value:
            if name not in names:
                meant = self._unknown((*path, name), name, names, key.object_name or key.name)
                if meant and meant not in value:
                    result[meant] = UNKNOWN  # misspelt, not missing
        kind: Any = None
        if any(option.only or option.default_for for option in key.options):
            if "type" not in result:
                self._member(key.option("type"), (*path, "type"), value, result)
            kind = result.get("type", UNKNOWN)
        for option in key.options:
            if option.name not in result:
                self._member(option, (*path, option.name), value, result, kind)
        return result

    def _list(self, key: Key, value: Any, path: Path) -> Any:
        if not isinstance(value, list):
            text = value if isinstance(value, str) else self.context.text(path)
            if text and not key.options:
                shown = f"is {_kind(value)}, not a list"
                raise QuantityError(shown, f"write [{text}]" if len(text) < 60 else "write a list")
            raise QuantityError(f"is {_kind(value)}, not a list", _such_as(key))
        if not key.options:
            element = dataclasses.replace(key, type="string", default=REQUIRED, null="", unique="")
            return [self.value(element, item, (*path, index)) for index, item in enumerate(value)]
        element = dataclasses.replace(key, type="object", default=REQUIRED, null="", unique="")
        result = []
        for index, item in enumerate(value):
            result.append(self.value(element, item, (*path, index)))
        self._unique(key, result, path)
        return result

    def _unique(self, key: Key, items: list[Any], path: Path) -> None:
        seen: set[str] = set()
        for index, item in enumerate(items):
            name = item.get(key.unique) if isinstance(item, dict) else None
            if not isinstance(name, str):
                continue
            if name in seen:
                self._note((*path, index, key.unique), f"there is another {name} above", "give it a name of its own")
            seen.add(name)

    def _within_bounds(self, key: Key, given: Any, value: Any, path: Path) -> bool:
        if key.type not in ("integer", "number", "size", "duration"):
            return True
        show = {"size": quantity.format_size, "duration": quantity.format_duration}.get(key.type, str)
        if key.minimum is not None and value < key.minimum:
            hint = f"write {show(_whole(key.minimum))} or more"
            if key.type == "duration" and str(given).isdecimal():
                hint = f"write the unit, such as {value}m or {value}h; at least {show(_whole(key.minimum))}"
            self._note(path, f"{show(value)} is too little", hint)
            return False
        if key.maximum is not None and value > key.maximum:
            self._note(path, f"{show(value)} is too much", f"write {show(_whole(key.maximum))} or less")
            return False
        return True

    def _unknown(self, path: Path, name: Any, known: list[str], owner: str) -> str:
        """Report a key that nobody knows; the one that is probably meant, or ""."""
        near = nearest(str(name), known)
        hint = f"write {near}" if near else f"remove it, or write one of {', '.join(known)}"
        if not near and len(known) > 15:
            hint = "remove it; docs/reference.md lists the keys"
        self._note(path, f"is not a key of {owner}", hint)
        return near

    def _note(self, path: Path, message: str, hint: str, severity: Severity = "error") -> None:
        self.findings.append(Finding(path, message, hint, severity))


def nearest(word: str, known: Iterable[str]) -> str:
    """The one of ``known`` that is most likely meant by ``word``, or ""."""
    known = list(known)
    lower = re.sub(r"[^a-z0-9]+", "_", re.sub(r"([a-z])([A-Z])", r"\1_\2", word).lower()).strip("_")
    if SYNONYMS.get(lower) in known:
        return SYNONYMS[lower]
    by_plain = {re.sub(r"[^a-z0-9]+", "_", name.lower()): name for name in known}
    if lower in by_plain:
        return by_plain[lower]
    matches = difflib.get_close_matches(lower, by_plain, n=1, cutoff=0.7)
    if not matches:
        tails = [name for plain, name in by_plain.items() if plain in (f"hub_{lower}", f"cluster_{lower}")]
        return tails[0] if len(tails) == 1 else ""
    return by_plain[matches[0]]


def _environment_hint(template: str) -> str:
    """Which environment variable to set, when the template looks one up."""
    match = re.search(r"""(?:lookup|query|q)\(\s*['"](?:ansible\.builtin\.)?env['"]\s*,\s*['"](\w+)['"]""", template)
    return f"set {match.group(1)} in the environment" if match else ""


def _such_as(key: Key) -> str:
    if key.choices:
        return f"write one of {', '.join(key.choices)}"
    example = key.example if key.example is not None else key.default
    if key.secret or example is None or example is REQUIRED or example in ("", [], {}):
        example = key.example
    if example is None:
        return "write a value" if key.type not in ("list", "object", "mapping") else ""
    return f"write {written(example)}" if key.choices else f"write one such as {written(example)}"


def written(value: Any) -> str:
    """``value`` as one would write it in YAML, on one line."""
    if isinstance(value, bool):
        return str(value).lower()
    if value is None:
        return "null"
    if isinstance(value, list):
        return f"[{', '.join(written(item) for item in value)}]"
    if isinstance(value, dict):
        return "{" + ", ".join(f"{name}: {written(item)}" for name, item in value.items()) + "}"
    if isinstance(value, str) and ("{{" in value or value == ""):
        return f'"{value}"'
    return str(value)


def around(text: str) -> str:
    """What is around a name, or hidden in it, that nobody sees; "" when it is clean."""
    for end, char in (("begins", text[:1]), ("ends", text[-1:])):
        if char.isspace():
            return f"{end} with {_BLANK_NAMES.get(char, f'a blank (U+{ord(char):04X})')}"
    for char in text:
        if unicodedata.category(char) == "Cc" or char in _HIDDEN or (char in (text[0], text[-1]) and char in _JOINERS):
            return f"has a character in it that cannot be seen (U+{ord(char):04X})"
    if len(text) > 1 and ((text[0] in _ALL_QUOTES and text[-1] in _ALL_QUOTES) or {text[0], text[-1]} & set(_QUOTES)):
        return f"has quotes around it that belong to it ({text[0]}…{text[-1]})"
    return ""


_SYNTAX = ("=", "<<")
"""Helm writes them without quotes, and PyYAML, which reads them in the hub, fails."""

_BLANKS = " \t\r\n\f\v\u00a0\u2007\u202f\u3000\ufeff"
_BLANK_NAMES = {" ": "a blank", "\n": "a line break", "\r": "a line break", "\t": "a tab"}
_HIDDEN = "\u00ad\u200b\u2060\ufeff"
"""Soft hyphen, zero-width space, word joiner, byte order mark."""
_JOINERS = "\u200c\u200d\u200e\u200f"
"""Marks that some scripts need within a word, and none at its ends."""
_QUOTES = "\u201c\u201d\u201e\u201f\u00ab\u00bb\u2039\u203a"
_ALL_QUOTES = _QUOTES + "\"'\u2018\u2019\u201a\u201b`"


def _kind(value: Any) -> str:
    if isinstance(value, bool):
        return f"the truth value {str(value).lower()}"
    if isinstance(value, (int, float)):
        return "a number"
    if isinstance(value, str):
        return "text"
    if isinstance(value, list):
        return "a list"
    if isinstance(value, dict):
        return "a group of keys"
    return "something else"


def _shown(value: Any) -> str:
    text = written(value) if not isinstance(value, str) else repr(value)
    return text if len(text) <= 80 else f"{text[:77]}..."


def _whole(number: float) -> Any:
    return int(number) if float(number).is_integer() else number
