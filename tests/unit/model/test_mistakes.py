"""The commonest mistakes, one at a time: what the report says of each, and of nothing else."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.support.service_files import Files

FIXTURES = Path(__file__).parents[2] / "fixtures" / "model"
MISTAKES: list[dict[str, Any]] = yaml.safe_load((FIXTURES / "mistakes.yml").read_text())


def test_the_files_that_the_mistakes_are_made_in_are_right(files: Files) -> None:
    assert files.problems() == []


@pytest.mark.parametrize("mistake", MISTAKES, ids=lambda mistake: mistake["mistake"])
def test_mistake(files: Files, mistake: dict[str, Any]) -> None:
    for change in (mistake, *([mistake["also"]] if "also" in mistake else [])):
        files.change(change["replace"], change["by"])
    (problem,) = [problem for problem in files.problems() if problem.severity == mistake["severity"]]
    assert (problem.key, problem.message) == (mistake["key"], mistake["message"])
    assert problem.hint == mistake.get("hint", problem.hint) != ""
    if mistake["severity"] == "warning":
        files.load()  # raises nothing
