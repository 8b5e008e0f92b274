"""Run everything that CI runs, or the stages named: ``run.py [lint] [unit] [sanity] [publication] [molecule]``.

Each stage prints what it does as it does it. The last line says how many tests passed, failed and were skipped;
a linter counts as one test. The exit status is 1 when anything failed. Standard library only, so that it starts
anywhere; the tools are those of ``.venv``. A stage is a module of ``tests/stages`` with a function ``stage``.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable

from stages import BUILD, Count, lint, molecule, sanity, unit

STAGES: dict[str, Callable[[], Count]] = {
    "lint": lint.stage,
    "unit": unit.stage,
    "sanity": sanity.stage,
    "publication": sanity.publication,
    "molecule": molecule.stage,
}


def main(names: list[str]) -> int:
    """Run the stages named, or all of them."""
    if unknown := [name for name in names if name not in STAGES]:
        print(f"no stage {', '.join(unknown)}; there are {', '.join(STAGES)}", file=sys.stderr)
        return 2
    BUILD.mkdir(exist_ok=True)
    chart = os.environ.get("JUPYTERHUB_CHART")
    total = Count()
    for name in names or STAGES:
        began = time.monotonic()
        print(f"=== {name}", flush=True)
        count = STAGES[name]()
        total += count
        print(f"=== {name}: {count.passed} passed, {count.failed} failed, {count.skipped} skipped", end=" ")
        print(f"in {time.monotonic() - began:.0f} s", flush=True)
    if not chart:
        print("The scenarios ran with the stand-in chart unless the chart's repository could be reached; "
              "JUPYTERHUB_CHART=DIR runs them with a real one.")  # fmt: skip
    print(f"{total.passed} passed, {total.failed} failed, {total.skipped} skipped", flush=True)
    return 1 if total.failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
