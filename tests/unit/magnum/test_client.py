"""What the client absorbs, what it repeats, and what it says."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from ansible_collections.stfc.jupyterhub.plugins.module_utils.magnum.client import Magnum, error_text
from ansible_collections.stfc.jupyterhub.plugins.module_utils.magnum.errors import (
    ApiError,
    CloudTooOldError,
    CredentialsError,
    NotUniqueError,
)
from keystoneauth1 import exceptions as ksa

from .fakes import Answer, Clock, Proxy, error

UUID = "6d0c4b3a-19f5-4d3b-8a7e-6a4f1f0f6c11"
YOUNG = "0f1cb3f8-6be8-4b0e-a0a5-7b6b6d1d0d5e"


def magnum(handler: Callable[[str, str, Any], Answer | Exception], newest: str = "1.14") -> tuple[Magnum, Proxy, Clock]:
    proxy, clock = Proxy(handler, newest), Clock()
    return Magnum(proxy, sleep=clock.sleep, clock=clock), proxy, clock


def in_turn(*answers: Answer | Exception) -> Callable[[str, str, Any], Answer | Exception]:
    left = list(answers)
    return lambda _method, _path, _json: left.pop(0) if len(left) > 1 else left[0]


def test_reading_is_repeated_until_it_answers() -> None:
    client, proxy, clock = magnum(
        in_turn(error(503, "busy"), ksa.ConnectFailure("reset"), error(500, "oops"), Answer(200, {"uuid": UUID}))
    )
    assert client.get_cluster(UUID) == {"uuid": UUID}
    assert len(proxy.asked) == 4
    assert clock.now > 1000


def test_reading_gives_up_with_what_was_answered() -> None:
    client, proxy, _clock = magnum(in_turn(error(500, "database is gone")))
    with pytest.raises(ApiError, match=f"reading cluster {UUID}: Magnum answered 500: database is gone"):
        client.get_cluster(UUID)
    assert len(proxy.asked) == 6


@pytest.mark.parametrize("status", [400, 403, 409])
def test_a_refusal_is_not_repeated(status: int) -> None:
    client, proxy, _clock = magnum(in_turn(error(status, "no")))
    with pytest.raises(ApiError):
        client.get_cluster(UUID)
    assert len(proxy.asked) == 1


def test_a_create_that_was_answered_500_but_happened_is_recognised() -> None:
    listed: list[dict[str, str]] = []

    def handler(method: str, path: str, _json: Any) -> Answer:
        if method == "POST":
            return error(500, "conductor is slow")
        listed.append({"uuid": UUID, "name": "hub"})
        return Answer(200, {"clusters": listed[2:3]})  # it appears at the third look

    client, proxy, _clock = magnum(handler)
    assert client.create_cluster({"name": "hub"}) == UUID
    assert [m for m, _path in proxy.asked].count("POST") == 1


def test_a_create_that_did_not_happen_is_not_repeated_blindly() -> None:
    def handler(method: str, _path: str, _json: Any) -> Answer | Exception:
        return ksa.ConnectFailure("connection reset") if method == "POST" else Answer(200, {"clusters": []})

    client, proxy, clock = magnum(handler)
    with pytest.raises(ApiError, match="safe to run this again"):
        client.create_cluster({"name": "hub"})
    assert [m for m, _path in proxy.asked].count("POST") == 1
    assert clock.now >= 1060


def test_a_create_that_was_not_accepted_is_asked_again() -> None:
    posts = in_turn(error(503, "later"), Answer(202, {"uuid": UUID}))

    def handler(method: str, path: str, body: Any) -> Answer | Exception:
        return posts(method, path, body) if method == "POST" else Answer(200, {"clusters": []})

    client, _proxy, _clock = magnum(handler)
    assert client.create_cluster({"name": "hub"}) == UUID


def test_a_create_that_was_refused_but_happened_is_not_asked_again() -> None:
    looks: list[str] = []

    def handler(method: str, path: str, _json: Any) -> Answer | Exception:
        if method == "POST":
            return error(503, "later")
        looks.append(path)
        return Answer(200, {"clusters": [{"uuid": UUID, "name": "hub"}] if len(looks) > 1 else []})

    client, proxy, _clock = magnum(handler)
    assert client.create_cluster({"name": "hub"}) == UUID
    assert [m for m, _other in proxy.asked].count("POST") == 1


def test_what_is_listed_is_there_although_it_answers_404() -> None:
    answers = in_turn(error(404, "not yet"), error(404, "not yet"), Answer(200, {"uuid": UUID, "whole": True}))
    listed = [{"uuid": UUID, "name": "hub"}]

    def handler(method: str, path: str, body: Any) -> Answer | Exception:
        return Answer(200, {"clusters": listed}) if path == "/clusters" else answers(method, path, body)

    client, _proxy, _clock = magnum(handler)
    assert client.find_cluster("hub") == {"uuid": UUID, "whole": True}

    client, _proxy, clock = magnum(
        lambda _m, path, _j: error(404, "no") if path != "/clusters" else handler("", path, None)
    )
    assert client.find_cluster("hub") == listed[0]
    assert 1008 <= clock.now < 1020


def test_a_list_that_has_half_a_cluster_is_read_again() -> None:
    half = error(400, "Invalid input for field/attribute master_count. Value: '0'.")
    lists = in_turn(half, half, Answer(200, {"clusters": [{"uuid": UUID, "name": "hub"}]}))
    answers = {f"/clusters/{UUID}": Answer(200, {"uuid": UUID}), "/clusters/hub": half}
    client, _proxy, _clock = magnum(lambda m, path, j: answers.get(path) or lists(m, path, j))
    assert client.find_cluster("hub") == {"uuid": UUID}

    client, _proxy, clock = magnum(in_turn(half))
    with pytest.raises(ApiError, match="looking for cluster hub: Magnum answered 400"):
        client.find_cluster("hub")
    assert 1008 <= clock.now < 1010

    client, proxy, clock = magnum(lambda m, p, j: error(500, "oops") if m == "POST" else half)
    with pytest.raises(ApiError, match="none of that name appeared within 60 s"):
        client.create_cluster({"name": "hub"})
    assert [m for m, _path in proxy.asked].count("POST") == 1


def test_what_is_deleted_meanwhile_is_not_there() -> None:
    lists = in_turn(Answer(200, {"clusters": [{"uuid": UUID, "name": "hub"}]}), Answer(200, {"clusters": []}))
    client, _proxy, _clock = magnum(lambda m, path, j: lists(m, path, j) if path == "/clusters" else error(404, "gone"))
    assert client.find_cluster("hub") is None


def test_a_template_that_was_just_made_may_answer_404() -> None:
    reads = in_turn(error(404, "not yet"), Answer(200, {"uuid": UUID, "name": "t"}))
    client, _proxy, _clock = magnum(lambda m, p, j: Answer(201, {"uuid": UUID}) if m == "POST" else reads(m, p, j))
    assert client.create_template({"name": "t"}) == {"uuid": UUID, "name": "t"}


def test_credentials_that_end_meanwhile_are_told_with_what_was_done() -> None:
    client, _proxy, _clock = magnum(in_turn(ksa.Unauthorized("The credential has expired.")))
    with pytest.raises(CredentialsError, match=f"reading cluster {UUID}: Keystone refuses .* has expired"):
        client.get_cluster(UUID)


def test_two_of_one_name_are_an_error_with_their_uuids() -> None:
    pair = [{"uuid": "a", "name": "hub"}, {"uuid": "b", "name": "hub"}, {"uuid": "c", "name": "hub2"}]
    client, _proxy, _clock = magnum(
        in_turn(error(409, "Multiple clusters exist with same name"), Answer(200, {"clusters": pair}))
    )
    with pytest.raises(NotUniqueError, match=r"2 clusters named 'hub': a, b\."):
        client.find_cluster("hub")


def test_just_after_create_the_listed_form_serves() -> None:
    def handler(_method: str, path: str, _json: Any) -> Answer:
        if path == "/clusters":
            return Answer(200, {"clusters": [{"uuid": UUID, "name": "hub", "status": "CREATE_IN_PROGRESS"}]})
        return error(400, "no node groups yet")

    client, _proxy, _clock = magnum(handler)
    assert client.find_cluster("hub") == {"uuid": UUID, "name": "hub", "status": "CREATE_IN_PROGRESS"}


def test_all_pages_are_read() -> None:
    def handler(_method: str, path: str, _json: Any) -> Answer:
        if "marker" in path:
            return Answer(200, {"clusters": [{"uuid": "b", "name": "two"}]})
        inside = "http://10.0.0.5:9511/v1/clusters?marker=a&limit=1"
        return Answer(200, {"clusters": [{"uuid": "a", "name": "one"}], "next": inside})

    client, proxy, _clock = magnum(handler)
    assert [c["uuid"] for c in client.listed("/clusters", "clusters", "listing")] == ["a", "b"]
    assert proxy.asked[1] == ("GET", "/clusters?marker=a&limit=1")


def test_deleting_what_is_gone_is_done() -> None:
    client, _proxy, _clock = magnum(in_turn(error(404, "no such cluster")))
    client.delete_cluster(UUID, "hub")


def test_an_old_cloud_is_told_what_it_lacks() -> None:
    client, proxy, _clock = magnum(in_turn(Answer(200, {})), newest="1.7")
    with pytest.raises(
        CloudTooOldError, match=r"no node groups: that came with API 1\.9 \(release Train\).* up to 1\.7"
    ):
        client.find_nodegroup(UUID, "gpu")
    assert proxy.asked == []
    assert client.list_nodegroups(UUID) == []


@pytest.mark.parametrize(("newest", "asked_for"), [("1.9", "1.9"), ("1.14", "1.14"), ("1.20", "1.14")])
def test_the_newest_version_that_both_know_is_asked_for(newest: str, asked_for: str) -> None:
    client, proxy, _clock = magnum(in_turn(Answer(200, {"uuid": UUID})), newest=newest)
    client.get_cluster(UUID)
    assert proxy.microversions == [asked_for]


def test_no_nodes_need_a_newer_version() -> None:
    client, _proxy, _clock = magnum(in_turn(Answer(202, {"uuid": UUID})), newest="1.9")
    with pytest.raises(CloudTooOldError, match="Wallaby"):
        client.resize(UUID, "hub", 0, "gpu")


def test_a_resize_that_names_nodes_is_not_repeated() -> None:
    client, proxy, _clock = magnum(in_turn(error(500, "oops"), Answer(202, {"uuid": UUID})))
    with pytest.raises(ApiError):
        client.resize(UUID, "hub", 1, "gpu", ["server"])
    assert len(proxy.asked) == 1
    client.resize(UUID, "hub", 1, "gpu")


@pytest.mark.parametrize(
    ("answer", "text"),
    [
        (error(400, "labels  cannot\nchange"), "labels cannot change"),
        (Answer(502, "<html><h1>Bad Gateway</h1></html>"), "Bad Gateway"),
        (Answer(401, {"error": {"message": "token expired"}}), "token expired"),
        (Answer(500, {"faultstring": "boom"}), "boom"),
        (Answer(503, ""), "reason"),
    ],
)
def test_the_sentence_in_an_error_is_found(answer: Answer, text: str) -> None:
    assert error_text(answer) == text


def test_an_upgrade_says_everything() -> None:
    bodies = []

    def answer(_method: str, _path: str, body: Any) -> Answer:
        bodies.append(body)
        return Answer(202, {"uuid": UUID})

    client, proxy, _waits = magnum(answer)
    client.upgrade(UUID, "hub", "t2", 1, "default-worker")
    assert proxy.asked == [("POST", f"/clusters/{UUID}/actions/upgrade")]
    assert bodies == [{"cluster_template": "t2", "max_batch_size": 1, "nodegroup": "default-worker"}]


def test_a_patch_carries_dicts_and_lists_as_text() -> None:
    """Magnum's API takes text and numbers only, and reads such text by ast.literal_eval."""
    bodies = []

    def answer(_method: str, _path: str, body: Any) -> Answer:
        bodies.append(body)
        return Answer(202, {"uuid": UUID})

    client, _other, _other = magnum(answer)
    patch = [
        {"op": "replace", "path": "/node_labels", "value": {"a": "b"}},
        {"op": "replace", "path": "/node_taints", "value": [{"key": "k", "effect": "NoSchedule"}]},
        {"op": "replace", "path": "/max_node_count", "value": 3},
        {"op": "remove", "path": "/x"},
    ]
    client.patch_nodegroup(UUID, "g", "gpu", patch)
    assert bodies == [
        [
            {"op": "replace", "path": "/node_labels", "value": "{'a': 'b'}"},
            {"op": "replace", "path": "/node_taints", "value": "[{'key': 'k', 'effect': 'NoSchedule'}]"},
            {"op": "replace", "path": "/max_node_count", "value": 3},
            {"op": "remove", "path": "/x"},
        ]
    ]


