# Copyright: Contributors to the stfc.jupyterhub collection
# SPDX-License-Identifier: BSD-3-Clause
"""Tells later whether data that hold secrets are the same, without keeping them."""

from __future__ import annotations

import hashlib
import hmac
import json
import secrets
from typing import Any

from .plain import plain


def imprint(data: Any) -> str:
    """A text by which ``data`` (what JSON can hold) are known again; another one each time.

    scrypt with its author's figure for interactive use (RFC 7914): about 50 ms for each guess at a short password.
    """
    salt = secrets.token_hex(16)
    return f"{salt}:{_hash(data, salt)}"


def bears(data: Any, mark: str) -> bool:
    """Whether ``mark`` is an imprint of these data. An empty one is of none."""
    salt, _colon, known = mark.partition(":")
    return bool(known) and hmac.compare_digest(_hash(data, salt), known)


def _hash(data: Any, salt: str) -> str:
    content = json.dumps(plain(data), sort_keys=True).encode()
    return hashlib.scrypt(content, salt=salt.encode(), n=2**14, r=8, p=1, dklen=32).hex()
