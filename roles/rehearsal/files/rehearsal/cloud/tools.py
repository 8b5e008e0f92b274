"""Run a service's own command-line tool inside this process, which has its libraries loaded already."""

from __future__ import annotations

import importlib
import sys


def main(module: str, *argv: str) -> None:
    """Call ``main()`` of ``module`` as the command ``argv`` (its name first).

    Raises ``RuntimeError`` when the tool ends with a status other than 0.
    """
    before, sys.argv = sys.argv, list(argv)
    try:
        status = importlib.import_module(module).main()
    except SystemExit as end:
        status = end.code
    finally:
        sys.argv = before
    if status not in (0, None):
        raise RuntimeError(f"{' '.join(argv)} ended with status {status}")
