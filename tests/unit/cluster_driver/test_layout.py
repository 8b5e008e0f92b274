"""The clusters' folders."""

from __future__ import annotations

import os
from pathlib import Path

from rehearsal.cluster import layout
from rehearsal.cluster.desired import READY, Status
from rehearsal.cluster.layout import ClusterDir
from rehearsal.settings import Settings


def test_every_new_report_is_another_answer(tmp_path: Path) -> None:
    settings = Settings.load(tmp_path)
    assert layout.reports(settings) == {}
    one, two = ClusterDir(settings, "one"), ClusterDir(settings, "two")
    answers = [layout.reports(settings)]
    for cluster, phase in ((one, "busy"), (two, "busy"), (one, READY)):
        cluster.make()
        Status(phase=phase).save(cluster)
        os.utime(cluster.status, ns=(len(answers), len(answers)))  # a clock's step may be longer than this loop's
        answers.append(layout.reports(settings))
    assert answers[1:] == [{one.status: 1}, {one.status: 1, two.status: 2}, {one.status: 3, two.status: 2}]
