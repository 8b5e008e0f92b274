"""What people see in a browser; pictures of each page go to build/screenshots."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from playwright.sync_api import Browser

from tests.browser import walk

ROOT = Path(__file__).resolve().parents[3]
PICTURES = ROOT / "build" / "screenshots"


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    executable = walk.find_chromium()
    if executable is None:
        pytest.skip(f"no browser on this machine: none of {', '.join(walk.CHROMIUMS)} is on PATH")
    with walk.browser(executable) as started:
        yield started


def test_an_allowed_user_goes_from_the_login_page_to_the_output_of_a_cell(
    browser: Browser, summary: dict[str, Any]
) -> None:
    seen = walk.walk_allowed(browser, summary["hub"]["url"], walk.user_with(summary, "allowed"), PICTURES)
    service = yaml.safe_load((ROOT / "vars" / "jupyterhub.yml").read_text())
    profiles = [profile for profile in service["hub_profiles"] if profile.get("enabled", True)]
    assert [(item.slug, item.display_name, item.description) for item in seen.instances] == [
        (profile["name"], profile["display_name"], profile.get("description", "")) for profile in profiles
    ]
    assert seen.output == "42"


def test_somebody_of_no_allowed_group_is_refused_in_words(browser: Browser, summary: dict[str, Any]) -> None:
    said = walk.walk_refused(browser, summary["hub"]["url"], walk.user_with(summary, "refused"), PICTURES)
    assert "not currently authorized to use this hub" in said
