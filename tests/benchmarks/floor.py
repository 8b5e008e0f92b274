"""The floor: the fewest calls with which a deployment that changes nothing could know that. ``floor.py STATE``.

It reads what `playbooks/deploy.yml` compares (the cluster with its template, groups and CA, what the files name in the
cloud, every quota and what is used of it, what of the cluster the preflight looks at, every object of the release and
those beside it, the hub's answer), each with one request and no more than one at a time. It trusts what it reads:
comparing costs no call.
"""

from __future__ import annotations

import base64
import gzip
import json
import sys
import tempfile
from collections import defaultdict
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit

import openstack
import requests
import yaml

MAGNUM = {"OpenStack-API-Version": "container-infra 1.10"}
PLURALS = {"NetworkPolicy": "networkpolicies", "PriorityClass": "priorityclasses", "StorageClass": "storageclasses"}
CLUSTER_WIDE = {"ClusterRole", "ClusterRoleBinding", "Namespace", "PriorityClass", "StorageClass"}


def cloud(state: Path, summary: dict[str, Any]) -> None:
    """What the cloud has."""
    config = openstack.config.OpenStackConfig(config_files=[str(state / "clouds.yaml")])
    session = config.get_one("rehearsal").get_session()

    def get(service: str, path: str, **headers: str) -> Any:
        answer = session.get(path, endpoint_filter={"service_type": service, "interface": "public"}, headers=headers)
        answer.raise_for_status()
        return answer.json()

    cluster = get("container-infra", f"/clusters/{summary['cluster']['name']}", **MAGNUM)
    get("container-infra", f"/clustertemplates/{cluster['cluster_template_id']}", **MAGNUM)
    groups = f"/clusters/{cluster['uuid']}/nodegroups"
    for group in get("container-infra", groups, **MAGNUM)["nodegroups"]:
        get("container-infra", f"{groups}/{group['uuid']}", **MAGNUM)
    get("container-infra", f"/certificates/{cluster['uuid']}", **MAGNUM)
    project = session.get_project_id()
    for service, paths in {
        "container-infra": ["/clustertemplates", "/clusters", f"/quotas/{project}/Cluster"],
        "compute": ["/flavors/detail", "/limits", "/servers/detail", "/os-server-groups"],
        "network": [
            "/v2.0/networks",
            f"/v2.0/quotas/{project}/details",
            *(f"/v2.0/{kind}" for kind in ("floatingips", "subnets", "routers", "ports", "security-groups")),
        ],
        "block-storage": [f"/os-quota-sets/{project}?usage=True", "/types", "/volumes/detail"],
        "load-balancer": [
            f"/v2.0/lbaas/quotas/{project}",
            *(f"/v2.0/lbaas/{kind}" for kind in ("loadbalancers", "pools", "listeners")),
        ],
        "dns": ["/v2/zones"],
    }.items():
        for path in paths:
            get(service, path)
    image = yaml.safe_load(Path("vars/openstack.yml").read_text())["cluster_image"]
    get("image", f"/v2/images?name={quote(image)}")


def cluster(state: Path) -> None:
    """What Kubernetes has."""
    with tempfile.TemporaryDirectory() as folder:
        get = _kubernetes(state, Path(folder))
        for path in ("/api/v1/nodes", "/apis/apps/v1/daemonsets", "/apis/apps/v1/namespaces/kube-system/deployments"):
            get(path)
        for path in ("/apis/storage.k8s.io/v1/csidrivers", "/apis/storage.k8s.io/v1/storageclasses"):
            get(path)
        get("/api/v1/namespaces/jupyterhub/pods")
        records = get("/api/v1/namespaces/jupyterhub/secrets?labelSelector=owner%3Dhelm%2Cname%3Djupyterhub")["items"]
        last = max(records, key=lambda record: int(record["metadata"]["labels"]["version"]))
        packed = base64.b64decode(base64.b64decode(last["data"]["release"]))
        beside = [
            {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "jupyterhub"}},
            {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "hub-secrets"}},
            {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "hub-record"}},
        ]
        manifest = [*yaml.safe_load_all(json.loads(gzip.decompress(packed))["manifest"]), *beside]
        kinds: dict[tuple[str, str], list[str]] = defaultdict(list)
        for item in manifest:
            if item:
                kinds[item["apiVersion"], item["kind"]].append(item["metadata"]["name"])
        for (version, kind), names in kinds.items():
            # Secrets are read by name: a list would bring Helm's records again.
            paths = [""] if len(names) > 1 and kind != "Secret" else [f"/{name}" for name in names]
            for path in paths:
                get(f"{_collection(version, kind)}{path}")


def _kubernetes(state: Path, folder: Path) -> Any:
    config = yaml.safe_load((state / "kubeconfig").read_text())
    server, user = config["clusters"][0]["cluster"], config["users"][0]["user"]
    files = {}
    for name, text in (
        ("ca", server["certificate-authority-data"]),
        ("crt", user["client-certificate-data"]),
        ("key", user["client-key-data"]),
    ):
        files[name] = folder / name
        files[name].touch(mode=0o600)
        files[name].write_bytes(base64.b64decode(text))
    session = requests.Session()
    session.trust_env = False
    session.verify, session.cert = str(files["ca"]), (str(files["crt"]), str(files["key"]))

    def get(path: str) -> Any:
        answer = session.get(server["server"] + path, timeout=30)
        answer.raise_for_status()
        return answer.json()

    return get


def _collection(version: str, kind: str) -> str:
    root = f"/api/{version}" if "/" not in version else f"/apis/{version}"
    where = "" if kind in CLUSTER_WIDE else "/namespaces/jupyterhub"
    return f"{root}{where}/{PLURALS.get(kind, kind.lower() + 's')}"


def main(state: Path) -> None:
    summary = json.loads((state / "summary.json").read_text())
    cloud(state, summary)
    cluster(state)
    url = urlsplit(summary["hub"]["url"])
    # A name below localhost is not resolved everywhere.
    where = f"{url.scheme}://127.0.0.1:{url.port}/hub/api/"
    requests.get(where, headers={"Host": url.netloc}, timeout=30).raise_for_status()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
