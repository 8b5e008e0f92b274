"""Waiting for the API server and the first node, for programs that can do nothing before.

What they load takes from the API server, and from the cloud, the processor that makes the first node: so they wait
before they load it, and this module loads little.
"""

from __future__ import annotations

import base64
import http.client
import json
import ssl
import tempfile
import time
from pathlib import Path
from typing import Any

from rehearsal.cluster.desired import BUSY
from rehearsal.cluster.layout import API_ADDRESS, API_PORT, STATUS, read_json

PAUSE_SECONDS = 0.2
NODE_PAUSE_SECONDS = 0.5
ANSWER_SECONDS = 5
MAKING_SECONDS = 5.0
"""How long the first nodes of a new cluster may keep others waiting, once one of them is Ready."""


class ApiServer:
    """The API server, over one connection. A program for each question would cost more than the answer."""

    def __init__(self, kubeconfig: Path) -> None:
        config = read_json(kubeconfig)
        authority, user = config["clusters"][0]["cluster"], config["users"][0]["user"]
        context = ssl.create_default_context(cadata=_text(authority["certificate-authority-data"]))
        with tempfile.NamedTemporaryFile("w", dir=kubeconfig.parent, suffix=".pem") as file:  # ssl takes files only
            # Magnum's certificates do not end with a line.
            file.write(f"{_text(user['client-certificate-data'])}\n{_text(user['client-key-data'])}")
            file.flush()
            context.load_cert_chain(file.name)
        self._connection = http.client.HTTPSConnection(API_ADDRESS, API_PORT, context=context, timeout=ANSWER_SECONDS)

    def ask(self, method: str, path: str) -> bytes | None:
        """What it answers; None while it does not, or refuses."""
        try:
            self._connection.request(method, path)
            answer = self._connection.getresponse()
            body = answer.read()
        except (OSError, http.client.HTTPException):
            self._connection.close()  # the next question opens it again
            return None
        return body if answer.status == http.HTTPStatus.OK else None

    def wait_ready(self) -> None:
        """Wait until it is ready."""
        while self.ask("GET", "/readyz") is None:
            time.sleep(PAUSE_SECONDS)

    def wait_for_node(self) -> str:
        """Wait for a node that is Ready; the name of the oldest one."""
        while True:
            answer = self.ask("GET", "/api/v1/nodes")
            if name := oldest_ready(json.loads(answer)["items"] if answer else []):
                return name
            time.sleep(NODE_PAUSE_SECONDS)


def wait_until_made(cluster: Path, longest: float = MAKING_SECONDS) -> None:
    """Wait while the controller of this folder's cluster still makes its first nodes, no longer than that."""
    deadline = time.monotonic() + longest
    while time.monotonic() < deadline:
        status = read_json(cluster / STATUS, {})
        if status.get("generation") != 1 or status.get("phase") != BUSY:
            return
        time.sleep(PAUSE_SECONDS)


def oldest_ready(nodes: list[dict[str, Any]]) -> str:
    """Name of the oldest Node that is Ready; empty while none is."""
    for node in sorted(nodes, key=lambda node: str(node["metadata"]["creationTimestamp"])):
        conditions = (node.get("status") or {}).get("conditions") or []
        if any(item["type"] == "Ready" and item["status"] == "True" for item in conditions):
            return str(node["metadata"]["name"])
    return ""


def _text(data: str) -> str:
    return base64.b64decode(data).decode()
