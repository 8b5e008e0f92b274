"""What only looks after the cluster reads openstack.yml alone."""

from __future__ import annotations

import pytest
from ansible_collections.stfc.jupyterhub.plugins.module_utils import service

from tests.support.service_files import renderer

OPENSTACK = "cluster_name: mine\n"


def test_the_hubs_file_and_its_secrets_are_not_asked_for() -> None:
    loaded = service.load("openstack.yml", None, read=lambda _file: OPENSTACK, renderer=renderer)
    assert loaded.values["cluster_name"] == "mine"
    assert not [name for name in loaded.values if name.startswith("hub_")]
    assert list(loaded.files) == ["openstack.yml"]


def test_mistakes_in_the_clusters_file_are_still_told() -> None:
    with pytest.raises(service.ServiceError, match="cluster_name"):
        service.load("openstack.yml", None, read=lambda _file: "cluster_nam: mine\n", renderer=renderer)
