# Copyright: Contributors to the stfc.jupyterhub collection
# SPDX-License-Identifier: BSD-3-Clause
"""What is checked before anything is touched, in three layers: the files, the cloud, the cluster.

The files are ``service.py``'s and ``model``'s. Here are the checks against the cloud and the cluster, as pure functions
over what was read there, and the one report of all three.
"""
