# Copyright: Contributors to the stfc.jupyterhub collection
# SPDX-License-Identifier: BSD-3-Clause
"""The plan of a service: what a deployment would do, how many users fit, how long they wait, what it costs.

``settings`` checks the role's variables; ``plan`` puts everything together; ``text`` and ``page`` show it.
"""
