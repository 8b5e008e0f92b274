"""A release that does not work is told with its reason and taken back; the corrected one works."""

from __future__ import annotations

import base64
import gzip
import json
import time
from pathlib import Path
from typing import Any

import kubernetes
import yaml

from tests.support.canaries import found_in
from tests.support.hub_client import HubClient
from tests.support.playbooks import Run, deploy

MISTAKE = "the operator's mistake"


def overlaid(state: Path, folder: Path, *arguments: str, **keys: Any) -> Run:
    """Deploy with a file over the others, as an operator would edit them."""
    file = folder / "edited.yml"
    file.write_text(yaml.safe_dump(keys))
    return deploy(*arguments, service_overlays=[str(state / "overlay.yml"), str(file)])


def with_configuration(text: str) -> dict[str, Any]:
    """Keys that give the hub some configuration of its own."""
    return {"hub_timeout": "1m", "hub_values": {"hub": {"extraConfig": {"90-site": text}}}}


def revisions(core: kubernetes.client.CoreV1Api, namespace: str) -> list[kubernetes.client.V1Secret]:
    """Helm's records of the release, oldest first."""
    found = core.list_namespaced_secret(namespace, label_selector="owner=helm,name=jupyterhub").items
    return sorted(found, key=lambda secret: int(secret.metadata.labels["version"]))


def interrupted(last: kubernetes.client.V1Secret, number: int) -> kubernetes.client.V1Secret:
    """The record of a Helm that was killed an hour ago in an upgrade to revision ``number``."""
    content = json.loads(gzip.decompress(base64.b64decode(base64.b64decode(last.data["release"]))))
    content["version"] = number
    content["info"]["status"] = "pending-upgrade"
    release = base64.b64encode(gzip.compress(json.dumps(content).encode()))
    changes = {"version": str(number), "status": "pending-upgrade", "modifiedAt": str(int(time.time()) - 3600)}
    return kubernetes.client.V1Secret(
        metadata=kubernetes.client.V1ObjectMeta(
            name=f"sh.helm.release.v1.jupyterhub.v{number}", labels={**last.metadata.labels, **changes}
        ),
        type=last.type,
        data={"release": base64.b64encode(release).decode()},
    )


def test_a_hub_that_crashes_is_told_with_its_log_and_taken_back(
    state: Path, tmp_path: Path, hub: HubClient, core: kubernetes.client.CoreV1Api, summary: dict[str, Any]
) -> None:
    # The hub tells its client secret as it crashes: its log is shown without.
    told = f'raise RuntimeError("{MISTAKE}", c.GenericOAuthenticator.client_secret, "as told")'
    run = overlaid(state, tmp_path, "-vvv", **with_configuration(told))
    assert not run.ok
    secret = yaml.safe_load((state / "overlay.yml").read_text())["hub_auth"]["client_secret"]
    assert found_in(run.text, {"client_secret": secret}) == []
    assert "is not ready after 60 s" in run.text or "will not become ready by itself" in run.text, run.text
    shown = f"""("{MISTAKE}", '********', 'as told')"""
    for words in ("hub-", "event  ", "log    ", f"RuntimeError: {shown}", "It was rolled back", "Correct the file"):
        assert words in run.text, f"{words!r} is not in:\n{run.text}"
    assert hub.get("/hub/login").status_code == 200

    corrected = deploy()
    assert corrected.ok, corrected.text
    assert corrected.changed == 0, corrected.text
    assert revisions(core, summary["hub"]["namespace"])[-1].metadata.labels["status"] == "deployed"


def test_an_upgrade_that_was_interrupted_is_healed(core: kubernetes.client.CoreV1Api, summary: dict[str, Any]) -> None:
    namespace = summary["hub"]["namespace"]
    last = revisions(core, namespace)[-1]
    number = int(last.metadata.labels["version"]) + 1
    core.create_namespaced_secret(namespace, interrupted(last, number))
    run = deploy()
    assert run.ok, run.text
    assert f"revision {number} was left pending-upgrade" in run.text, run.text
    assert revisions(core, namespace)[-1].metadata.labels["status"] == "deployed"
    again = deploy()
    assert again.ok, again.text
    assert again.changed == 0, again.text
