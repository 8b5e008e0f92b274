"""Hands the release's values to JupyterHub and KubeSpawner."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent))

c: Any = globals()["c"]  # traitlets puts it there

from tornado.httpclient import AsyncHTTPClient  # noqa: E402
from z2jh import get_config, get_name, get_secret_value, set_config_if_not_none  # noqa: E402

AsyncHTTPClient.configure("tornado.curl_httpclient.CurlAsyncHTTPClient")  # many requests to the proxy at once


def camel(trait: str) -> str:
    return re.sub("_(.)", lambda found: found.group(1).upper(), trait)


# The hub, its proxy in another pod, and the way back to it from servers' pods.

c.JupyterHub.hub_bind_url = "http://:8081"
c.JupyterHub.hub_connect_url = f"http://{get_name('hub')}:8081"
c.ConfigurableHTTPProxy.api_url = f"http://{get_name('proxy-api')}:8001"
c.ConfigurableHTTPProxy.should_start = False
c.JupyterHub.cleanup_servers = False  # servers outlive the hub
c.JupyterHub.last_activity_interval = 60  # also how often routes are checked
c.JupyterHub.tornado_settings = {"slow_spawn_timeout": 0}  # straight to the progress page
c.JupyterHub.spawner_class = "kubespawner.KubeSpawner"

c.JupyterHub.cookie_secret = get_secret_value("hub.config.JupyterHub.cookie_secret")
c.CryptKeeper.keys = get_secret_value("hub.config.CryptKeeper.keys").split(";")

match get_config("hub.db.type"):
    case "sqlite-pvc":
        c.JupyterHub.db_url = "sqlite:///jupyterhub.sqlite"
    case "sqlite-memory":
        c.JupyterHub.db_url = "sqlite://"
    case kind:
        set_config_if_not_none(c.JupyterHub, "db_url", "hub.db.url")
        password = get_secret_value("hub.db.password", None)
        if password and kind in ("mysql", "postgres"):
            os.environ[{"mysql": "MYSQL_PWD", "postgres": "PGPASSWORD"}[kind]] = password

for trait in (
    "active_server_limit",
    "allow_named_servers",
    "authenticate_prometheus",
    "base_url",
    "concurrent_spawn_limit",
    "named_server_limit_per_user",
    "redirect_to_server",
    "shutdown_on_logout",
    "template_paths",
    "template_vars",
):
    set_config_if_not_none(c.JupyterHub, trait, f"hub.{camel(trait)}")
set_config_if_not_none(c.Spawner, "consecutive_failure_limit", "hub.consecutiveFailureLimit")

# Users' servers.

spawner = c.KubeSpawner
spawner.namespace = os.environ["POD_NAMESPACE"]
chart, release = get_config("Chart.Name"), get_config("Release.Name")
name = get_config("nameOverride") or chart
version = f"{chart}-{get_config('Chart.Version').replace('+', '_')}"
spawner.common_labels = {
    # Services and network policies select by the short ones.
    "app": name,
    "release": release,
    "chart": version,
    "app.kubernetes.io/name": name,
    "app.kubernetes.io/instance": release,
    "app.kubernetes.io/managed-by": "kubespawner",
    "helm.sh/chart": version,
}

for trait, key in {
    "cpu_guarantee": "cpu.guarantee",
    "cpu_limit": "cpu.limit",
    "environment": "extraEnv",
    "events_enabled": "events",
    "extra_annotations": "extraAnnotations",
    "extra_containers": "extraContainers",
    "extra_labels": "extraLabels",
    "extra_pod_config": "extraPodConfig",
    "extra_resource_guarantees": "extraResource.guarantees",
    "extra_resource_limits": "extraResource.limits",
    "fs_gid": "fsGid",
    "image_pull_policy": "image.pullPolicy",
    "init_containers": "initContainers",
    "lifecycle_hooks": "lifecycleHooks",
    "mem_guarantee": "memory.guarantee",
    "mem_limit": "memory.limit",
    "node_affinity_preferred": "extraNodeAffinity.preferred",
    "node_affinity_required": "extraNodeAffinity.required",
    "node_selector": "nodeSelector",
    "pod_affinity_preferred": "extraPodAffinity.preferred",
    "pod_affinity_required": "extraPodAffinity.required",
    "pod_anti_affinity_preferred": "extraPodAntiAffinity.preferred",
    "pod_anti_affinity_required": "extraPodAntiAffinity.required",
    "pod_name_template": "podNameTemplate",
    "profile_list": "profileList",
    "service_account": "serviceAccountName",
    "start_timeout": "startTimeout",
    "storage_extra_labels": "storage.extraLabels",
    "uid": "uid",
}.items():
    set_config_if_not_none(spawner, trait, f"singleuser.{key}")

# Null means something for these two: the image's own command, and no word on privileges.
c.Spawner.cmd = get_config("singleuser.cmd")
spawner.allow_privilege_escalation = get_config("singleuser.allowPrivilegeEscalation")
set_config_if_not_none(c.Spawner, "default_url", "singleuser.defaultUrl")


def image_name(key: str) -> str:
    tag = get_config(f"{key}.tag")
    return get_config(f"{key}.name") + (f":{tag}" if tag else "")


spawner.image = image_name("singleuser.image")
spawner.image_pull_secrets = get_config("imagePullSecrets", []) + get_config("singleuser.image.pullSecrets", [])
spawner.tolerations = get_config("scheduling.userPods.tolerations", []) + get_config("singleuser.extraTolerations", [])
if get_config("scheduling.userScheduler.enabled"):
    spawner.scheduler_name = get_name("user-scheduler")
if get_config("scheduling.podPriority.enabled"):
    spawner.priority_class_name = get_name("priority")

purpose = {"matchExpressions": [{"key": "hub.jupyter.org/node-purpose", "operator": "In", "values": ["user"]}]}
match get_config("scheduling.userPods.nodeAffinity.matchNodePurpose"):
    case "prefer":
        spawner.node_affinity_preferred = [*spawner.node_affinity_preferred, {"weight": 100, "preference": purpose}]
    case "require":
        spawner.node_affinity_required = [*spawner.node_affinity_required, purpose]

# Their volumes. Maps by a key, as KubeSpawner has them, so that a profile can replace one.

volumes: dict[str, Any] = {}
mounts: dict[str, Any] = {}
storage = get_config("singleuser.storage")
home = {"mountPath": storage["homeMountPath"]}
if storage["type"] == "dynamic":
    dynamic = storage["dynamic"]
    spawner.storage_pvc_ensure = True
    spawner.storage_capacity = storage["capacity"]
    spawner.storage_access_modes = dynamic["storageAccessModes"]
    set_config_if_not_none(spawner, "storage_class", "singleuser.storage.dynamic.storageClass")
    set_config_if_not_none(spawner, "pvc_name_template", "singleuser.storage.dynamic.pvcNameTemplate")
    volume = dynamic["volumeNameTemplate"]
    volumes[volume] = {"name": volume, "persistentVolumeClaim": {"claimName": "{pvc_name}"}}
    mounts[volume] = {**home, "name": volume, "subPath": dynamic.get("subPath")}
elif storage["type"] == "static":
    volumes["home"] = {"name": "home", "persistentVolumeClaim": {"claimName": storage["static"]["pvcName"]}}
    mounts["home"] = {**home, "name": "home", "subPath": storage["static"]["subPath"]}

files = get_config("singleuser.extraFiles", {})
if files:
    items = [
        {"key": key, "path": key, **({"mode": file["mode"]} if file.get("mode") is not None else {})}
        for key, file in files.items()
    ]
    volumes["files"] = {"name": "files", "secret": {"secretName": get_name("singleuser"), "items": items}}
    for index, (key, file) in enumerate(files.items()):
        mounts[f"{index}-files"] = {"mountPath": file["mountPath"], "subPath": key, "name": "files"}


def by_key(given: Any, key: Callable[[int, Any], str]) -> dict[str, Any]:
    return given if isinstance(given, dict) else {key(i, entry): entry for i, entry in enumerate(given or [])}


volumes.update(by_key(storage.get("extraVolumes"), lambda _, volume: volume["name"]))
mounts.update(by_key(storage.get("extraVolumeMounts"), lambda i, mount: f"{i}-{mount['name']}"))
spawner.volumes, spawner.volume_mounts = volumes, mounts

if get_config("singleuser.cloudMetadata.blockWithIptables"):
    drop = ["iptables", "--append", "OUTPUT", "--protocol", "tcp", "--destination-port", "80", "--jump", "DROP"]
    block = {
        "name": "block-cloud-metadata",
        "image": image_name("singleuser.networkTools.image"),
        "command": [*drop, "--destination", get_config("singleuser.cloudMetadata.ip")],
        "securityContext": {"privileged": True, "runAsUser": 0, "capabilities": {"add": ["NET_ADMIN"]}},
        "resources": get_config("singleuser.networkTools.resources", {}),
    }
    spawner.init_containers = [*get_config("singleuser.initContainers", []), block]

# Services of the hub: the culler, and those of the values.

c.JupyterHub.services, c.JupyterHub.load_roles = [], []
if get_config("cull.enabled"):
    base = (get_config("hub.baseUrl") or "/").rstrip("/")
    command = [sys.executable, "-m", "jupyterhub_idle_culler", f"--url=http://localhost:8081{base}/hub/api"]
    flags = {"timeout": "timeout", "every": "cull-every", "concurrency": "concurrency", "maxAge": "max-age"}
    command += [f"--{flag}={get_config(f'cull.{key}')}" for key, flag in flags.items() if get_config(f"cull.{key}")]
    scopes = ["list:users", "read:users:activity", "read:servers", "delete:servers"]
    if get_config("cull.users"):
        command.append("--cull-users")
        scopes.append("admin:users")
    if not get_config("cull.adminUsers"):
        command.append("--cull-admin-users=false")
    if get_config("cull.removeNamedServers"):
        command.append("--remove-named-servers")
    culler = "jupyterhub-idle-culler"
    c.JupyterHub.services.append({"name": culler, "command": command})
    c.JupyterHub.load_roles.append({"name": culler, "scopes": scopes, "services": [culler]})
for key, service in get_config("hub.services", {}).items():
    known = {field: value for field, value in service.items() if field not in ("apiToken", "api_token")}
    token = get_secret_value(f"hub.services.{key}.apiToken")
    c.JupyterHub.services.append({"name": key, **known, "api_token": token})
c.JupyterHub.load_roles += [{"name": key, **role} for key, role in get_config("hub.loadRoles", {}).items()]

# What the values say to any class, and then what they run.

SECRETS = {
    "JupyterHub": {"cookie_secret", "proxy_auth_token", "services"},
    "ConfigurableHTTPProxy": {"auth_token"},
    "CryptKeeper": {"keys"},
}
if get_config("debug.enabled"):
    c.JupyterHub.log_level = "DEBUG"
    c.Spawner.debug = True
for section, traits in get_config("hub.config", {}).items():
    if not section[:1].isupper():
        sys.exit(f"hub.config.{section}: sections are names of classes (JupyterHub, KubeSpawner...)")
    c[section].update({key: value for key, value in traits.items() if key not in SECRETS.get(section, ())})
for name, code in sorted(get_config("hub.extraConfig", {}).items()):
    print(f"hub.extraConfig.{name}")
    exec(compile(code, f"hub.extraConfig.{name}", "exec"))  # noqa: S102
