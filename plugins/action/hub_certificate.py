# Copyright: Contributors to the stfc.jupyterhub collection
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Runs module ``hub_certificate`` and shows its progress."""

from __future__ import annotations

from ansible_collections.stfc.jupyterhub.plugins.plugin_utils.progress import ProgressAction


class ActionModule(ProgressAction):
    """See ``ProgressAction``."""
