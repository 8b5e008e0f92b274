# Copyright: Contributors to the stfc.jupyterhub collection
# SPDX-License-Identifier: BSD-3-Clause
"""Sizes, quantities and durations as people write them, to integers of bytes and seconds.

Two notations for memory look alike and differ. KubeSpawner (and so the files of a service) counts in powers of 1024:
``1.5G`` is 1.5 GiB. Kubernetes counts in powers of 1000 unless the unit ends in ``i``: ``1.5G`` is 1.5e9 bytes. Of
``1.5Gi`` both, and the files, make the same.
Every function here is exact: numbers are fractions, never floats.

Sources: ``traitlets`` ``ByteSpecification`` as KubeSpawner defines it (``kubespawner/traitlets.py``);
``k8s.io/apimachinery/pkg/api/resource/quantity.go``.
"""

from __future__ import annotations

import re
from fractions import Fraction

KUBESPAWNER_UNITS = {"": 1, "K": 1024, "M": 1024**2, "G": 1024**3, "T": 1024**4}
"""Bytes in each of KubeSpawner's units."""

SIZE_UNITS = KUBESPAWNER_UNITS | {f"{unit}i": factor for unit, factor in KUBESPAWNER_UNITS.items() if unit}
"""Bytes in each unit of a size in the files: Kubernetes' binary ones say the same in more words."""

KUBERNETES_UNITS: dict[str, Fraction] = {
    **{unit: Fraction(1, 1000**power) for power, unit in enumerate(("m", "u", "n"), start=1)},
    **{unit: Fraction(1000**power) for power, unit in enumerate(("", "k", "M", "G", "T", "P", "E"))},
    **{f"{unit}i": Fraction(1024**power) for power, unit in enumerate("KMGTPE", start=1)},
}
"""What each suffix of a Kubernetes quantity multiplies by."""

SECONDS = {"w": 604800, "d": 86400, "h": 3600, "m": 60, "s": 1}
"""Seconds in each unit of a duration, longest first."""

SMALLEST_BARE_SIZE = 1024**2
"""A size without a unit is a number of bytes; below this it is taken for a forgotten unit."""

_NUMBER = r"[0-9]+(?:\.[0-9]+)?|\.[0-9]+"
_WITH_UNIT = re.compile(rf"\s*({_NUMBER})\s*([A-Za-z]*)\s*", re.ASCII)
_EXPONENT = re.compile(rf"([+-]?)({_NUMBER}|[0-9]+\.)(?:([eE][+-]?[0-9]{{1,3}})|([A-Za-z]*))", re.ASCII)
_DURATION = re.compile(r"(?:([0-9]+(?:\.[0-9]+)?)([wdhms]))", re.ASCII)
_UNIT_NAMES = {
    "week": "w", "weeks": "w", "wk": "w",
    "day": "d", "days": "d",
    "hour": "h", "hours": "h", "hr": "h", "hrs": "h",
    "minute": "m", "minutes": "m", "min": "m", "mins": "m",
    "second": "s", "seconds": "s", "sec": "s", "secs": "s",
}  # fmt: skip
_LONGEST = 100
"""Characters of a number that we are ready to read."""


class QuantityError(ValueError):
    """A value that is not what it should be. ``hint`` says what to write instead ("" if there is nothing to say)."""

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(f"{message}; {hint}" if hint else message)
        self.message = message
        self.hint = hint


def size_to_bytes(value: object) -> int:
    """Bytes of a size in KubeSpawner's units or Kubernetes' binary ones: ``1.5G`` and ``1.5Gi`` are 1610612736.

    A number, or digits without a unit, is a number of bytes. Parts of a byte are rounded up.
    Raises QuantityError (a ValueError) with what to write instead.
    """
    if isinstance(value, bool) or not isinstance(value, (int, float, str)):
        raise QuantityError(f"{value!r} is not a size", "write a number and a unit, such as 1.5G")
    text = str(value)
    match = _WITH_UNIT.fullmatch(text) if len(text) <= _LONGEST else None
    if not match:
        raise QuantityError(f"{_short(text)!r} is not a size", "write a number and a unit, such as 1.5G")
    number, unit = match.groups()
    if unit not in SIZE_UNITS or re.search(r"\s", text):
        wanted = _nearest_size_unit(unit)
        if not wanted:
            hint = "the units are K, M, G and T, such as 1.5G"
        else:
            same = unit in (wanted, f"{wanted}i")
            hint = f"write {number}{unit if same else wanted}" + (
                "" if same else f" ({wanted} is {_binary_name(wanted)} here)"
            )
        problem = f"has no unit that we know ({unit})" if unit not in SIZE_UNITS else "has a space in it"
        raise QuantityError(f"{text!r} {problem}", hint)
    result = _round_up(Fraction(number) * SIZE_UNITS[unit])
    if not unit and result < SMALLEST_BARE_SIZE:
        raise QuantityError(f"{text} has no unit, so it would be a number of bytes", f"write {text}G or {text}M")
    return result


