"""Sphinx on the pages that antsibull-docs writes of this collection's plugins and roles."""

from __future__ import annotations

from typing import Any

project = "stfc.jupyterhub"
extensions = ["sphinx_antsibull_ext"]
html_theme = "alabaster"
html_show_sphinx = False
exclude_patterns: list[str] = []

OF_ANSIBLE = {"action_plugins", "ansible_configuration_settings", "callback_plugins", "common_return_values"}
"""Labels of Ansible's documentation to which antsibull-docs refers."""

OURS = "ansible_collections.stfc.jupyterhub."


def setup(app: Any) -> None:
    """References to others' pages stay text: other collections' and Ansible's own. Ours have to be there."""
    app.connect("missing-reference", elsewhere)


def elsewhere(_app: Any, _env: Any, node: Any, content: Any) -> Any:
    """The text of a reference to a page that is not ours; None, which is an error, for one to a page of ours."""
    target = node.get("reftarget", "")
    others = target.startswith("ansible_collections.") and not target.startswith(OURS)
    return content if others or target in OF_ANSIBLE else None
