"""``make bench``: what the main job costs, each figure as a share of its target. A ratio of 1 or less meets it.

All of it is measured in one run, on a rehearsal of its own below ``build/``. Prints tables and writes
``build/bench.json``; with ``--record`` the ratios also join the history in ``docs/benchmarks.json``, which
``make generate`` shows in ``docs/benchmarks.md``.

``bench.json``: ``ratios`` {what: {ratio, measured, target, unit}}, ``phases`` of an unchanged deployment [{name,
seconds, calls}], ``scale`` [{node_groups, nodes, seconds, openstack, kubernetes}], ``against`` {who: {seconds,
openstack, kubernetes}}.
"""

from __future__ import annotations

import argparse
import contextlib
import datetime
import json
import os
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import kubernetes
import openstack

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT), str(ROOT / "roles" / "rehearsal" / "files")]

from tests.benchmarks import scale
from tests.benchmarks.deployment import Run, audit_log, deploy, run
from tests.benchmarks.memory import proportional_memory
from tests.benchmarks.planning import measure_plan
from tests.benchmarks.routes import SERVERS, measure_proxy
from tests.benchmarks.wire import Call
from tests.support import autoscaler
from tests.support.faults import fault
from tests.support.hub_client import HubClient

STATE = ROOT / "build" / "bench-rehearsal"
HISTORY = ROOT / "docs" / "benchmarks.json"
KEPT = 12
"""Runs in the history."""

NODES = 10
REPEATS = 2
"""The quickest of so many counts: what else the machine did is no part of the cost."""

QUICKEST = 6.0
"""Seconds in which no cluster has ever been made."""

TARGETS: dict[str, tuple[float, str]] = {
    "rehearse, nothing there": (300, "s"),
    "rehearse, unchanged": (45, "s"),
    "deploy, unchanged": (20, "s"),
    "preflight, all layers": (10, "s"),
    "preflight, 60 lines of mistakes, no cloud": (5, "s"),
    "plan, 10,000 users over a day": (5, "s"),
    "cluster to all nodes Ready": (15, "s"),
    "click to server ready": (8, "s"),
    f"proxy back to {SERVERS} servers reached": (10, "s"),
    "memory of everything": (3 * 2**30, "bytes"),
}
"""What is wanted, in figures. The first assumes that binaries and environments are in the user's cache."""

OF_THE_FLOOR = {"seconds": 3.0, "calls": 1.3}
"""What a deployment that changes nothing may cost, in multiples of ``floor.py``."""

PACE = 0.2
"""Seconds by which each OpenStack request is held back in a second comparison with the floor: the rehearsal answers
within some hundredths, clouds with other users and databases do not."""

PACED = ("keystone", "nova", "glance", "neutron", "octavia", "cinder", "designate", "magnum")

OF_THE_UNWATCHED = 1.1
"""And of a hub that does not look after its proxy, in processor time."""

OF_THE_STRAIGHT_WAY = 0.5
"""And of ``straight.yml``, in seconds."""


