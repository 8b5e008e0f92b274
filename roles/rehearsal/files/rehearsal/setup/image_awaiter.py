"""What the chart's image-awaiter job runs: wait until the image pullers of a release are ready.

Options are those of the chart's own program (written with one dash), and so is its rule: while
``-pod-scheduling-wait-duration`` looks (one a second, -1: for ever) last, all desired pods must be ready; after that
all pods that were scheduled. Standard library only; it is shown in its sandbox by itself.
"""

from __future__ import annotations

import argparse
import json
import ssl
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

SECRETS = "/var/run/secrets/kubernetes.io/serviceaccount"


def ready(status: dict[str, Any], strict: bool) -> bool:
    """Whether a DaemonSet's pods are ready: the desired ones (``strict``), or those that were scheduled."""
    have = status.get("numberReady", 0)
    current, desired = status.get("currentNumberScheduled", 0), status.get("desiredNumberScheduled", 0)
    print(f"{have} image pullers ready, {current} scheduled, {desired} desired", file=sys.stderr, flush=True)
    return bool(have == desired if strict else have >= current)


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("-ca-path", default=f"{SECRETS}/ca.crt")
    parser.add_argument("-auth-token-path", default=f"{SECRETS}/token")
    parser.add_argument("-api-server-address", required=True)
    parser.add_argument("-namespace", required=True)
    parser.add_argument("-daemonset", default="hook-image-puller")
    parser.add_argument("-pod-scheduling-wait-duration", type=int, default=10)
    options = parser.parse_args()
    url = f"{options.api_server_address}/apis/apps/v1/namespaces/{options.namespace}/daemonsets/{options.daemonset}"
    context = ssl.create_default_context(cafile=options.ca_path)
    # The API server is inside the cluster: never ask it through a proxy of the environment.
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}), urllib.request.HTTPSHandler(context=context))
    looks = 0
    while True:
        token = Path(options.auth_token_path).read_text().strip()
        request = urllib.request.Request(url, headers={"Authorization": f"Bearer {token}"})
        try:
            with opener.open(request, timeout=30) as response:
                status = json.load(response).get("status", {})
        except urllib.error.URLError as error:
            print(f"asking for {url}: {error}", file=sys.stderr)
            return 1
        limit = options.pod_scheduling_wait_duration
        if ready(status, strict=limit == -1 or looks < limit):
            return 0
        looks += 1
        time.sleep(1)


if __name__ == "__main__":
    sys.exit(main())
