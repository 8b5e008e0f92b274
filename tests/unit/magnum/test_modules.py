"""What the modules ask of Magnum, and when: templates by name and new name, counts with and without an autoscaler."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.stfc.jupyterhub.plugins.module_utils.magnum.client import Magnum
from ansible_collections.stfc.jupyterhub.plugins.module_utils.magnum.cluster import ClusterModule
from ansible_collections.stfc.jupyterhub.plugins.module_utils.magnum.errors import MagnumError, RefusedError
from ansible_collections.stfc.jupyterhub.plugins.module_utils.magnum.module import MagnumModule
from ansible_collections.stfc.jupyterhub.plugins.module_utils.magnum.nodegroup import NodegroupModule
from ansible_collections.stfc.jupyterhub.plugins.module_utils.magnum.plan import TEMPLATE_FIELDS, equal
from ansible_collections.stfc.jupyterhub.plugins.module_utils.magnum.template import OPTION_OF, TemplateModule

from .fakes import Answer, Clock, Proxy, error

Json = dict[str, Any]

UUID = "6d0c4b3a-19f5-4d3b-8a7e-6a4f1f0f6c11"


class Cloud:
    """Objects by path; a template that is patched keeps the change, as Magnum's does."""

    def __init__(self) -> None:
        self.templates: list[Json] = []
        self.clusters: list[Json] = []
        self.groups: list[Json] = []
        self.patches: list[Json] = []

    def __call__(self, method: str, path: str, body: Any) -> Answer:
        collection, _other, ident = path.lstrip("/").partition("/")
        if ident.endswith("nodegroups"):
            short = ("uuid", "name", "role", "is_default", "node_count", "status")
            return Answer(200, {"nodegroups": [{k: g[k] for k in short if k in g} for g in self.groups]})
        if "/nodegroups/" in ident:
            return self._one(self.groups, ident.rpartition("/")[2])
        known = self.templates if collection == "clustertemplates" else self.clusters
        if method == "POST":
            known.append({"uuid": "made", **body})
            return Answer(201, known[-1])
        if method == "PATCH":
            self.patches.append(body)
            for change in body:
                known[0][change["path"].lstrip("/")] = change.get("value")
            return Answer(200, known[0])
        return self._one(known, ident) if ident else Answer(200, {collection: known})

    @staticmethod
    def _one(known: list[Json], ident: str) -> Answer:
        found = [o for o in known if ident in (o["uuid"], o["name"])]
        return Answer(200, found[0]) if found else error(404, "not found")


def module(kind: type[MagnumModule], cloud: Cloud, **params: Any) -> Any:
    """One of the modules without Ansible and without a connection."""
    clock = Clock()
    made = object.__new__(kind)
    made.magnum = Magnum(Proxy(cloud), sleep=clock.sleep, clock=clock)
    made.check_mode = params.pop("check_mode", False)
    made.warn = lambda _text: None
    made.same = equal
    made.params = params
    made._waiters = []
    return made


def template(cloud: Cloud, **params: Any) -> Any:
    options = {OPTION_OF.get(key, key): None for key in TEMPLATE_FIELDS}
    given = {"new_name": None, "state": "present", "keep_in_use": False, **params}
    return module(TemplateModule, cloud, **{**options, **given})


@pytest.fixture
def cloud() -> Cloud:
    made = Cloud()
    made.templates.append({"uuid": UUID, "name": "old", "image_id": "i", "labels": {}})
    return made


def test_a_template_is_renamed_once(cloud: Cloud) -> None:
    result = template(cloud, name="old", new_name="new").act()
    assert (result["changed"], result["diff"]["after"]) == (True, {"name": "new"})
    assert not template(cloud, name="old", new_name="new").act()["changed"]
    assert cloud.patches == [[{"op": "replace", "path": "/name", "value": "new"}]]


def test_a_template_does_not_take_anothers_name(cloud: Cloud) -> None:
    cloud.templates.append({"uuid": "second", "name": "new"})
    with pytest.raises(MagnumError, match="there is another one named new already"):
        template(cloud, name="old", new_name="new").act()