@pytest.mark.parametrize(
    "answer",
    [
        "Unknown attribute for argument cluster: merge_labels",
        "Adding a new attribute /tags to the root of the resource",
    ],
)
def test_a_field_that_the_cloud_does_not_know_is_named_with_its_release(answer: str) -> None:
    client, _other, _other = magnum(in_turn(error(400, answer)))
    with pytest.raises(
        CloudTooOldError, match=r"creating cluster hub: This cloud's Magnum has no .* with release \w+\."
    ):
        client.create_cluster({"name": "hub"})


def test_a_second_request_that_meets_the_first_ones_object_finds_it() -> None:
    posts = in_turn(error(503, "later"), error(409, "already exists"))
    looks = in_turn(error(404, "not yet"), Answer(200, {"uuid": UUID}))

    def handler(method: str, path: str, body: Any) -> Answer | Exception:
        return (posts if method == "POST" else looks)(method, path, body)

    client, _other, _other = magnum(handler)
    assert client.create_nodegroup("c", {"name": "gpu"}) == UUID


@pytest.mark.parametrize("name", ["detail", "with/slash"])
def test_names_that_are_addresses_of_something_else_are_looked_up_in_the_list(name: str) -> None:
    def handler(_method: str, path: str, _json: Any) -> Answer:
        return Answer(200, {"clusters": [{"uuid": UUID, "name": name}]} if path == "/clusters" else {"uuid": UUID})

    client, proxy, _other = magnum(handler)
    assert client.find_cluster(name) == {"uuid": UUID}
    assert [path for _other, path in proxy.asked] == ["/clusters", f"/clusters/{UUID}"]


