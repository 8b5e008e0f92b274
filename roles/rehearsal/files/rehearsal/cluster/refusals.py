"""The services' own words for what they refuse."""

from __future__ import annotations

import json

from openstack import exceptions

UNAUTHORIZED, SERVER_ERROR = 401, 500


def refusal(error: Exception) -> str:
    """What the service said, without the SDK's decoration; the exception's own text where it said nothing."""
    details = str(getattr(error, "details", None) or getattr(error, "message", None) or error)
    try:
        data = json.loads(details)
    except ValueError:
        return details
    return str(data.get("faultstring") or data.get("message") or details) if isinstance(data, dict) else details


def passes(error: exceptions.SDKException) -> bool:
    """Whether the same request may well succeed soon: a service was starting, or a token had run out."""
    status = getattr(error, "status_code", None)
    return status is not None and (status >= SERVER_ERROR or status == UNAUTHORIZED)
