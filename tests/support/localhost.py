"""Reach ``*.localhost`` at 127.0.0.1, as browsers do (RFC 6761, 6.3) and the C library does not."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

import requests
from requests.adapters import HTTPAdapter


def connect_to(host: str) -> str:
    """The address to connect to for ``host``: 127.0.0.1 for ``localhost`` and below, else the host itself."""
    return "127.0.0.1" if host == "localhost" or host.endswith(".localhost") else host


class LocalhostAdapter(HTTPAdapter):
    """Connects to ``connect_to(host)`` while Host, cookies and certificate checks stay with the name."""

    def send(self, request: requests.PreparedRequest, *args: Any, **options: Any) -> requests.Response:
        request.headers["Host"] = urlsplit(request.url or "").netloc
        try:
            return super().send(request, *args, **options)
        finally:
            # A redirect copies the headers, and its cookies would be chosen by this name.
            del request.headers["Host"]

    def build_connection_pool_key_attributes(
        self, request: requests.PreparedRequest, verify: bool | str, cert: Any = None
    ) -> Any:
        host, pool = super().build_connection_pool_key_attributes(request, verify, cert)
        name = host["host"]
        address = connect_to(name)
        if address == name:
            return host, pool
        by_name = {"server_hostname": name, "assert_hostname": name if verify else False}
        return {**host, "host": address}, {**pool, **(by_name if host["scheme"] == "https" else {})}
