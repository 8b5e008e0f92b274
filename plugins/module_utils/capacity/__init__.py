# Copyright: Contributors to the stfc.jupyterhub collection
# SPDX-License-Identifier: BSD-3-Clause
"""How many users fit: pure functions over what nodes have and what pods ask for. No I/O, no clock."""
