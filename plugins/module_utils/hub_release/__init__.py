# Copyright: Contributors to the stfc.jupyterhub collection
# SPDX-License-Identifier: BSD-3-Clause
"""A Helm release looked after: the state it is in, drift, pods becoming ready, evidence of a failure, the way back.

``history``, ``readiness`` and ``drift`` are pure; ``client`` talks to Kubernetes, ``steward`` decides.
"""
