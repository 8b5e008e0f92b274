"""What stands for the image ``k8s-secret-sync``: keeps a file of a pod in a Secret, as the chart's own program does.

``load SECRET KEY PATH`` writes the Secret's key, if there is one, to the file (mode 0600). ``watch-save`` puts the file
into the Secret whenever it differs, every 30 s, once there is a certificate in it; before that an account is not kept.
Standard library only.
"""

from __future__ import annotations

import argparse
import base64
import json
import os
import ssl
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

ACCOUNT = Path("/var/run/secrets/kubernetes.io/serviceaccount")
EVERY = 30.0


class Secret:
    """One Secret of the pod's namespace."""

    def __init__(self, name: str) -> None:
        namespace = (ACCOUNT / "namespace").read_text().strip()
        host, port = os.environ["KUBERNETES_SERVICE_HOST"], os.environ["KUBERNETES_SERVICE_PORT"]
        self.name = name
        self._all = f"https://{host}:{port}/api/v1/namespaces/{namespace}/secrets"
        context = ssl.create_default_context(cafile=str(ACCOUNT / "ca.crt"))
        # The API server is inside the cluster: never ask it through a proxy of the environment.
        self._opener = urllib.request.build_opener(
            urllib.request.ProxyHandler({}), urllib.request.HTTPSHandler(context=context)
        )

    def read(self) -> dict[str, str] | None:
        """Its data, base64 by key; None when it is not there."""
        try:
            return self._do("GET", f"{self._all}/{self.name}").get("data") or {}
        except urllib.error.HTTPError as error:
            if error.code != 404:
                raise
            return None

    def write(self, key: str, value: str, labels: dict[str, str]) -> None:
        known = self.read()
        if known is None:
            metadata = {"name": self.name, "labels": labels}
            self._do("POST", self._all, {"metadata": metadata, "data": {key: value}})
        elif known.get(key) != value:
            self._do("PATCH", f"{self._all}/{self.name}", {"data": {key: value}})
        else:
            return
        print(f"Updated secret {self.name} with new value for key {key}", flush=True)

    def _do(self, method: str, url: str, body: Any = None) -> dict[str, Any]:
        kind = "application/merge-patch+json" if method == "PATCH" else "application/json"
        token = (ACCOUNT / "token").read_text().strip()
        headers = {"Authorization": f"Bearer {token}", "Content-Type": kind}
        data = None if body is None else json.dumps(body).encode()
        with self._opener.open(urllib.request.Request(url, data, headers, method=method), timeout=30) as answer:
            found: dict[str, Any] = json.load(answer)
            return found


def has_certificate(text: bytes) -> bool:
    """Whether one of the resolvers in Traefik's ``acme.json`` has a certificate."""
    return any((resolver or {}).get("Certificates") for resolver in json.loads(text).values())


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("action", choices=["load", "watch-save"])
    parser.add_argument("secret")
    parser.add_argument("key")
    parser.add_argument("path", type=Path)
    parser.add_argument("--label", action="append", default=[])
    options = parser.parse_args()
    secret = Secret(options.secret)
    if options.action == "load":
        if value := (secret.read() or {}).get(options.key):
            with os.fdopen(os.open(options.path, os.O_WRONLY | os.O_CREAT, 0o600), "wb") as stream:
                stream.write(base64.b64decode(value))
        return
    labels = dict(label.split("=", 1) for label in options.label)
    while True:
        text = options.path.read_bytes() if options.path.exists() else b""
        if text and has_certificate(text):
            secret.write(options.key, base64.b64encode(text).decode(), labels)
        time.sleep(EVERY)


if __name__ == "__main__":
    main()
