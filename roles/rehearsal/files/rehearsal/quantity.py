"""Kubernetes quantities (``500m``, ``1Gi``, ``1e3``) as exact numbers.

Source of the suffixes: k8s.io/apimachinery/pkg/api/resource/quantity.go.
"""

from __future__ import annotations

import re
from decimal import ROUND_CEILING, Decimal

_BINARY = {suffix: Decimal(1024) ** power for power, suffix in enumerate(("Ki", "Mi", "Gi", "Ti", "Pi", "Ei"), 1)}
_DECIMAL = {
    "n": Decimal("1e-9"),
    "u": Decimal("1e-6"),
    "m": Decimal("1e-3"),
    "": Decimal(1),
    "k": Decimal("1e3"),
    "M": Decimal("1e6"),
    "G": Decimal("1e9"),
    "T": Decimal("1e12"),
    "P": Decimal("1e15"),
    "E": Decimal("1e18"),
}
_FORM = re.compile(r"([+-]?(?:\d+\.?\d*|\.\d+))(?:[eE]([+-]?\d+)|([A-Za-z]{0,2}))")


def parse(text: str | float) -> Decimal:
    """The number that a quantity stands for: bytes, cores, pieces. ValueError when it is none."""
    match = _FORM.fullmatch(str(text).strip())
    suffixes = _BINARY | _DECIMAL
    if not match or (match[3] or "") not in suffixes:
        raise ValueError(f"{text!r} is not a quantity: write a number with one of {', '.join(filter(None, suffixes))}")
    number = Decimal(match[1])
    return number.scaleb(int(match[2])) if match[2] else number * suffixes[match[3] or ""]


def in_units_of(text: str | float, divisor: str | float = "1") -> int:
    """How often ``divisor`` goes into a quantity, rounded up as the downward API does; divisor 0 means 1."""
    unit = parse(divisor) or Decimal(1)
    return int((parse(text) / unit).to_integral_value(ROUND_CEILING))
