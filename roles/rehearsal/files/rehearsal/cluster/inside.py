"""Start of a cluster's namespaces.

`enter` replaces itself by ``unshare``, whose child is process 1 of new user, network, mount and PID namespaces;
`boot` runs there, sets the network up and becomes the nested supervisord. When process 1 dies the kernel kills the
rest, and when ``unshare`` dies process 1 is killed: nothing is left.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from rehearsal.cluster.layout import API_ADDRESS, LOGIN_ADDRESS, NODE_CIDR, SERVICE_CIDR, ClusterDir
from rehearsal.cluster.programs import PACKAGE_ROOT, write_configuration

UNSHARE = (
    "unshare",
    "--user",
    "--map-root-user",
    "--net",
    "--mount",
    "--pid",
    "--fork",
    "--kill-child",
    "--mount-proc",
)

FORBIDDEN = (
    "this machine does not let {user} make user namespaces ({answer}); allow it (as root: "
    "sysctl kernel.unprivileged_userns_clone=1, or kernel.apparmor_restrict_unprivileged_userns=0, "
    "and user.max_user_namespaces above 0), or run the rehearsal as root"
)


def check() -> None:
    """PermissionError, saying what to allow, where user namespaces are forbidden."""
    try:
        done = subprocess.run([*UNSHARE, "true"], capture_output=True, text=True, check=False)
    except FileNotFoundError:
        raise PermissionError("the program unshare is not there; install util-linux") from None
    if done.returncode:
        user = "root" if os.geteuid() == 0 else f"user {os.geteuid()}"
        raise PermissionError(FORBIDDEN.format(user=user, answer=done.stderr.strip() or "no reason given"))


def enter(cluster: ClusterDir) -> None:
    """Become the parent of the cluster's namespaces; does not return."""
    check()
    environment = {**os.environ, "PYTHONPATH": str(PACKAGE_ROOT)}
    me = [sys.executable, "-m", "rehearsal.cluster", "boot"]
    which = ["--state", str(cluster.settings.state), "--cluster", cluster.uuid]
    os.execvpe(UNSHARE[0], [*UNSHARE, *me, *which], environment)  # noqa: S606


def boot(cluster: ClusterDir) -> None:
    """Process 1 of the namespaces: network, configuration, supervisord; does not return."""
    cluster.make()
    for words in network_commands(cluster.facts().get("node_cidr", NODE_CIDR)):
        subprocess.run(["ip", *words], check=True)
    Path("/proc/sys/net/ipv4/ip_forward").write_text("1")
    configuration = write_configuration(cluster)
    os.execv(sys.executable, [sys.executable, "-m", "supervisor.supervisord", "-c", str(configuration)])  # noqa: S606


def network_commands(node_cidr: str) -> list[list[str]]:
    """Arguments of ``ip``: addresses of the API server and the login provider, routes of nodes and Services.

    The nodes' network is local as a whole, so that whoever listens on 0.0.0.0:10250 is every node's kubelet. The
    Services' network has to have a route for kube-proxy to see what processes here send to it.
    """
    return [
        ["link", "set", "lo", "up"],
        ["address", "add", f"{API_ADDRESS}/32", "dev", "lo"],
        ["address", "add", f"{LOGIN_ADDRESS}/32", "dev", "lo"],
        ["route", "add", "local", node_cidr, "dev", "lo"],
        ["route", "add", "local", SERVICE_CIDR, "dev", "lo"],
    ]
