"""Magnum as the client sees it: answers to requests, in order or computed, and a clock that only sleeping moves."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import requests
from keystoneauth1.noauth import NoAuth
from keystoneauth1.session import Session
from openstack.connection import Connection
from requests.adapters import BaseAdapter

Json = dict[str, Any]


class Answer:
    """What a requests.Response has of an answer."""

    def __init__(self, status: int, body: Any = None, headers: dict[str, str] | None = None) -> None:
        self.status_code = status
        self.text = body if isinstance(body, str) else "" if body is None else json.dumps(body)
        self.content = self.text.encode()
        self.headers = headers or {}
        self.reason = "reason"

    def json(self) -> Any:
        return json.loads(self.text)


@dataclass
class Clock:
    """Time in which nothing happens but sleep."""

    now: float = 1000.0

    def __call__(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds


@dataclass
class Proxy:
    """Answers with ``handler(method, path, json)``: an Answer, or an exception to raise. Keeps what was asked."""

    handler: Callable[[str, str, Any], Answer | Exception]
    newest: str = "1.14"
    asked: list[tuple[str, str]] = field(default_factory=list)
    microversions: list[str | None] = field(default_factory=list)

    def request(self, path: str, method: str, **kwargs: Any) -> Answer:
        assert kwargs.pop("raise_exc") is False
        assert (kwargs.pop("connect_retries"), kwargs.pop("status_code_retries")) == (0, 0)  # else a POST is sent twice
        if path == "/":
            return Answer(200, {}, {"OpenStack-API-Maximum-Version": f"container-infra {self.newest}"})
        self.asked.append((method, path))
        self.microversions.append(kwargs.get("microversion"))
        answer = self.handler(method, path, kwargs.get("json"))
        if isinstance(answer, Exception):
            raise answer
        return answer


def error(status: int, detail: str) -> Answer:
    return Answer(status, {"errors": [{"status": status, "title": "Title", "detail": detail}]})


NOVA = "http://nova.example.org/v2.1"


@dataclass
class Nova(BaseAdapter):
    """Nova's API below openstacksdk: servers, limits and flavors as they are given; an error where it is ``broken``."""

    servers: list[Json] = field(default_factory=list)
    limits: Json = field(default_factory=dict)
    flavors: list[Json] = field(default_factory=list)
    broken: Callable[[str], bool] = lambda _what: False

    def connection(self) -> Any:
        """openstacksdk's, which knows no other service."""
        http = requests.Session()
        http.mount("http://", self)
        session = Session(auth=NoAuth(endpoint=NOVA), session=http)
        return Connection(session=session, compute_endpoint_override=NOVA, compute_api_version="2.1")

    def send(self, request: requests.PreparedRequest, *_any: Any, **_more: Any) -> requests.Response:
        answer = requests.Response()
        answer.request, answer.url = request, str(request.url)
        answer.headers["Content-Type"] = "application/json"
        what = answer.url.removeprefix(NOVA).partition("?")[0].strip("/").split("/")
        links = [{"rel": "self", "href": NOVA}]
        version = {"id": "v2.1", "status": "CURRENT", "version": "2.90", "min_version": "2.1", "links": links}
        known: Json = {
            "": {"version": version},
            "limits": {"limits": {"absolute": self.limits}},
            "servers": {"servers": self.servers},
            "flavors": {"flavors": self.flavors},
        }
        body, answer.status_code = known[what[0]], 200
        if what[0] and self.broken(what[0]):
            body, answer.status_code = {"message": "The server is currently unavailable."}, 503
        elif what[0] == "flavors" and what[-1] not in ("flavors", "detail"):
            found = [flavor for flavor in self.flavors if flavor["id"] == what[-1]]
            body, answer.status_code = ({"flavor": found[0]}, 200) if found else ({}, 404)
        answer._content = json.dumps(body).encode()
        return answer

    def close(self) -> None:
        pass
