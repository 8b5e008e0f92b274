"""Magnum as the client sees it: answers to requests, in order or computed, and a clock that only sleeping moves."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

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
