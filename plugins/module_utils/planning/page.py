# Copyright: Contributors to the stfc.jupyterhub collection
# SPDX-License-Identifier: BSD-3-Clause
"""The plan as one page of HTML that needs nothing but itself."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

try:
    import jinja2
except ImportError:  # a target may lack it; the page is written on the controller, which has it
    jinja2 = None  # type: ignore[assignment]

from . import plots
from .text import gib, number, time

Json = Mapping[str, Any]

LIMITS = {
    "cpu": "guaranteed CPU",
    "memory": "guaranteed memory",
    "gpu": "GPUs",
    "pods": "pods (kubelet)",
    "volumes": "volumes attached",
}


class ReportError(RuntimeError):
    """A page that cannot be made here; says what is missing."""


def page(plan: Json, template: str) -> str:
    """The page from the role's ``template``. Raises ReportError without a plotting library."""
    try:
        pictures = {"capacity": plots.capacity(plan)}
        if plan["waiting"] and plan["waiting"]["starts"]:
            pictures |= {"waits": plots.waits(plan), "day": plots.day(plan)}
    except plots.PlotError as error:
        raise ReportError(str(error)) from error
    environment = jinja2.Environment(
        autoescape=True, trim_blocks=True, lstrip_blocks=True, undefined=jinja2.StrictUndefined
    )
    environment.filters |= {"time": time, "gib": gib, "number": number, "percent": percent, "limit": LIMITS.get}
    rendered: str = environment.from_string(template).render(plan=plan, pictures=pictures)
    return rendered


def percent(share: float | None) -> str:
    """``98.3 %``; no decimals where there are none."""
    if share is None:
        return "?"
    return f"{share * 100:.1f}".removesuffix(".0") + " %"
