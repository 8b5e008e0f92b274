"""Writes when each play began and the run ended, one JSON list ``[[name, seconds since the epoch], ...]``."""

from __future__ import annotations

DOCUMENTATION = r"""
name: phases
type: aggregate
short_description: Note when plays begin
description: For benchmarks. The file is the one that E(PHASES_FILE) names.
requirements:
  - enabled in configuration
"""

import json
import os
import time
from pathlib import Path
from typing import Any

from ansible.plugins.callback import CallbackBase


class CallbackModule(CallbackBase):
    """Notes plays."""

    CALLBACK_VERSION = 2.0
    CALLBACK_TYPE = "aggregate"
    CALLBACK_NAME = "phases"
    CALLBACK_NEEDS_ENABLED = True

    def __init__(self) -> None:
        super().__init__()
        self._plays: list[tuple[str, float]] = []

    def v2_playbook_on_play_start(self, play: Any) -> None:
        self._plays.append((play.get_name(), time.time()))

    def v2_playbook_on_stats(self, stats: Any) -> None:
        Path(os.environ["PHASES_FILE"]).write_text(json.dumps([*self._plays, ("", time.time())]))
