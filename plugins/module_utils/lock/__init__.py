# Copyright: Contributors to the stfc.jupyterhub collection
# SPDX-License-Identifier: BSD-3-Clause
"""Who may change a service now.

A lock lies where what it protects lies: in the OpenStack project before there is a cluster (``project``), and in the
cluster (``lease``). A process of its own (``keeper``) renews it while the playbook runs and gives it back when that
ends, however it ends.
"""
