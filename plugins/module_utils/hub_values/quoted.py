# Copyright: Contributors to the stfc.jupyterhub collection
# SPDX-License-Identifier: BSD-3-Clause
"""The chart's values as a file for Helm.

Helm reads YAML by other rules than PyYAML writes it: without quotes ``y``, ``08``, ``1e3`` and ``0o17`` are truth
values and numbers to it (sigs.k8s.io/yaml). So every text gets quotes.
"""

from __future__ import annotations

import contextlib
import functools
import json
from collections.abc import Mapping
from typing import Any

with contextlib.suppress(ImportError):  # Ansible has it
    import yaml


@functools.lru_cache
def _dumper() -> Any:
    """A dumper that puts quotes around every text."""

    class Quoting(yaml.SafeDumper):
        pass

    Quoting.add_representer(str, lambda dumper, text: dumper.represent_scalar("tag:yaml.org,2002:str", text, style='"'))
    return Quoting


def quoted(values: Mapping[str, Any]) -> str:
    """``values`` as YAML in which every text is in quotes."""
    plain = json.loads(json.dumps(values))  # Ansible's own kinds of text and numbers are none that YAML knows
    return str(yaml.dump(plain, Dumper=_dumper(), default_flow_style=False, width=1_000_000))
