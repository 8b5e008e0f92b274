"""Users' pods and claims: the product's values through the chart's own configuration and the real KubeSpawner.

Every pod is also looked at as Kubernetes looks at it (``pod_builder.refused``).
"""

from __future__ import annotations

import copy
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from ansible_collections.stfc.jupyterhub.plugins.module_utils.hub_values import hub_values
from ansible_collections.stfc.jupyterhub.plugins.module_utils.hub_values.merge import merged

from tests.support.pod_builder import PodBuilder, values_of
from tests.unit.hub.conftest import CLUSTER, Builder

from .conftest import Released, Values, chart_in_use, mount, render_with

Json = dict[str, Any]
Spawn = Callable[..., list[Json]]

SCRATCH = {"name": "scratch", "emptyDir": {}}
AT_SCRATCH = {"name": "scratch", "mountPath": "/scratch"}
TOLERATION = {"key": "course", "operator": "Exists"}


@pytest.fixture(scope="module")
def folder(helm: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What the hub's pod has after a release; each test puts its values in."""
    folder = tmp_path_factory.mktemp("hub") / "hub"
    mount(
        render_with(helm, tmp_path_factory.mktemp("helm"), {"prePuller": {"hook": {"enabled": False}}}, chart_in_use()),
        folder,
    )
    return folder


@pytest.fixture
def spawn(folder: Path, builder: PodBuilder) -> Spawn:
    """``spawn(hub_values)``: a server of each of the shipped profiles, GPUs too."""
    defaults = yaml.safe_load((chart_in_use() / "values.yaml").read_text())

    def spawn(
        extra: Values, users: tuple[str, ...] = ("ada",), servers: tuple[str, ...] = ("",), **facts: Any
    ) -> list[Json]:
        service = Builder().with_gpu(hub_values=extra)
        values_of(folder, merged(defaults, hub_values(service, {**copy.deepcopy(CLUSTER), **facts})))
        return builder.servers(folder, users, servers)

    return spawn


def storage(**lists: Any) -> Values:
    return {"singleuser": {"storage": lists}}


def volumes(server: Json) -> Json:
    return {each["name"]: each for each in server["pod"]["spec"]["volumes"]}


def mounts(server: Json) -> dict[str, str]:
    """Volumes by the path they are mounted at."""
    return {each["mountPath"]: each["name"] for each in server["pod"]["spec"]["containers"][0]["volumeMounts"]}


def variables(server: Json) -> Json:
    return {each["name"]: each.get("value", each) for each in server["pod"]["spec"]["containers"][0]["env"]}


def test_the_product_s_pods(released: Released, builder: PodBuilder, product_values: Values) -> None:
    if product_values.get("proxy", {}).get("https", {}).get("type") == "letsencrypt":
        product_values["proxy"]["https"] = {"enabled": False}  # not of the hub; the stand-in has no ACME client
    servers = builder.servers(released(product_values, chart_in_use()))
    assert [each["profile"] for each in servers] == [
        each["slug"] for each in product_values["singleuser"]["profileList"]
    ]
    for server in servers:
        assert volumes(server)["shm"]["emptyDir"]["medium"] == "Memory"
        assert server["pod"]["spec"]["securityContext"] == {"fsGroup": 100, "fsGroupChangePolicy": "OnRootMismatch"}


@pytest.mark.parametrize(
    "given",
    [
        storage(extraVolumes=[SCRATCH], extraVolumeMounts=[AT_SCRATCH]),
        storage(extraVolumes={"scratch": SCRATCH}, extraVolumeMounts={"scratch": AT_SCRATCH}),
        storage(extraVolumes={"scratch": {"emptyDir": {}}}, extraVolumeMounts={"scratch": {"mountPath": "/scratch"}}),
        storage(extraVolumes=[SCRATCH], extraVolumeMounts={"a": AT_SCRATCH}),
    ],
    ids=["lists", "mappings", "mappings without names", "both"],
)
def test_a_team_s_volume_stands_beside_ours(spawn: Spawn, given: Values) -> None:
    for server in spawn(given):
        assert {"scratch", "shm", "volume-ada"} <= set(volumes(server))
        expected = {"/scratch": "scratch", "/dev/shm": "shm", "/home/jovyan": "volume-ada"}
        assert expected.items() <= mounts(server).items()


def test_empty_lists_take_nothing_away(spawn: Spawn) -> None:
    empty: Values = storage(extraVolumes=[], extraVolumeMounts=[])
    empty["singleuser"] |= {"extraTolerations": [], "extraEnv": [], "profileList": []}
    empty["scheduling"] = {"userPods": {"tolerations": []}}
    assert spawn(empty) == spawn({})


def test_a_size_of_shared_memory_is_everybody_s(spawn: Spawn) -> None:
    for server in spawn(storage(extraVolumes={"shm": {"emptyDir": {"sizeLimit": "64Mi"}}})):
        assert volumes(server)["shm"]["emptyDir"] == {"medium": "Memory", "sizeLimit": "64Mi"}
        assert mounts(server)["/dev/shm"] == "shm"


@pytest.mark.parametrize(
    ("given", "name"),
    [
        (
            storage(
                extraVolumes=[{"name": "memory", "emptyDir": {"medium": "Memory"}}],
                extraVolumeMounts=[{"name": "memory", "mountPath": "/dev/shm/"}],
            ),
            "memory",
        ),
        (storage(extraVolumes=[{"name": "shm", "emptyDir": {"medium": "Memory"}}]), "shm"),
        (storage(extraVolumes={"memory": {"name": "shm", "emptyDir": {"medium": "Memory"}}}), "shm"),
        (
            storage(
                extraVolumes={"shm": {"name": "shm", "emptyDir": {"medium": "Memory"}}},
                extraVolumeMounts={"a": {"name": "shm", "mountPath": "/dev/shm"}},
            ),
            "shm",
        ),
    ],
    ids=["another name", "a list", "another key", "volume and mount"],
)
def test_a_team_s_shared_memory_wins(spawn: Spawn, given: Values, name: str) -> None:
    for server in spawn(given):
        assert volumes(server)[name] == {"name": name, "emptyDir": {"medium": "Memory"}}
        found = {path.rstrip("/"): volume for path, volume in mounts(server).items()}
        assert found["/dev/shm"] == name
        assert len([each for each in volumes(server).values() if "emptyDir" in each]) == 1


def test_a_mount_of_our_shared_memory_keeps_it(spawn: Spawn) -> None:
    given = storage(extraVolumeMounts=[{"name": "shm", "mountPath": "/dev/shm", "readOnly": False}])
    sizes = {each["profile"]: volumes(each)["shm"]["emptyDir"]["sizeLimit"] for each in spawn(given)}
    assert sizes == {"default": str(3 * 2**29), "large": str(15 * 2**29), "gpu": str(3 * 2**30)}


def test_a_volume_of_one_instance(spawn: Spawn) -> None:
    override = {
        "volumes": [SCRATCH, {"name": "shm", "hostPath": {"path": "/fast"}}],
        "volume_mounts": [AT_SCRATCH, {"name": "shm", "mountPath": "/dev/shm"}],
    }
    profile = {"slug": "large", "kubespawner_override": override}
    for server in spawn({"singleuser": {"profileList": [profile]}}):
        its = server["profile"] == "large"
        assert ("scratch" in volumes(server)) is its
        assert ("/scratch" in mounts(server)) is its
        assert ("hostPath" in volumes(server)["shm"]) is its
        assert mounts(server)["/home/jovyan"] == "volume-ada"


def test_a_choice_s_volume_is_used_in_place_of_its_instance_s(spawn: Spawn) -> None:
    def override(source: Json) -> Json:
        return {"volumes": [{"name": "own", **source}], "volume_mounts": [{"name": "own", "mountPath": "/own"}]}

    choice = {"display_name": "C", "kubespawner_override": override({"nfs": {"server": "a", "path": "/b"}})}
    options = {"size": {"display_name": "S", "choices": {"c": choice}}}
    profile = {"slug": "large", "kubespawner_override": override({"emptyDir": {}}), "profile_options": options}
    given: Values = {"singleuser": {"profileList": [profile]}}
    (large,) = (each for each in spawn(given) if each["profile"] == "large")
    assert volumes(large)["own"] == {"name": "own", "nfs": {"server": "a", "path": "/b"}}


def listed(volume: str, place: str) -> Values:
    return {"volumes": [{"name": volume, "emptyDir": {}}], "volume_mounts": [{"name": volume, "mountPath": place}]}


def keyed(volume: str, place: str, key: str = "k") -> Values:
    return {
        "volumes": {key: {"name": volume, "emptyDir": {}}},
        "volume_mounts": {key: {"name": volume, "mountPath": place}},
    }


@pytest.mark.parametrize("instance", [listed("own", "/dev/shm"), keyed("own", "/dev/shm/"), keyed("shm", "/dev/shm")])
@pytest.mark.parametrize(
    "everybody",
    [
        {},
        listed("memory", "/dev/shm"),
        keyed("memory", "/dev/shm/"),
        keyed("shm", "/dev/shm"),
        keyed("own", "/dev/shm", "shm"),
        {"volume_mounts": {"m": {"name": "shm", "mountPath": "/dev/shm", "subPath": "a"}}},
    ],
)
@pytest.mark.parametrize("choice", [None, listed("chosen", "/dev/shm"), keyed("chosen", "/dev/shm", "shm")])
def test_an_instance_s_shared_memory_is_in_place_of_everybody_s(
    spawn: Spawn, everybody: Values, instance: Values, choice: Values | None
) -> None:
    profile = {"slug": "large", "kubespawner_override": instance}
    if choice:
        other = {"display_name": "D", "kubespawner_override": choice}
        profile["profile_options"] = {"o": {"display_name": "O", "choices": {"c": {"display_name": "C"}, "d": other}}}
    names = {"volumes": "extraVolumes", "volume_mounts": "extraVolumeMounts"}
    given = storage(**{names[name]: value for name, value in everybody.items()})
    given["singleuser"]["profileList"] = [profile]
    found = [each for each in spawn(given) if each["profile"] == "large"]
    assert len(found) == (2 if choice else 1)
    for server in found:
        wanted = choice if choice and server["choices"] else instance
        (mount,) = (
            wanted["volume_mounts"] if isinstance(wanted["volume_mounts"], list) else wanted["volume_mounts"].values()
        )
        (at,) = (
            each
            for each in server["pod"]["spec"]["containers"][0]["volumeMounts"]
            if each["mountPath"].rstrip("/") == "/dev/shm"
        )
        assert at["name"] == mount["name"]
        assert ("subPath" in at) is ("subPath" in str(everybody) and mount["name"] == "shm")


def test_an_instance_may_use_our_shared_memory_where_everybody_has_another(spawn: Spawn) -> None:
    given = storage(extraVolumes=[{"name": "memory", "emptyDir": {}}])
    given["singleuser"]["storage"]["extraVolumeMounts"] = [{"name": "memory", "mountPath": "/dev/shm"}]
    override = {"volume_mounts": [{"name": "shm", "mountPath": "/dev/shm"}]}
    given["singleuser"]["profileList"] = [{"slug": "large", "kubespawner_override": override}]
    found = {each["profile"]: mounts(each)["/dev/shm"] for each in spawn(given)}
    assert found == {"default": "memory", "large": "shm", "gpu": "memory"}


def test_a_volume_of_everybody_s_has_its_name_once(spawn: Spawn) -> None:
    given = storage(extraVolumes={"a": SCRATCH}, extraVolumeMounts={"b": {**AT_SCRATCH, "subPath": "x"}})
    override = {
        "volumes": [{"name": "scratch", "nfs": {"server": "a", "path": "/b"}}],
        "volume_mounts": {"b": {"mountPath": "/elsewhere"}},
    }
    given["singleuser"]["profileList"] = [{"slug": "large", "kubespawner_override": override}]
    (large,) = (each for each in spawn(given) if each["profile"] == "large")
    assert volumes(large)["scratch"] == {"name": "scratch", "nfs": {"server": "a", "path": "/b"}}
    moved = [each for each in large["pod"]["spec"]["containers"][0]["volumeMounts"] if each["name"] == "scratch"]
    assert moved == [{"name": "scratch", "mountPath": "/elsewhere", "subPath": "x"}]


def test_what_adds_to_everybody_s_volume_keeps_its_name(spawn: Spawn) -> None:
    given = storage(extraVolumes={"a": SCRATCH}, extraVolumeMounts={"b": AT_SCRATCH})
    override = {
        "volumes": {"a": {"emptyDir": {"sizeLimit": "1Gi"}}},
        "volume_mounts": {"b": {"mountPath": "/scratch", "readOnly": True}},
    }
    given["singleuser"]["profileList"] = [{"slug": "large", "kubespawner_override": override}]
    (large,) = (each for each in spawn(given) if each["profile"] == "large")
    assert volumes(large)["scratch"]["emptyDir"] == {"sizeLimit": "1Gi"}
    assert mounts(large)["/scratch"] == "scratch"


def test_tolerations_reach_every_instance(spawn: Spawn) -> None:
    for server in spawn({"singleuser": {"extraTolerations": [TOLERATION]}}):
        found = server["pod"]["spec"]["tolerations"]
        assert TOLERATION in found
        assert {"hub.jupyter.org/dedicated", "hub.jupyter.org_dedicated"} <= {each["key"] for each in found}
        assert ("nvidia.com/gpu" in {each["key"] for each in found}) is (server["profile"] == "gpu")


def test_variables_as_a_list_stand_beside_ours(spawn: Spawn) -> None:
    secret = {"secretKeyRef": {"name": "course", "key": "token"}}
    given = [{"name": "COURSE", "value": "physics"}, {"name": "TOKEN", "valueFrom": secret}]
    for server in spawn({"singleuser": {"extraEnv": given}}):
        found = variables(server)
        assert found["COURSE"] == "physics"
        assert found["TOKEN"]["valueFrom"] == secret
        assert found["JUPYTERHUB_ACTIVITY_INTERVAL"] == "3600"


def test_instances_of_the_chart_s_form_are_merged_by_slug(spawn: Spawn) -> None:
    image = {"display_name": "Image", "choices": {"r": {"display_name": "R", "kubespawner_override": {"image": "r:1"}}}}
    given = [
        {"slug": "large", "display_name": "Much Memory", "default": True, "profile_options": {"image": image}},
        {"display_name": "Own", "kubespawner_override": {"environment": {"A": "b"}}},
    ]
    found = {each["profile"]: each["pod"]["spec"] for each in spawn({"singleuser": {"profileList": given}})}
    assert list(found) == ["default", "large", "gpu", "own"]
    assert found["large"]["containers"][0]["image"] == "r:1"
    assert found["large"]["containers"][0]["resources"]["limits"]["memory"] == 15 * 2**29
    assert found["large"]["nodeSelector"] == {"node.cluster.x-k8s.io/nodegroup": "default-worker"}


def test_who_says_nothing_gets_the_default_that_a_team_named() -> None:
    service = Builder()(hub_values={"singleuser": {"profileList": [{"slug": "large", "default": True}]}})
    values = hub_values(service, copy.deepcopy(CLUSTER))
    assert [each.get("default") for each in values["singleuser"]["profileList"]] == [None, True]


LONG = "an-astronomer-with-a-name-of-fortyseven-letters"


def test_every_server_has_a_claim_and_the_first_keeps_its_name(spawn: Spawn) -> None:
    assert len(LONG) == 47  # KubeSpawner shortens {user_server} for it, not {username}
    users = ("ada", "ada--x", "grace@example.org", "a" * 60, LONG)
    servers = spawn({"hub": {"allowNamedServers": True}}, users, ("", "x", "y", "--", "X"))
    servers = [each for each in servers if each["profile"] == "default"]
    names = {(each["user"], each["server"]): each["claim"]["metadata"]["name"] for each in servers}
    assert len(set(names.values())) == len(names) == 25
    # What each had when claims were named after users alone.
    assert names["ada", ""] == "claim-ada"
    assert names[LONG, ""] == f"claim-{LONG}"
    assert names["ada", "x"] == "claim-ada--x"
    for each in servers:
        mounted = [volume for volume in each["pod"]["spec"]["volumes"] if "persistentVolumeClaim" in volume]
        (claim,) = mounted
        assert claim["persistentVolumeClaim"]["claimName"] == each["claim"]["metadata"]["name"]


def test_the_claim_of_a_server_is_kept_when_the_server_is_removed(
    builder: PodBuilder, folder: Path, spawn: Spawn
) -> None:
    assert spawn({})
    template = builder.ask(folder, users=())["config"]["KubeSpawner"]["pvc_name_template"]
    # KubeSpawner 7 takes a claim for a server's own by this text in its template, and deletes it with the server. One
    # that was made while servers shared a claim remembers the claim of all.
    assert "{servername}" not in template


@pytest.mark.parametrize(
    ("driver", "policy", "blocked"),
    [
        ("calico", {}, False),
        ("cilium", {}, False),
        ("flannel", {}, True),
        (None, {}, True),  # a template that the site provides
        ("calico", {"enabled": False}, True),
        ("calico", {"egress": [{"to": [{"ipBlock": {"cidr": "0.0.0.0/0"}}]}]}, True),
        ("calico", {"egressAllowRules": {"privateIPs": True}}, False),
        ("flannel", {"egressAllowRules": {"cloudMetadataServer": True}}, False),
    ],
)
def test_who_blocks_the_cloud_s_metadata(spawn: Spawn, driver: str | None, policy: Values, blocked: bool) -> None:
    for server in spawn({"singleuser": {"networkPolicy": policy}} if policy else {}, network_driver=driver):
        names = [each["name"] for each in server["pod"]["spec"].get("initContainers") or []]
        assert ("block-cloud-metadata" in names) is blocked
