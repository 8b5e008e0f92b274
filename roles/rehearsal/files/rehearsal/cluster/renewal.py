"""New certificates for a control plane that runs: its programs are started anew, its pods go on.

The driver writes the certificates and counts them in ``desired.json``; the controller, which it then starts anew, has
the programs take them. The pod runner is not among these: its pods would end with it, so it follows its kubeconfig by
itself, as a kubelet does.
"""

from __future__ import annotations

import logging
import xmlrpc.client
from collections.abc import Callable
from http.client import HTTPException
from pathlib import Path
from typing import Any

from supervisor.xmlrpc import Faults, SupervisorTransport

from rehearsal.cluster.desired import Desired
from rehearsal.cluster.layout import ClusterDir, read_json, write_json

LOG = logging.getLogger(__name__)

PROGRAMS = ("kube-apiserver", "kube-controller-manager", "kube-scheduler", "kube-proxy", "kwok", "policies")
"""What holds certificates, in the order of starting."""

GONE = (Faults.NOT_RUNNING, Faults.BAD_NAME)


def pending(cluster: ClusterDir, desired: Desired) -> bool:
    """Whether the programs may still run with certificates that are not the newest."""
    return int(read_json(_mark(cluster), 0)) != desired.certificates


def renew(cluster: ClusterDir, desired: Desired) -> None:
    """Start the programs anew when they have to take certificates; done once for each renewal.

    OSError or xmlrpc.client.Error when their supervisord does not do its part.
    """
    if not pending(cluster, desired):
        return
    try:
        _restart(cluster)
    except (FileNotFoundError, ConnectionRefusedError):
        LOG.info("the namespaces do not run; what starts in them takes the new certificates")
    write_json(_mark(cluster), desired.certificates)


def _restart(cluster: ClusterDir) -> None:
    transport = SupervisorTransport(None, None, f"unix://{cluster.supervisor_socket}")
    server = xmlrpc.client.ServerProxy("http://127.0.0.1", transport=transport).supervisor
    try:
        for name in reversed(PROGRAMS):
            _allow(GONE, server.stopProcess, name)
        for name in PROGRAMS:
            _allow((Faults.ALREADY_STARTED, Faults.BAD_NAME), server.startProcess, name, False)
    except HTTPException as error:
        raise ConnectionAbortedError(f"the namespaces' supervisord: {error}") from error
    finally:
        transport.close()


def _allow(codes: tuple[int, ...], call: Callable[..., Any], *args: Any) -> None:
    try:
        call(*args)
    except xmlrpc.client.Fault as fault:
        if fault.faultCode not in codes:
            raise


def _mark(cluster: ClusterDir) -> Path:
    return cluster.path / "certificates.json"
