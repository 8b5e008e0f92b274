# Copyright: Contributors to the stfc.jupyterhub collection
# SPDX-License-Identifier: BSD-3-Clause
"""Runs module ``hub_lock`` for this run of Ansible, and shows its progress."""

from __future__ import annotations

from ansible_collections.stfc.jupyterhub.plugins.plugin_utils.lock import LockAction


class ActionModule(LockAction):
    """See ``LockAction``."""
