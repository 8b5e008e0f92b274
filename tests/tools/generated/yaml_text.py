"""YAML as ansible-lint likes it: indented lists, no aliases, long text folded."""

from __future__ import annotations

from typing import Any

import yaml

WIDTH = 120


class _Dumper(yaml.SafeDumper):
    def increase_indent(self, flow: bool = False, indentless: bool = False) -> None:
        super().increase_indent(flow, False)

    def ignore_aliases(self, data: Any) -> bool:
        return True


def dump(value: Any) -> str:
    """``value`` in block style, keys in their order."""
    return yaml.dump(value, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=WIDTH)
