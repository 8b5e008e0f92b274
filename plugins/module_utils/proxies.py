# Copyright: Contributors to the stfc.jupyterhub collection
# SPDX-License-Identifier: BSD-3-Clause
"""The proxies that the environment names, for what the clients of others do not do, and for messages.

The rules are those of requests (``utils.get_environ_proxies``), by which OpenStack's and Kubernetes' clients go:
``https_proxy`` before ``HTTPS_PROXY``, ``all_proxy`` where a scheme has none of its own; ``no_proxy`` has hosts,
domains, addresses and ranges.
"""

from __future__ import annotations

import base64
import dataclasses
import http.client
import ipaddress
import os
import re
import socket
import urllib.request
from collections.abc import Mapping
from urllib.parse import SplitResult, unquote, urlsplit


@dataclasses.dataclass(frozen=True)
class Proxy:
    """``variable`` is the environment's name for it, ``url`` may hold a password."""

    variable: str
    url: str

    def __str__(self) -> str:
        return f"{_address(self.url)} ({self.variable})"

    @property
    def host(self) -> str:
        return _parts(self.url).hostname or ""

    @property
    def port(self) -> int:
        return _parts(self.url).port or 80

    @property
    def headers(self) -> dict[str, str]:
        """What it wants to see of user and password."""
        parts = _parts(self.url)
        if not parts.username:
            return {}
        pair = f"{unquote(parts.username)}:{unquote(parts.password or '')}"
        return {"Proxy-Authorization": f"Basic {base64.b64encode(pair.encode()).decode()}"}

    def check(self) -> None:
        """Raises OSError where it is of a kind that the standard library does not speak."""
        if _parts(self.url).scheme != "http":
            raise OSError(f"{self} is no http:// proxy")

    def tunnel(self, host: str, port: int, timeout: float) -> socket.socket:
        """A connection to ``host`` through it. Raises OSError."""
        self.check()
        connection = http.client.HTTPConnection(self.host, self.port, timeout=timeout)
        connection.set_tunnel(host, port, headers=self.headers)
        try:
            connection.connect()
        except http.client.HTTPException as error:
            raise OSError(f"{self} answers not as a proxy does") from error
        if connection.sock is None:
            raise AssertionError("it is connected")
        return connection.sock


def proxy_of(url: str, environment: Mapping[str, str] | None = None) -> Proxy | None:
    """The proxy that is to be asked for ``url``, by this process's environment or another; None: directly."""
    environment = os.environ if environment is None else environment
    parts = urlsplit(url)
    host = parts.hostname or ""
    found = next(filter(None, (_named(f"{name}_proxy", environment) for name in (parts.scheme, "all"))), None)
    if not found or not host or _direct(host, parts.port, environment):
        return None
    return found


def hint(answer: object) -> str:
    """A sentence to append to what a client said when it reached nobody: which proxy it had asked; "" for none."""
    text = str(answer)
    named = re.search(r"https?://[^\s'\"()<>]+", text)
    pool = re.search(r"(HTTPS?)Connection(?:Pool)?\(host='([^']+)', port=(\d+)\)", text)
    if not named and not pool:
        return ""
    url = named[0].rstrip(".,:;") if named else f"{pool[1].lower()}://{bracketed(pool[2])}:{pool[3]}" if pool else ""
    # Of a proxy that does not answer, some clients say no more than its own address.
    itself = next((proxy for proxy in _all() if pool and (proxy.host, str(proxy.port)) == (pool[2], pool[3])), None)
    return _sentence(itself, "that host") if itself and not named else hint_of(url)


def hint_of(url: str) -> str:
    """As ``hint``, for what was asked."""
    try:
        proxy, host = proxy_of(url), urlsplit(url).hostname
    except ValueError:  # no URL after all
        return ""
    return _sentence(proxy, str(host)) if proxy else ""


def _sentence(proxy: Proxy, host: str) -> str:
    return f" It was asked through the proxy {proxy}; where {host} is to be asked directly, add it to no_proxy."


def _all() -> list[Proxy]:
    return [proxy for scheme in ("https", "http", "all") if (proxy := _named(f"{scheme}_proxy", os.environ))]


def _named(name: str, environment: Mapping[str, str]) -> Proxy | None:
    variable = next((each for each in (name, name.upper()) if each in environment), "")
    value = environment.get(variable, "")
    return Proxy(variable, value) if value else None


def _direct(host: str, port: int | None, environment: Mapping[str, str]) -> bool:
    address = _ip(host)
    exceptions = environment.get("no_proxy") or environment.get("NO_PROXY") or ""
    if address and any(address in each for each in map(_range, exceptions.split(",")) if each):
        return True
    with_port = f"{bracketed(host)}:{port}" if port else host
    return bool(urllib.request.proxy_bypass_environment(with_port, {"no": exceptions}))  # type: ignore[attr-defined]


def _ip(host: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        return ipaddress.ip_address(host)
    except ValueError:
        return None


def _range(entry: str) -> ipaddress.IPv4Network | ipaddress.IPv6Network | None:
    try:
        return ipaddress.ip_network(entry.strip(), strict=False)
    except ValueError:
        return None


def _parts(url: str) -> SplitResult:
    return urlsplit(url if "://" in url else f"http://{url}")


def _address(url: str) -> str:
    """Without user and password."""
    parts = _parts(url)
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}"


def bracketed(host: str) -> str:
    """As a URL has it, IPv6 in brackets."""
    return f"[{host}]" if ":" in host else host
