"""Tests of the scenarios that are slow and rarely break."""

from __future__ import annotations

import os

import pytest

only_long = pytest.mark.skipif(
    os.environ.get("TEST_LONG") != "1", reason="slow, and rarely broken: `make test-long` runs it"
)
