# Copyright: Contributors to the stfc.jupyterhub collection
# SPDX-License-Identifier: BSD-3-Clause
"""Runs module ``hub_release`` and shows its progress."""

from __future__ import annotations

from ansible_collections.stfc.jupyterhub.plugins.plugin_utils.progress import ProgressAction


class ActionModule(ProgressAction):
    """See ``ProgressAction``."""
