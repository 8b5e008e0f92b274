"""Sphinx on the pages that antsibull-docs writes of this collection's plugins and roles."""

from __future__ import annotations

from typing import Any

project = "stfc.jupyterhub"
extensions = ["sphinx_antsibull_ext"]
html_theme = "alabaster"
html_show_sphinx = False
exclude_patterns: list[str] = []

OURS = "ansible_collections.stfc.jupyterhub."


def setup(app: Any) -> None:
    """References to other collections stay text: their pages are elsewhere. Ours have to be there."""
    app.connect("missing-reference", elsewhere)


def elsewhere(_app: Any, _env: Any, node: Any, content: Any) -> Any:
    """The text of a reference to another collection's page; None, which is an error, for one to a page of ours."""
    target = node.get("reftarget", "")
    return content if target.startswith("ansible_collections.") and not target.startswith(OURS) else None
