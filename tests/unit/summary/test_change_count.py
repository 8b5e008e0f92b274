"""The callback that completes a run's summary."""

from __future__ import annotations

import json
import stat
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from ansible_collections.stfc.jupyterhub.plugins.callback.change_count import CallbackModule


def result(**data: Any) -> SimpleNamespace:
    return SimpleNamespace(result=data)


def test_counts_changed_tasks_and_completes_the_file(tmp_path: Path) -> None:
    path = tmp_path / "summary.json"
    path.write_text('{"chart": null}')
    callback = CallbackModule()
    callback.v2_runner_on_ok(result(changed=True))
    callback.v2_runner_on_ok(result(changed=False))
    callback.v2_runner_on_ok(result(changed=True))
    callback.v2_runner_on_ok(result(changed=False, summary_file=str(path)))
    callback.v2_playbook_on_stats(None)
    summary = json.loads(path.read_text())
    assert summary["chart"] is None
    assert summary["changed"] == 2
    assert summary["seconds"] >= 0
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_a_run_without_a_summary_writes_nothing(tmp_path: Path) -> None:
    callback = CallbackModule()
    callback.v2_runner_on_ok(result(changed=True))
    callback.v2_playbook_on_stats(None)
    assert list(tmp_path.iterdir()) == []
