# Copyright: Contributors to the stfc.jupyterhub collection
# SPDX-License-Identifier: BSD-3-Clause
"""Where the hub answers: address, balancer, HTTPS. From ``hub_domain``, ``hub_address`` and ``hub_https``."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

MANUAL_CERTIFICATE = "hub-tls"
"""Secret of ours with the certificate of ``hub_https.type: manual``."""

BALANCER_TIMEOUT_MS = 3_600_000
"""How long Octavia lets a connection be silent, milliseconds. Its default, 50 s, cuts websockets of quiet notebooks."""

_OPENSTACK = "loadbalancer.openstack.org"
# https://github.com/kubernetes/cloud-provider-openstack/blob/master/docs/openstack-cloud-controller-manager/
# expose-applications-using-loadbalancer-type-service.md


def host_name(service: Mapping[str, Any]) -> str:
    """``hub_domain``, with ``hub_address.port`` where that is not the scheme's own."""
    port = service["hub_address"].get("port")
    usual = 443 if scheme(service) == "https" else 80
    return service["hub_domain"] if port in (None, usual) else f"{service['hub_domain']}:{port}"


def scheme(service: Mapping[str, Any]) -> str:
    """``http`` or ``https``, as users' browsers see it."""
    return "http" if service["hub_https"]["type"] == "none" else "https"


def public_url(service: Mapping[str, Any]) -> str:
    """What users open."""
    return f"{scheme(service)}://{host_name(service)}"


def https(service: Mapping[str, Any]) -> dict[str, Any]:
    """``proxy.https``. A certificate given in the file becomes a Secret of ours, not a value."""
    wanted = service["hub_https"]
    kind = wanted["type"]
    if kind == "none":
        return {"enabled": False}
    result: dict[str, Any] = {"enabled": True, "hosts": [service["hub_domain"]]}
    if kind == "letsencrypt":
        result |= {"type": "letsencrypt", "letsencrypt": {"contactEmail": wanted["contact_email"]}}
        if wanted.get("acme_server"):
            result["letsencrypt"]["acmeServer"] = wanted["acme_server"]
    elif kind == "offload":
        result["type"] = "offload"
    else:
        result |= {"type": "secret", "secret": {"name": certificate(service), "key": "tls.key", "crt": "tls.crt"}}
    return result


def certificate(service: Mapping[str, Any]) -> str | None:
    """Name of the Secret with the certificate that the proxy shows; None where it shows none of ours."""
    wanted = service["hub_https"]
    return {"manual": MANUAL_CERTIFICATE, "secret": wanted.get("secret_name")}.get(wanted["type"])


def proxy_flags(service: Mapping[str, Any]) -> list[str]:
    """``proxy.chp.extraCommandLineFlags``: where the proxy ends HTTPS, the chart lets it send http to port 443 only."""
    port = service["hub_address"].get("port")
    return [f"--redirect-to={port}"] if certificate(service) and port not in (None, 443) else []


def balancer(service: Mapping[str, Any], cluster: Mapping[str, Any]) -> dict[str, Any]:
    """``proxy.service``: a Service of type LoadBalancer as cloud-provider-openstack reads it.

    The network of its floating IP is the cluster's own external network, where the facts have it: not every driver
    tells the cloud provider, which then takes the first one. A floating IP that is there already stays.
    """
    address = service["hub_address"]
    annotations = {
        f"{_OPENSTACK}/keep-floatingip": "true",
        f"{_OPENSTACK}/timeout-client-data": str(BALANCER_TIMEOUT_MS),
        f"{_OPENSTACK}/timeout-member-data": str(BALANCER_TIMEOUT_MS),
    }
    if address.get("internal"):
        annotations["service.beta.kubernetes.io/openstack-internal-load-balancer"] = "true"
    elif cluster.get("external_network"):
        annotations[f"{_OPENSTACK}/floating-network-id"] = str(cluster["external_network"])
    result: dict[str, Any] = {"type": "LoadBalancer", "annotations": annotations}
    if address.get("floating_ip"):
        result["loadBalancerIP"] = address["floating_ip"]
    if address.get("allowed_cidrs"):
        result["loadBalancerSourceRanges"] = list(address["allowed_cidrs"])
    return result
