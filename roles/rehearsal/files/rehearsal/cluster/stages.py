"""KWOK's configuration: how nodes boot and stay alive, and how the pods that nobody runs are played.

The stages follow KWOK 0.8's own (``kustomize/stage`` of its module: node/fast, node/heartbeat-with-lease, pod/fast)
with these differences: a boot delay, the time of a condition's last change kept by heartbeats, pods selected by the
pod runner's mark, start and stop delays, Jobs that take a second, finalizers that hold a pod back, pods that are Ready
again after their node was silent.
"""

from __future__ import annotations

from typing import Any

import yaml

from rehearsal.cluster.layout import PLAYED_POD_CIDR

RUNS = "rehearsal.stfc.ac.uk/runs"
"""Annotation of the pod runner on each pod that is bound to a node: ``real`` or ``played``."""

BOOT_DELAY = "rehearsal.stfc.ac.uk/boot-delay"
"""Annotation of a node: from its registration to Ready, a Go duration (``1.5s``)."""

START_DELAY = "rehearsal.stfc.ac.uk/start-delay"
STOP_DELAY = "rehearsal.stfc.ac.uk/stop-delay"
RUN_DELAY = "rehearsal.stfc.ac.uk/run-delay"
"""Annotations of a played pod, Go durations: to Running, from its deletion to its end, and how long a Job takes."""

MANAGED_NODE = "kwok.x-k8s.io/node"
"""Annotation of a node that KWOK keeps alive; its value is ``fake``."""

LEASE_SECONDS = 40
"""A node's lease, as kubelet's (nodeLeaseDurationSeconds). KWOK renews it every quarter of that."""

_CONDITIONS = """\
conditions:
{{ range NodeConditions }}
- lastHeartbeatTime: {{ $now | Quote }}
  %smessage: {{ .message | Quote }}
  reason: {{ .reason | Quote }}
  status: {{ .status | Quote }}
  type: {{ .type | Quote }}
{{ end }}
"""

_NODE_READY = "{{ $now := Now }}\n" + _CONDITIONS % "lastTransitionTime: {{ $now | Quote }}\n  " + "phase: Running\n"

_NODE_HEARTBEAT = "{{ $now := Now }}\n" + _CONDITIONS % ""

_POD_ADDRESSES = """\
{{ with NodeIPsWith .spec.nodeName }}
hostIP: {{ index . 0 | Quote }}
hostIPs:
{{ range . }}
- ip: {{ . | Quote }}
{{ end }}
{{ end }}
{{ with PodIPsWith .spec.nodeName ( or .spec.hostNetwork false ) ( or .metadata.uid "" ) ( or .metadata.name "" ) \
( or .metadata.namespace "" ) }}
podIP: {{ index . 0 | Quote }}
podIPs:
{{ range . }}
- ip: {{ . | Quote }}
{{ end }}
{{ end }}
"""

_POD_RUNNING = (
    """\
{{ $now := Now }}
conditions:
{{ range $type := list "PodReadyToStartContainers" "Initialized" "ContainersReady" "Ready" }}
- lastTransitionTime: {{ $now | Quote }}
  status: "True"
  type: {{ $type }}
{{ end }}
{{ range .spec.readinessGates }}
- lastTransitionTime: {{ $now | Quote }}
  status: "True"
  type: {{ .conditionType | Quote }}
{{ end }}
containerStatuses:
{{ range .spec.containers }}
- image: {{ .image | Quote }}
  imageID: {{ .image | Quote }}
  name: {{ .name | Quote }}
  ready: true
  started: true
  restartCount: 0
  state: {running: {startedAt: {{ $now | Quote }}}}
{{ end }}
initContainerStatuses:
{{ range .spec.initContainers }}
- image: {{ .image | Quote }}
  imageID: {{ .image | Quote }}
  name: {{ .name | Quote }}
  ready: true
  restartCount: 0
  {{ if eq .restartPolicy "Always" }}
  started: true
  state: {running: {startedAt: {{ $now | Quote }}}}
  {{ else }}
  state:
    terminated: {exitCode: 0, reason: Completed, startedAt: {{ $now | Quote }}, finishedAt: {{ $now | Quote }}}
  {{ end }}
{{ end }}
"""
    + _POD_ADDRESSES
    + """\
phase: Running
startTime: {{ $now | Quote }}
"""
)

_POD_READY_AGAIN = """\
{{ $now := Now }}
conditions:
- lastTransitionTime: {{ $now | Quote }}
  status: "True"
  type: Ready
"""

_POD_ENDED = """\
{{ $now := Now }}
conditions:
- lastTransitionTime: {{ $now | Quote }}
  status: "False"
  reason: %(reason)s
  type: Ready
containerStatuses:
{{ range .spec.containers }}
- image: {{ .image | Quote }}
  imageID: {{ .image | Quote }}
  name: {{ .name | Quote }}
  ready: false
  started: false
  restartCount: 0
  state:
    terminated: {exitCode: %(code)d, reason: %(cause)s, startedAt: {{ $now | Quote }}, finishedAt: {{ $now | Quote }}}
{{ end }}
phase: %(phase)s
"""


