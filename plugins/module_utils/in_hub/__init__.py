# Copyright: Contributors to the stfc.jupyterhub collection
# SPDX-License-Identifier: BSD-3-Clause
"""What runs inside the hub, as the package ``stfc_jupyterhub`` of its configuration.

Nothing here imports anything of the collection, or JupyterHub before it is called: the hub has the one, whoever deploys
has the other. JupyterHub 5.5 and 6.1.
"""

from __future__ import annotations

from typing import Any


def configure(c: Any) -> None:
    """Add what we do to the hub's configuration ``c``, after everything else that it says."""
    from jupyterhub.auth import Authenticator
    from jupyterhub.proxy import ConfigurableHTTPProxy
    from jupyterhub.traitlets import EntryPointType
    from traitlets import HasTraits

    from .people import guard_names, strict
    from .routes import watched

    class Chosen(HasTraits):
        # As JupyterHub makes a class of a name: app.py, authenticator_class.
        authenticator = EntryPointType(
            default_value=None, allow_none=True, klass=Authenticator, entry_point_group="jupyterhub.authenticators"
        )

    if "proxy_class" not in c.JupyterHub:
        c.JupyterHub.proxy_class = watched(ConfigurableHTTPProxy)
    if "authenticator_class" in c.JupyterHub:
        c.JupyterHub.authenticator_class = strict(Chosen(authenticator=c.JupyterHub.authenticator_class).authenticator)
    guard_names()
