# Copyright: Contributors to the stfc.jupyterhub collection
# SPDX-License-Identifier: BSD-3-Clause
"""Reads a chart on this machine."""

from __future__ import annotations

import contextlib
import json
import tarfile
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

with contextlib.suppress(ImportError):  # Ansible has it
    import yaml

SCHEMAS = ("values.schema.json", "values.schema.yaml")
"""What Helm reads, and what the chart's repository has before a release."""


def schema_of(ref: str) -> Mapping[str, Any] | None:
    """The JSON Schema of a chart's values; None where there is no such chart, or it has none that can be read.

    ``ref`` is a chart's directory, or its archive (``.tgz``).
    """
    for name in SCHEMAS:
        try:
            text = _text(Path(ref), name)
            found = json.loads(text) if name.endswith(".json") else yaml.safe_load(text)
        except (OSError, EOFError, KeyError, ValueError, zlib.error, tarfile.TarError, yaml.YAMLError):
            continue
        if isinstance(found, Mapping):
            return found
    return None


def _text(chart: Path, name: str) -> str:
    """Raises OSError, KeyError or TarError."""
    if chart.is_dir():
        return (chart / name).read_text(encoding="utf-8")
    with tarfile.open(chart) as archive:
        # Charts that it depends on have theirs further below.
        found = [each for each in archive if each.name.count("/") == 1 and each.name.endswith(f"/{name}")]
        stream = archive.extractfile(found[0]) if found else None
        if stream is None:
            raise KeyError(name)
        return stream.read().decode("utf-8")
