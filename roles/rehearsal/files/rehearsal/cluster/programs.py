"""The programs in a cluster's namespaces, as the nested supervisord runs them."""

from __future__ import annotations

import configparser
import io
import os
import sys
from pathlib import Path

import yaml

import rehearsal
from rehearsal.cluster import stages
from rehearsal.cluster.binaries import find
from rehearsal.cluster.layout import (
    API_ADDRESS,
    API_PORT,
    ETCD_URL,
    POD_CIDR,
    SERVICE_CIDR,
    ClusterDir,
)
from rehearsal.cluster.pki import CLIENTS, MASTERS

PACKAGE_ROOT = Path(rehearsal.__file__).resolve().parents[1]

QPS = ("--kube-api-qps=500", "--kube-api-burst=1000")
"""The defaults (20 and 30 a second) are for a shared control plane; 1,000 pods run in 10 s instead of 50."""

LOG_BYTES = "20MB"


def has_pod_runner() -> bool:
    """Whether `rehearsal.pods` is there to be run."""
    return (PACKAGE_ROOT / "rehearsal" / "pods" / "__main__.py").exists()


def commands(cluster: ClusterDir) -> dict[str, list[str]]:
    """Command line of each program, by name, in the order in which they are started."""
    me = [sys.executable, "-m", "rehearsal.cluster"]
    which = ["--state", str(cluster.settings.state), "--cluster", cluster.uuid]
    launch = [*me, "launch", *which]
    result = {
        "relay": [*me, "relay-inner", *which],
        "etcd": _etcd(cluster),
        "kube-apiserver": _api_server(cluster),
        "kube-controller-manager": [*launch, "kube-controller-manager"],
        "kube-scheduler": _scheduler(cluster),
        "kube-proxy": [*launch, "kube-proxy"],
        "kwok": [*launch, "kwok"],
    }
    if has_pod_runner():
        for part in ("policies", "runner"):
            result[part] = [sys.executable, "-m", "rehearsal.pods", part, "--cluster", str(cluster.path)]
    return result


def write_configuration(cluster: ClusterDir) -> Path:
    """Write the nested supervisord's configuration, kube-proxy's and KWOK's; return the first."""
    write = cluster.path.joinpath
    write("kwok.yaml").write_text(stages.configuration(unmarked=not has_pod_runner()))
    write("kube-proxy.yaml").write_text(yaml.safe_dump(kube_proxy_configuration(cluster)))
    write("audit-policy.yaml").write_text(yaml.safe_dump(audit_policy()))
    path = write("supervisord.conf")
    path.write_text(supervisord_configuration(cluster, commands(cluster)))
    return path


def supervisord_configuration(cluster: ClusterDir, lines: dict[str, list[str]]) -> str:
    """supervisord.conf: each program is started again when it ends, and asked to end before it is killed."""
    conf = configparser.RawConfigParser()
    search = f"{os.environ.get('PATH', os.defpath)}:/usr/sbin:/sbin"
    environment = {"PYTHONPATH": str(PACKAGE_ROOT), "PATH": search, "GOMAXPROCS": str(max(2, os.cpu_count() or 2))}
    conf["supervisord"] = {
        "nodaemon": "true",
        "logfile": str(cluster.log / "supervisord.log"),
        "logfile_maxbytes": LOG_BYTES,
        "logfile_backups": "1",
        "pidfile": str(cluster.path / "supervisord.pid"),
        "childlogdir": str(cluster.log),
        "minfds": "1024",
        "environment": _escape(",".join(f'{key}="{value}"' for key, value in environment.items())),
    }
    conf["unix_http_server"] = {"file": str(cluster.supervisor_socket), "chmod": "0600"}
    conf["rpcinterface:supervisor"] = {
        "supervisor.rpcinterface_factory": "supervisor.rpcinterface:make_main_rpcinterface"
    }
    conf["supervisorctl"] = {"serverurl": f"unix://{cluster.supervisor_socket}"}
    for priority, (name, command) in enumerate(lines.items(), 1):
        conf[f"program:{name}"] = {
            "command": _escape(" ".join(_quote(word) for word in command)),
            "directory": str(cluster.path),
            "priority": str(priority),  # stopped in the opposite order: the runner while the API server still answers
            "autorestart": "true",
            "startsecs": "1",
            "startretries": "1000000",
            "stopwaitsecs": "10",
            "stopasgroup": "false",
            "killasgroup": "true",
            "redirect_stderr": "true",
            "stdout_logfile": str(cluster.log / f"{name}.log"),
            "stdout_logfile_maxbytes": LOG_BYTES,
            "stdout_logfile_backups": "1",
        }
    text = io.StringIO()
    conf.write(text)
    return text.getvalue()


