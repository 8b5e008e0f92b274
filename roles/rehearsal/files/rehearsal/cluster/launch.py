"""Programs that wait for the API server, or need something done right before they start."""

from __future__ import annotations

import base64
import http.client
import json
import os
import ssl
import tempfile
import time
from typing import Any

from rehearsal.cluster import programs
from rehearsal.cluster.layout import API_ADDRESS, API_PORT, ClusterDir, read_json

PAUSE_SECONDS = 0.2
NODE_PAUSE_SECONDS = 0.5
ANSWER_SECONDS = 5

NAMES = ("kwok", "kube-controller-manager", "kube-proxy")

NODE_LEASES = "/apis/coordination.k8s.io/v1/namespaces/kube-node-lease/leases"


def launch(cluster: ClusterDir, name: str) -> None:
    """Become the program ``name`` (of `NAMES`) once the API server answers; does not return."""
    api = Api(cluster)
    while api.ask("GET", "/readyz") is None:
        time.sleep(PAUSE_SECONDS)
    if name == "kwok":
        # a new KWOK has a new identity: it would leave the nodes alone until the old one's leases have expired
        api.ask("DELETE", NODE_LEASES)
        line = programs.kwok(cluster)
    elif name == "kube-controller-manager":
        line = programs.controller_manager(cluster)  # it ends when it finds no API server
    else:
        line = programs.kube_proxy(cluster, _first_node(api))
    os.execv(line[0], line)  # noqa: S606


class Api:
    """The API server, over one connection.

    A program for each question would take from it the processor that it starts on.
    """

    def __init__(self, cluster: ClusterDir) -> None:
        config = read_json(cluster.kubeconfig("launcher"))
        authority, user = config["clusters"][0]["cluster"], config["users"][0]["user"]
        context = ssl.create_default_context(cadata=_text(authority["certificate-authority-data"]))
        with tempfile.NamedTemporaryFile("w", dir=cluster.path, suffix=".pem") as file:  # ssl takes files only
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


def _first_node(api: Api) -> str:
    """The oldest node that has an address: kube-proxy waits for the one whose part it takes."""
    while True:
        answer = api.ask("GET", "/api/v1/nodes")
        nodes = json.loads(answer)["items"] if answer else []
        if name := oldest_with_address(nodes):
            return name
        time.sleep(NODE_PAUSE_SECONDS)


def oldest_with_address(nodes: list[dict[str, Any]]) -> str:
    """Name of the oldest Node that has an internal address; empty while none has."""
    for node in sorted(nodes, key=lambda node: str(node["metadata"]["creationTimestamp"])):
        addresses = (node.get("status") or {}).get("addresses") or []
        if any(address["type"] == "InternalIP" for address in addresses):
            return str(node["metadata"]["name"])
    return ""


def _text(data: str) -> str:
    return base64.b64decode(data).decode()
