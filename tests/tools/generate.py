"""Write what the model of the two files describes, or with ``--check`` say what is out of date.

Argument specifications and defaults of the roles, JSON Schemas for editors, the reference page, and the copies of the
two files that an installed collection has. And two pages: preflight's checks, from the cases that their tests run, and
what the benchmarks measured.
"""

from __future__ import annotations

import argparse
import difflib
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / ".collections"), str(Path(__file__).parent)]

from ansible.utils.collection_loader._collection_finder import _AnsibleCollectionFinder

_AnsibleCollectionFinder(paths=[str(ROOT / ".collections")])._install()

from ansible_collections.stfc.jupyterhub.plugins.module_utils.model import FILES
from ansible_collections.stfc.jupyterhub.plugins.module_utils.model.plan import PLAN
from ansible_collections.stfc.jupyterhub.plugins.module_utils.model.roles import ROLES
from generated import benchmarks, checks, defaults, reference, schema, specification


def files() -> dict[str, str]:
    """What each generated file should hold, by its path from the root."""
    result = {"docs/reference.md": reference.page((*FILES, PLAN)), "docs/preflight.md": checks.page()}
    result["docs/benchmarks.md"] = benchmarks.page(ROOT / "docs" / "benchmarks.json")
    for role in ROLES:
        folder = f"roles/{role.name}"
        stem = role.file.name.removesuffix(".yml")
        result[f"{folder}/meta/argument_specs.yml"] = specification.text(role)
        result[f"{folder}/defaults/main.yml"] = defaults.text(role)
        if role.written:
            continue
        result[f"{folder}/files/{stem}.schema.json"] = schema.text(role.file)
        shipped = (ROOT / "vars" / role.file.name).read_text()
        result[f"{folder}/files/{role.file.name}"] = shipped.replace(f"$schema=../{folder}/files/", "$schema=")
    return result


def main() -> int:
    """Exit status: 1 when a file is out of date and ``--check`` was given."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing; show what would change")
    check = parser.parse_args().check
    stale = 0
    for name, wanted in files().items():
        path = ROOT / name
        found = path.read_text() if path.exists() else ""
        if found == wanted:
            continue
        stale += 1
        if check:
            lines = difflib.unified_diff(
                found.splitlines(), wanted.splitlines(), name, f"{name} (generated)", lineterm=""
            )
            print("\n".join(lines))
        else:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(wanted)
            print(f"wrote {name}")
    if check and stale:
        print(f"\n{stale} generated file{'s are' if stale > 1 else ' is'} out of date. Run: make generate")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
