"""Runs in the hub's own environment: builds users' pods from a chart's configuration, with the real KubeSpawner.

Reads one JSON object a line: ``folder`` (as ``mount`` in tests/unit/chart lays it out), ``users`` and ``servers``
(names). Answers with one line: the traits that were set, and for each profile, choice, user and server the pod and the
claim as they would be sent to Kubernetes; or ``error``.
"""

import asyncio
import json
import sys
import traceback
from types import SimpleNamespace

import kubespawner.spawner
from jupyterhub.app import JupyterHub
from jupyterhub.objects import Hub
from jupyterhub.spawner import Spawner
from kubernetes_asyncio.client import ApiClient
from kubespawner import KubeSpawner
from slugify import slugify
from traitlets.config.loader import PyFileConfigLoader

PATH = list(sys.path)

kubespawner.spawner.load_config = lambda **_given: None  # no API server is asked


def plain(value):
    return value.to_dict() if hasattr(value, "to_dict") else repr(value)


def load(folder):
    """The configuration that the hub starts with."""
    for name in [name for name in sys.modules if name.partition(".")[0] in ("z2jh", "stfc_jupyterhub")]:
        del sys.modules[name]
    sys.path[:] = PATH
    loaded = PyFileConfigLoader("jupyterhub_config.py", path=folder).load_config()
    for known in (JupyterHub, Spawner, KubeSpawner):
        unknown = set(loaded[known.__name__]) - set(known.class_traits(config=True))
        assert not unknown, f"{known.__name__} has no {unknown}"
    return loaded


class User:
    """What a spawner asks of its user."""

    def __init__(self, name):
        self.name = self.escaped_name = name
        self.id = 1
        self.url = f"/user/{name}/"


def chosen(profile):
    """What users may choose of an instance: nothing, and each choice that is not what they get then."""
    yield {}
    for option, given in (profile.get("profile_options") or {}).items():
        choices = given.get("choices") or {}
        default = next((name for name, each in choices.items() if each.get("default")), next(iter(choices), None))
        yield from ({option: name} for name in choices if name != default)


async def build(config, user, server, profile, choices):
    """Pod and claim of one server."""
    hub = Hub(ip="hub", port=8081, base_url="/hub/", public_host="")
    record = SimpleNamespace(name=server, server=None)
    given = {"user": User(user), "hub": hub, "orm_spawner": record, "api_token": "t", "oauth_client_id": "c"}
    spawner = KubeSpawner(config=config, **given)
    spawner.user_options = {"profile": profile, **choices} if profile else {}
    await spawner.load_user_options()
    client = ApiClient()
    try:
        pod = client.sanitize_for_serialization(await spawner.get_pod_manifest())
        claim = client.sanitize_for_serialization(spawner.get_pvc_manifest()) if spawner.storage_pvc_ensure else None
    finally:
        await client.close()
    return {"profile": profile, "choices": choices, "user": user, "server": server, "pod": pod, "claim": claim}


async def answer(request):
    config = load(request["folder"])
    profiles = [
        (item.get("slug") or slugify(item["display_name"]), choices)
        for item in config.KubeSpawner.get("profile_list") or []
        for choices in chosen(item)
    ] or [("", {})]
    servers = [
        await build(config, user, server, profile, choices)
        for profile, choices in profiles
        for user in request["users"]
        for server in request["servers"]
    ]
    return {"servers": servers, "config": config}


for line in sys.stdin:
    said, sys.stdout = sys.stdout, sys.stderr  # the chart's configuration prints
    try:
        found = asyncio.run(answer(json.loads(line)))
    except BaseException as error:  # the configuration may also call sys.exit
        found = {"error": f"{type(error).__name__}: {error}", "traceback": traceback.format_exc()}
    sys.stdout = said
    print(json.dumps(found, default=plain), flush=True)
