# Copyright: Contributors to the stfc.jupyterhub collection
# SPDX-License-Identifier: BSD-3-Clause
"""Names that nobody has. A user's name is a part of addresses."""

from __future__ import annotations

import re
import unicodedata
from urllib.parse import unquote

SEPARATORS = re.compile(r"[/\\]")
_DECODINGS = 5


def is_path_segment(name: str) -> bool:
    """Whether an address would take the name, or a part of it, as a path segment with a meaning of its own.

    Looked at as browsers, proxies and file systems may write it (URL Standard 4.4; NFKC).
    """
    text = name
    for _turn in range(_DECODINGS):
        text = unicodedata.normalize("NFKC", unquote(text))
    return any("." in part and all(_is_nothing(mark) for mark in part) for part in SEPARATORS.split(text))


def _is_nothing(mark: str) -> bool:
    """A dot, or what may be left out beside one: blanks and what is not printed."""
    return mark == "." or mark.isspace() or unicodedata.category(mark).startswith("C")
