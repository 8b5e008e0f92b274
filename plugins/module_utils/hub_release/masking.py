# Copyright: Contributors to the stfc.jupyterhub collection
# SPDX-License-Identifier: BSD-3-Clause
"""Secrets taken out of what others wrote: logs of pods, events, answers of programs.

Ansible's ``no_log`` masks an argument as it was given, which for a Secret is base64 of all of it. A log has the one
password, perhaps escaped or encoded another way.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any
from urllib.parse import quote

MASK = "********"

SHORTEST = 4
"""Characters of a secret that is masked. Shorter ones are in every other word."""

SHORTEST_CODE = 8
"""Characters of base64 that stand for nothing else."""


class Masking:
    """Masks whatever the Secrets hold. ``secrets``: their ``data`` by name, in base64."""

    def __init__(self, secrets: Mapping[str, Mapping[str, str]]) -> None:
        texts = {text for data in secrets.values() for encoded in data.values() for text in _texts(encoded)}
        forms = {form for text in texts for form in spellings(text)}
        # Of two that overlap the longer one goes first, or its rest would be left.
        self._forms = sorted(forms, key=len, reverse=True)

    def __call__(self, value: Any) -> Any:
        """A copy of texts, lists and dictionaries without the secrets."""
        if isinstance(value, str):
            for form in self._forms:
                value = value.replace(form, MASK)
            return value
        if isinstance(value, Mapping):
            return {key: self(member) for key, member in value.items()}
        if isinstance(value, (list, tuple)):
            return [self(member) for member in value]
        return value


def spellings(text: str) -> set[str]:
    """A secret as it is, inside of JSON (of JSON), as Python shows it, and inside of any base64 of these, twice too."""
    once = json.dumps(text)[1:-1]
    plain = {text, once, json.dumps(once)[1:-1], json.dumps(text, ensure_ascii=False)[1:-1], repr(text)[1:-1]}
    plain |= {quote(text), quote(text, safe="")}
    coded = set(_codes(plain))
    return {*plain, *coded, *_codes(coded)}


def _codes(texts: Iterable[str]) -> Iterator[str]:
    """Base64 of them, without the characters that depend on what stands before and after."""
    for text in texts:
        raw = text.encode()
        for before in range(3):
            code = base64.b64encode(bytes(before) + raw).decode()
            whole = code[(0, 2, 3)[before] : len(code) - (4 if (before + len(raw)) % 3 else 0)]
            open_end = (before + len(raw)) % 3  # of its group, so many characters are certain
            code = whole + code[len(code) - 4 :][:open_end]
            if len(code) >= SHORTEST_CODE:
                yield code


def _texts(encoded: str) -> Iterator[str]:
    """The secrets in one entry of a Secret: the texts of JSON, else the lines."""
    content = base64.b64decode(encoded).decode(errors="replace")
    try:
        found = list(_leaves(json.loads(content)))
    except ValueError:
        found = [line for line in content.splitlines() if not line.startswith("-----")]
    for text in found:
        yield from (line for line in {text, *text.splitlines()} if len(line.strip()) >= SHORTEST)


def _leaves(value: Any) -> Iterator[str]:
    if isinstance(value, Mapping):
        for member in value.values():
            yield from _leaves(member)
    elif isinstance(value, list):
        for member in value:
            yield from _leaves(member)
    elif isinstance(value, str):
        yield value
