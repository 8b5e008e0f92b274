"""The shipped type of HTTPS, from the first run without a record to the certificate; and a hub without a balancer.

The authority is pebble, Let's Encrypt's own test server, in the cluster: it asks the rehearsal's Designate where the
name leads and then asks there, at the floating IP. The chart's pod `autohttps` is real but for Traefik's place in it
(rehearsal/setup/traefik.py). Each test takes the service up where the one before has left it.
"""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import kubernetes
import openstack
import pytest
import yaml

from tests.support import authority
from tests.support.name_server import NameServer
from tests.support.playbooks import ROOT, Run, deploy, playbook

sys.path.insert(0, str(ROOT / ".collections"))

from ansible.utils.collection_loader._collection_finder import _AnsibleCollectionFinder

_AnsibleCollectionFinder(paths=[str(ROOT / ".collections")])._install()

from ansible_collections.stfc.jupyterhub.plugins.module_utils import name_lookup  # noqa: E402

ZONE = "example.org."
NAME = "hub.example.org"
ELSEWHERE = "198.51.100.4"

SERVICE: dict[str, Any] = {
    "hub_profiles": [{"name": "default", "cpu": 1, "memory": "1G"}],
    "hub_auth": {"type": "dummy", "password": "of-the-rehearsal", "allowed_users": ["ada"]},
}


