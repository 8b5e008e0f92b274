"""The report: whole, by itself, the same each time."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from collections.abc import Callable
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.stfc.jupyterhub.plugins.module_utils.planning import plots
from ansible_collections.stfc.jupyterhub.plugins.module_utils.planning.page import ReportError, page

from .conftest import service_of

Make = Callable[..., dict[str, Any]]
TEMPLATE = (Path(__file__).parents[3] / "roles/plan/templates/plan.html.j2").read_text()
LECTURE = [{"shape": "lecture", "users": 30, "at": "09:00", "within": "5m"}]


class Tags(HTMLParser):
    """Opens and closes what HTML wants closed."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []

    def handle_starttag(self, tag: str, attrs: Any) -> None:
        if tag not in ("meta", "br"):
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def test_it_is_whole_and_needs_nothing_else(plan: Make) -> None:
    text = page(plan(arrivals=LECTURE, recommend=True, new_group={"name": "a", "users": 3, "memory": "1G"}), TEMPLATE)
    tags = Tags()
    tags.feed(text)
    assert tags.open == []
    assert not re.findall(r"""(?:src|href)=["'](?!#)|url\((?!#)|@import|<script|<link""", text)
    pictures = re.findall(r"<svg.*?</svg>", text, flags=re.DOTALL)
    assert len(pictures) == 3
    for picture in pictures:
        root = ET.fromstring(picture)
        assert root.get("role") == "img"
        assert root.get("aria-label")
    identifiers = re.findall(r'\bid="([^"]+)"', text)
    assert len(identifiers) == len(set(identifiers))


def test_the_same_plan_gives_the_same_page(plan: Make) -> None:
    made = plan(arrivals=LECTURE)
    assert page(made, TEMPLATE) == page(made, TEMPLATE)


def test_names_are_text_and_never_markup(plan: Make) -> None:
    text = page(plan(new_group={"name": "<script>alert(1)</script>", "users": 3, "memory": "1G"}), TEMPLATE)
    assert "<script" not in text
    assert "&lt;script&gt;" in text


def test_what_is_not_known_leaves_a_page_all_the_same(plan: Make) -> None:
    text = page(plan(known={"flavors": {}}), TEMPLATE)
    assert "What could not be worked out" in text
    assert "<svg" not in text


def test_without_the_plotting_library_it_says_what_to_install(plan: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    made = plan(service_of())
    monkeypatch.setattr(plots, "matplotlib", None)
    with pytest.raises(ReportError, match=r"pip install -r requirements\.txt"):
        page(made, TEMPLATE)