def kubernetes_to_number(value: object) -> Fraction:
    """The exact number that a Kubernetes quantity stands for: ``250m`` is 1/4, ``1.5Gi`` is 1610612736.

    Raises QuantityError (a ValueError).
    """
    if isinstance(value, bool) or not isinstance(value, (int, float, str)):
        raise QuantityError(f"{value!r} is not a Kubernetes quantity")
    text = str(value)
    match = _EXPONENT.fullmatch(text) if len(text) <= _LONGEST else None
    if not match:
        raise QuantityError(
            f"{_short(text)!r} is not a Kubernetes quantity", "write a number and a unit, such as 1.5Gi"
        )
    sign, number, exponent, unit = match.groups()
    result = Fraction(number.rstrip(".") or "0")
    if exponent:
        result *= Fraction(10) ** int(exponent[1:])
    elif unit in KUBERNETES_UNITS:
        result *= KUBERNETES_UNITS[unit]
    else:
        known = ", ".join(unit for unit in KUBERNETES_UNITS if unit)
        raise QuantityError(f"{text!r} has a unit that Kubernetes does not know ({unit})", f"the units are {known}")
    return -result if sign == "-" else result


def kubernetes_to_bytes(value: object) -> int:
    """Bytes of a Kubernetes quantity, parts of a byte rounded up, as Kubernetes does. Raises QuantityError."""
    result = kubernetes_to_number(value)
    if result < 0:
        raise QuantityError(f"{value!r} is less than nothing")
    return _round_up(result)


def duration_to_seconds(value: object) -> int:
    """Seconds of a duration: ``1d``, ``20m``, ``90s``, ``1h30m``, ``1.5h``. A whole number is seconds.

    Units go from the longest to the shortest, each at most once. Raises QuantityError (a ValueError).
    """
    usage = "write a number and a unit, such as 90s, 20m, 1h30m or 1d"
    if isinstance(value, bool) or not isinstance(value, (int, float, str)):
        raise QuantityError(f"{value!r} is not a duration", usage)
    text = str(value)
    if len(text) > _LONGEST:
        raise QuantityError(f"{_short(text)!r} is not a duration", usage)
    if re.fullmatch(r"[0-9]+", text, re.ASCII):
        return int(text)
    parts = _DURATION.findall(text)
    if not parts or "".join(number + unit for number, unit in parts) != text:
        guess = _nearest_duration(text)
        hint = f"write {guess}" if guess else clock_hint(text) or usage
        raise QuantityError(f"{text!r} is not a duration", hint)
    units = [unit for _number, unit in parts]
    order = [unit for unit in SECONDS if unit in units]
    if units != order:
        raise QuantityError(f"{text!r} is not a duration", "write each unit once, the longest first, such as 1h30m")
    total = sum((Fraction(number) * SECONDS[unit] for number, unit in parts), Fraction(0))
    if total.denominator != 1:
        raise QuantityError(f"{text!r} is not a whole number of seconds")
    return int(total)


def format_size(count: int) -> str:
    """The shortest exact spelling of ``count`` bytes in KubeSpawner's units: 1610612736 is ``1.5G``."""
    for unit, factor in reversed(KUBESPAWNER_UNITS.items()):
        number = Fraction(count, factor)
        if unit and number >= 1 and (number * 1000).denominator == 1:
            return f"{_decimal(number)}{unit}"
    return str(count)


def format_duration(seconds: int) -> str:
    """``seconds`` in the units of a duration: 5400 is ``1h30m``, 0 is ``0s``."""
    rest, text = seconds, ""
    for unit, factor in SECONDS.items():
        count, rest = divmod(rest, factor)
        text += f"{count}{unit}" if count else ""
    return text or "0s"


def clock_hint(text: str) -> str:
    """What to write for a duration written like a clock: ``8:00`` may be 8h or 8m. "" for anything else."""
    parts = [int(part) for part in text.split(":") if re.fullmatch("[0-9]{1,4}", part, re.ASCII)]
    if len(parts) not in (2, 3) or len(parts) != text.count(":") + 1:
        return ""
    readings = [sum(count * factor for count, factor in zip(parts, (3600, 60, 1), strict=False))]
    if len(parts) == 2:
        readings.append(parts[0] * 60 + parts[1])
    return f"write {', or '.join(format_duration(reading) for reading in dict.fromkeys(readings))}"


def _round_up(number: Fraction) -> int:
    return -(-number.numerator // number.denominator)


def _decimal(number: Fraction) -> str:
    whole, rest = divmod(number.numerator * 1000 // number.denominator, 1000)
    return f"{whole}.{rest:03d}".rstrip("0").rstrip(".")


def _short(text: str) -> str:
    return text if len(text) <= 40 else f"{text[:37]}..."


def _nearest_size_unit(unit: str) -> str:
    """``G`` for Gb, GB, gb, g, Gi, GiB; "" when nothing is meant that we know."""
    letter = unit[:1].upper()
    return letter if letter in "KMGT" and unit[1:].lower() in ("", "b", "i", "ib") else ""


def _binary_name(unit: str) -> str:
    return {"K": "KiB", "M": "MiB", "G": "GiB", "T": "TiB"}[unit]


def _nearest_duration(text: str) -> str:
    """``1h30m`` for "1 hour 30 min", ``20m`` for 20M; "" when it cannot be told."""
    words = re.findall(rf"({_NUMBER})\s*([A-Za-z]+)", text, re.ASCII)
    if "".join(number + unit for number, unit in words) != re.sub(r"[\s,]|and", "", text):
        return ""
    guess = ""
    for number, unit in words:
        lower = unit.lower()
        short = lower if lower in SECONDS else _UNIT_NAMES.get(lower, "")
        if not short:
            return ""
        guess += number + short
    return guess
