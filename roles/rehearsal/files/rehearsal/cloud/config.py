"""Configuration files of the OpenStack services, in the form that oslo.config reads."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from rehearsal.settings import write_private

Value = str | int | float | bool | Path | Sequence[str]
Sections = Mapping[str, Mapping[str, Value]]
"""Section name to options. A list becomes oslo.config's comma-separated form."""


def render(sections: Sections) -> str:
    """The text of a configuration file.

    ``$`` is doubled, as oslo.config would else take it for a reference to another option.
    Raises ``ValueError`` for a value with a line break, which the format cannot hold.
    """
    blocks = []
    for name, options in sections.items():
        lines = [f"[{name}]", *(f"{key} = {_value(name, key, value)}" for key, value in options.items())]
        blocks.append("\n".join(lines) + "\n")
    return "\n".join(blocks)


def _value(section: str, key: str, value: Value) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    text = ",".join(value) if isinstance(value, (list, tuple)) else str(value)
    if "\n" in text:
        raise ValueError(f"[{section}] {key}: a line break cannot be written to a configuration file")
    return text.replace("$", "$$")


def write(path: Path, sections: Sections) -> bool:
    """Write the file, readable by its owner alone (it holds passwords), and say whether it changed."""
    text = render(sections)
    if path.exists() and path.read_text() == text:
        return False
    write_private(path, text)
    return True
