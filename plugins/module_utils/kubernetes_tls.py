# Copyright: Contributors to the stfc.jupyterhub collection
# SPDX-License-Identifier: BSD-3-Clause
"""Certificates of Magnum's clusters, on every Python.

Magnum's own CA has no subject key identifier (its ``x509/operations.py`` adds basic constraints and key usage only), so
what is signed with it, the API server's certificate too, has no authority key identifier. RFC 5280 (4.2.1.1) wants
both, and from Python 3.13 on ``ssl`` and urllib3 refuse chains without them (``VERIFY_X509_STRICT``). Signature,
validity, name and trust are what kubectl and Helm look at, and are looked at here.
"""

from __future__ import annotations

import functools
import ssl
from collections.abc import Mapping
from typing import Any


def without_key_identifiers(context: ssl.SSLContext) -> ssl.SSLContext:
    """Have the context take certificates that lack the identifiers of their keys; returns the context."""
    context.verify_flags &= ~ssl.VERIFY_X509_STRICT
    return context


def verifying(pool: Mapping[str, Any]) -> ssl.SSLContext:
    """A context of our own for what a urllib3 pool of these arguments connects to.

    Where they name no authorities it has the system's, which urllib3 gives to its own contexts only.
    """
    from urllib3.util.ssl_ import create_urllib3_context

    context = without_key_identifiers(create_urllib3_context(cert_reqs=pool.get("cert_reqs")))
    if not any(pool.get(name) for name in ("ca_certs", "ca_cert_dir", "ca_cert_data")):
        context.load_default_certs()
    return context


def accept_magnum_certificates() -> None:
    """Have every Kubernetes client that this process makes from now on take such certificates.

    The client has no setting for it, and asks the cluster while it is being made, so its transport is given a TLS
    context as it is made. A context of somebody else's is left alone. May be called again. Raises ImportError where
    there is no client.
    """
    from kubernetes.client import rest
    from urllib3.util.ssl_ import create_urllib3_context

    original = rest.RESTClientObject.__init__
    if hasattr(original, "__wrapped__") or not create_urllib3_context().verify_flags & ssl.VERIFY_X509_STRICT:
        return

    @functools.wraps(original)
    def made(self: Any, configuration: Any, *args: Any, **kwargs: Any) -> None:
        original(self, configuration, *args, **kwargs)
        given = self.pool_manager.connection_pool_kw
        if configuration.verify_ssl and not given.get("ssl_context"):
            given["ssl_context"] = verifying(given)

    rest.RESTClientObject.__init__ = made  # type: ignore[method-assign]
