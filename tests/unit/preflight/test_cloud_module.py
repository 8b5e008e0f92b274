"""What the preflight asks of a cloud."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from ansible_collections.stfc.jupyterhub.plugins.module_utils.magnum.client import Magnum
from ansible_collections.stfc.jupyterhub.plugins.module_utils.preflight.cloud_module import CoePreflight
from ansible_collections.stfc.jupyterhub.plugins.module_utils.preflight.reading import together

Json = dict[str, Any]

MAGNUM = "container-infrastructure-management"
LIVE = {"uuid": "u", "name": "hub", "cluster_template_id": "t"}


class Answer:
    """What a requests.Response has of an answer."""

    text = content = "{}"

    def __init__(self, status: int, body: Json) -> None:
        self.status_code, self.body = status, body
        self.headers = {"OpenStack-API-Maximum-Version": "container-infra 1.11"}

    def json(self) -> Json:
        return self.body


class Cloud:
    """A cloud of Magnum alone; what was asked of it."""

    def __init__(self, status: int = 200) -> None:
        self.status = status
        self.asked: list[str] = []

    def request(self, path: str, _method: str, **_any: Any) -> Answer:
        return self.get(path)

    def get(self, path: str) -> Answer:
        self.asked.append(path)
        if path.startswith("/clusters"):
            return Answer(self.status, {"clusters": [{"uuid": "v", "name": "other", "stack_id": "kube-ab12c"}]})
        return Answer(200, {"clustertemplates": [], "nodegroups": [], "hard_limit": 3})

    def read(self, live: Json | None) -> tuple[Json, set[str]]:
        """What was read, and which of that which is needed was not."""
        made: Any = object.__new__(CoePreflight)
        made.magnum = Magnum(self, sleep=lambda _seconds: None)
        made.conn = SimpleNamespace(current_project_id="p", container_infrastructure_management=self)
        needed, parts = made._parts({}, live, frozenset({MAGNUM}))
        read, failures = together({**needed, **parts})
        return read, {part for part in failures if part in needed}


@pytest.mark.parametrize("live", [None, LIVE])
def test_clusters_are_listed_once(live: Json | None) -> None:
    cloud = Cloud()
    read, _failed = cloud.read(live)
    assert len(read["clusters"]) == 1
    assert len([path for path in cloud.asked if path in ("/clusters", "/clusters/detail")]) == 1


def test_a_list_of_clusters_that_cannot_be_read_fails_nothing() -> None:
    """It counts for a quota, and for a guess."""
    with_all, failed_with_all = Cloud().read(None)
    without, failed = Cloud(503).read(None)
    assert failed == failed_with_all
    assert set(with_all) - set(without) == {"clusters"}
