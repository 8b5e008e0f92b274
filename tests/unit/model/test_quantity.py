"""Sizes, quantities and durations: exact, and helpful when they are wrong."""

from __future__ import annotations

import itertools
import json
import subprocess
from decimal import Decimal, localcontext
from fractions import Fraction

import pytest
from ansible_collections.stfc.jupyterhub.plugins.module_utils.quantity import (
    KUBERNETES_UNITS,
    KUBESPAWNER_UNITS,
    SECONDS,
    QuantityError,
    duration_to_seconds,
    format_duration,
    format_size,
    kubernetes_to_bytes,
    kubernetes_to_number,
    size_to_bytes,
)
from hypothesis import given
from hypothesis import strategies as st
from kubernetes.utils.quantity import parse_quantity

from rehearsal.setup import python_environments

NUMBERS = st.decimals(min_value=0, max_value=10**9, places=3).map(lambda number: f"{number:f}")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("1.5G", 1610612736),
        ("7.5G", 8053063680),
        ("512M", 536870912),
        ("1T", 1099511627776),
        (".5G", 536870912),
        ("1073741824", 1073741824),
        (1073741824, 1073741824),
        ("0.1G", 107374183),  # 107374182.4, and never less than was asked for
    ],
)
def test_size(text: object, expected: int) -> None:
    assert size_to_bytes(text) == expected


@pytest.mark.parametrize(
    ("text", "hint"),
    [
        ("1.5Gb", "write 1.5G (G is GiB here)"),
        ("1.5GB", "write 1.5G (G is GiB here)"),
        ("1.5gi", "write 1.5G (G is GiB here)"),
        ("512mb", "write 512M (M is MiB here)"),
        ("1.5 G", "write 1.5G"),
        ("1.5 Gi", "write 1.5Gi"),
        ("2", "write 2G or 2M"),
        (2, "write 2G or 2M"),
        ("2X", "the units are K, M, G and T, such as 1.5G"),
        ("1,5G", "write a number and a unit, such as 1.5G"),
        ("-1G", "write a number and a unit, such as 1.5G"),
        ("", "write a number and a unit, such as 1.5G"),
        ("1e9", "write a number and a unit, such as 1.5G"),
        (float("nan"), "write a number and a unit, such as 1.5G"),
        (True, "write a number and a unit, such as 1.5G"),
        (None, "write a number and a unit, such as 1.5G"),
        ("٣G", "write a number and a unit, such as 1.5G"),
        ("9" * 5000 + "G", "write a number and a unit, such as 1.5G"),
    ],
)
def test_wrong_size(text: object, hint: str) -> None:
    with pytest.raises(QuantityError) as raised:
        size_to_bytes(text)
    assert raised.value.hint == hint


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("1.5G", Fraction(1500000000)),
        ("1.5Gi", Fraction(1610612736)),
        ("250m", Fraction(1, 4)),
        ("1e3", Fraction(1000)),
        ("12E2", Fraction(1200)),
        ("1E", Fraction(10**18)),
        ("100k", Fraction(100000)),
        ("-1", Fraction(-1)),
        ("5.", Fraction(5)),
        (0.25, Fraction(1, 4)),
    ],
)
def test_kubernetes(text: object, expected: Fraction) -> None:
    assert kubernetes_to_number(text) == expected


@pytest.mark.parametrize("text", ["", "G", "1K", "1.5 Gi", "1Gb", "1e", "0x10", None, True])
def test_wrong_kubernetes(text: object) -> None:
    with pytest.raises(QuantityError):
        kubernetes_to_number(text)


def test_the_two_notations_differ() -> None:
    assert size_to_bytes("1.5G") == kubernetes_to_bytes("1.5Gi") > kubernetes_to_bytes("1.5G")


def test_bytes_are_not_negative() -> None:
    with pytest.raises(QuantityError):
        kubernetes_to_bytes("-1Gi")


@pytest.mark.parametrize(
    ("text", "expected"),
    [("1d", 86400), ("20m", 1200), ("90s", 90), ("1h30m", 5400), ("1.5h", 5400), ("1w", 604800), (45, 45), ("45", 45)],
)
def test_duration(text: object, expected: int) -> None:
    assert duration_to_seconds(text) == expected


