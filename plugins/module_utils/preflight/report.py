# Copyright: Contributors to the stfc.jupyterhub collection
# SPDX-License-Identifier: BSD-3-Clause
"""The one report of all layers: a table for people, JSON for programs, and whether to go on."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping, Sequence
from typing import Any, Literal

FailOn = Literal["error", "warning", "never"]


@dataclasses.dataclass(frozen=True)
class Layer:
    """What one layer found. ``problems``: {severity, file, line, key, message, hint}.

    ``skipped`` says why it was not looked at (empty: it was); ``notes`` are the checks in it that could not be made.
    ``needed``: a report in which it was skipped is not complete, and no reason to go on.
    """

    name: str
    problems: Sequence[Mapping[str, Any]] = ()
    skipped: str = ""
    notes: Sequence[str] = ()
    needed: bool = False


@dataclasses.dataclass(frozen=True)
class Report:
    """All layers, in the order of looking."""

    layers: Sequence[Layer]

    def problems(self) -> list[dict[str, Any]]:
        """Every problem with its layer, errors and warnings in the order of their files and lines."""
        return [
            {"layer": layer.name, **{field: problem.get(field, "") for field in FIELDS}}
            for layer in self.layers
            for problem in layer.problems
        ]

    def count(self, severity: str) -> int:
        return sum(problem["severity"] == severity for problem in self.problems())

    def fails(self, on: FailOn) -> bool:
        """Whether to stop: for problems from ``on`` upwards, or since something was not looked at that is needed."""
        return self.stops(on) or (on != "never" and bool(self.missing()))

    def stops(self, on: FailOn) -> bool:
        """Whether there are problems from ``on`` upwards."""
        counted = {"error": ("error",), "warning": ("error", "warning"), "never": ()}[on]
        return any(self.count(severity) for severity in counted)

    def missing(self) -> list[str]:
        """Names of the layers without which the report is not complete."""
        return [layer.name for layer in self.layers if layer.needed and layer.skipped]

    def summary(self) -> str:
        """``2 errors and 1 warning``; ``no problems``."""
        counts = [_count(self.count(severity), severity) for severity in ("error", "warning")]
        return " and ".join(count for count in counts if count) or "no problems"

    def text(self) -> str:
        """The table: a line for each layer, then the problems."""
        lines = [f"Preflight: {self._headline()}. Nothing was touched.", ""]
        for layer in self.layers:
            lines.append(f"{layer.name:9} {_said_of(layer)}")
            lines += [f"{'':9} not checked: {note}" for note in layer.notes]
        problems = self.problems()
        if not problems:
            return "\n".join(lines)
        places = [_place(problem) for problem in problems]
        width = max(len(place) for place in ("where", *places))
        lines += ["", f"{'severity':9} {'where':{width}} key", f"{'-' * 8:9} {'-' * width} {'-' * 30}"]
        for problem, where in zip(problems, places, strict=True):
            lines.append(f"{problem['severity']:9} {where:{width}} {problem['key']}".rstrip())
            lines.append(f"{'':9} {problem['message']}")
            if problem["hint"]:
                lines.append(f"{'':9} -> {problem['hint']}")
        return "\n".join(lines)

    def _headline(self) -> str:
        skipped = ", ".join(layer.name for layer in self.layers if layer.skipped)
        if not self.missing():
            return self.summary() + (f" (not checked: {skipped})" if skipped else "")
        # Not a word that reads like success of what nobody has seen.
        seen = ", ".join(layer.name for layer in self.layers if not layer.skipped)
        where = f" in {seen}" if not self.problems() else ""
        return f"not complete, {skipped} not checked; {self.summary()}{where}"

    def json(self) -> str:
        """``{complete, errors, warnings, layers: {name: {checked, skipped, not_checked}}, problems: [...]}``, as text.

        ``complete``: everything that a deployment needs to know was looked at.
        """
        layers = {
            layer.name: {"checked": not layer.skipped, "skipped": layer.skipped, "not_checked": list(layer.notes)}
            for layer in self.layers
        }
        content = {
            "complete": not self.missing(),
            "errors": self.count("error"),
            "warnings": self.count("warning"),
            "layers": layers,
            "problems": self.problems(),
        }
        return json.dumps(content, indent=1, ensure_ascii=False) + "\n"


FIELDS = ("severity", "file", "line", "key", "message", "hint")


def _said_of(layer: Layer) -> str:
    if layer.skipped:
        return f"skipped: {layer.skipped}"
    return Report([layer]).summary()


def _place(problem: Mapping[str, Any]) -> str:
    return f"{problem['file']}:{problem['line']}" if problem["line"] else str(problem["file"])


def _count(number: int, word: str) -> str:
    return f"{number} {word}{'s' * (number != 1)}" if number else ""