def main() -> int:
    """Measure, print, write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--record", action="store_true", help="add the ratios to docs/benchmarks.json")
    record = parser.parse_args().record
    # What `make bench` was given is not for the `make` that it calls.
    given = {name: value for name, value in os.environ.items() if not name.startswith(("ARGS", "MAKE", "MFLAGS"))}
    environment = {**given, "REHEARSAL_DIRECTORY": str(STATE)}
    subprocess.run(["make", "--silent", "rehearse-clean"], cwd=ROOT, env=environment, check=True)
    try:
        results = _measure(environment)
    finally:
        subprocess.run(["make", "--silent", "rehearse-clean"], cwd=ROOT, env=environment, check=True)
    _show(results)
    (ROOT / "build" / "bench.json").write_text(json.dumps(results, indent=1) + "\n")
    if record:
        _record(results)
    return 0


def _measure(environment: dict[str, str]) -> dict[str, Any]:
    measured: dict[str, float] = {"rehearse, nothing there": _timed(environment)}
    measured["rehearse, unchanged"] = _timed(environment)
    summary = json.loads((STATE / "summary.json").read_text())
    if summary["changed"]:
        raise SystemExit(f"bench: the second run changed {summary['changed']} things; measure something that settles")
    best = min((deploy(STATE) for _other in range(REPEATS + 1)), key=lambda one: one.seconds)
    watched = deploy(STATE, watch=True)
    measured["deploy, unchanged"] = best.seconds
    measured["preflight, all layers"] = _quickest(lambda: _preflight(environment))
    measured["preflight, 60 lines of mistakes, no cloud"] = _quickest(lambda: _mistakes(environment))
    measured["plan, 10,000 users over a day"] = measure_plan()
    measured[f"proxy back to {SERVERS} servers reached"], busy, unwatched = measure_proxy()
    against = {"deploy": _cost(best.seconds, watched.calls), "floor": _floor(environment), "straight": _straight()}
    against["Ansible's own start"] = _cost(_empty(environment), [])
    with contextlib.ExitStack() as paced:
        for service in PACED:
            paced.enter_context(fault(STATE, service, times=0, delay=PACE))
        slow = deploy(STATE, watch=True)
        against[f"deploy, {PACE} s more a request"] = _cost(deploy(STATE).seconds, slow.calls)
        against[f"floor, {PACE} s more a request"] = _floor(environment)
    measured["cluster to all nodes Ready"] = _quickest(_cluster)
    sizes = list(scale.costs(STATE))
    with _server(summary) as seconds:
        measured["click to server ready"] = seconds
        _resize(summary["cluster"]["uuid"], NODES)
        measured["memory of everything"] = proportional_memory(STATE / "supervisor" / "supervisord.pid")
    ratios = {name: _ratio(measured[name], target, unit) for name, (target, unit) in TARGETS.items()}
    ours, floor, straight = against["deploy"], against["floor"], against["straight"]
    limit = OF_THE_FLOOR["seconds"] * floor["seconds"]
    ratios["deploy, unchanged: seconds of the floor"] = _ratio(ours["seconds"], limit, "s")
    names = [f"{what}, {PACE} s more a request" for what in ("deploy", "floor")]
    slow_ours, slow_floor = (against[name]["seconds"] for name in names)
    limit = OF_THE_FLOOR["seconds"] * slow_floor
    ratios[f"{names[0]}: seconds of the floor"] = _ratio(slow_ours, limit, "s")
    calls = [sum(one[to] for to in ("openstack", "kubernetes")) for one in (ours, floor)]
    ratios["deploy, unchanged: calls of the floor"] = _ratio(calls[0], OF_THE_FLOOR["calls"] * calls[1], "calls")
    name = f"hub with {SERVERS} idle servers: processor seconds a minute, of an unwatched one"
    ratios[name] = _ratio(busy, OF_THE_UNWATCHED * unwatched, "s")
    limit = OF_THE_STRAIGHT_WAY * straight["seconds"]
    ratios["deploy, unchanged: seconds of the straight way"] = _ratio(ours["seconds"], limit, "s")
    return {"ratios": ratios, "phases": _phases(best, watched), "scale": sizes, "against": against}


def _quickest(measure: Callable[[], float]) -> float:
    return min(measure() for _other in range(REPEATS))


def _ratio(measured: float, target: float, unit: str) -> dict[str, Any]:
    ratio = round(measured / target, 2)
    return {"ratio": ratio, "measured": round(measured, 2), "target": round(target, 2), "unit": unit}


def _cost(seconds: float, calls: list[Call]) -> dict[str, Any]:
    count = Counter(call.to.lower() for call in calls)
    return {"seconds": round(seconds, 2), **{to: count[to] for to in ("openstack", "kubernetes")}}


def _phases(best: Run, watched: Run) -> list[dict[str, Any]]:
    return [
        {"name": timed.name, "seconds": round(timed.seconds, 2), "calls": counted.calls}
        for timed, counted in zip(best.phases, watched.phases, strict=True)
    ]


def _repeated(command: list[str], environment: dict[str, str]) -> dict[str, Any]:
    """Cost of a program: the quickest run's seconds, and the calls of one more."""
    seconds = []
    for _other in range(REPEATS):
        began = time.monotonic()
        run(command, environment)
        seconds.append(time.monotonic() - began)
    return _cost(min(seconds), run(command, environment, audit_log(STATE)))


def _floor(environment: dict[str, str]) -> dict[str, Any]:
    return _repeated([sys.executable, str(ROOT / "tests/benchmarks/floor.py"), str(STATE)], environment)


