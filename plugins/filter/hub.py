# Copyright: Contributors to the stfc.jupyterhub collection
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Thin doors onto ``module_utils/hub_values``.

Every task that uses a filter loads this file anew, and what it imports: so each filter imports what it needs itself.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from ansible.errors import AnsibleFilterError


def hub_service(variables: Mapping[str, Any]) -> dict[str, Any]:
    """The description of a hub from a play's variables."""
    from ansible_collections.stfc.jupyterhub.plugins.module_utils.model import JUPYTERHUB, normalise

    return normalise(variables, [JUPYTERHUB])


def hub_plan(service: Mapping[str, Any], cluster: Mapping[str, Any]) -> dict[str, Any]:
    """What is made beside the release, and what is to be said."""
    from ansible_collections.stfc.jupyterhub.plugins.module_utils import hub_values as hub

    return {**hub.hub_plan(service, cluster), "service": dict(service)}


def hub_secrets(service: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Manifests of the hub's Secrets."""
    from ansible_collections.stfc.jupyterhub.plugins.module_utils import hub_values as hub

    return hub.secrets(service)


def hub_chart_values(
    service: Mapping[str, Any],
    cluster: Mapping[str, Any],
    fingerprints: Mapping[str, str] | None = None,
    secrets: Sequence[Mapping[str, Any]] = (),
    kept_address: str = "",
) -> dict[str, Any]:
    """The chart's values.

    ``secrets`` are what its pods read, as Kubernetes has them; ``fingerprints`` those of further ones.
    ``kept_address`` is asked for where the description names none.
    """
    from ansible_collections.stfc.jupyterhub.plugins.module_utils import hub_values as hub

    address = service["hub_address"]
    if kept_address and not address["floating_ip"] and not address["internal"]:
        service = {**service, "hub_address": {**address, "floating_ip": kept_address}}
    read = {item["metadata"]["name"]: hub.fingerprint(item) for item in secrets if item.get("metadata")}
    return hub.hub_values(service, cluster, {**(fingerprints or {}), **read})


def hub_values_file(values: Mapping[str, Any]) -> str:
    """The chart's values as Helm reads them: each text in quotes."""
    from ansible_collections.stfc.jupyterhub.plugins.module_utils.hub_values.quoted import quoted

    return quoted(values)


def hub_values_digest(values: Mapping[str, Any]) -> str:
    """SHA-256 of the chart's values."""
    from ansible_collections.stfc.jupyterhub.plugins.module_utils.hub_release.history import digest

    return digest(values)


def hub_outdated(values: Mapping[str, Any], chart_version: str, seen: Mapping[str, Any]) -> bool:
    """Whether these values, or this version of the chart, are not what the release was made with."""
    deployed = (seen.get("chart") or {}).get("version") or ""
    return not chart_version or chart_version != deployed or hub_values_digest(values) != seen["values_sha256"]


def hub_state(
    found: Mapping[str, Any], service: Mapping[str, Any], cluster: Mapping[str, Any], chart_version: str
) -> dict[str, Any]:
    """What there is and whether there is work, from ``release`` (surveyed), ``answer`` and ``at`` (may be missing)."""
    seen = found["release"]
    work = bool(seen["work"])
    if not work:
        values = hub_chart_values(service, cluster, seen["fingerprints"], (), seen["kept_address"])
        work = hub_outdated(values, chart_version, seen)
    answer = {} if work else found.get("answer") or {}
    return {"seen": seen, "work": work, "answer": answer, "at": found.get("at") or ""}


def hub_bears(service: Mapping[str, Any], mark: str) -> bool:
    """Whether this is the description that an imprint was taken of."""
    from ansible_collections.stfc.jupyterhub.plugins.module_utils.imprint import bears

    return bears(service, mark)


def hub_named(objects: Sequence[Mapping[str, Any]], names: Sequence[str]) -> list[Mapping[str, Any]]:
    """Those of the manifests that are named, as ``kind/name``."""
    return [item for item in objects if f"{item['kind']}/{item['metadata']['name']}" in names]


def _for_people(function: Callable[..., Any]) -> Callable[..., Any]:
    def call(*arguments: Any, **options: Any) -> Any:
        try:
            return function(*arguments, **options)
        except ValueError as error:
            raise AnsibleFilterError(str(error)) from error

    return call


class FilterModule:
    """Filters of the role hub."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        return {
            "hub_service": _for_people(hub_service),
            "hub_plan": _for_people(hub_plan),
            "hub_secrets": _for_people(hub_secrets),
            "hub_chart_values": _for_people(hub_chart_values),
            "hub_bears": hub_bears,
            "hub_named": hub_named,
            "hub_outdated": hub_outdated,
            "hub_state": _for_people(hub_state),
            "hub_values_digest": hub_values_digest,
            "hub_values_file": hub_values_file,
        }
