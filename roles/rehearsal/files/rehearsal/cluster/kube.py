"""The Kubernetes client without its models: plain dicts, and a cache of a collection that a watch keeps up to date.

The models cost several times an object's size, and the controller of each cluster is to stay small.
"""

from __future__ import annotations

import json
import logging
import threading
import time
import urllib.parse
from collections.abc import Callable
from pathlib import Path
from typing import Any

import urllib3
from kubernetes import config
from kubernetes.client.exceptions import ApiException
from kubernetes.watch.watch import iter_resp_lines

LOG = logging.getLogger(__name__)

Object = dict[str, Any]

CORE = "/api/v1"
STORAGE = "/apis/storage.k8s.io/v1"

STRATEGIC = "application/strategic-merge-patch+json"
MERGE = "application/merge-patch+json"

CONFLICT, NOT_FOUND, TOO_MANY = 409, 404, 429
WATCH_SECONDS = 300
RETRY_SECONDS = 1.0
REQUEST_SECONDS = 20.0

UNREACHABLE = (urllib3.exceptions.HTTPError, OSError)
"""What a call raises when the API server does not answer."""


class Kube:
    """The API of one cluster. Every call raises ApiException for a refusal, one of UNREACHABLE without an answer."""

    def __init__(self, kubeconfig: Path) -> None:
        self._api = config.new_client_from_config(str(kubeconfig))
        # the watcher decides when to try again; a write that was sent twice would hide what happened to the first
        self._api.configuration.retries = False
        self._api.rest_client.pool_manager.connection_pool_kw["retries"] = False

    def get(self, path: str) -> Object:
        """The object, or the list, at ``path``."""
        return self._call("GET", path)

    def find(self, path: str) -> Object | None:
        """The object at ``path``, or None where there is none."""
        try:
            return self._call("GET", path)
        except ApiException as error:
            if error.status == NOT_FOUND:
                return None
            raise

    def create(self, path: str, body: Object) -> bool:
        """Create it; False when it was there already."""
        try:
            self._call("POST", path, body)
        except ApiException as error:
            if error.status == CONFLICT:
                return False
            raise
        return True

    def patch(self, path: str, body: Object, kind: str = STRATEGIC) -> Object | None:
        """Patch it; None when it is gone."""
        try:
            return self._call("PATCH", path, body, kind)
        except ApiException as error:
            if error.status == NOT_FOUND:
                return None
            raise

    def delete(self, path: str) -> None:
        """Delete it; nothing happens when it is gone."""
        try:
            self._call("DELETE", path)
        except ApiException as error:
            if error.status != NOT_FOUND:
                raise

    def post(self, path: str, body: Object) -> Object:
        """A subresource's action, such as an eviction."""
        return self._call("POST", path, body)

    def stream(self, path: str, version: str, seconds: int = WATCH_SECONDS) -> Any:
        """Events of a watch from resource version ``version`` on, until the server ends it."""
        query = urllib.parse.urlencode(
            {"watch": "1", "resourceVersion": version, "timeoutSeconds": seconds, "allowWatchBookmarks": "true"}
        )
        answer = self._send("GET", f"{path}?{query}", None, "", (REQUEST_SECONDS, seconds + REQUEST_SECONDS))
        if answer.status != 200:
            raise ApiException(status=answer.status, reason=answer.reason)
        for line in iter_resp_lines(answer.response):
            if line.strip():
                yield json.loads(line)

    def _call(self, method: str, path: str, body: Object | None = None, kind: str = "application/json") -> Object:
        answer = self._send(method, path, body, kind, REQUEST_SECONDS)
        data = answer.read()
        if not 200 <= answer.status < 300:
            error = ApiException(status=answer.status, reason=_message(data) or answer.reason)
            error.body = data.decode("utf-8", "replace")
            raise error
        result: Object = json.loads(data)
        return result

    def _send(self, method: str, path: str, body: Object | None, kind: str, seconds: Any) -> Any:
        headers = {"Accept": "application/json"}
        if body is not None:
            headers["Content-Type"] = kind
        url = self._api.configuration.host + path
        return self._api.call_api(method, url, headers, body, _request_timeout=seconds)


class Collection:
    """All objects below ``path``, kept by a watch in a thread; ``wake`` and ``listeners`` are called after a change.

    ``trim`` cuts an object to what its users read before it is kept.
    """

    def __init__(
        self, kube: Kube, path: str, wake: Callable[[], None], trim: Callable[[Object], Object] | None = None
    ) -> None:
        self.kube = kube
        self.path = path
        self.synced = threading.Event()
        self.listeners = [wake]
        self._trim = trim or (lambda item: item)
        self._items: dict[tuple[str, str], Object] = {}
        self._lock = threading.Lock()
        threading.Thread(target=self._run, name=f"watch {path}", daemon=True).start()

    def items(self) -> list[Object]:
        """The objects as last seen; not to be changed."""
        with self._lock:
            return list(self._items.values())

    def item(self, name: str, namespace: str = "") -> Object | None:
        """One object as last seen."""
        with self._lock:
            return self._items.get((namespace, name))

    def _tell(self) -> None:
        for listener in self.listeners:
            listener()

    def _run(self) -> None:
        while True:
            try:
                self._follow()
            except UNREACHABLE as error:
                LOG.debug("%s: %s", self.path, error)
            except ApiException as error:
                # status 0: the API server is not there yet, or its port is cut off in the middle of a handshake
                LOG.log(logging.INFO if error.status else logging.DEBUG, "%s: %s", self.path, error.reason)
            except Exception:
                LOG.exception("watch of %s", self.path)
            time.sleep(RETRY_SECONDS)

    def _follow(self) -> None:
        listed = self.kube.get(self.path)
        with self._lock:
            self._items = {key_of(item): self._trim(item) for item in listed.get("items") or []}
        self.synced.set()
        self._tell()
        version = listed["metadata"]["resourceVersion"]
        while version:
            version = self._watch(version)

    def _watch(self, version: str) -> str | None:
        """Follow until the server ends the watch; the version to go on from, None to list again."""
        for event in self.kube.stream(self.path, version):
            item = event["object"]
            if event["type"] == "ERROR":
                return None
            version = item["metadata"]["resourceVersion"]
            if event["type"] == "BOOKMARK":
                continue
            with self._lock:
                if event["type"] == "DELETED":
                    self._items.pop(key_of(item), None)
                else:
                    self._items[key_of(item)] = self._trim(item)
            self._tell()
        return version


def key_of(item: Object) -> tuple[str, str]:
    """Namespace (empty for what has none) and name."""
    meta = item["metadata"]
    return meta.get("namespace", ""), meta["name"]


def _message(data: bytes) -> str:
    try:
        return str(json.loads(data).get("message", ""))
    except ValueError:
        return ""