def test_a_name_is_asked_for_once() -> None:
    client, proxy, _other = magnum(in_turn(Answer(200, {"uuid": UUID, "name": "a b"})))
    assert client.find_template("a b") == {"uuid": UUID, "name": "a b"}
    assert proxy.asked == [("GET", "/clustertemplates/a%20b")]


def test_one_young_cluster_does_not_hide_the_others() -> None:
    def handler(_method: str, path: str, _json: Any) -> Answer:
        if path == "/clusters":
            return Answer(200, {"clusters": [{"uuid": UUID, "name": "old"}, {"uuid": YOUNG, "name": "young"}]})
        if path == f"/clusters/{UUID}":
            return Answer(200, {"uuid": UUID, "name": "old", "status": "CREATE_COMPLETE"})
        return error(400, "no node groups yet")

    client, _other, _other = magnum(handler)
    assert [c["name"] for c in client.list_clusters()] == ["old", "young"]


def test_rotation_is_asked_for_once() -> None:
    client, proxy, _other = magnum(in_turn(error(500, "oops")))
    with pytest.raises(ApiError):
        client.rotate_ca(UUID, "hub")
    assert proxy.asked == [("PATCH", f"/certificates/{UUID}")]
    old, _other, _other = magnum(in_turn(Answer(202, {})), newest="1.4")
    with pytest.raises(CloudTooOldError, match=r"rotation of a cluster's CA.*Ocata"):
        old.rotate_ca(UUID, "hub")
