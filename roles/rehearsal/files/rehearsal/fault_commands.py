"""``python -m rehearsal --state DIR faults add|list|clear``: faults of the cloud's services, at will."""

from __future__ import annotations

import argparse
import dataclasses
from pathlib import Path
from typing import Any

from rehearsal.cloud import faults


def describe(parser: argparse.ArgumentParser) -> None:
    """Add the sub-commands and their options."""
    actions = parser.add_subparsers(dest="action", required=True)
    add = actions.add_parser("add", help="Add a fault; it is in force at once.")
    add.add_argument("service", help="keystone, glance, nova, placement, neutron, octavia or magnum")
    add.add_argument("--method", default="", help="HTTP method; any when left out")
    add.add_argument("--path", default="", help="regular expression, searched in path and query: ^/v1/clusters$")
    add.add_argument("--after", type=int, default=0, help="requests that pass first")
    add.add_argument("--times", type=int, default=1, help="requests that are hit then; 0: all")
    add.add_argument("--delay", type=float, default=0.0, help="seconds that a request is held back first")
    add.add_argument("--late", action="store_true", help="strike once the service has done what was asked")
    add.add_argument("--status", type=int, help="answer this error")
    add.add_argument("--message", default="", help="the error's text; one that begins with < is the whole answer")
    add.add_argument("--reset", action="store_true", help="reset the connection")
    add.add_argument("--expire", action="store_true", help="refuse the request's token from then on")
    add.add_argument("--kill", default="", metavar="SERVICE", help="kill this service's process")
    add.add_argument("--cap", default="", metavar="VERSION", help="Magnum offers and takes no newer microversion")
    actions.add_parser("list", help="What is in force, and how many requests it has hit.")
    clear = actions.add_parser("clear", help="Take faults back.")
    clear.add_argument("id", nargs="*", help="identifiers; all when left out")


def run(state: Path, options: argparse.Namespace) -> dict[str, Any]:
    """Do it. Raises ValueError for what cannot be."""
    if options.action == "add":
        names = [field.name for field in dataclasses.fields(faults.Fault)]
        rule = faults.add(state, faults.Fault(**{name: getattr(options, name) for name in names}))
        return {"changed": True, "id": rule.id}
    if options.action == "clear":
        cleared = faults.clear(state, *options.id)
        return {"changed": cleared > 0, "cleared": cleared}
    return {"changed": False, "faults": faults.listed(state)}