def kube_proxy_configuration(cluster: ClusterDir) -> dict[str, object]:
    """KubeProxyConfiguration. Conntrack's limits are the host's: a user namespace may not change them."""
    return {
        "apiVersion": "kubeproxy.config.k8s.io/v1alpha1",
        "kind": "KubeProxyConfiguration",
        "mode": "nftables",
        "clientConnection": {"kubeconfig": str(cluster.kubeconfig("proxy"))},
        "clusterCIDR": POD_CIDR,
        "detectLocalMode": "ClusterCIDR",
        "conntrack": {
            "maxPerCore": 0,
            "min": 0,
            "tcpEstablishedTimeout": "0s",
            "tcpCloseWaitTimeout": "0s",
        },
        "nftables": {"minSyncPeriod": "100ms"},
        # every node's address is local here, and on no interface that kube-proxy could list
        "nodePortAddresses": ["0.0.0.0/0"],
        "healthzBindAddress": "",
        "metricsBindAddress": "127.0.0.1:10249",
    }


def audit_policy() -> dict[str, object]:
    """What the API server writes down: each request of an operator once, without what is in it."""
    return {
        "apiVersion": "audit.k8s.io/v1",
        "kind": "Policy",
        "omitStages": ["RequestReceived", "ResponseStarted"],
        "omitManagedFields": True,
        "rules": [
            {"level": "None", "users": ["system:apiserver", *(user for user, _group in CLIENTS.values())]},
            {"level": "Metadata", "userGroups": [MASTERS]},
            {"level": "None"},
        ],
    }


def kube_proxy(cluster: ClusterDir, node: str) -> list[str]:
    """Command line of kube-proxy, which takes the part of the one on ``node``."""
    return [find("kube-proxy"), f"--config={cluster.path / 'kube-proxy.yaml'}", f"--hostname-override={node}"]


def kwok(cluster: ClusterDir) -> list[str]:
    """Command line of KWOK."""
    return [find("kwok"), f"--kubeconfig={cluster.kubeconfig('kwok')}", f"--config={cluster.path / 'kwok.yaml'}"]


def _etcd(cluster: ClusterDir) -> list[str]:
    peer = "http://127.0.0.1:2380"
    return [
        find("etcd"),
        "--name=default",
        f"--data-dir={cluster.path / 'etcd'}",
        f"--listen-client-urls={ETCD_URL}",
        f"--advertise-client-urls={ETCD_URL}",
        f"--listen-peer-urls={peer}",
        f"--initial-advertise-peer-urls={peer}",
        f"--initial-cluster=default={peer}",
        "--unsafe-no-fsync",  # survives a killed process, which is what happens here
        "--logger=zap",
        "--log-level=warn",
    ]


def _api_server(cluster: ClusterDir) -> list[str]:
    pki = cluster.pki
    return [
        find("kube-apiserver"),
        f"--etcd-servers={ETCD_URL}",
        f"--bind-address={API_ADDRESS}",
        f"--advertise-address={API_ADDRESS}",
        f"--secure-port={API_PORT}",
        f"--tls-cert-file={pki / 'apiserver.crt'}",
        f"--tls-private-key-file={pki / 'apiserver.key'}",
        f"--client-ca-file={pki / 'ca.crt'}",
        f"--kubelet-client-certificate={pki / 'apiserver-kubelet-client.crt'}",
        f"--kubelet-client-key={pki / 'apiserver-kubelet-client.key'}",
        "--kubelet-preferred-address-types=InternalIP",
        "--authorization-mode=Node,RBAC",
        "--enable-admission-plugins=NodeRestriction",
        f"--service-cluster-ip-range={SERVICE_CIDR}",
        "--service-account-issuer=https://kubernetes.default.svc.cluster.local",
        f"--service-account-key-file={pki / 'sa.pub'}",
        f"--service-account-signing-key-file={pki / 'sa.key'}",
        "--allow-privileged=true",
        "--profiling=false",
        f"--audit-policy-file={cluster.path / 'audit-policy.yaml'}",
        f"--audit-log-path={cluster.log / 'audit.log'}",
        "--audit-log-maxsize=20",
        "--audit-log-maxbackup=1",
    ]


def controller_manager(cluster: ClusterDir) -> list[str]:
    """Command line of kube-controller-manager."""
    pki = cluster.pki
    return [
        find("kube-controller-manager"),
        *_component(cluster, "controller-manager"),
        f"--root-ca-file={pki / 'ca.crt'}",
        f"--service-account-private-key-file={pki / 'sa.key'}",
        f"--cluster-signing-cert-file={pki / 'ca.crt'}",
        f"--cluster-signing-key-file={pki / 'ca.key'}",
        "--use-service-account-credentials=true",
        f"--service-cluster-ip-range={SERVICE_CIDR}",
        "--disable-attach-detach-reconcile-sync=true",  # volumes are folders: nothing is attached
        *QPS,
    ]


def _scheduler(cluster: ClusterDir) -> list[str]:
    return [find("kube-scheduler"), *_component(cluster, "scheduler"), *QPS]


def _component(cluster: ClusterDir, name: str) -> list[str]:
    kubeconfig = cluster.kubeconfig(name)
    return [
        f"--kubeconfig={kubeconfig}",
        f"--authentication-kubeconfig={kubeconfig}",
        f"--authorization-kubeconfig={kubeconfig}",
        "--bind-address=127.0.0.1",
        "--leader-elect=false",
        "--profiling=false",
    ]


def _quote(word: str) -> str:
    return f'"{word}"' if " " in word else word


def _escape(text: str) -> str:
    return text.replace("%", "%%")  # supervisord expands %(name)s
