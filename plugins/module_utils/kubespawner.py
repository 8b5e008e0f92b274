# Copyright: Contributors to the stfc.jupyterhub collection
# SPDX-License-Identifier: BSD-3-Clause
"""How KubeSpawner reads sizes, and text that it fills names into: how everything else arrives as it was written.

Sources: kubespawner 7.0.0 (``spawner.py``: ``_expand_user_properties``, a call of ``str.format``);
``k8s.io/kubernetes/third_party/forked/golang/expansion``, which kubelets apply to ``env``.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from fractions import Fraction
from string import Formatter
from typing import Any

from .quantity import KUBESPAWNER_UNITS

FIELDS = (
    "username", "servername", "user_server", "userid", "hubnamespace", "namespace", "pod_name", "pvc_name",
    "unescaped_username", "unescaped_servername", "safe_username", "safe_servername", "safe_user_server",
    "escaped_username", "escaped_servername", "escaped_user_server",
)  # fmt: skip
"""What may stand in braces, such as ``{username}``."""

_SIZE = re.compile(r"(\d+(\.\d+)?|\.\d+)[KMGT]", re.ASCII)

_PARTS = re.compile(rf"\{{(?:{'|'.join(FIELDS)})\}}|[{{}}]")


def filled(text: str) -> str:
    """``text`` for KubeSpawner: ``{username}`` and its like are filled in, other braces arrive as they are."""
    return _PARTS.sub(lambda match: match[0] if len(match[0]) > 1 else match[0] * 2, text)


def variable(text: str) -> str:
    """``text`` for an environment variable of a server: as ``filled``, and what Kubernetes would make of dollars."""
    return filled(re.sub(r"\$(?=[$(])", "$$", text))


def size(value: Any) -> int:
    """Bytes, as JupyterHub reads ``mem_limit`` (``traitlets.py``, ByteSpecification): text has to have a unit.

    Raises ValueError for what the hub would not start with.
    """
    if isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value):
        return int(value)
    if isinstance(value, str) and _SIZE.fullmatch(value):
        return int(Fraction(value[:-1]) * KUBESPAWNER_UNITS[value[-1]])
    raise ValueError(f"{value!r} is no size")


def unfilled(value: Any) -> Iterator[tuple[tuple[str | int, ...], str]]:
    """Texts within ``value`` that KubeSpawner cannot fill names into: where each is, and what it stumbles over."""
    if isinstance(value, dict):
        for name, member in value.items():
            yield from (((name, *path), wrong) for path, wrong in unfilled(member))
    elif isinstance(value, list):
        for index, member in enumerate(value):
            yield from (((index, *path), wrong) for path, wrong in unfilled(member))
    elif isinstance(value, str):
        try:
            names = [name for _text, name, _form, _conversion in Formatter().parse(value) if name is not None]
        except ValueError:
            yield (), "a brace without its other half"
            return
        for name in names:
            if re.split(r"[.\[]", name, maxsplit=1)[0] not in FIELDS:
                yield (), f"{{{name}}}"
                return