def _straight() -> dict[str, Any]:
    """The same service by hand, with the values and objects that our own deployment made."""
    folder = STATE / "straight"
    folder.mkdir(mode=0o700, exist_ok=True)
    search = f"{(STATE / 'path').read_text()}:{os.environ['PATH']}"
    environment = {**os.environ, "PATH": search, "REHEARSAL_DIRECTORY": str(STATE)}
    summary = json.loads((STATE / "summary.json").read_text())
    kubeconfig = ["--kubeconfig", str(STATE / "kubeconfig")]
    get_values = ["helm", "get", "values", "jupyterhub", "-n", "jupyterhub", "-o", "yaml", *kubeconfig]
    (folder / "values.yaml").write_bytes(subprocess.check_output(get_values, env=environment))
    objects = [("namespace", "jupyterhub"), ("storageclass", "jupyterhub-retain")]
    objects += [("statefulset", f"user-placeholder-{kept['profile']}") for kept in summary["placeholders"]]
    variables = {
        "straight_folder": str(folder),
        "straight_cluster": summary["cluster"]["name"],
        "straight_template": _template(summary["cluster"]["uuid"]),
        "straight_node_groups": [group["name"] for group in summary["node_groups"]],
        "straight_objects": [_object(kind, name, kubeconfig, environment) for kind, name in objects],
        "straight_release": "jupyterhub",
        "straight_namespace": "jupyterhub",
        "straight_chart": summary["chart"]["ref"],
        "straight_url": summary["hub"]["url"],
    }
    (folder / "variables.json").write_text(json.dumps(variables))
    command = ["ansible-playbook", "-i", "inventories/rehearsal", "tests/benchmarks/straight.yml"]
    return _repeated([*command, "-e", f"@{folder / 'variables.json'}"], environment)


def _object(kind: str, name: str, kubeconfig: list[str], environment: dict[str, str]) -> dict[str, Any]:
    """An object as somebody would keep it in a file: without what the server added."""
    command = ["kubectl", *kubeconfig, "-n", "jupyterhub", "get", kind, name, "-o", "json"]
    found = json.loads(subprocess.check_output(command, env=environment))
    metadata = {key: found["metadata"][key] for key in ("name", "namespace", "labels") if key in found["metadata"]}
    return {**{key: value for key, value in found.items() if key != "status"}, "metadata": metadata}


def _template(cluster: str) -> str:
    uuid: str = _connect().container_infrastructure_management.get(f"/clusters/{cluster}").json()["cluster_template_id"]
    return uuid


def _show(results: dict[str, Any]) -> None:
    for name, row in results["ratios"].items():
        of = " of ".join(_readable(float(row[key]), str(row["unit"])) for key in ("measured", "target"))
        print(f"{row['ratio']:6.2f}  {name:48} {of}")
    print("\nAn unchanged deployment, phase by phase")
    for phase in results["phases"]:
        print(f"{phase['seconds']:6.1f} s {phase['calls']:4} calls  {phase['name']}")
    print("\nAgainst the floor and the straight way")
    for name, cost in results["against"].items():
        print(f"{cost['seconds']:6.1f} s {cost['openstack']:4} + {cost['kubernetes']:3} calls  {name}")
    print("\nAs the cluster grows: node groups, nodes")
    for size in results["scale"]:
        calls = f"{size['openstack']:4} + {size['kubernetes']:3} calls"
        print(f"{size['seconds']:6.1f} s {calls}  {size['node_groups']:3} groups {size['nodes']:4} nodes")


def _record(results: dict[str, Any]) -> None:
    history = json.loads(HISTORY.read_text()) if HISTORY.exists() else []
    ratios = {name: row["ratio"] for name, row in results["ratios"].items()}
    entry = {"date": f"{datetime.date.today():%F}", "ratios": ratios}
    history.append({**entry, **{key: results[key] for key in ("phases", "scale", "against")}})
    HISTORY.write_text(json.dumps(history[-KEPT:], indent=1) + "\n")


def _readable(value: float, unit: str) -> str:
    if unit == "bytes":
        return f"{value / 2**30:.2f} GiB"
    return f"{value:.0f} calls" if unit == "calls" else f"{value:.1f} s"


def _preflight(environment: dict[str, str], *arguments: str, fails: bool = False) -> float:
    began = time.monotonic()
    command = ["ansible-playbook", "-i", "inventories/rehearsal", "playbooks/preflight.yml", *arguments]
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    if bool(done.returncode) is not fails:
        raise SystemExit(f"bench: {' '.join(command)} ended with {done.returncode}:\n{done.stdout}{done.stderr}")
    return time.monotonic() - began


