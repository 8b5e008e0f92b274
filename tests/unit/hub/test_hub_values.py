"""Rules of the values, each on its own: what must hold whatever the files say."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest
from ansible_collections.stfc.jupyterhub.plugins.filter.hub import hub_chart_values, hub_outdated, hub_state
from ansible_collections.stfc.jupyterhub.plugins.module_utils.hub_release.history import digest
from ansible_collections.stfc.jupyterhub.plugins.module_utils.hub_values import (
    HubValuesError,
    fingerprint,
    hub_values,
    overridden,
    placeholders,
    public_url,
    requests,
    secrets,
)
from ansible_collections.stfc.jupyterhub.plugins.module_utils.hub_values.notebooks import activity_interval, split_image
from ansible_collections.stfc.jupyterhub.plugins.module_utils.hub_values.placeholders import cpu_quantity

from tests.support.golden import IN_HUB


def profile_of(values: dict[str, Any], slug: str) -> dict[str, Any]:
    return next(item for item in values["singleuser"]["profileList"] if item["slug"] == slug)["kubespawner_override"]


def requests_of(manifest: dict[str, Any]) -> dict[str, str]:
    return manifest["spec"]["template"]["spec"]["containers"][0]["resources"]["requests"]


def test_no_secret_is_among_the_values(service: Any, cluster: dict[str, Any]) -> None:
    described = service(
        hub_https={"type": "manual", "contact_email": None, "certificate": "c", "private_key": "the key"}
    )
    text = json.dumps(hub_values(described, cluster))
    assert "not-in-the-values" not in text
    assert "the key" not in text


def test_secrets_reach_the_hub_beside_the_values(service: Any, cluster: dict[str, Any]) -> None:
    described = service()
    first = secrets(described)[0]
    given = json.loads(base64.b64decode(first["data"]["values.yaml"]))
    assert given["hub"]["config"] == {"GenericOAuthenticator": {"client_secret": "not-in-the-values"}}
    assert hub_values(described, cluster)["hub"]["existingSecret"] == first["metadata"]["name"]


def test_a_fingerprint_changes_with_the_content_and_cannot_be_computed_from_it() -> None:
    one = {"metadata": {"uid": "1", "resourceVersion": "5"}, "data": {"a": "b"}}
    assert fingerprint(one) == fingerprint(one | {"metadata": {"uid": "1", "resourceVersion": "9"}})
    assert fingerprint(one) != fingerprint(one | {"data": {"a": "c"}})
    assert fingerprint(one) != fingerprint(one | {"metadata": {"uid": "2"}})
    assert fingerprint({"data": {"a": "b"}}) == ""


@pytest.mark.parametrize(
    ("https", "name"),
    [
        ({"type": "manual", "certificate": "c", "private_key": "k"}, "hub-tls"),
        ({"type": "secret", "secret_name": "our-tls"}, "our-tls"),
    ],
)
def test_a_new_certificate_restarts_the_proxy(
    service: Any, cluster: dict[str, Any], https: dict[str, Any], name: str
) -> None:
    described = service(hub_https=https | {"contact_email": None})
    proxy = hub_values(described, cluster, {name: "1234", "another": "5678"})["proxy"]
    assert list(proxy["annotations"].values()) == ["1234"]


def test_a_placeholder_asks_for_what_its_profile_asks_for(service: Any, cluster: dict[str, Any]) -> None:
    described = service.with_gpu()
    values = hub_values(described, cluster)
    made = {item["metadata"]["name"]: item for item in placeholders(described, cluster)}
    assert set(made) == {"user-placeholder-default", "user-placeholder-gpu"}
    for slug in ("default", "gpu"):
        override, pod = profile_of(values, slug), made[f"user-placeholder-{slug}"]["spec"]["template"]["spec"]
        requests = requests_of(made[f"user-placeholder-{slug}"])
        assert requests["memory"] == str(override["mem_guarantee"])
        assert requests["cpu"] == "50m"
        assert pod["nodeSelector"] == override["node_selector"]
        assert requests.get("nvidia.com/gpu") == override.get("extra_resource_limits", {}).get("nvidia.com/gpu")
    assert (
        made["user-placeholder-gpu"]["spec"]["template"]["spec"]["tolerations"]
        == profile_of(values, "gpu")["tolerations"]
    )


def test_a_placeholder_follows_hub_values(service: Any, cluster: dict[str, Any]) -> None:
    described = service(
        hub_values={
            "singleuser": {
                "extraTolerations": [{"key": "mine", "operator": "Exists"}],
                "extraResource": {"limits": {"example.org/fpga": 1}},
                "profileList": [
                    {"slug": "default", "kubespawner_override": {"mem_guarantee": "1G", "cpu_guarantee": 0.1}}
                ],
            },
            "scheduling": {"userScheduler": {"enabled": False}},
        }
    )
    [made] = placeholders(described, cluster)
    pod = made["spec"]["template"]["spec"]
    assert requests_of(made) == {"cpu": "100m", "memory": str(2**30), "example.org/fpga": "1"}
    assert {"key": "mine", "operator": "Exists"} in pod["tolerations"]
    assert "schedulerName" not in pod


def test_a_placeholder_is_for_who_leaves_an_instance_s_options_alone(service: Any, cluster: dict[str, Any]) -> None:
    choices = {
        "small": {"kubespawner_override": {"mem_guarantee": "1G"}},
        "big": {"default": True, "kubespawner_override": {"mem_guarantee": "2G", "mem_limit": "2G"}},
    }
    profile = {"slug": "default", "profile_options": {"size": {"choices": choices}, "image": {"unlisted_choice": {}}}}
    [made] = placeholders(service(hub_values={"singleuser": {"profileList": [profile]}}), cluster)
    assert requests_of(made)["memory"] == str(2 * 2**30)


@pytest.mark.parametrize(("given", "bytes_"), [(1.5e9, 1500000000), (2**30, 2**30), (".5G", 2**29)])
def test_a_size_is_read_as_the_hub_does(service: Any, cluster: dict[str, Any], given: float | str, bytes_: int) -> None:
    override = {"mem_guarantee": given}
    profile = {"slug": "default", "kubespawner_override": override}
    found = requests(service(hub_values={"singleuser": {"profileList": [profile]}}), cluster)["default"]
    assert found["memory"] == str(bytes_)


def test_a_placeholder_asks_for_nothing_that_an_instance_takes_away(service: Any, cluster: dict[str, Any]) -> None:
    override = {"extra_resource_limits": {"example.org/fpga": None}, "node_selector": {"zone": None}}
    single = {
        "extraResource": {"limits": {"example.org/fpga": "1"}},
        "nodeSelector": {"zone": "a"},
        "profileList": [{"slug": "default", "kubespawner_override": override}],
    }
    [made] = placeholders(service(hub_values={"singleuser": single}), cluster)
    assert set(requests_of(made)) == {"cpu", "memory"}
    assert "zone" not in made["spec"]["template"]["spec"]["nodeSelector"]


def test_instances_of_a_team_are_added_to_ours(service: Any, cluster: dict[str, Any]) -> None:
    described = service(hub_values={"singleuser": {"profileList": [{"slug": "other", "display_name": "Other"}]}})
    assert set(requests(described, cluster)) == {"default", "large"}
    assert [made["metadata"]["name"] for made in placeholders(described, cluster)] == ["user-placeholder-default"]
    slugs = [item["slug"] for item in hub_values(described, cluster)["singleuser"]["profileList"]]
    assert slugs == ["default", "large", "other"]


def test_lists_of_ours_are_added_to(service: Any, cluster: dict[str, Any]) -> None:
    mine = {"key": "mine", "operator": "Exists"}
    extra = {
        "imagePullSecrets": [{"name": "theirs"}],
        "hub": {"tolerations": [mine]},
        "prePuller": {"extraTolerations": [mine]},
        "proxy": {"https": {"hosts": ["other.example.org"]}, "chp": {"extraCommandLineFlags": ["--log-level=debug"]}},
    }
    described = service.with_gpu(
        hub_values=extra,
        hub_core_node_group="core",
        hub_image_pull_secrets=["ours"],
        hub_https={"type": "secret", "secret_name": "tls", "contact_email": None},
        hub_address={"port": 8443},
    )
    values = hub_values(described, cluster)
    assert values["imagePullSecrets"] == ["ours", {"name": "theirs"}]
    assert [item["key"] for item in values["hub"]["tolerations"]] == ["core", "mine"]
    assert [item["key"] for item in values["prePuller"]["extraTolerations"]] == ["nvidia.com/gpu", "mine"]
    assert values["proxy"]["https"]["hosts"] == ["jupyter.stfc.ac.uk", "other.example.org"]
    assert values["proxy"]["chp"]["extraCommandLineFlags"] == ["--redirect-to=8443", "--log-level=debug"]


def test_an_empty_list_takes_nothing_away(service: Any, cluster: dict[str, Any]) -> None:
    extra = {
        "hub": {"config": {"GenericOAuthenticator": {"allowed_groups": []}}, "tolerations": []},
        "proxy": {"service": {"loadBalancerSourceRanges": []}},
        "scheduling": {"userPods": {"tolerations": []}},
    }
    plain = service(hub_address={"allowed_cidrs": ["192.0.2.0/24"]}, hub_core_node_group="core")
    assert hub_values(plain | {"hub_values": extra}, cluster) == hub_values(plain, cluster)
    assert overridden(plain | {"hub_values": extra}, cluster) == []


def test_selectors_of_placeholders_do_not_overlap_with_the_chart_s(service: Any, cluster: dict[str, Any]) -> None:
    for made in placeholders(service.with_gpu(), cluster):
        labels = made["spec"]["template"]["metadata"]["labels"]
        assert not {"app", "release", "component"} & set(labels)  # what the chart selects by
        assert made["spec"]["selector"]["matchLabels"].items() <= labels.items()


def test_no_selector_shines_through_from_the_default_profile(service: Any, cluster: dict[str, Any]) -> None:
    cluster["node_groups"]["default-worker"]["selector"] = {"only-here": "yes"}
    values = hub_values(service.with_gpu(), cluster)
    assert "nodeSelector" not in values["singleuser"]
    assert profile_of(values, "gpu")["node_selector"] == {"node.cluster.x-k8s.io/nodegroup": "gpu"}


def test_a_profile_with_tolerations_repeats_the_default_ones(service: Any, cluster: dict[str, Any]) -> None:
    values = hub_values(service.with_gpu(), cluster)
    default = values["scheduling"]["userPods"]["tolerations"]
    assert profile_of(values, "gpu")["tolerations"][: len(default)] == default
    assert "tolerations" not in profile_of(values, "default")


def test_a_size_of_shared_memory_does_not_take_the_home_volume_away(service: Any, cluster: dict[str, Any]) -> None:
    values = hub_values(service(), cluster)
    assert isinstance(values["singleuser"]["storage"]["extraVolumes"], dict)
    assert set(profile_of(values, "large")["volumes"]) == {"shm"}


def test_shared_memory_is_bounded_by_the_profile(service: Any, cluster: dict[str, Any]) -> None:
    values = hub_values(service(hub_shared_memory="4G"), cluster)
    sizes = {slug: profile_of(values, slug)["volumes"]["shm"]["emptyDir"]["sizeLimit"] for slug in ("default", "large")}
    assert sizes == {"default": str(3 * 2**29), "large": str(4 * 2**30)}


@pytest.mark.parametrize(
    ("timeout", "seconds"), [("1d", 3600), ("1h", 300), ("60s", 15)], ids=["a day", "an hour", "a minute"]
)
def test_activity_is_reported_often_enough_for_the_culler(
    service: Any, cluster: dict[str, Any], timeout: str, seconds: int
) -> None:
    described = service(hub_culling={"idle_timeout": timeout})
    assert activity_interval(described) == seconds
    values = hub_values(described, cluster)
    assert values["singleuser"]["extraEnv"]["JUPYTERHUB_ACTIVITY_INTERVAL"] == str(seconds)
    # The hub's own look at the proxy is what gives it lost routes back, and follows nothing.
    assert values["hub"]["config"]["JupyterHub"]["last_activity_interval"] <= 60


def test_our_code_in_the_hub_stays_beside_a_team_s(service: Any, cluster: dict[str, Any]) -> None:
    theirs = {"extraConfig": {"10-theirs": "c.A.b = 1"}, "extraFiles": {"motd": {"mountPath": "/m", "stringData": "x"}}}
    hub = hub_values(service(hub_values={"hub": theirs}), cluster)["hub"]
    assert hub["extraConfig"]["10-theirs"] == theirs["extraConfig"]["10-theirs"]
    assert max(hub["extraConfig"]) == "zz-stfc_jupyterhub"  # it runs last
    assert hub["extraFiles"]["motd"] == theirs["extraFiles"]["motd"]
    ours = {name: file for name, file in hub["extraFiles"].items() if name != "motd"}
    assert {file["mountPath"] for file in ours.values()} == {
        f"/usr/local/etc/jupyterhub/stfc_jupyterhub/{path.name}" for path in IN_HUB.glob("*.py")
    }
    for file in ours.values():
        source = IN_HUB / file["mountPath"].rpartition("/")[2]
        assert file["stringData"] == source.read_text()
        # Ansible would take it for a template.
        assert not {"{{", "{%", "{#"} & {file["stringData"][at : at + 2] for at in range(len(file["stringData"]))}


@pytest.mark.parametrize(
    ("image", "parts"),
    [
        ("quay.io/a/b:tag", ("quay.io/a/b", "tag")),
        ("quay.io/a/b", ("quay.io/a/b", "latest")),
        ("localhost:5000/b", ("localhost:5000/b", "latest")),
        ("localhost:5000/b:1@sha256:abc", ("localhost:5000/b:1@sha256", "abc")),
    ],
)
def test_images_survive_being_split(image: str, parts: tuple[str, str]) -> None:
    assert split_image(image) == parts


@pytest.mark.parametrize(("cpu", "text"), [(0.05, "50m"), (2, "2"), (1.5, "1500m"), (0.0001, "1m"), ("0.5", "500m")])
def test_cpus_are_written_as_kubernetes_writes_them(cpu: float | str, text: str) -> None:
    assert cpu_quantity(cpu) == text


@pytest.mark.parametrize(
    ("https", "port", "url"),
    [
        ({"type": "none", "contact_email": None}, None, "http://jupyter.stfc.ac.uk"),
        ({"type": "none", "contact_email": None}, 80, "http://jupyter.stfc.ac.uk"),
        ({"type": "none", "contact_email": None}, 8080, "http://jupyter.stfc.ac.uk:8080"),
        ({}, 443, "https://jupyter.stfc.ac.uk"),
        ({"type": "offload", "contact_email": None}, 8443, "https://jupyter.stfc.ac.uk:8443"),
    ],
)
def test_users_come_back_from_logging_in_to_where_they_were(
    service: Any, cluster: dict[str, Any], https: dict[str, Any], port: int | None, url: str
) -> None:
    described = service(hub_https=https, hub_address={"port": port})
    callback = hub_values(described, cluster)["hub"]["config"]["GenericOAuthenticator"]["oauth_callback_url"]
    assert public_url(described) == url
    assert callback == f"{url}/hub/oauth_callback"


@pytest.mark.parametrize(
    ("kind", "port", "flags"),
    [
        ({"type": "manual", "certificate": "c", "private_key": "k"}, 8443, ["--redirect-to=8443"]),
        ({"type": "secret", "secret_name": "our-tls"}, 8443, ["--redirect-to=8443"]),
        ({"type": "secret", "secret_name": "our-tls"}, 443, None),
        ({"type": "offload"}, 8443, None),
        ({"type": "none"}, 8080, None),
    ],
)
def test_http_is_sent_to_the_port_that_users_see(
    service: Any, cluster: dict[str, Any], kind: dict[str, Any], port: int, flags: list[str] | None
) -> None:
    described = service(hub_https=kind | {"contact_email": None}, hub_address={"port": port})
    assert hub_values(described, cluster)["proxy"]["chp"].get("extraCommandLineFlags") == flags


def test_an_unknown_node_group_is_named_with_those_that_are_there(service: Any, cluster: dict[str, Any]) -> None:
    del cluster["node_groups"]["gpu"]
    with pytest.raises(HubValuesError, match=r"hub_profiles: gpu names the node group 'gpu'.*core, default-worker"):
        hub_values(service.with_gpu(), cluster)
    with pytest.raises(HubValuesError, match="hub_core_node_group names"):
        hub_values(service(hub_core_node_group="nowhere"), cluster)


def test_hub_values_come_last(service: Any, cluster: dict[str, Any]) -> None:
    extra = {"hub": {"resources": {"requests": {"memory": "1Gi"}}, "extraEnv": {"A": "b"}}, "debug": {"enabled": True}}
    values = hub_values(service(hub_values=extra), cluster)
    assert values["hub"]["resources"]["requests"] == {"cpu": "100m", "memory": "1Gi"}
    assert values["hub"]["extraEnv"] == {"A": "b"}
    assert values["debug"] == {"enabled": True}


def test_a_warning_names_the_key_to_use_instead(service: Any, cluster: dict[str, Any]) -> None:
    extra = {
        "cull": {"timeout": 60},
        "proxy": {"service": {"labels": {"a": "b"}, "type": "ClusterIP"}},
        "singleuser": {"image": {"tag": "other"}, "defaultUrl": "/tree", "startTimeout": 1200},
    }
    warnings = overridden(service(hub_values=extra), cluster)
    assert [line.split()[1] for line in warnings] == ["cull.timeout", "proxy.service.type", "singleuser.image.tag"]
    assert "hub_culling" in warnings[0]


def test_arguments_are_left_as_they_were(service: Any, cluster: dict[str, Any]) -> None:
    described = service.with_gpu(hub_values={"hub": {"config": {"KubeSpawner": {"debug": True}}}})
    before = json.dumps([described, cluster], sort_keys=True)
    hub_values(described, cluster)
    placeholders(described, cluster)
    assert json.dumps([described, cluster], sort_keys=True) == before


@pytest.mark.parametrize(
    ("change", "outdated"),
    [
        ({}, False),
        ({"version": "4.4.1"}, True),
        ({"version": ""}, True),  # only Helm can tell
        ({"values": {"hub": {"db": {"type": "sqlite"}}}}, True),
        ({"values": {"a": 2.0}}, False),  # as Helm keeps it
        ({"seen": {"chart": {}, "values_sha256": ""}}, True),  # no release
    ],
)
def test_when_a_release_is_made_anew(change: dict[str, Any], outdated: bool) -> None:
    seen = {"chart": {"version": "4.4.0"}, "values_sha256": digest({"a": 2})}
    given: dict[str, Any] = {"values": {"a": 2}, "version": "4.4.0", "seen": seen, **change}
    assert hub_outdated(given["values"], given["version"], given["seen"]) is outdated


def test_the_state_of_a_hub(service: Any, cluster: dict[str, Any]) -> None:
    described = service.with_gpu()
    values = hub_chart_values(described, cluster, {"hub-secrets": "f"})
    seen = {
        "work": [],
        "fingerprints": {"hub-secrets": "f"},
        "kept_address": "",
        "chart": {"version": "4.4.0"},
        "values_sha256": digest(values),
    }
    found = {"release": seen, "answer": {"version": "5.5.0"}, "at": "now"}
    state = hub_state(found, described, cluster, "4.4.0")
    assert state == {"seen": seen, "work": False, "answer": {"version": "5.5.0"}, "at": "now"}
    assert hub_state({"release": seen}, described, cluster, "4.4.0")["answer"] == {}
    for change in ({"work": ["Deployment hub is not as released"]}, {"fingerprints": {"hub-secrets": "other"}}):
        state = hub_state({**found, "release": {**seen, **change}}, described, cluster, "4.4.0")
        assert (state["work"], state["answer"]) == (True, {})


def test_the_network_of_the_floating_ip_is_named_where_it_is_known(service: Any, cluster: dict[str, Any]) -> None:
    """Not every driver tells the cloud provider, which takes the first external network then."""
    name = "loadbalancer.openstack.org/floating-network-id"
    assert name not in hub_chart_values(service(), cluster)["proxy"]["service"]["annotations"]
    cluster["external_network"] = "n1"
    assert hub_chart_values(service(), cluster)["proxy"]["service"]["annotations"][name] == "n1"
    inside = service()
    inside["hub_address"]["internal"] = True
    assert name not in hub_chart_values(inside, cluster)["proxy"]["service"]["annotations"]
