"""Magnum's REST API through an openstacksdk proxy: microversions, repeats, errors in Magnum's words.

openstacksdk's own objects know neither node groups nor microversions, so that requests go through the proxy's
session as they are, and objects are the dictionaries of the API.
"""

from __future__ import annotations

import contextlib
import re
import time
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import quote

from ..proxies import hint
from . import versions
from .errors import ApiError, CloudTooOldError, CredentialsError, NotFoundError, NotUniqueError

try:
    from keystoneauth1 import exceptions

    ksa: Any = exceptions
except ImportError:  # OpenStackModule has failed with its own message by the time this matters
    ksa = None

Json = dict[str, Any]

PASSING = frozenset({500, 502, 503, 504})
"""Answers that may be gone at the next attempt."""

ATTEMPTS = 6
FIRST_PAUSE, LONGEST_PAUSE = 0.5, 8.0
"""Seconds between attempts: doubled each time, about 16 s in all."""

SETTLING = 8.0
"""Seconds in which an object that is listed may still answer 404 or 400."""

APPEARING = 60.0
"""Seconds in which an object may still appear after its creation was answered by an error (the conductor writes it)."""

_UUID = re.compile(r"^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$", re.I)


def is_uuid(text: str) -> bool:
    return bool(_UUID.match(text))


