"""What people see: they log in, choose an instance, work, and come back."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import Any

import kubernetes
import kubernetes.stream
import pytest
import requests

from tests.support.hub_client import HubClient, HubError

HEADROOM = """
import os
limit = int(os.environ['MEM_LIMIT'])
data = bytearray(limit + (256 << 20))
for place in range(0, len(data), 4096):
    data[place] = 1
"""

REACH = """
import socket
def reach(host, port):
    try:
        socket.create_connection((host, port), 2).close()
        return 'open'
    except OSError as error:
        return 'closed'
"""


def start(client: HubClient, profile: str) -> None:
    """Start an instance and wait until it answers."""
    client.spawn(profile)
    client.wait_ready()


@pytest.fixture
def alice(hub: HubClient, user_of: Callable[[str], str], passwords: dict[str, str]) -> Iterator[HubClient]:
    """The allowed user, logged in; no server of theirs stays."""
    name = user_of("allowed")
    hub.login_oidc(name, passwords[name])
    yield hub
    if hub.servers():
        hub.stop()


def test_a_file_follows_its_user_from_the_default_to_the_large_instance(alice: HubClient) -> None:
    assert {"default", "large"} <= set(alice.profiles())
    start(alice, "default")
    assert alice.run("print(6 * 7)").strip() == "42"
    alice.run("open('kept.txt', 'w').write('from the default instance')")
    assert alice.run("import os; print(os.environ['MEM_LIMIT'])").strip() == str(3 * 2**29)
    alice.stop()
    start(alice, "large")
    assert alice.run("print(open('kept.txt').read())").strip() == "from the default instance"
    assert alice.run("import os; print(os.environ['MEM_LIMIT'])").strip() == str(15 * 2**29)
    alice.stop()


def test_a_placeholder_gives_way_to_exactly_its_users_pod(
    alice: HubClient, core: kubernetes.client.CoreV1Api, summary: dict[str, Any]
) -> None:
    start(alice, "default")
    try:
        namespace = summary["hub"]["namespace"]
        servers = core.list_namespaced_pod(namespace, label_selector="component=singleuser-server").items
        spare = core.read_namespaced_pod("user-placeholder-default-0", namespace)
        assert len(servers) == 1
        asked = _bytes_and_cores(servers[0].spec.containers[0].resources.requests)
        assert _bytes_and_cores(spare.spec.containers[0].resources.requests) == asked
        assert asked["memory"] == 3 * 2**29
        assert spare.spec.node_selector == servers[0].spec.node_selector
        assert spare.spec.scheduler_name == servers[0].spec.scheduler_name
    finally:
        alice.stop()


def test_a_notebook_that_takes_too_much_memory_loses_its_kernel_and_keeps_its_server(alice: HubClient) -> None:
    start(alice, "default")
    try:
        began = alice.servers()[""]["started"]
        with pytest.raises(HubError, match="kernel"):
            alice.run(HEADROOM, timeout=60)
        assert alice.run("print('still here')", timeout=60).strip() == "still here"
        assert alice.servers()[""]["started"] == began
    finally:
        alice.stop()


def test_a_kernel_is_reached_again_soon_after_the_proxy_was_killed(
    alice: HubClient, core: kubernetes.client.CoreV1Api, summary: dict[str, Any]
) -> None:
    namespace = summary["hub"]["namespace"]

    def proxies() -> list[tuple[str, bool]]:
        found = core.list_namespaced_pod(namespace, label_selector="component=proxy").items
        return [(pod.metadata.name, _is_ready(pod)) for pod in found]

    start(alice, "default")
    assert alice.run("kept = 6 * 7") == ""
    ((killed, _ready),) = proxies()
    core.delete_namespaced_pod(killed, namespace, grace_period_seconds=0)
    while not any(ready and name != killed for name, ready in proxies()):
        time.sleep(0.2)
    began = time.monotonic()
    answer = ""
    while not answer and time.monotonic() - began < 60:
        try:
            answer = alice.run("print(kept)").strip()
        except (HubError, requests.RequestException):
            time.sleep(0.2)
    took = time.monotonic() - began
    assert answer == "42"
    assert took < 10
    alice.stop()


def test_a_cell_cannot_reach_what_it_should_not(
    alice: HubClient,
    core: kubernetes.client.CoreV1Api,
    summary: dict[str, Any],
    user_of: Callable[[str], str],
    passwords: dict[str, str],
) -> None:
    namespace = summary["hub"]["namespace"]
    admin = user_of("admin")
    other = HubClient(summary["hub"]["url"])
    other.login_oidc(admin, passwords[admin])
    start(other, "default")
    start(alice, "default")
    try:
        me = alice.run("import socket; print(socket.gethostbyname(socket.gethostname()))").strip()
        servers = core.list_namespaced_pod(namespace, label_selector="component=singleuser-server").items
        neighbour = next(pod.status.pod_ip for pod in servers if pod.status.pod_ip != me)
        proxy_api = core.read_namespaced_service("proxy-api", namespace).spec.cluster_ip
        hub_service = core.read_namespaced_service("hub", namespace).spec.cluster_ip
        api = core.read_namespaced_service("kubernetes", "default").spec.cluster_ip
        found = alice.run(
            REACH + f"print(reach('169.254.169.254', 80), reach('{neighbour}', 8888), reach('{proxy_api}', 8001), "
            f"reach('{api}', 443), reach('{hub_service}', 8081))"
        )
        assert found.split() == ["closed", "closed", "closed", "closed", "open"]
    finally:
        alice.stop()
        other.stop()


def test_the_cloud_s_metadata_are_there_and_closed_to_users_by_the_policy(
    alice: HubClient, core: kubernetes.client.CoreV1Api, summary: dict[str, Any]
) -> None:
    namespace = summary["hub"]["namespace"]
    ask = REACH + "print(reach('169.254.169.254', 80))"
    hub_pod = core.list_namespaced_pod(namespace, label_selector="component=hub").items[0].metadata.name
    # The chart lets the hub's own pod ask for them. So somebody answers, and only the users' policy is in the way.
    found = kubernetes.stream.stream(
        core.connect_get_namespaced_pod_exec, hub_pod, namespace, command=["python3", "-c", ask], stdout=True
    )
    assert found.strip() == "open"
    start(alice, "default")
    try:
        (server,) = core.list_namespaced_pod(namespace, label_selector="component=singleuser-server").items
        assert not server.spec.init_containers  # none with rights over the pod's network
        assert alice.run(ask).strip() == "closed"
    finally:
        alice.stop()


def test_the_admin_sees_the_admin_page_and_others_do_not(
    hub: HubClient, summary: dict[str, Any], user_of: Callable[[str], str], passwords: dict[str, str]
) -> None:
    admin, allowed = user_of("admin"), user_of("allowed")
    hub.login_oidc(admin, passwords[admin])
    assert hub.get("/hub/admin").status_code == 200
    other = HubClient(summary["hub"]["url"])
    other.login_oidc(allowed, passwords[allowed])
    assert other.get("/hub/admin").status_code == 403


def test_who_is_in_no_allowed_group_is_refused_in_words(
    hub: HubClient, user_of: Callable[[str], str], passwords: dict[str, str]
) -> None:
    refused = user_of("refused")
    with pytest.raises(HubError, match=r"(?i)not allowed|forbidden|sorry"):
        hub.login_oidc(refused, passwords[refused])


def _is_ready(pod: kubernetes.client.V1Pod) -> bool:
    return any(item.type == "Ready" and item.status == "True" for item in pod.status.conditions or [])


def _bytes_and_cores(requests: dict[str, str]) -> dict[str, Any]:
    return {name: kubernetes.utils.parse_quantity(value) for name, value in requests.items()}