def configuration(*, unmarked: bool = False) -> str:
    """KWOK's configuration file, YAML documents.

    ``unmarked``: play also the pods that carry no mark, where no pod runner is there to put one.
    """
    options = {
        "manageAllNodes": False,
        "manageNodesWithAnnotationSelector": f"{MANAGED_NODE}=fake",
        "cidr": PLAYED_POD_CIDR,
        "nodeLeaseDurationSeconds": LEASE_SECONDS,
        "nodeLeaseParallelism": 4,  # at 0 no lease is renewed
        "nodePlayStageParallelism": 8,
        "podPlayStageParallelism": 16,
        "enableDebuggingHandlers": False,
    }
    head = {"apiVersion": "config.kwok.x-k8s.io/v1alpha1", "kind": "KwokConfiguration", "options": options}
    return yaml.safe_dump_all([head, *stages(unmarked=unmarked)], width=10000, sort_keys=False)


def stages(*, unmarked: bool = False) -> list[dict[str, Any]]:
    """The Stage objects; see `configuration` for ``unmarked``."""
    played = _not_in(_annotation(RUNS), "real") if unmarked else _in(_annotation(RUNS), "played")
    alive = _absent(".metadata.deletionTimestamp")
    dying = _present(".metadata.deletionTimestamp")
    ready = '.status.conditions.[] | select( .type == "Ready" ) | .status'
    owner = ".metadata.ownerReferences.[].kind"
    unheld = _absent(".metadata.finalizers.[]")
    return [
        _stage("node-ready", "Node", [_not_in(ready, "True")], _status(_NODE_READY), _delay(0, BOOT_DELAY)),
        _stage(
            "node-heartbeat",
            "Node",
            [_in(".status.phase", "Running"), _in(ready, "True")],
            _status(_NODE_HEARTBEAT),
            # kubelet reports an unchanged status every five minutes (nodeStatusReportFrequency); leases do the rest
            {"durationMilliseconds": 300_000, "jitterDurationMilliseconds": 310_000},
        ),
        _stage(
            "pod-running",
            "Pod",
            [played, alive, _in(".status.phase", "Pending")],
            _status(_POD_RUNNING),
            _delay(0, START_DELAY),
        ),
        _stage(
            # the node controller makes the pods of a node that was silent unready; kubelet says that they are not
            "pod-ready-again",
            "Pod",
            [played, alive, _in(".status.phase", "Running"), _not_in(ready, "True"), _not_in(owner, "Job")],
            _status(_POD_READY_AGAIN),
            {"durationMilliseconds": 0},
        ),
        _stage(
            "pod-complete",
            "Pod",
            [played, alive, _in(".status.phase", "Running"), _in(owner, "Job")],
            _status(_POD_ENDED % {"reason": "PodCompleted", "code": 0, "cause": "Completed", "phase": "Succeeded"}),
            _delay(1000, RUN_DELAY),
        ),
        _stage(
            # a finalizer (a Job's, say) waits until the pod has ended: kubelet reports that before it lets go
            "pod-killed",
            "Pod",
            [played, dying, _present(".metadata.finalizers.[]"), _in(".status.phase", "Pending", "Running")],
            _status(_POD_ENDED % {"reason": "PodFailed", "code": 137, "cause": "Error", "phase": "Failed"}),
            _delay(0, STOP_DELAY),
        ),
        _stage("pod-gone", "Pod", [played, dying, unheld], {"delete": True}, _delay(0, STOP_DELAY)),
    ]


def _stage(
    name: str, kind: str, expressions: list[dict[str, Any]], then: dict[str, Any], delay: dict[str, Any]
) -> dict[str, Any]:
    return {
        "apiVersion": "kwok.x-k8s.io/v1alpha1",
        "kind": "Stage",
        "metadata": {"name": name},
        "spec": {
            "resourceRef": {"apiGroup": "v1", "kind": kind},
            "selector": {"matchExpressions": expressions},
            "delay": delay,
            "next": then,
        },
    }


def _status(template: str) -> dict[str, Any]:
    return {"statusTemplate": template}


def _delay(milliseconds: int, annotation: str) -> dict[str, Any]:
    return {
        "durationMilliseconds": milliseconds,
        "durationFrom": {"expressionFrom": _annotation(annotation)},
    }


def _annotation(name: str) -> str:
    return f'.metadata.annotations["{name}"]'


def _in(key: str, *values: str) -> dict[str, Any]:
    return {"key": key, "operator": "In", "values": list(values)}


def _not_in(key: str, *values: str) -> dict[str, Any]:
    return {"key": key, "operator": "NotIn", "values": list(values)}


def _present(key: str) -> dict[str, Any]:
    return {"key": key, "operator": "Exists"}


def _absent(key: str) -> dict[str, Any]:
    return {"key": key, "operator": "DoesNotExist"}
