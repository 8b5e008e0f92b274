"""The product's values for its golden services; the text of our files in the hub is not repeated in each."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).resolve().parents[2]
GOLDEN = sorted((ROOT / "tests" / "unit" / "hub" / "golden").glob("*.yaml"))
IN_HUB = ROOT / "plugins" / "module_utils" / "in_hub"


def shortened(values: dict[str, Any]) -> dict[str, Any]:
    """Values with a file's name instead of its text."""
    result = copy.deepcopy(values)
    for file in result["hub"]["extraFiles"].values():
        name = file["mountPath"].rpartition("/")[2]
        assert file["stringData"] == (IN_HUB / name).read_text()
        file["stringData"] = name
    return result


def values(path: Path) -> dict[str, Any]:
    """The values of a golden file, texts filled in again."""
    result: dict[str, Any] = yaml.safe_load(path.read_text())["values"]
    for file in result["hub"]["extraFiles"].values():
        file["stringData"] = (IN_HUB / file["stringData"]).read_text()
    return result
