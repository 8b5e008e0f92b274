"""Linters; each counts as one test."""

from __future__ import annotations

from . import BIN, Count, one, together

PYTHON_TREES = ["plugins", "roles/rehearsal/files/rehearsal", "tests", "molecule"]

LINTERS = {
    "ansible-lint": ["ansible-lint", "--strict", "--offline"],
    "mypy (collection)": ["mypy", "-p", "ansible_collections.stfc.jupyterhub.plugins"],
    "mypy (rehearsal)": ["mypy", "-p", "rehearsal"],
    "generated files are current": ["python", "tests/tools/generate.py", "--check"],
    "yamllint": ["yamllint", "--strict", "."],
    "ruff check": ["ruff", "check", *PYTHON_TREES],
    "ruff format": ["ruff", "format", "--check", "--quiet", *PYTHON_TREES],
    "changelog fragments": ["antsibull-changelog", "lint"],
}


def stage() -> Count:
    """Every linter."""
    return together({name: lambda c=command: one([str(BIN / c[0]), *c[1:]]) for name, command in LINTERS.items()})  # type: ignore[misc]
