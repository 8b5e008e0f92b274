"""Real hubs, with our code or without."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.support.real_hub import RealHub, missing

Start = Callable[..., RealHub]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    """``start(configuration="", ours=True)``: a real hub with its proxy."""
    if gone := missing():
        pytest.skip(gone)
    with ExitStack() as stack:
        yield lambda configuration="", ours=True: stack.enter_context(RealHub(tmp_path / "hub", configuration, ours))
