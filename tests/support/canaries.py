"""Texts that stand for secrets, and where they are found again, however they were written down."""

from __future__ import annotations

import base64
import json
import secrets
from collections.abc import Iterator, Mapping
from urllib.parse import quote


def canary() -> str:
    """A random text with what has to be escaped somewhere."""
    return f"{secrets.token_hex(12)}\"'\\é{{}}<&{secrets.token_hex(12)}"


def private_key() -> str:
    """Looks like one, and opens nothing."""
    lines = [base64.b64encode(secrets.token_bytes(48)).decode() for _line in range(3)]
    return "\n".join(["-----BEGIN PRIVATE KEY-----", *lines, "-----END PRIVATE KEY-----", ""])


def found_in(text: str, canaries: Mapping[str, str]) -> list[str]:
    """Names of the canaries that ``text`` has: as they are, escaped, or inside of base64, twice too."""
    return [
        name for name, secret in canaries.items() if any(form in text for line in lines(secret) for form in forms(line))
    ]


def lines(secret: str) -> list[str]:
    """What of a secret is looked for: of a key each line that is no other key's."""
    return [line for line in secret.splitlines() if len(line) > 30 or line == secret]


def forms(secret: str) -> set[str]:
    """How a secret may be written."""
    once = json.dumps(secret)[1:-1]
    plain = {secret, once, json.dumps(once)[1:-1], json.dumps(secret, ensure_ascii=False)[1:-1], repr(secret)[1:-1]}
    plain |= {quote(secret), quote(secret, safe="")}
    once_coded = set(coded(*plain))
    return {*plain, *once_coded, *coded(*once_coded)}


def coded(*texts: str) -> Iterator[str]:
    """Middles of base64 that are the same whatever stands before and after."""
    for text in texts:
        for before in range(3):
            code = base64.b64encode(b"." * before + text.encode() + b"...").decode().rstrip("=")
            yield code[4 if before else 0 : 4 * ((before + len(text.encode())) // 3)]
