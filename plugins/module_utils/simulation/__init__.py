# Copyright: Contributors to the stfc.jupyterhub collection
# SPDX-License-Identifier: BSD-3-Clause
"""What waiting will look like: a discrete-event simulation of users, scheduler, placeholders and autoscaler.

How the model works, what it assumes and what it was checked against: docs/plan.md.
"""
