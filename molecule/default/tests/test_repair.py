"""What was changed by hand is put right by the next run, and nothing else is touched."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import kubernetes

from tests.support.playbooks import deploy


def test_a_hub_scaled_to_nothing_by_hand_comes_back(
    kube: kubernetes.client.ApiClient, state: Path, summary: dict[str, Any]
) -> None:
    namespace = summary["hub"]["namespace"]
    apps = kubernetes.client.AppsV1Api(kube)
    apps.patch_namespaced_deployment_scale("hub", namespace, {"spec": {"replicas": 0}})
    run = deploy()
    assert run.ok, run.text
    assert run.changed > 0
    hub = apps.read_namespaced_deployment("hub", namespace)
    assert hub.spec.replicas == 1
    assert hub.status.ready_replicas == 1
    again = deploy()
    assert again.ok, again.text
    assert again.changed == 0, again.text
