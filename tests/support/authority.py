"""A certificate authority in the rehearsal's cluster: pebble, Let's Encrypt's own test server.

It asks the rehearsal's name server (198.51.100.10 is the host, as pods see it) where a name leads, and then asks there
at port 80. Its own certificate is of an authority that is made here.
"""

from __future__ import annotations

import datetime
import json
import time
from pathlib import Path
from typing import Any

import kubernetes
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

NAMESPACE = "acme"
HOST = f"pebble.{NAMESPACE}.svc"
DIRECTORY = f"https://{HOST}:14000/dir"

TRUST: dict[str, Any] = {
    "extraEnv": {"LEGO_CA_CERTIFICATES": "/etc/acme-ca/ca.pem"},
    "extraVolumes": [{"name": "acme-ca", "configMap": {"name": "acme-ca"}}],
    "extraVolumeMounts": [{"name": "acme-ca", "mountPath": "/etc/acme-ca"}],
}
"""Values of ``proxy.traefik`` that make it trust the authority's own certificate."""

HOST_OF_PODS = "198.51.100.10"


def install(kubeconfig: Path, hub_namespace: str, name_server_port: int) -> None:
    """Run pebble in a namespace of its own, and tell the hub's namespace whom to trust; waits until it answers."""
    client = kubernetes.config.new_client_from_config(str(kubeconfig))
    core = kubernetes.client.CoreV1Api(client)
    pem, key = certificate(HOST)
    configuration = {
        "pebble": {
            "listenAddress": "0.0.0.0:14000",
            "managementListenAddress": "0.0.0.0:15000",
            "certificate": "/etc/pebble/tls.crt",
            "privateKey": "/etc/pebble/tls.key",
            "httpPort": 80,
            "tlsPort": 443,
        }
    }
    files = {"config.json": json.dumps(configuration), "tls.crt": pem, "tls.key": key}
    labels = {"app": "pebble"}
    container = {
        "name": "pebble",
        "image": "ghcr.io/letsencrypt/pebble:2.10.3",
        "args": ["-config", "/etc/pebble/config.json", "-dnsserver", f"{HOST_OF_PODS}:{name_server_port}"],
        "env": [{"name": "PEBBLE_VA_NOSLEEP", "value": "1"}, {"name": "PEBBLE_WFE_NONCEREJECT", "value": "0"}],
        "volumeMounts": [{"name": "files", "mountPath": "/etc/pebble"}],
    }
    pod = {"containers": [container], "volumes": [{"name": "files", "secret": {"secretName": "pebble"}}]}
    ports = [{"name": name, "port": port} for name, port in (("acme", 14000), ("management", 15000))]
    core.create_namespace({"metadata": {"name": NAMESPACE}})
    core.create_namespaced_secret(NAMESPACE, {"metadata": {"name": "pebble"}, "stringData": files})
    core.create_namespaced_service(
        NAMESPACE, {"metadata": {"name": "pebble"}, "spec": {"selector": labels, "ports": ports}}
    )
    core.create_namespaced_pod(NAMESPACE, {"metadata": {"name": "pebble", "labels": labels}, "spec": pod})
    core.create_namespaced_config_map(hub_namespace, {"metadata": {"name": "acme-ca"}, "data": {"ca.pem": pem}})
    for _try in range(120):
        if (core.read_namespaced_pod("pebble", NAMESPACE).status.phase) == "Running":
            return
        time.sleep(1)
    raise AssertionError("pebble does not run")


def trust(kubeconfig: Path, file: Path) -> None:
    """Write the root of the certificates that pebble gives; it makes a new one at each start."""
    client = kubernetes.config.new_client_from_config(str(kubeconfig))
    dynamic = kubernetes.dynamic.DynamicClient(client)
    path = f"/api/v1/namespaces/{NAMESPACE}/services/https:pebble:15000/proxy/roots/0"
    file.write_bytes(dynamic.request("get", path, serialize=False).data)


def certificate(name: str) -> tuple[str, str]:
    """A certificate that vouches for itself, and its key, as PEM."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
    now = datetime.datetime.now(datetime.timezone.utc)
    builder = x509.CertificateBuilder(subject, subject, key.public_key(), x509.random_serial_number())
    builder = builder.not_valid_before(now).not_valid_after(now + datetime.timedelta(days=1))
    builder = builder.add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
    signed = builder.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)
    secret = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    return signed.decode(), secret.decode()
