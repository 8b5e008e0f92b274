"""What is written in the files reaches the login and the notebooks as it is written."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.support.hub_client import HubClient, LoginRefusedError
from tests.support.playbooks import deploy

CLAIM = "https://idp.example.org/claims/groups"
"""The rehearsal's provider has the groups there too."""

PROFILE = r"""
  - name: default
    display_name: Default Instance
    cpu: 2000m
    memory: 1.5Gi
    placeholders: 4
    environment:
      MASK: 0022
      VERSION: 1.10
      BEGIN: 12:30
      ANSWER: no
      LETTER: y
      POWER: 1e3
      CONFIG: '{"a": {"b": 1}}'
      PROMPT: '${USER}> $$ $(date)'
      BUCKET: "s3://{username}/{x"
"""
ENVIRONMENT = {
    "MASK": "0022",
    "VERSION": "1.10",
    "BEGIN": "12:30",
    "ANSWER": "no",
    "LETTER": "y",
    "POWER": "1e3",
    "CONFIG": '{"a": {"b": 1}}',
    "PROMPT": "${USER}> $$ $(date)",
}


@pytest.fixture
def edited(state: Path, tmp_path: Path) -> Iterator[Path]:
    """The hub with a file over the others; afterwards as it was."""
    login = yaml.safe_load((state / "overlay.yml").read_text())["hub_auth"]
    file = tmp_path / "edited.yml"
    file.touch(mode=0o600)
    file.write_text(
        f"hub_auth:\n  client_id: |\n    {login['client_id']}\n  client_secret: |\n    {login['client_secret']}\n"
        f"  groups_claim: {CLAIM}\nhub_profiles:{PROFILE}"
    )
    run = deploy("-e", "hub_image_prepull=false", service_overlays=[str(state / "overlay.yml"), str(file)])
    assert run.ok, run.text
    yield file
    run = deploy()
    assert run.ok, run.text


def test_text_arrives_as_it_is_written(
    edited: Path, summary: dict[str, Any], user_of: Callable[[str], str], passwords: dict[str, str]
) -> None:
    allowed, refused = user_of("allowed"), user_of("refused")
    with pytest.raises(LoginRefusedError):
        HubClient(summary["hub"]["url"]).login_oidc(refused, passwords[refused])
    client = HubClient(summary["hub"]["url"])
    client.login_oidc(allowed, passwords[allowed])
    client.spawn("default")
    try:
        client.wait_ready()
        found = json.loads(client.run("import json, os; print(json.dumps(dict(os.environ)))"))
    finally:
        client.stop()
    assert {name: found.get(name) for name in ENVIRONMENT} == ENVIRONMENT
    assert found["BUCKET"] == f"s3://{allowed}/{{x"
    assert found["MEM_LIMIT"] == str(3 << 29)