def test_a_template_that_is_not_there_is_made_under_its_new_name(cloud: Cloud) -> None:
    result = template(cloud, name="first", new_name="new", image="i").act()
    assert result["cluster_template"]["name"] == "new"


def test_a_uuid_is_no_name(cloud: Cloud) -> None:
    assert not template(cloud, name=UUID).act()["changed"]
    with pytest.raises(MagnumError, match="There is no cluster template"):
        template(cloud, name=UUID.replace("6d0c", "0000"), image="i").act()


def test_who_refers_to_a_template_is_asked_only_when_it_changes(cloud: Cloud) -> None:
    cloud.clusters.append({"uuid": "c", "name": "hub", "cluster_template_id": UUID})
    same = template(cloud, name="old", image="i")
    assert not same.act()["changed"]
    assert ("GET", "/clusters") not in same.magnum._proxy.asked
    with pytest.raises(RefusedError, match="clusters refer to old"):
        template(cloud, name="old", image="other").act()


def test_what_a_template_has_that_foresees_nothing_is_asked_of_nobody(cloud: Cloud) -> None:
    foreseen = template(cloud, name="old", labels={"a": True}, check_mode=True).act()
    assert (foreseen["changed"], foreseen["diff"]["after"], cloud.patches) == (True, {"labels": {"a": "true"}}, [])


@pytest.mark.parametrize(("labels", "changed"), [({}, True), ({"auto_scaling_enabled": "true"}, False)])
def test_a_count_is_compared_with_who_owns_it(cloud: Cloud, labels: Json, changed: bool) -> None:
    """Lists have no labels, so the default group is read as a whole when its count is another."""
    cloud.clusters.append(
        {"uuid": UUID, "name": "hub", "cluster_template_id": "t", "labels": {}, "status": "CREATE_COMPLETE"}
    )
    cloud.groups.append(
        {"uuid": "g", "name": "default-worker", "role": "worker", "is_default": True, "node_count": 2, "labels": labels}
    )
    keys = "cluster_template master_count flavor master_flavor keypair docker_volume_size fixed_network fixed_subnet"
    nothing = dict.fromkeys([*keys.split(), "floating_ip_enabled", "master_lb_enabled", "discovery_url", "labels"])
    given = {**nothing, "name": "hub", "state": "present", "nodes_to_remove": None, "check_mode": True}
    assert module(ClusterModule, cloud, node_count=3, **given).act()["changed"] is changed
    assert not module(ClusterModule, cloud, node_count=2, **given).act()["changed"]


def test_a_group_is_upgraded_to_the_template_of_its_cluster(cloud: Cloud) -> None:
    cloud.clusters.append(
        {"uuid": UUID, "name": "hub", "cluster_template_id": UUID, "labels": {}, "status": "CREATE_COMPLETE"}
    )
    cloud.groups.append({"uuid": "g", "name": "more", "role": "worker", "node_count": 1, "image_id": "before"})
    keys = "node_count min_node_count max_node_count flavor role docker_volume_size node_labels node_taints labels"
    nothing = dict.fromkeys([*keys.split(), "nodes_to_remove", "current_nodes"])
    given = {**nothing, "cluster": "hub", "name": "more", "state": "present", "timeout": 1, "check_mode": True}
    group = module(NodegroupModule, cloud, image="i", replace_failed=False, **given)
    group.progress = None
    assert group.act()["actions"] == ["upgrade node group more to the cluster's template old"]
    with pytest.raises(RefusedError, match="drains its nodes"):
        other = module(NodegroupModule, cloud, image="third", replace_failed=False, **given)
        other.progress = None
        other.act()


def test_the_modules_own_arguments_are_shown_without_passwords(cloud: Cloud) -> None:
    """Ansible adds a module's arguments to its result."""
    left: list[Json] = []
    leave: Any = lambda **result: left.append(result)  # noqa: E731
    made = module(TemplateModule, cloud, http_proxy="http://user:secret@192.0.2.54:3128")
    made._without_passwords(leave)(changed=False, msg="see http://user:secret@192.0.2.54:3128")
    assert left[0]["invocation"] == {"module_args": {"http_proxy": "http://user:********@192.0.2.54:3128"}}
    assert "secret" not in str(left)
