"""What the drivers call a cluster and what they make for it: nothing of it is made up by the rehearsal.

Sources: magnum ``drivers/heat/driver.py`` (``_create_stack``) and ``kubecluster.yaml``; magnum-capi-helm ``driver.py``
(``_generate_release_name``); magnum-cluster-api ``utils.py`` and its charts' values; Cluster API's names of machines;
``enable-cinder-csi.sh`` of Magnum, ``csi-cinder.yaml`` and ``ccm.yaml`` of capi-helm-charts (cluster-addons).
"""

from __future__ import annotations

import base64
import hashlib
import re
import secrets
import string
import uuid
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rehearsal.cluster.desired import Desired, Group

LETTERS = string.ascii_lowercase + string.digits
SHARED = "kubernetes"
"""What Magnum's Heat driver has Cinder CSI call every cluster."""


def stack(family: str, cluster: str) -> tuple[str, str]:
    """Magnum's ``stack_id`` (``cluster_id`` from API 1.13 on) of a new cluster; what names of its parts begin with."""
    if family == "heat":
        return str(uuid.uuid4()), _heat(cluster[:30])
    if family == "capi-helm":
        name = f"{re.sub('[^a-z0-9]+', '-', cluster.lower()).strip('-')[:30]}-{_short_id()}"
        return name, name
    name = f"kube-{_random()}"
    return name, name


def csi(desired: Desired) -> str:
    """What Cinder CSI is told as its cluster (``--cluster``)."""
    return SHARED if desired.family == "heat" else provider(desired)


def provider(desired: Desired) -> str:
    """What cloud-provider-openstack is told as its cluster's name."""
    return desired.stack if desired.family == "capi-helm" else desired.uuid


def network(desired: Desired) -> str:
    """Name of the cluster's own network, subnet and router."""
    if desired.family in ("cluster-api", "capi-helm") and desired.stack:
        return f"k8s-clusterapi-cluster-magnum-{desired.stack}"
    return desired.stack or f"{desired.name}-{desired.uuid[:8]}"


def mark(cluster: str) -> str:
    """What a cluster's servers are known by, so that their UUID is nowhere on them."""
    return _steady(cluster)


def server(desired: Desired, group: Group) -> str:
    """Name of a new server: that of Cluster API's machine, or of Heat's resource. A DNS label of 63 characters."""
    master = group.role == "master"
    if desired.family == "heat" and desired.stack:
        # Heat counts; here no two requests at once may come to the same number
        number = secrets.randbelow(100_000)
        if master or group.name == "default-worker":
            return f"{desired.stack}-{'master' if master else 'node'}-{number}"
        return f"{_heat(f'{desired.name[:20]}-{group.name[:9]}', desired.uuid + group.name)}-node-{number}"
    if desired.family == "cluster-api" and desired.stack:
        middle = _steady(desired.uuid + group.name)[:5]
        head = f"{desired.stack}-{middle}" if master else f"{desired.stack}-{group.name}-{middle}-{_random()}"
    elif desired.stack:
        head = f"{desired.stack}-{'control-plane' if master else group.name}"
    else:  # without a driver, or made by an older version
        head = f"{desired.name}-{group.name}"
    cleaned = re.sub("[^a-z0-9-]", "-", head.lower())[:57].rstrip("-")
    return f"{cleaned}-{_random()}"


def _heat(name: str, source: str = "") -> str:
    """A stack's name; the same one again for the same ``source``."""
    valid = re.sub("[^a-zA-Z0-9-]", "", name.replace("_", "-").replace(".", "-"))
    return f"{valid}-{_steady(source) if source else _short_id()}".lower()


def _short_id() -> str:
    return _steady(secrets.token_hex(16))


def _steady(source: str) -> str:
    """Twelve characters of base32, as Magnum's ``short_id`` has them."""
    return base64.b32encode(hashlib.sha256(source.encode()).digest())[:12].decode().lower()


def _random() -> str:
    return "".join(secrets.choice(LETTERS) for _turn in range(5))
