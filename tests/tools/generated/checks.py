"""``docs/preflight.md``: every check with the message that it gives, from the fixtures that the tests run."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

FIXTURES = Path(__file__).resolve().parents[2] / "fixtures"

LAYERS = (
    ("Files", "model/mistakes.yml", "Read and checked on the machine that runs the playbook; nothing else is needed."),
    ("Cloud", "preflight/cloud.yml", "Asked with the credentials of `openstack_cloud`, all at once."),
    ("Cluster", "preflight/cluster.yml", "Asked with the kubeconfig of the cluster, once there is one."),
)
"""Title, cases that the tests run, what is needed."""

OPENING = """\
# What preflight checks

<!-- Written by `make generate` from the cases in tests/fixtures. Change them there. -->

`ansible-playbook playbooks/preflight.yml` looks for everything that would stop a deployment, and changes nothing.
`deploy.yml` begins with it. Below is what each check says of one case, as the tests see it; names, sizes and numbers
are that case's.

An **error** stops the run, a **warning** does not; `-e preflight_fail_on=warning` (or `never`) says otherwise.
`-e preflight_report=FILE` writes the report as JSON, too. What cannot be asked is told as skipped, with the reason.
Without the cloud the report is not complete, and the run fails; `-e preflight_without_cloud=true` is for who only wants
the files checked.
"""


def page() -> str:
    """The whole page."""
    parts = [OPENING]
    for title, file, needs in LAYERS:
        path = FIXTURES / file
        if path.exists():
            parts += [f"## {title}\n", f"{needs}\n", _table(yaml.safe_load(path.read_text()))]
    return "\n".join(parts)


def _table(cases: Sequence[Mapping[str, Any]]) -> str:
    rows = ["| case | key | what is said | what to write or do |", "|---|---|---|---|"]
    for case in cases:
        name = case.get("mistake") or case["check"]
        severity = "" if case["severity"] == "error" else " (warning)"
        rows.append(f"| {_cells((f'{name}{severity}', _code(case['key']), case['message'], case.get('hint') or ''))} |")
    return "\n".join(rows) + "\n"


def _cells(texts: Iterable[str]) -> str:
    return " | ".join(" ".join(text.split()).replace("|", "\\|").replace("<", "&lt;") for text in texts)


def _code(text: str) -> str:
    return f"`{text}`" if text else ""
