"""The services' own words for what they refuse."""

from __future__ import annotations

import json


def refusal(error: Exception) -> str:
    """What the service said, without the SDK's decoration; the exception's own text where it said nothing."""
    details = str(getattr(error, "details", None) or getattr(error, "message", None) or error)
    try:
        data = json.loads(details)
    except ValueError:
        return details
    return str(data.get("faultstring") or data.get("message") or details) if isinstance(data, dict) else details
