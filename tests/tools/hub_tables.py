"""Write the tables of names that preflight compares ``hub_values`` with, for the release of the chart that we pin.

Values of the chart, from the schema in the directory that JUPYTERHUB_CHART names; options of the hub, from the packages
of the rehearsal's hub (``make rehearse`` makes its environment). Run it when one of the two gets another version:
``JUPYTERHUB_CHART=DIR python tests/tools/hub_tables.py``. Tests compare the tables with both.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import yaml

ROOT = Path(__file__).resolve().parents[2]
TABLES = ROOT / "plugins" / "module_utils" / "model"

HEADER = '''\
# Copyright: Contributors to the stfc.jupyterhub collection
# SPDX-License-Identifier: BSD-3-Clause
"""{title}.

Written by tests/tools/hub_tables.py.
"""

from __future__ import annotations

'''

OPTIONS = """
import importlib, pkgutil
from traitlets.config import Configurable

PACKAGES = (
    "jupyterhub", "kubespawner", "oauthenticator", "nativeauthenticator", "ldapauthenticator",
    "firstuseauthenticator", "hmacauthenticator", "ltiauthenticator", "tmpauthenticator",
)
for name in PACKAGES:
    for found in pkgutil.walk_packages(importlib.import_module(name).__path__, name + "."):
        if not any(part in found.name for part in (".tests", ".alembic", ".singleuser", "__main__", ".mediawiki")):
            importlib.import_module(found.name)

def below(kind):
    for each in kind.__subclasses__():
        yield each
        yield from below(each)

kinds = {kind.__name__: kind for kind in below(Configurable) if kind.__module__.split(".")[0] in PACKAGES}
for name in sorted(kinds):
    kind = kinds[name]
    bases = [base.__name__ for base in kind.__mro__[1:] if kinds.get(base.__name__) is base]
    inherited = {trait for base in bases for trait in kinds[base].class_traits(config=True)}
    own = sorted(set(kind.class_traits(config=True)) - inherited)
    # A base of a base says nothing new.
    bases = [b for b in bases if not any(b != o and issubclass(kinds[o], kinds[b]) for o in bases)]
    print(f"{name}({' '.join(bases)}) {' '.join(own)}".rstrip())
"""


def options(python: Path) -> str:
    """Classes of the hub's packages with their bases and the options that each adds, a line each."""
    done = subprocess.run([python, "-c", OPTIONS], capture_output=True, text=True, check=True)
    return done.stdout.strip()


def values(chart: Path) -> str:
    """The chart's values, a line each."""
    from ansible_collections.stfc.jupyterhub.plugins.module_utils.model import chart_schema

    return chart_schema.table(chart_schema.of_schema(yaml.safe_load((chart / "values.schema.yaml").read_text())))


def main() -> None:
    sys.path[:0] = [str(ROOT / ".collections"), str(ROOT / "roles" / "rehearsal" / "files")]
    from ansible.utils.collection_loader._collection_finder import _AnsibleCollectionFinder

    from rehearsal.setup import environments

    _AnsibleCollectionFinder(paths=[str(ROOT / ".collections")])._install()
    environment = environments.find("hub")
    if environment is None:
        sys.exit("the hub's environment is not here: `make rehearse` makes it")
    title = "What may be written below ``hub.config``: classes, their bases, the options that each adds"
    text = f'OPTIONS = """\\\n{_wrapped(options(environment / "bin" / "python"))}\n"""\n'
    (TABLES / "hub_options.py").write_text(HEADER.format(title=title) + text)
    title = "Values of the chart that we pin, and their types (see chart_schema.py)"
    text = f'CHART = "{_pinned()}"\n\nVALUES = """\\\n{values(Path(os.environ["JUPYTERHUB_CHART"]))}\n"""\n'
    (TABLES / "chart_values.py").write_text(HEADER.format(title=title) + text)


def _wrapped(text: str, width: int = 110) -> str:
    """Lines broken between names, the rest indented."""
    lines = []
    for line in text.split("\n"):
        for word in line.split(" "):
            if lines and not word.endswith(")") and "(" not in word and len(lines[-1]) + len(word) < width:
                lines[-1] += f" {word}"
            else:
                lines.append(word if "(" in word else f"  {word}")
    return "\n".join(lines)


def _pinned() -> str:
    from ansible_collections.stfc.jupyterhub.plugins.module_utils.model import JUPYTERHUB

    return str(next(key.default for key in JUPYTERHUB.keys if key.name == "hub_chart_version"))


if __name__ == "__main__":
    main()