class Service:
    """The service, its name's records, and the authority."""

    def __init__(self, state: Path, folder: Path, cloud: openstack.connection.Connection, base_port: int) -> None:
        self.state, self.folder, self.cloud = state, folder, cloud
        # docs/architecture.md, roles/rehearsal/files/rehearsal/settings.py
        self.https_port, self.name_server_port = base_port + 11, base_port + 12
        self.name_server = f"127.0.0.1:{self.name_server_port}"
        self.root = folder / "root.pem"
        dns = cloud.dns
        self.zone: Any = dns.find_zone(ZONE) or dns.create_zone(name=ZONE, email="hostmaster@example.org", ttl=60)

    def deploy(self, **keys: Any) -> Run:
        file = self.folder / "service.yml"
        file.write_text(yaml.safe_dump({**SERVICE, **keys}))
        overlays = [str(self.state / "overlay.yml"), str(file)]
        run = deploy(service_overlays=overlays, service_summary_file=str(self.folder / "summary.json"))
        assert "Traceback" not in run.text
        return run

    def with_https(self, name_server: str = "", **more: Any) -> Run:
        reach = f"127.0.0.1:{self.https_port}"
        address = {"port": self.https_port, "reach": reach, "name_server": name_server or self.name_server}
        https = {"type": "letsencrypt", "contact_email": "team@example.org", "acme_server": authority.DIRECTORY}
        values = {"proxy": {"traefik": authority.TRUST}}
        return self.deploy(hub_domain=NAME, hub_https=https, hub_address=address, hub_values=values, **more)

    def summary(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads((self.folder / "summary.json").read_text())
        return found

    def lead_to(self, *addresses: str) -> None:
        """Have the name lead there, in Designate, and wait until its name server says so."""
        dns = self.cloud.dns
        for record in list(dns.recordsets(self.zone)):
            if record.name == f"{NAME}.":
                dns.delete_recordset(record, self.zone)
        for address in addresses:
            kind = "AAAA" if ":" in address else "A"
            dns.create_recordset(self.zone, name=f"{NAME}.", type=kind, records=[address])
        for _try in range(60):
            with contextlib.suppress(name_lookup.NoAnswerError):
                if name_lookup.addresses(NAME, self.name_server) == sorted(addresses):
                    return
            time.sleep(1)
        raise AssertionError("the name server does not say so")


@pytest.fixture(scope="module")
def service(
    state: Path, tmp_path_factory: pytest.TempPathFactory, cloud: openstack.connection.Connection
) -> Iterator[Service]:
    setup = [sys.executable, "-m", "rehearsal.setup", "--state", str(state)]
    env = {**os.environ, "PYTHONPATH": str(ROOT / "roles" / "rehearsal" / "files")}
    subprocess.run([*setup, "--only", "pebble"], env=env, check=True)
    subprocess.run(setup, env=env, check=True)  # writes the image table with it
    port = json.loads((state / "settings.json").read_text())["base_port"]
    made = Service(state, tmp_path_factory.mktemp("letsencrypt"), cloud, port)
    yield made
    overlays = [str(state / "overlay.yml")]
    assert playbook("destroy", confirm="jupyterhub", service_overlays=overlays).ok
    cloud.dns.delete_zone(made.zone)


@pytest.fixture
def apps(state: Path) -> kubernetes.client.AppsV1Api:
    return kubernetes.client.AppsV1Api(kubernetes.config.new_client_from_config(str(state / "kubeconfig")))


@pytest.fixture
def acme_client(state: Path) -> None:
    """Skips where the chart has none: it is the real one's."""
    chart = str(yaml.safe_load((state / "overlay.yml").read_text())["hub_chart_ref"])
    if chart.endswith("rehearsal/files/chart/jupyterhub"):
        pytest.skip("the stand-in chart asks no authority; with JUPYTERHUB_CHART=DIR these run with the real one")


def tries(apps: kubernetes.client.AppsV1Api) -> str:
    """When the proxy's pod was started anew for its certificate."""
    found = apps.read_namespaced_deployment("autohttps", "jupyterhub").metadata.annotations
    return str(found.get("jupyterhub.stfc.ac.uk/certificate-tries", ""))


def test_a_hub_without_a_balancer_is_proven_within_its_cluster(service: Service) -> None:
    values = {"proxy": {"service": {"type": "ClusterIP"}}}
    run = service.deploy(hub_values=values, hub_address={"port": None, "reach": None})
    assert run.ok, run.text
    assert "nothing is known here that leads to it" in run.text
    assert service.summary()["hub"]["address"] == ""
    again = service.deploy(hub_values=values, hub_address={"port": None, "reach": None})
    assert (again.ok, again.changed) == (True, 0), again.text


def test_an_ingress_that_nobody_serves_is_a_warning(service: Service) -> None:
    values = {"proxy": {"service": {"type": "ClusterIP"}}, "ingress": {"enabled": True, "hosts": [NAME]}}
    address = {"port": None, "reach": None}
    run = service.deploy(hub_domain=NAME, hub_https={"type": "offload"}, hub_values=values, hub_address=address)
    assert run.ok, run.text
    assert "The hub answers within the cluster, and not from outside" in run.text


@pytest.mark.usefixtures("acme_client")
def test_the_first_run_ends_well_and_tells_the_record(service: Service, state: Path) -> None:
    authority.install(state / "kubeconfig", "jupyterhub", service.name_server_port)
    with contextlib.closing(NameServer({})) as server:  # Designate's own refuses to tell of a name without records
        run = service.with_https(server.where)
    assert run.ok, run.text
    hub = service.summary()["hub"]
    assert (hub["certificate"], hub["dns_record"]) == ("none", f"{NAME}. IN A {hub['address']}")
    assert f"{NAME} leads nowhere yet" in run.text
    assert "There is no HTTPS yet" in run.text


@pytest.mark.usefixtures("acme_client")
def test_a_name_that_leads_elsewhere_is_told_with_both_addresses(
    service: Service, apps: kubernetes.client.AppsV1Api
) -> None:
    service.lead_to(ELSEWHERE)
    run = service.with_https()
    assert (run.ok, run.changed) == (True, 0), run.text
    assert f"{NAME} leads to {ELSEWHERE}, and not to the hub's address" in run.text
    address = service.summary()["hub"]["address"]
    service.lead_to(address, "2001:db8::4")
    run = service.with_https()
    assert (run.ok, run.changed) == (True, 0), run.text
    assert f"leads to the hub's address {address}, and also to 2001:db8::4" in " ".join(run.text.split())
    assert tries(apps) == ""


@pytest.mark.usefixtures("acme_client")
def test_what_the_authority_refuses_is_told_in_its_words(service: Service, apps: kubernetes.client.AppsV1Api) -> None:
    """The name leads to the hub as far as this machine is told; the authority is told of an IPv6 address as well."""
    server = NameServer({NAME: [service.summary()["hub"]["address"]]})
    run = service.with_https(server.where, hub_answer_timeout=20)
    server.close()
    assert not run.ok, run.text
    said = " ".join(run.text.split())
    assert "Let's Encrypt gave no certificate for it. It was asked once more." in said
    assert "urn:ietf:params:acme:error:connection" in said
    assert "2001:db8::4" in said
    assert len(tries(apps).split(",")) == 1


@pytest.mark.usefixtures("acme_client")
def test_the_next_run_gets_the_certificate(service: Service, apps: kubernetes.client.AppsV1Api) -> None:
    service.lead_to(service.summary()["hub"]["address"])
    authority.trust(service.state / "kubeconfig", service.root)
    os.environ["SSL_CERT_FILE"] = str(service.root)
    try:
        run = service.with_https()
        assert run.ok, run.text
        assert (run.changed, service.summary()["hub"]["certificate"]) == (1, "valid"), run.text
        before = tries(apps)
        again = service.with_https()
        assert (again.ok, again.changed) == (True, 0), again.text
        assert service.summary()["hub"]["certificate"] == "valid"
        assert tries(apps) == before
    finally:
        del os.environ["SSL_CERT_FILE"]
