"""Legal ``hub_values`` of the kinds that operators write, in each of their forms."""

from __future__ import annotations

import copy
from typing import Any

from ansible_collections.stfc.jupyterhub.plugins.module_utils.hub_values.merge import merged
from hypothesis import strategies as st

Values = dict[str, Any]

NAMES = st.sampled_from(["data", "scratch", "shm", "course-1", "memory"])
SOURCES = st.sampled_from(
    [
        {"emptyDir": {}},
        {"emptyDir": {"medium": "Memory"}},
        {"emptyDir": {"sizeLimit": "1Gi"}},
        {"nfs": {"server": "192.0.2.1", "path": "/data"}},
        {"persistentVolumeClaim": {"claimName": "shared-{username}"}},
    ]
)
PATHS = st.sampled_from(["/data", "/dev/shm", "/dev/shm/", "/scratch", "/etc/jupyter", "/home/jovyan/course"])
TOLERATIONS = st.lists(
    st.sampled_from(
        [
            {"key": "course", "operator": "Exists"},
            {"key": "nvidia.com/gpu", "operator": "Equal", "value": "present", "effect": "NoSchedule"},
        ]
    ),
    max_size=2,
)
VARIABLES = st.dictionaries(st.sampled_from(["A", "B", "JUPYTERHUB_ACTIVITY_INTERVAL"]), st.sampled_from(["1", ""]))


@st.composite
def volumes(draw: st.DrawFn, volumes_key: str, mounts_key: str) -> Values:
    """Volumes with their mounts, each as a list or as a mapping."""
    given = draw(st.dictionaries(NAMES, SOURCES, max_size=3))
    paths = draw(st.lists(PATHS, unique_by=lambda path: path.rstrip("/"), max_size=len(given) + 1))
    names = [*given, "shm"]
    keys = draw(st.sampled_from([names, [f"m{index}" for index in range(len(names))]]))
    found: Values = {}
    if draw(st.booleans()):
        found[volumes_key] = [{"name": name, **copy.deepcopy(source)} for name, source in given.items()]
    else:
        named = draw(st.booleans())
        found[volumes_key] = {
            name: {**({"name": name} if named else {}), **copy.deepcopy(source)} for name, source in given.items()
        }
        if named:
            found[volumes_key] = dict(zip(keys, found[volumes_key].values(), strict=False))
    mounts = [{"name": names[index % len(names)], "mountPath": path} for index, path in enumerate(paths)]
    if draw(st.booleans()):
        found[mounts_key] = mounts
    else:
        found[mounts_key] = {f"m{index}": mount for index, mount in enumerate(mounts)}
    return found


@st.composite
def overrides(draw: st.DrawFn) -> Values:
    """What an instance sets for itself. Names, keys and paths may be the base's."""
    found: Values = draw(
        st.fixed_dictionaries(
            {},
            optional={
                "tolerations": TOLERATIONS,
                "environment": VARIABLES,
                "mem_limit": st.sampled_from(["2000000G", "64M", 2**31]),
                "mem_guarantee": st.sampled_from(["1.5G", 2**26]),
                "cpu_limit": st.sampled_from([0.1, 4096]),
                "cpu_guarantee": st.sampled_from([0.05, 2]),
                "extra_resource_limits": st.just({"example.org/fpga": "1"}),
            },
        )
    )
    if draw(st.booleans()):
        name, source = draw(st.sampled_from(["own", "data", "shm"])), draw(SOURCES)
        mount = {"name": name, "mountPath": draw(st.sampled_from(["/own", "/data", "/dev/shm"]))}
        key, at = draw(st.sampled_from([name, "own", "m0"])), draw(st.sampled_from([name, "own", "m0"]))
        found["volumes"] = draw(st.sampled_from([[{"name": name, **source}], {key: {"name": name, **source}}]))
        found["volume_mounts"] = draw(st.sampled_from([[mount], {at: mount}]))
    return found


@st.composite
def profiles(draw: st.DrawFn, slugs: list[str]) -> list[Values]:
    """Instances that add to ours, and others."""
    chosen = draw(st.lists(st.sampled_from([*slugs, "own", "another"]), unique=True, max_size=3))
    found = []
    for slug in chosen:
        profile: Values = {"slug": slug, "display_name": slug, "kubespawner_override": draw(overrides())}
        if draw(st.booleans()):
            choices = {
                name: {"display_name": name, "kubespawner_override": draw(overrides())}
                for name in draw(st.sampled_from([["c"], ["c", "d"]]))
            }
            profile["profile_options"] = {"size": {"display_name": "S", "choices": choices}}
        if draw(st.booleans()):
            profile["default"] = True
        found.append(profile)
    return found


@st.composite
def legal(draw: st.DrawFn, slugs: list[str]) -> Values:
    """``hub_values`` beside instances of ours with these names."""
    single: Values = draw(
        st.fixed_dictionaries(
            {},
            optional={
                "extraTolerations": TOLERATIONS,
                "memory": st.fixed_dictionaries(
                    {}, optional={"limit": st.sampled_from(["1G", None]), "guarantee": st.sampled_from(["2G", None])}
                ),
                "extraEnv": st.one_of(
                    VARIABLES,
                    VARIABLES.map(lambda each: [{"name": name, "value": value} for name, value in each.items()]),
                ),
                "profileList": profiles(slugs),
                "storage": volumes("extraVolumes", "extraVolumeMounts"),
                "initContainers": st.just([{"name": "prepare", "image": "busybox:1"}]),
                "networkPolicy": st.sampled_from([{"enabled": False}, {"egressAllowRules": {"privateIPs": True}}]),
            },
        )
    )
    rest = draw(
        st.sampled_from(
            [
                {},
                {"hub": {"allowNamedServers": True}},
                {"scheduling": {"userPods": {"tolerations": []}}},
                {"hub": {"config": {"KubeSpawner": {"http_timeout": 60}}}},
            ]
        )
    )
    return merged({"singleuser": single} if single else {}, rest)