def _mistakes(environment: dict[str, str]) -> float:
    """A file of 60 lines, every second key of it wrong; it names no cloud that could be asked."""
    lines = ["openstack_cloud: 1", "cluster_name: jupyterhub", "hub_profiles:"]
    for number in range(14):
        lines += [f"  - name: profile {number}", "    cpuu: 2", "    memory: 1.5Gb", f"    shared_memory: {number}X"]
    lines.append("hub_domian: jupyter.example.org")
    file = STATE / "mistakes.yml"
    file.write_text("\n".join(lines) + "\n")
    overlays = json.dumps({"service_overlays": [str(file)]})
    return _preflight(environment, "-e", overlays, fails=True)


def _empty(environment: dict[str, str]) -> float:
    """A playbook that does nothing."""
    file = STATE / "empty.yml"
    file.write_text("- name: Nothing\n  hosts: localhost\n  gather_facts: false\n")
    command = ["ansible-playbook", "-i", "inventories/rehearsal", str(file)]
    began = time.monotonic()
    for _other in range(REPEATS):
        run(command, environment)
    return (time.monotonic() - began) / REPEATS


def _timed(environment: dict[str, str]) -> float:
    began = time.monotonic()
    subprocess.run(["make", "--silent", "rehearse"], cwd=ROOT, env=environment, check=True)
    return time.monotonic() - began


def _connect() -> openstack.connection.Connection:
    config = openstack.config.OpenStackConfig(config_files=[str(STATE / "clouds.yaml")])
    return openstack.connection.Connection(config=config.get_one("rehearsal"))


def _cluster() -> float:
    """Seconds from asking Magnum for a second cluster of the same template until its nodes are Ready; removes it."""
    magnum = _connect().container_infrastructure_management
    template = magnum.get("/clusters").json()["clusters"][0]["cluster_template_id"]
    began = time.monotonic()
    counts = {"node_count": 1, "master_count": 1}
    labels = {"rehearsal_family": "heat"}  # which says that it is done when the nodes are there
    body = {"name": "bench", "cluster_template_id": template, **counts, "labels": labels, "merge_labels": True}
    uuid = magnum.post("/clusters", json=body, microversion="1.10").json()["uuid"]
    try:
        time.sleep(QUICKEST)  # asking costs Magnum some hundredths of a second of the same two cores
        while not (status := _status(magnum, uuid)).endswith("_COMPLETE"):
            if status.endswith("_FAILED"):
                raise SystemExit(f"bench: the second cluster became {status}")
            time.sleep(0.5)
        return time.monotonic() - began
    finally:
        magnum.delete(f"/clusters/{uuid}")
        while _status(magnum, uuid) != "gone":
            time.sleep(0.5)


def _status(magnum: Any, uuid: str) -> str:
    answer = magnum.get(f"/clusters/{uuid}")
    return "gone" if answer.status_code == 404 else answer.json().get("status") or ""


def _resize(uuid: str, nodes: int) -> None:
    """Give the deployed cluster that many workers, as its autoscaler would, until Kubernetes has them Ready."""
    autoscaler.scale(STATE, uuid, "default-worker", nodes)
    core = kubernetes.client.CoreV1Api(kubernetes.config.new_client_from_config(str(STATE / "kubeconfig")))
    while sum(_ready(node) for node in core.list_node().items) < nodes:
        time.sleep(0.5)


def _ready(node: Any) -> bool:
    conditions = node.status.conditions or []
    return any(item.type == "Ready" and item.status == "True" for item in conditions)


@contextlib.contextmanager
def _server(summary: dict[str, Any]) -> Iterator[float]:
    """A user's server; the seconds from the click until it answered. The second start counts, as for most users."""
    user = next((user for user in summary["users"] if user["role"] == "allowed"), summary["users"][0])
    client = HubClient(summary["hub"]["url"])
    client.login_oidc(user["name"], user["password"])
    client.spawn("default")
    client.wait_ready()
    client.stop()
    began = time.monotonic()
    client.spawn("default")
    client.wait_ready()
    seconds = time.monotonic() - began
    client.run("1")
    try:
        yield seconds
    finally:
        client.stop()


if __name__ == "__main__":
    sys.exit(main())
