"""The faults of ``faults.py``, between a service's HTTP server and its application."""

from __future__ import annotations

import contextlib
import hashlib
import http
import json
import os
import re
import signal
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from rehearsal.cloud import faults
from rehearsal.cloud.faults import Fault

Environ = dict[str, Any]
Headers = list[tuple[str, str]]
StartResponse = Callable[..., Any]

ASKED, NEWEST = "HTTP_OPENSTACK_API_VERSION", "openstack-api-maximum-version"


class ConnectionCutError(ConnectionError):
    """The connection is to be reset; the server's request handler does it."""


class FaultInjection:
    """WSGI middleware of the service at port ``service``. Without rules it costs one failed look for a folder.

    ``pid_of`` tells the process of a service by name, for faults that kill.
    """

    def __init__(self, application: Any, service: str, state: Path, pid_of: Callable[[str], int | None]) -> None:
        self._application = application
        self._service = service
        self._state = state
        self._pid_of = pid_of
        self._refused: set[str] = set()
        """Digests of tokens that count as expired."""

    def __call__(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        cap, struck = "", None
        query = environ.get("QUERY_STRING")
        path = environ.get("PATH_INFO", "") + (f"?{query}" if query else "")
        for rule in faults.rules(self._state):
            if not rule.fault.matches(self._service, environ["REQUEST_METHOD"], path):
                continue
            if rule.fault.cap:
                cap = rule.fault.cap
            elif struck is None and rule.strikes():
                struck = rule.fault
        if struck is None and not cap and not self._refused:
            return self._application(environ, start_response)
        return self._with(struck, cap, environ, start_response)

    def _with(self, fault: Fault | None, cap: str, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        if fault is not None:
            time.sleep(fault.delay)
        token = hashlib.sha256(environ.get("HTTP_X_AUTH_TOKEN", "").encode()).hexdigest()
        if fault is not None and fault.expire:
            self._refused.add(token)
        if token in self._refused:
            return _answer(start_response, self._service, 401, "The request you have made requires authentication.")
        if cap and (too_new := above(environ.get(ASKED), cap)):
            return _unsupported(start_response, too_new, cap)
        respond = capped(start_response, cap) if cap else start_response
        if cap and environ["PATH_INFO"] == "/":
            return Held(self._application, environ).lowered(cap).release(respond)
        if fault is None or not (fault.status or fault.reset or fault.kill):
            return self._application(environ, respond)
        held = Held(self._application, environ) if fault.late else None
        if fault.kill:
            self._kill(fault.kill)
        if fault.reset:
            raise ConnectionCutError
        if fault.status:
            return _answer(start_response, self._service, fault.status, fault.message)
        return held.release(respond) if held else self._application(environ, respond)

    def _kill(self, service: str) -> None:
        pid = self._pid_of(service)
        if pid:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)


class Held:
    """The application's whole answer, made but not sent."""

    def __init__(self, application: Any, environ: Environ) -> None:
        self._started: tuple[Any, ...] = ()
        parts: list[bytes] = []

        def start(*arguments: Any) -> Callable[[bytes], None]:
            self._started = arguments
            return parts.append

        answer = application(environ, start)
        try:
            parts.extend(answer)
        finally:
            if hasattr(answer, "close"):
                answer.close()
        self._body = b"".join(parts)

    def release(self, start_response: StartResponse) -> Iterable[bytes]:
        start_response(*self._started)
        return [self._body]

    def lowered(self, cap: str) -> Held:
        """With the newest microversion in a list of versions lowered."""
        self._body = re.sub(rb'("max_version": *")[0-9.]+"', rb'\g<1>%s"' % cap.encode(), self._body)
        status, headers, *rest = self._started
        length = ("Content-Length", str(len(self._body)))
        self._started = (status, [length if k.lower() == "content-length" else (k, v) for k, v in headers], *rest)
        return self


def above(header: str | None, cap: str) -> str:
    """The microversion that a request asks for when it is newer than ``cap``; else an empty text."""
    found = re.search(r"(\d+)\.(\d+)\s*$", header or "")
    if found and (int(found[1]), int(found[2])) > _version(cap):
        return f"{found[1]}.{found[2]}"
    return ""


def capped(start_response: StartResponse, cap: str) -> StartResponse:
    """``start_response`` that offers no microversion above ``cap``."""

    def start(status: str, headers: Headers, *rest: Any) -> Any:
        return start_response(
            status, [(k, cap_header(v, cap) if k.lower() == NEWEST else v) for k, v in headers], *rest
        )

    return start


def cap_header(value: str, cap: str) -> str:
    """``container-infra 1.14`` as ``container-infra 1.9``; a lower one stays."""
    return re.sub(r"\d+\.\d+$", cap, value) if above(value, cap) else value


def _version(text: str) -> tuple[int, int]:
    major, minor = text.split(".")
    return int(major), int(minor)


def _unsupported(start_response: StartResponse, asked: str, cap: str) -> Iterable[bytes]:
    """What Magnum answers for a microversion that it does not know (magnum/api/http_error.py)."""
    kind = "container-infrastructure-management"
    error = {
        "max_version": cap,
        "min_version": "1.1",
        "code": "magnum.microversion-unsupported",
        "links": [{"rel": "help", "href": "http://docs.openstack.org/api-guide/compute/microversions.html"}],
        "title": "Requested microversion is unsupported",
        "detail": f"Version {asked} was requested but the minor version is not supported by this service. "
        f"The supported version range is: [{kind} 1.1, {kind} {cap}].",
    }
    headers = [("OpenStack-API-Minimum-Version", f"{kind} 1.1"), ("OpenStack-API-Maximum-Version", f"{kind} {cap}")]
    return _send(start_response, 406, json.dumps({"errors": [error]}), "application/json", headers)


def _answer(start_response: StartResponse, service: str, status: int, message: str) -> Iterable[bytes]:
    if message.startswith("<"):
        return _send(start_response, status, message, "text/html")
    text = message or f"{http.HTTPStatus(status).phrase} (asked for as a fault)"
    return _send(start_response, status, json.dumps(error_body(service, status, text)), "application/json")


def error_body(service: str, status: int, message: str) -> dict[str, Any]:
    """An error as the service writes it."""
    title = http.HTTPStatus(status).phrase
    if service == "magnum":
        return {"errors": [{"request_id": "", "code": "", "status": status, "title": title, "detail": message}]}
    if service == "keystone":
        return {"error": {"code": status, "title": title, "message": message}}
    if service == "nova":
        words = title.split()
        return {words[0].lower() + "".join(words[1:]): {"code": status, "message": message}}
    if service == "neutron":
        return {"NeutronError": {"type": title.replace(" ", ""), "message": message, "detail": ""}}
    if service == "octavia":
        return {"faultcode": "Client" if status < 500 else "Server", "faultstring": message, "debuginfo": None}
    return {"code": f"{status} {title}", "title": title, "message": message}


def _send(
    start_response: StartResponse, status: int, text: str, kind: str, headers: Headers | None = None
) -> Iterable[bytes]:
    body = text.encode()
    usual = [("Content-Type", kind), ("Content-Length", str(len(body)))]
    if status == 401:
        usual.append(("WWW-Authenticate", "Keystone"))
    start_response(f"{status} {http.HTTPStatus(status).phrase}", [*usual, *(headers or [])])
    return [body]
