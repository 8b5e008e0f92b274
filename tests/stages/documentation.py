"""The documentation of plugins and roles, and the release of the changelog, made in a copy."""

from __future__ import annotations

import shutil

from . import BIN, BUILD, ROOT, Count, Outcome, environment, one, run
from .collection import copy, site_packages

CONF = ROOT / "tests" / "documentation" / "conf.py"


def pages() -> Outcome:
    """Pages of all plugins and roles in ``build/docs``. A reference to what is not in the collection fails."""
    folder = BUILD / "docs"
    copy(folder, site_packages())
    env = environment() | {"ANSIBLE_COLLECTIONS_PATH": str(folder)}
    env.pop("ANSIBLE_CONFIG")
    tool, rst = str(BIN / "antsibull-docs"), folder / "rst"
    rst.mkdir()
    make = ["collection", "--use-current", "--squash-hierarchy", "--fail-on-error", "--dest-dir", str(rst)]
    strict = ["-W", "--keep-going", "-q", "-c", str(CONF.parent)]
    steps = [
        [tool, *make, "stfc.jupyterhub"],
        [str(BIN / "sphinx-build"), *strict, str(rst), str(folder / "html")],
    ]
    for step in steps:
        status, output = run(step, env)
        if status:
            return Outcome(Count(failed=1), output=f"{' '.join(step)}:\n{output}")
    made = len(list((folder / "html").glob("*.html")))
    return Outcome(Count(passed=1), f"{made} pages in build/docs/html")


def changelog() -> Outcome:
    """A release of the changelog, as it would be made, in a copy."""
    folder = BUILD / "changelog"
    root = copy(folder, site_packages())
    env = environment() | {"ANSIBLE_COLLECTIONS_PATH": str(folder)}
    outcome = one([str(BIN / "antsibull-changelog"), "release", "--date", "2000-01-01"], env=env, cwd=root)
    if outcome.count.passed:
        text = (root / "CHANGELOG.md").read_text().replace("\\", "")
        missing = [name for name in ("# stfc.jupyterhub", "## v", "New Modules") if name.lower() not in text.lower()]
        if missing:
            return Outcome(Count(failed=1), output=f"CHANGELOG.md has no {', '.join(missing)}:\n{text}")
        shutil.copy(root / "CHANGELOG.md", BUILD / "CHANGELOG.md")
        outcome.ran = "build/CHANGELOG.md"
    return outcome
