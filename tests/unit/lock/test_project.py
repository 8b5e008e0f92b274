"""A lock that is a security group: who has it when several take it at once, and what is asked again."""

from __future__ import annotations

import contextlib
import dataclasses
import itertools
import threading
from collections.abc import Callable
from urllib.parse import parse_qs, urlsplit

import pytest
from ansible_collections.stfc.jupyterhub.plugins.module_utils.lock.locking import LockError
from ansible_collections.stfc.jupyterhub.plugins.module_utils.lock.machine import here
from ansible_collections.stfc.jupyterhub.plugins.module_utils.lock.project import ProjectStore, name_of
from ansible_collections.stfc.jupyterhub.plugins.module_utils.lock.record import Record
from keystoneauth1 import exceptions

from tests.unit.magnum.fakes import Answer, Json

NOW = 1_790_000_000.0


@dataclasses.dataclass
class Neutron:
    """Security groups as Neutron keeps them. ``before`` sees each request first and may answer it."""

    groups: dict[str, Json] = dataclasses.field(default_factory=dict)
    before: Callable[[str, str], Answer | Exception | None] = lambda _method, _path: None
    turns: contextlib.AbstractContextManager[None] = dataclasses.field(default_factory=contextlib.nullcontext)
    asked: list[tuple[str, str]] = dataclasses.field(default_factory=list)

    def request(self, path: str, method: str, **kwargs: object) -> Answer:
        assert kwargs.pop("raise_exc") is False
        with self.turns:
            return self._let_in(path, method, **kwargs)

    def _let_in(self, path: str, method: str, **kwargs: object) -> Answer:
        url = urlsplit(path)
        self.asked.append((method, url.path))
        early = self.before(method, url.path)
        if isinstance(early, Exception):
            raise early
        if early is not None:
            return early
        return self.answer(method, url.path, parse_qs(url.query), **kwargs)

    def answer(
        self, method: str, path: str, query: dict[str, list[str]], json: Json | None = None, headers: Json | None = None
    ) -> Answer:
        if method == "GET":
            found = [g for g in self.groups.values() if all(g.get(k) == query[k][0] for k in query if k != "fields")]
            return Answer(200, {"security_groups": found})
        if method == "POST":
            assert json
            key = f"id{len(self.asked)}"
            self.groups[key] = {"id": key, "revision_number": 1, "project_id": "p", **json["security_group"]}
            return Answer(201, {"security_group": self.groups[key]})
        key = path.rpartition("/")[2]
        if key not in self.groups:
            return Answer(404, {"NeutronError": {"message": f"Security group {key} does not exist"}})
        group = self.groups[key]
        if headers and headers["If-Match"] != f"revision_number={group['revision_number']}":
            return Answer(412, {"NeutronError": {"message": "revision"}})
        if method == "DELETE":
            del self.groups[key]
            return Answer(204)
        assert json
        group.update(json["security_group"], revision_number=group["revision_number"] + 1)
        return Answer(200, {"security_group": group})


@pytest.fixture
def neutron() -> Neutron:
    return Neutron()


@pytest.fixture
def store(neutron: Neutron) -> ProjectStore:
    return ProjectStore(neutron, "jupyterhub", "p", sleep=lambda _seconds: None)


def run(process: int) -> Record:
    return dataclasses.replace(here().record("deploy", process, NOW), started=process)


def test_taking_it_is_two_requests_and_giving_it_back_is_one(neutron: Neutron, store: ProjectStore) -> None:
    entry, others = store.take(run(1))
    assert entry and entry.record == run(1) and others == []
    assert [group["name"] for group in neutron.groups.values()] == [name_of("jupyterhub")]
    store.remove(entry)
    assert neutron.groups == {}
    assert [method for method, _path in neutron.asked] == ["POST", "GET", "DELETE"]


def test_who_comes_second_steps_back(neutron: Neutron, store: ProjectStore) -> None:
    first, _other = store.take(run(1))
    second, others = store.take(run(2))
    assert second is None and others == [first]
    assert len(neutron.groups) == 1


def test_another_services_or_projects_group_is_no_rival(neutron: Neutron, store: ProjectStore) -> None:
    ProjectStore(neutron, "staging", "p").take(run(1))
    neutron.groups["foreign"] = {"id": "foreign", "name": name_of("jupyterhub"), "project_id": "q", "description": ""}
    entry, _other = store.take(run(2))
    assert entry