class Magnum:
    """One cloud's Magnum.

    ``proxy`` is ``conn.container_infrastructure_management`` or anything with its ``request``. ``sleep`` and ``clock``
    are replaced in tests.
    """

    def __init__(
        self,
        proxy: Any,
        *,
        sleep: Callable[[float], None] = time.sleep,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._proxy = proxy
        self._sleep = sleep
        self._clock = clock
        self._offered: versions.Version | None = None

    # Versions

    @property
    def offered(self) -> versions.Version:
        """The newest microversion that the cloud offers; (1, 1) when it does not tell."""
        if self._offered is None:
            self._offered = self._discover()
        return self._offered

    def has(self, feature: str) -> bool:
        return self.offered >= versions.FEATURES[feature].version

    def require(self, *features: str) -> None:
        """Raises CloudTooOldError unless the cloud has all ``features``."""
        versions.negotiate(self.offered, *features)

    def _discover(self) -> versions.Version:
        """What the API's root says in a header. keystoneauth finds no versions there: Magnum's are one level up."""
        doing = "asking Magnum for its API versions"
        pause = FIRST_PAUSE
        for attempt in range(ATTEMPTS):
            try:
                answer = self._send("GET", "/", doing, {})
            except ApiError as error:
                if error.status not in (*PASSING, 0) or attempt == ATTEMPTS - 1:
                    raise
            else:
                newest = answer.headers.get("OpenStack-API-Maximum-Version")
                return versions.parse(newest) if newest else (1, 1)
            self._sleep(pause)
            pause = min(pause * 2, LONGEST_PAUSE)
        raise AssertionError("unreachable")

    # Requests

    def request(
        self,
        method: str,
        path: str,
        doing: str,
        *,
        needs: tuple[str, ...] = ("basic",),
        json: Any = None,
        repeat: bool | None = None,
    ) -> Any:
        """The parsed answer (None when empty).

        ``doing`` is what the message of an error begins with ("resizing cluster jupyterhub"). ``repeat`` says
        whether the request may be sent again when it is not known whether the first one was carried out; by
        default only when it reads. Raises NotFoundError, ApiError, CloudTooOldError.
        """
        microversion = versions.negotiate(self.offered, *needs)
        again = method == "GET" if repeat is None else repeat
        pause = FIRST_PAUSE
        for attempt in range(ATTEMPTS):
            last = attempt == ATTEMPTS - 1
            try:
                return self._once(method, path, doing, microversion, json)
            except ApiError as error:
                if last or not again or not (error.status in PASSING or error.status == 0):
                    raise
            self._sleep(pause)
            pause = min(pause * 2, LONGEST_PAUSE)
        raise AssertionError("unreachable")

    def _once(self, method: str, path: str, doing: str, microversion: str, json: Any) -> Any:
        kwargs: Json = {"microversion": microversion}
        if json is not None:
            kwargs["json"] = json
        answer = self._send(method, path, doing, kwargs)
        return None if answer.status_code == 204 or not answer.content else answer.json()

    def _send(self, method: str, path: str, doing: str, kwargs: Json) -> Any:
        """The response when it is a good one. Raises ApiError, NotFoundError, CloudTooOldError, MagnumError."""
        try:
            # The SDK would repeat what got no answer, a POST too: what may be repeated is decided here.
            answer = self._proxy.request(
                path, method, raise_exc=False, connect_retries=0, status_code_retries=0, **kwargs
            )
        except ksa.EndpointNotFound:
            raise CloudTooOldError(
                "This cloud has no Magnum: its catalog has no service of the type 'container-infra' in this region "
                "and interface. Check region_name and interface, or ask the cloud's operators."
            ) from None
        except ksa.ConnectionError as error:
            raise ApiError(doing, 0, _one_line(error) + hint(error)) from None
        except ksa.HttpError as error:
            # Keystone's answers (a token that could not be had) come as exceptions whatever raise_exc says.
            if error.http_status in PASSING:
                raise ApiError(doing, error.http_status, f"from Keystone: {_one_line(error)}") from None
            if error.http_status == 401:
                raise CredentialsError(doing, _one_line(error)) from None
            raise
        if answer.status_code >= 400:
            kind = NotFoundError if answer.status_code == 404 else ApiError
            request_id = answer.headers.get("x-openstack-request-id")
            text = error_text(answer)
            if answer.status_code == 400 and (lacks := versions.missing_field(text)):
                raise CloudTooOldError(f"{doing}: {lacks}")
            raise kind(doing, answer.status_code, text, request_id)
        return answer

    def listed(self, path: str, key: str, doing: str, needs: tuple[str, ...] = ("basic",)) -> list[Json]:
        """All pages of a list."""
        found: list[Json] = []
        url: str | None = path
        while url:
            page = self.request("GET", url, doing, needs=needs)
            found += page.get(key) or []
            following = page.get("next")
            # The link is absolute, and may name an address that only the cloud's inside knows.
            url = f"{path.split('?', 1)[0]}?{following.split('?', 1)[1]}" if following and "?" in following else None
        return found

    def find(self, kind: str, collection: str, name_or_uuid: str) -> Json | None:
        """The whole object of that uuid or name, or None. Raises NotUniqueError when the name is shared."""
        doing = f"looking for {kind} {name_or_uuid}"
        if name_or_uuid != "detail" and "/" not in name_or_uuid:  # these are addresses of something else
            try:
                found: Json = self.request("GET", f"/{collection}/{quote(name_or_uuid, safe='')}", doing)
            except ApiError as error:
                # A name that several have (409), one that has just been made (404, 400), or none. The list tells.
                if error.status not in (400, 404, 409):
                    raise
                if error.status == 404 and is_uuid(name_or_uuid):
                    return None
            else:
                return found
        short = self._listed_as(kind, collection, name_or_uuid)
        if short is None:
            return None
        return self._whole(f"/{collection}/{short['uuid']}", doing) or self._still(collection, short, doing)

    def _listed_as(self, kind: str, collection: str, name_or_uuid: str) -> Json | None:
        """What a list has of that name or uuid. Raises NotUniqueError."""
        key = "uuid" if is_uuid(name_or_uuid) else "name"
        listed = self._settled_list(collection, f"looking for {kind} {name_or_uuid}")
        named = [o for o in listed if o.get(key) == name_or_uuid]
        if len(named) > 1:
            raise NotUniqueError(kind, name_or_uuid, [o["uuid"] for o in named])
        return named[0] if named else None

    def _settled_list(self, collection: str, doing: str) -> list[Json]:
        """A list. That of clusters answers 400 as a whole while one of them has no rows of node groups yet."""
        until = self._clock() + SETTLING
        while True:
            try:
                return self.listed(f"/{collection}", collection, doing)
            except ApiError as error:
                if error.status != 400 or self._clock() >= until:
                    raise
            self._sleep(FIRST_PAUSE)

    def _whole(self, path: str, doing: str) -> Json | None:
        """An object that was listed, or just made; None when it cannot be read for ``SETTLING`` seconds.

        Just after create it may answer 404, or 400 while a cluster's node groups have no rows yet.
        """
        until, pause = self._clock() + SETTLING, FIRST_PAUSE
        while True:
            try:
                found: Json = self.request("GET", path, doing)
            except ApiError as error:
                if error.status not in (400, 404):
                    raise
                if self._clock() >= until:
                    return None
            else:
                return found
            self._sleep(pause)
            pause = min(pause * 2, LONGEST_PAUSE)

    def _still(self, collection: str, short: Json, doing: str) -> Json | None:
        """The form of the list, which is what there is of it, or None when it has been deleted meanwhile."""
        listed = self._settled_list(collection, doing)
        return next((o for o in listed if o["uuid"] == short["uuid"]), None)

    # Clusters

    def find_cluster(self, name_or_uuid: str) -> Json | None:
        return self.find("cluster", "clusters", name_or_uuid)

    def list_clusters(self) -> list[Json]:
        """All clusters of the project, whole ones but for ``faults``."""
        doing = "listing clusters"
        try:
            return self.listed("/clusters/detail", "clusters", doing)
        except ApiError as error:
            if error.status != 400:
                raise
        # One of them has just been created, and spoils the list for the others.
        found = [self.find_cluster(short["uuid"]) for short in self._settled_list("clusters", doing)]
        return [whole for whole in found if whole]

    def short_clusters(self) -> list[Json]:
        """All clusters of the project as a list tells them: uuid, name, status, template, counts."""
        return self._settled_list("clusters", "listing clusters")

    def get_cluster(self, uuid: str) -> Json:
        found: Json = self.request("GET", f"/clusters/{uuid}", f"reading cluster {uuid}")
        return found

    def create_cluster(self, body: Mapping[str, Any]) -> str:
        """Ask for a cluster; its uuid.

        When the answer is an error that leaves open whether it was done, a cluster of that name which appears within
        ``APPEARING`` seconds is taken for ours. It is never asked for twice unless the first request cannot have
        arrived.
        """
        name = body["name"]
        needs = ("basic", "zero_nodes") if body.get("node_count") == 0 else ("basic",)

        def look() -> str | None:
            found = self._listed_as("cluster", "clusters", name)
            return found["uuid"] if found else None

        def ask() -> str:
            uuid: str = self.request("POST", "/clusters", f"creating cluster {name}", needs=needs, json=dict(body))[
                "uuid"
            ]
            return uuid

        return self._create(ask, look, f"cluster {name}")

    def _create(self, ask: Callable[[], str], look: Callable[[], str | None], what: str) -> str:
        """Ask once; after an answer that leaves it open whether it was done, look before anything else.

        Only 503 is asked again (nothing was accepted), and only when nothing of that name has appeared meanwhile.
        """
        pause = FIRST_PAUSE
        for attempt in range(ATTEMPTS):
            try:
                return ask()
            except ApiError as error:
                # 409 to the second request: the first one was carried out after all.
                if not (error.status in PASSING or error.status == 0 or (attempt and error.status == 409)):
                    raise
                unavailable = error.status == 503 and attempt < ATTEMPTS - 1
                found = self._appearing(look, pause if unavailable else APPEARING)
                if found:
                    return found
                if not unavailable:
                    doing = f"creating {what} (none of that name appeared within {APPEARING:.0f} s)"
                    raise ApiError(doing, error.status, error.answer) from None
            pause = min(pause * 2, LONGEST_PAUSE)
        raise AssertionError("unreachable")

    def _appearing(self, look: Callable[[], str | None], seconds: float) -> str | None:
        until = self._clock() + seconds
        while True:
            try:
                found = look()
            except ApiError as error:
                if error.status != 400:  # it is appearing: see ``_settled_list``
                    raise
                found = None
            if found or self._clock() >= until:
                return found
            self._sleep(min(2.0, max(until - self._clock(), 0.1)))

    def resize(self, uuid: str, name: str, node_count: int, group: str | None, remove: list[str] | None = None) -> None:
        body: Json = {"node_count": node_count}
        needs = ["resize"]
        if group:
            body["nodegroup"] = group
            needs.append("nodegroups")
        if remove:
            body["nodes_to_remove"] = remove
        if node_count == 0:
            needs.append("zero_nodes")
        where = f"node group {group} of cluster {name}" if group else f"cluster {name}"
        self.request(
            "POST",
            f"/clusters/{uuid}/actions/resize",
            f"resizing {where} to {node_count}",
            needs=tuple(needs),
            json=body,
            # A count is absolute, but nodes that were named are gone after the first time.
            repeat=not remove,
        )

    def upgrade(self, uuid: str, name: str, template: str, batch: int, group: str) -> None:
        """Upgrade a cluster through its default group ``group``, or another group alone, ``batch`` nodes at a time.

        All three are sent although the API's reference calls two of them optional: without them Magnum 23 answers 500.
        """
        body: Json = {"cluster_template": template, "max_batch_size": batch, "nodegroup": group}
        self.request(
            "POST",
            f"/clusters/{uuid}/actions/upgrade",
            f"upgrading node group {group} of cluster {name} to template {template}",
            needs=("upgrade",),
            json=body,
            repeat=False,
        )

    def delete_cluster(self, uuid: str, name: str) -> None:
        self._delete(f"/clusters/{uuid}", f"deleting cluster {name}", ("basic",))

    def _delete(self, path: str, doing: str, needs: tuple[str, ...]) -> None:
        with contextlib.suppress(NotFoundError):  # gone is what was asked for
            self.request("DELETE", path, doing, needs=needs, repeat=True)

    # Templates

    def find_template(self, name_or_uuid: str) -> Json | None:
        return self.find("cluster template", "clustertemplates", name_or_uuid)

    def list_templates(self) -> list[Json]:
        return self.listed("/clustertemplates", "clustertemplates", "listing cluster templates")

    def create_template(self, body: Mapping[str, Any]) -> Json:
        name = body["name"]

        def look() -> str | None:
            found = self._listed_as("cluster template", "clustertemplates", name)
            return found["uuid"] if found else None

        def ask() -> str:
            doing = f"creating cluster template {name}"
            uuid: str = self.request("POST", "/clustertemplates", doing, json=dict(body))["uuid"]
            return uuid

        uuid = self._create(ask, look, f"cluster template {name}")
        found = self._whole(f"/clustertemplates/{uuid}", f"reading cluster template {name}")
        return found or {**body, "uuid": uuid}

    def patch_template(self, uuid: str, name: str, patch: list[Json]) -> Json:
        changed: Json = self.request(
            "PATCH",
            f"/clustertemplates/{uuid}",
            f"changing cluster template {name}",
            json=patch_body(patch),
            repeat=True,
        )
        return changed

    def delete_template(self, uuid: str, name: str) -> None:
        self._delete(f"/clustertemplates/{uuid}", f"deleting cluster template {name}", ("basic",))

    # Node groups

    def list_nodegroups(self, cluster: str, role: str | None = None) -> list[Json]:
        """Node groups of a cluster, whole ones: bounds are missing in lists. Empty on a cloud without them."""
        if not self.has("nodegroups"):
            return []
        doing = f"listing node groups of cluster {cluster}"
        path = f"/clusters/{cluster}/nodegroups"
        groups = []
        query = f"?role={quote(role, safe='')}" if role else ""
        for short in self.listed(path + query, "nodegroups", doing, ("nodegroups",)):
            try:
                groups.append(self.request("GET", f"{path}/{short['uuid']}", doing, needs=("nodegroups",)))
            except NotFoundError:
                continue  # deleted in between
        return groups

    def short_nodegroups(self, cluster: str) -> list[Json]:
        """Node groups as a list tells them, in one request: name, status, count, flavor, but no bounds or labels."""
        if not self.has("nodegroups"):
            return []
        path = f"/clusters/{cluster}/nodegroups"
        return self.listed(path, "nodegroups", f"listing node groups of cluster {cluster}", ("nodegroups",))

    def find_nodegroup(self, cluster: str, name_or_uuid: str) -> Json | None:
        doing = f"looking for node group {name_or_uuid} of cluster {cluster}"
        path = f"/clusters/{cluster}/nodegroups/{quote(name_or_uuid, safe='')}"
        try:
            found: Json = self.request("GET", path, doing, needs=("nodegroups",))
        except NotFoundError:
            return None
        return found

    def create_nodegroup(self, cluster: str, body: Mapping[str, Any]) -> str:
        name = body["name"]
        needs = ["nodegroups"]
        if 0 in (body.get("node_count"), body.get("min_node_count")):
            needs.append("zero_nodes")
        if body.get("node_labels") or body.get("node_taints"):
            needs.append("node_labels")

        def look() -> str | None:
            found = self.find_nodegroup(cluster, name)
            return found["uuid"] if found else None

        def ask() -> str:
            doing = f"creating node group {name} of cluster {cluster}"
            path = f"/clusters/{cluster}/nodegroups"
            uuid: str = self.request("POST", path, doing, needs=tuple(needs), json=dict(body))["uuid"]
            return uuid

        return self._create(ask, look, f"node group {name}")

    def patch_nodegroup(self, cluster: str, uuid: str, name: str, patch: list[Json]) -> None:
        needs = ["nodegroups"]
        if any(p["path"] in ("/node_labels", "/node_taints") for p in patch):
            needs.append("node_labels")
        if any(p["path"] == "/min_node_count" and p.get("value") == 0 for p in patch):
            needs.append("zero_nodes")
        self.request(
            "PATCH",
            f"/clusters/{cluster}/nodegroups/{uuid}",
            f"changing node group {name} of cluster {cluster}",
            needs=tuple(needs),
            json=patch_body(patch),
            repeat=True,
        )

    def delete_nodegroup(self, cluster: str, uuid: str, name: str) -> None:
        self._delete(
            f"/clusters/{cluster}/nodegroups/{uuid}",
            f"deleting node group {name} of cluster {cluster}",
            ("nodegroups",),
        )

    # Certificates

    def ca_certificate(self, cluster: str) -> str:
        """The cluster's CA, PEM."""
        answer = self.request("GET", f"/certificates/{cluster}", f"reading the CA of cluster {cluster}")
        pem: str = answer["pem"]
        return pem

    def sign(self, cluster: str, csr: str) -> str:
        """A certificate for the request ``csr`` (both PEM), signed by the cluster's CA."""
        answer = self.request(
            "POST",
            "/certificates",
            f"signing a certificate for cluster {cluster}",
            json={"cluster_uuid": cluster, "csr": csr},
            repeat=True,  # signing leaves nothing behind
        )
        pem: str = answer["pem"]
        return pem

    def rotate_ca(self, uuid: str, name: str) -> None:
        """Have Magnum make a new CA for a cluster. Never repeated: a second one would follow the first."""
        self.request(
            "PATCH",
            f"/certificates/{uuid}",
            f"replacing the CA of cluster {name}",
            needs=("ca_rotation",),
            repeat=False,
        )


def patch_body(patch: list[Json]) -> list[Json]:
    """A JSON patch as Magnum reads it: a value that is a dict or a list goes as text, in Python's notation.

    Magnum's API takes no other values than text and numbers there, and reads that text by ``ast.literal_eval``.
    """
    return [{**p, "value": str(p["value"])} if isinstance(p.get("value"), (dict, list)) else p for p in patch]


def error_text(answer: Any) -> str:
    """The sentence in an error's body: Magnum's, a proxy's, or the bare reason."""
    try:
        body = answer.json()
    except ValueError:
        text = re.sub(r"<[^>]+>", " ", answer.text or "")
        return _one_line(text)[:500] or str(answer.reason)
    if isinstance(body, Mapping):
        errors = body.get("errors")
        if isinstance(errors, list) and errors and isinstance(errors[0], Mapping):
            said = errors[0].get("detail") or errors[0].get("title")
            if said:
                return _one_line(said)
        for key in ("faultstring", "message"):
            if body.get(key):
                return _one_line(body[key])
        inner = body.get("error")
        if isinstance(inner, Mapping) and inner.get("message"):
            return _one_line(inner["message"])
    return _one_line(body)


def _one_line(text: Any) -> str:
    return " ".join(str(text).split())
