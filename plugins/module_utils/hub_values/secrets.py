# Copyright: Contributors to the stfc.jupyterhub collection
# SPDX-License-Identifier: BSD-3-Clause
"""The secrets that the hub is given: a Secret of ours, never the chart's values.

Values end up in Helm's release record, in a temporary file and in ``helm get values``. The chart reads a second set
of values from ``hub.existingSecret`` inside the hub's pod (``files/hub/z2jh.py``), so secrets go there.
What only the chart needs (the proxy's token, the cookies' and the login state's keys) it makes at the first release
and looks up again at each later one, in its own Secret ``hub``.
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
from collections.abc import Mapping
from typing import Any

from .address import MANUAL_CERTIFICATE
from .auth import secret_authentication
from .labels import ours

EXISTING_VALUES = "hub-secrets"
"""Name of the Secret that ``hub.existingSecret`` gives."""

Manifest = dict[str, Any]


def secrets(service: Mapping[str, Any]) -> list[Manifest]:
    """Manifests of our Secrets. The first, ``hub-secrets``, is always there."""
    values = _yaml({"hub": {"config": secret_authentication(service)}})
    found = [_secret(service, EXISTING_VALUES, "Opaque", {"values.yaml": values})]
    if service["hub_https"]["type"] == "manual":
        pair = {"tls.crt": service["hub_https"]["certificate"], "tls.key": service["hub_https"]["private_key"]}
        found.append(_secret(service, MANUAL_CERTIFICATE, "kubernetes.io/tls", pair))
    return found


def fingerprint(secret: Mapping[str, Any]) -> str:
    """16 hex digits that change with the content of a Secret as the API gave it.

    The Secret's uid salts it, so that a short password cannot be guessed from it. "" for one that does not exist yet.
    """
    uid = (secret.get("metadata") or {}).get("uid")
    if not uid:
        return ""
    content = json.dumps([uid, secret.get("data") or {}], sort_keys=True)
    return hashlib.sha256(content.encode()).hexdigest()[:16]


def _yaml(values: Mapping[str, Any]) -> str:
    """``values`` as JSON, which needs no library inside a module, and which YAML reads alike.

    But for pairs of surrogates, with which JSON escapes what is beyond U+FFFF: YAML would take each for a character.
    """
    pair = r"\\(?:ud[89ab][0-9a-f]{2}\\ud[c-f][0-9a-f]{2}|.)"
    return re.sub(
        pair,
        lambda match: json.loads(f'"{match[0]}"') if len(match[0]) > 2 else match[0],
        json.dumps(values, sort_keys=True),
    )


def _secret(service: Mapping[str, Any], name: str, kind: str, texts: Mapping[str, str]) -> Manifest:
    data = {key: base64.b64encode(text.encode()).decode() for key, text in texts.items()}
    metadata = {"name": name, "namespace": service["hub_namespace"], "labels": ours(service, "hub")}
    return {"apiVersion": "v1", "kind": "Secret", "metadata": metadata, "type": kind, "data": data}