class Turns(contextlib.AbstractContextManager[None]):
    """Lets requests of two threads in, one at a time and in a given order; those after that as they come."""

    def __init__(self, order: tuple[str, ...]) -> None:
        self._order = list(order)
        self._changed = threading.Condition()

    def __enter__(self) -> None:
        me = threading.current_thread().name
        self._changed.acquire()
        assert self._changed.wait_for(lambda: me not in self._order or self._order[0] == me, timeout=10)
        if me in self._order:
            self._order.pop(0)

    def __exit__(self, *_error: object) -> None:
        self._changed.notify_all()
        self._changed.release()


@pytest.mark.parametrize("order", sorted(set(itertools.permutations("aabb"))))
def test_never_both_have_it_however_their_requests_come(neutron: Neutron, order: tuple[str, ...]) -> None:
    neutron.turns = Turns(order)
    taken: dict[str, bool] = {}

    def take(process: int) -> None:
        entry, _others = ProjectStore(neutron, "jupyterhub", "p").take(run(process))
        taken[threading.current_thread().name] = entry is not None

    threads = [threading.Thread(target=take, args=(number,), name=name) for number, name in enumerate("ab", 1)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(neutron.groups) == sum(taken.values()) <= 1
    if order[0] == order[1]:
        assert taken[order[0]], "nobody else had begun"


def test_a_run_that_has_it_gets_the_same_again(neutron: Neutron, store: ProjectStore) -> None:
    first, _other = store.take(run(1))
    again, others = store.take(run(1).renew(NOW + 5))
    assert again == first and others == [] and len(neutron.groups) == 1


def test_made_although_the_answer_was_an_error_is_recognised(neutron: Neutron, store: ProjectStore) -> None:
    def fails_after_making(method: str, path: str) -> Answer | None:
        if method != "POST":
            return None
        body = {"security_group": {"name": name_of("jupyterhub"), "description": run(1).text()}}
        neutron.answer("POST", path, {}, json=body)
        return Answer(500, "Internal Server Error")

    neutron.before = fails_after_making
    entry, _other = store.take(run(1))
    assert entry and len(neutron.groups) == 1
    assert [method for method, _path in neutron.asked] == ["POST", "GET"]


def test_what_passes_is_asked_again(neutron: Neutron, store: ProjectStore) -> None:
    answers = iter([Answer(503, "busy"), exceptions.ConnectFailure("reset"), exceptions.InternalServerError("token")])
    neutron.before = lambda method, _path: next(answers, None) if method == "POST" else None
    entry, _other = store.take(run(1))
    assert entry and len(neutron.groups) == 1


def test_what_does_not_pass_is_told_in_neutrons_words(neutron: Neutron, store: ProjectStore) -> None:
    neutron.before = lambda method, _path: Answer(503, "busy") if method == "POST" else None
    with pytest.raises(LockError, match=r"taking it \(security group 'lock of jupyterhub .*Neutron answered 503: busy"):
        store.take(run(1))


@pytest.mark.parametrize(("status", "words"), [(403, "rule:create"), (409, "Quota exceeded for resources")])
def test_a_refusal_is_one_unless_somebody_holds_it(
    neutron: Neutron, store: ProjectStore, status: int, words: str
) -> None:
    other, _other = store.take(run(2))
    refuse = Answer(status, {"NeutronError": {"message": words}})
    neutron.before = lambda method, _path: refuse if method == "POST" else None
    assert store.take(run(1)) == (None, [other])
    neutron.groups.clear()
    with pytest.raises(LockError, match=words) as caught:
        store.take(run(1))
    assert caught.value.refused


def test_wrong_credentials_are_the_modules_to_tell(neutron: Neutron, store: ProjectStore) -> None:
    neutron.before = lambda _method, _path: exceptions.Unauthorized("no")
    with pytest.raises(exceptions.Unauthorized):
        store.take(run(1))


def test_renewing_changes_it_and_says_when_it_is_gone(neutron: Neutron, store: ProjectStore) -> None:
    entry, _other = store.take(run(1))
    assert entry
    renewed = store.renew(entry, run(1).renew(NOW + 15))
    assert renewed and renewed.record == run(1).renew(NOW + 15) and renewed.version != entry.version
    neutron.groups.clear()
    assert store.renew(renewed, run(1).renew(NOW + 30)) is None


def test_one_that_was_renewed_in_between_is_not_removed(neutron: Neutron, store: ProjectStore) -> None:
    entry, _other = store.take(run(1))
    assert entry
    store.renew(entry, run(1).renew(NOW + 15))
    store.remove(entry)
    assert len(neutron.groups) == 1