@pytest.mark.parametrize(
    ("text", "hint"),
    [
        ("20 min", "write 20m"),
        ("20M", "write 20m"),
        ("1 day", "write 1d"),
        ("1 hour and 30 minutes", "write 1h30m"),
        ("30m1h", "write each unit once, the longest first, such as 1h30m"),
        ("1h1h", "write each unit once, the longest first, such as 1h30m"),
        ("0.5s", ""),
        ("-1m", "write a number and a unit, such as 90s, 20m, 1h30m or 1d"),
        ("soon", "write a number and a unit, such as 90s, 20m, 1h30m or 1d"),
        (None, "write a number and a unit, such as 90s, 20m, 1h30m or 1d"),
        (1.5, "write a number and a unit, such as 90s, 20m, 1h30m or 1d"),
    ],
)
def test_wrong_duration(text: object, hint: str) -> None:
    with pytest.raises(QuantityError) as raised:
        duration_to_seconds(text)
    assert raised.value.hint == hint


@given(NUMBERS, st.sampled_from("KMGT"))
def test_a_size_is_exact_and_never_too_small(number: str, unit: str) -> None:
    exact = Decimal(number) * KUBESPAWNER_UNITS[unit]
    assert 0 <= size_to_bytes(number + unit) - exact < 1


@given(NUMBERS, st.sampled_from(list(KUBERNETES_UNITS)))
def test_a_quantity_is_exact(number: str, unit: str) -> None:
    assert kubernetes_to_number(number + unit) == Fraction(number) * KUBERNETES_UNITS[unit]


@given(st.integers(min_value=1024**2, max_value=10**16))
def test_a_formatted_size_reads_back(count: int) -> None:
    assert size_to_bytes(format_size(count)) == count


@given(st.integers(min_value=0, max_value=10**9))
def test_a_formatted_duration_reads_back(seconds: int) -> None:
    assert duration_to_seconds(format_duration(seconds)) == seconds


@given(st.lists(st.integers(0, 999), min_size=len(SECONDS), max_size=len(SECONDS)))
def test_a_duration_is_the_sum_of_its_parts(counts: list[int]) -> None:
    parts = list(zip(counts, SECONDS.items(), strict=True))
    text = "".join(f"{count}{unit}" for count, (unit, _factor) in parts)
    assert duration_to_seconds(text) == sum(count * factor for count, (_unit, factor) in parts)


@given(st.one_of(st.text(), st.integers(), st.floats(), st.booleans(), st.none(), st.binary()))
def test_nothing_else_is_raised(value: object) -> None:
    for function in (size_to_bytes, kubernetes_to_bytes, duration_to_seconds):
        try:
            result = function(value)
        except QuantityError:
            continue
        assert result >= 0


# Others' parsers


@given(NUMBERS, st.sampled_from(list(KUBERNETES_UNITS)))
def test_kubernetes_own_client_reads_the_same(number: str, unit: str) -> None:
    with localcontext(prec=60):  # it works in decimals, and 28 digits are too few for exbibytes
        theirs = Fraction(parse_quantity(number + unit))
    assert kubernetes_to_number(number + unit) == theirs


@given(NUMBERS, NUMBERS, st.sampled_from(list(itertools.product("KMGT", repeat=2))))
def test_sizes_are_ordered_as_what_they_stand_for(one: str, other: str, units: tuple[str, str]) -> None:
    exact = [Decimal(number) * KUBESPAWNER_UNITS[unit] for number, unit in zip((one, other), units, strict=True)]
    read = [size_to_bytes(number + unit) for number, unit in zip((one, other), units, strict=True)]
    assert exact[0] > exact[1] or read[0] <= read[1]


def test_kubespawners_own_parser_reads_the_same() -> None:
    """That of the JupyterHub which a rehearsal runs. It rounds down; ours never asks for less."""
    environment = python_environments.find("hub")
    if not environment:
        pytest.skip("there is no JupyterHub to ask: `make rehearse` makes its environment")
    numbers = [f"{whole}{part}" for whole in (1, 2, 7, 63, 512, 1000) for part in ("", ".5", ".25", ".1", ".333")]
    texts = [number + unit for number in numbers for unit in "KMGT"]
    script = (
        "import json, sys; from jupyterhub.traitlets import ByteSpecification as B;"
        "print(json.dumps([int(B().validate(None, text)) for text in json.load(sys.stdin)]))"
    )
    command = [str(environment / "bin" / "python"), "-c", script]
    done = subprocess.run(command, input=json.dumps(texts), capture_output=True, text=True, check=True)
    theirs = json.loads(done.stdout)
    for text, count in zip(texts, theirs, strict=True):
        assert 0 <= size_to_bytes(text) - count <= 1, text
