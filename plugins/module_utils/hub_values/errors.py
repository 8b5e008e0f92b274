# Copyright: Contributors to the stfc.jupyterhub collection
# SPDX-License-Identifier: BSD-3-Clause
"""What can be wrong with a description that was valid key by key."""

from __future__ import annotations


class HubValuesError(ValueError):
    """The values cannot be made. The message names the key and says what to write instead."""
