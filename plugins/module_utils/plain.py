# Copyright: Contributors to the stfc.jupyterhub collection
# SPDX-License-Identifier: BSD-3-Clause
"""Copies of data that Ansible may have wrapped."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def plain(value: Any) -> Any:
    """A deep copy in dicts and lists of Python's own.

    ``copy.deepcopy`` of what ansible-core 2.19 gives to filters copies its template engine as well, at half a second.
    """
    if isinstance(value, Mapping):
        return {key: plain(member) for key, member in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(member) for member in value]
    return value
