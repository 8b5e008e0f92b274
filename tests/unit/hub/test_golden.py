"""Whole structures: what the files say against what Helm and Kubernetes are given.

``UPDATE_GOLDEN=1 pytest tests/unit/hub/test_golden.py`` writes the files anew; read the difference before committing.
Each set of values is also held against the chart's own schema when ``JUPYTERHUB_CHART`` names a chart's directory.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest
import yaml
from ansible_collections.stfc.jupyterhub.plugins.module_utils.hub_values import (
    hub_values,
    namespace,
    placeholders,
    secrets,
    storage_class,
)
from ansible_collections.stfc.jupyterhub.plugins.module_utils.hub_values.merge import merged

from tests.support.golden import shortened

GOLDEN = Path(__file__).parent / "golden"
MANUAL = {"type": "manual", "contact_email": None, "certificate": "CERT", "private_key": "KEY"}


def variants(service: Any) -> dict[str, dict[str, Any]]:
    small = {"name": "only", "cpu": 0.5, "memory": "512M", "memory_guarantee": "256M", "environment": {"A": "1"}}
    return {
        "shipped": service(),
        "rehearsal": service(
            hub_domain="jupyter.localhost",
            hub_https={"type": "none", "contact_email": None},
            hub_address={"port": 8080, "reach": "127.0.0.1:8080"},
        ),
        "gpu": service.with_gpu(hub_core_node_group="core"),
        "manual-certificate": service(hub_https=MANUAL, hub_address={"floating_ip": "192.0.2.7"}),
        "internal": service(
            hub_https={"type": "secret", "contact_email": None, "secret_name": "our-tls"},
            hub_address={"internal": True, "allowed_cidrs": ["192.0.2.0/24"]},
            hub_storage={"volume_type": "ssd"},
        ),
        "offload": service(
            hub_https={"type": "offload", "contact_email": None},
            hub_storage={"class_name": "theirs"},
            hub_culling={"max_age": "7d", "kernels": {"enabled": False}},
            hub_image_prepull=False,
            hub_image_pull_secrets=["registry"],
        ),
        "oidc": service.with_auth(
            type="oidc",
            client_id="x",
            client_secret="y",
            authorize_url="https://login.example.org/a",
            token_url="https://login.example.org/t",
            userinfo_url="https://login.example.org/u",
            username_claim="sub",
            groups_claim="memberOf",
            allow_all=True,
        ),
        "github": service.with_auth(
            type="github", client_id="x", client_secret="y", allowed_organizations=["stfc"], admin_users=["grace"]
        ),
        "native": service.with_auth(type="native", admin_users=["grace"]),
        "ldap": service.with_auth(
            type="ldap",
            server_address="ldap.example.org",
            bind_dn_template=["uid={username},ou=people,dc=example,dc=org"],
            allowed_groups=["cn=users,dc=example,dc=org"],
        ),
        "dummy": service.with_auth(type="dummy", password="one for all", allow_all=True),
        "smallest": service(
            hub_profiles=[small],
            hub_storage={"type": "none", "capacity": None},
            hub_culling={"enabled": False},
            hub_shared_memory="64M",
            hub_image="registry.example.org:5000/lab@sha256:" + "0" * 64,
        ),
    }


NAMES = [
    *("shipped", "rehearsal", "gpu", "manual-certificate", "internal", "offload"),
    *("oidc", "github", "native", "ldap", "dummy", "smallest"),
]


def test_every_variant_is_tested(service: Any) -> None:
    assert sorted(NAMES) == sorted(variants(service))


@pytest.mark.parametrize("name", NAMES)
def test_values_are_as_reviewed(name: str, service: Any, cluster: dict[str, Any]) -> None:
    described = variants(service)[name]
    found = {
        "values": shortened(
            hub_values(
                described, cluster, {item["metadata"]["name"]: "0123456789abcdef" for item in secrets(described)}
            )
        ),
        "objects": [item for item in (namespace(described), storage_class(described)) if item],
        "placeholders": placeholders(described, cluster),
        "secrets": [{**item, "data": sorted(item["data"])} for item in secrets(described)],
    }
    file = GOLDEN / f"{name}.yaml"
    text = yaml.dump(found, Dumper=_Plain, sort_keys=True, width=120)
    if os.environ.get("UPDATE_GOLDEN"):
        file.write_text(text)
    assert yaml.safe_load(file.read_text()) == yaml.safe_load(text)


class _Plain(yaml.SafeDumper):
    def ignore_aliases(self, data: Any) -> bool:
        return True


def _charts() -> list[Path]:
    given = [Path(os.environ[name]) for name in ("JUPYTERHUB_CHART",) if os.environ.get(name)]
    return [chart for chart in given if (chart / "values.schema.yaml").is_file()]


@pytest.mark.parametrize("name", NAMES)
def test_values_follow_the_chart_s_schema(name: str, service: Any, cluster: dict[str, Any]) -> None:
    jsonschema = pytest.importorskip("jsonschema")
    if not _charts():
        pytest.skip("JUPYTERHUB_CHART names no chart with a values.schema.yaml")
    chart = _charts()[0]
    schema = yaml.safe_load((chart / "values.schema.yaml").read_text())
    defaults = yaml.safe_load((chart / "values.yaml").read_text())
    values = hub_values(variants(service)[name], cluster)
    errors = [
        f"{'.'.join(map(str, error.absolute_path))}: {error.message}"
        for error in jsonschema.Draft7Validator(schema).iter_errors(merged(defaults, values))
    ]
    assert not errors
