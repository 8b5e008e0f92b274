"""Magnum: its API with what a client has to absorb, desired state against live state, waiting, driver families.

Plain typed Python. Only ``module.py`` knows Ansible; ``client.py`` and ``kubeconfig.py`` need keystoneauth1 and
cryptography, and say so when they are missing.
"""
