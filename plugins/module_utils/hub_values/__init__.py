# Copyright: Contributors to the stfc.jupyterhub collection
# SPDX-License-Identifier: BSD-3-Clause
"""From the two vars files, once loaded, to what Helm and Kubernetes are given. Pure functions: no I/O, no clock.

``service`` is the loaded model: the keys ``hub_*`` with their own names, sizes as integers of bytes, durations as
integers of seconds, every default filled in. ``cluster`` is the fact ``cluster_facts`` (docs/architecture.md).
No secret is among the chart's values: see secrets.py.
"""

from __future__ import annotations

from .address import host_name, public_url
from .chart import hub_values
from .errors import HubValuesError
from .labels import ours
from .merge import overridden
from .objects import namespace, storage_class, storage_class_name
from .placeholders import placeholders, requests
from .plan import hub_plan
from .secrets import fingerprint, secrets
from .way_in import way_in

__all__ = [
    "HubValuesError",
    "fingerprint",
    "host_name",
    "hub_plan",
    "hub_values",
    "namespace",
    "ours",
    "overridden",
    "placeholders",
    "public_url",
    "requests",
    "secrets",
    "storage_class",
    "storage_class_name",
    "way_in",
]
