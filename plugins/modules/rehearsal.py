#!/usr/bin/python
# Copyright: Contributors to the stfc.jupyterhub collection
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Documentation of the action plugin of this name."""

from __future__ import annotations

DOCUMENTATION = r"""
module: rehearsal
short_description: Start, stop or remove a rehearsal cloud on this machine
version_added: 0.1.0
description:
  - Runs the command line of the role P(stfc.jupyterhub.rehearsal#role) and shows its progress while it works.
  - The first start builds environments and Kubernetes binaries, which takes minutes; they are kept for the user in
    E(STFC_JUPYTERHUB_CACHE), or C(~/.cache/stfc.jupyterhub).
author:
  - Science and Technology Facilities Council Cloud (@stfc)
options:
  state:
    description: V(stopped) keeps all state for the next start; V(absent) removes it.
    type: str
    choices: [started, stopped, absent]
    default: started
  directory:
    description: Folder of the rehearsal's state.
    type: path
    required: true
  package:
    description: Folder that holds the rehearsal's Python package.
    type: path
    required: true
  boot_seconds:
    description: Seconds that a simulated node takes to come up.
    type: float
  servers:
    description: Whether each node has a Nova server behind it.
    type: bool
  real_pods:
    description: How many pods at most run for real at a time.
    type: int
attributes:
  action:
    description: Runs on the controller.
    support: full
  check_mode:
    description: Says whether something would be started, stopped or removed.
    support: full
  diff_mode:
    description: There are no differences to show.
    support: none
"""

EXAMPLES = r"""
- name: Start the rehearsal cloud
  stfc.jupyterhub.rehearsal:
    directory: "{{ playbook_dir }}/.rehearsal"
    package: "{{ role_path }}/files"
"""

RETURN = r"""
cloud:
  description: What a deployment on it needs (never printed, since passwords are in it).
  returned: when started
  type: dict
  contains:
    path:
      description: Folders of the command lines.
      type: list
      elements: str
      sample: [/home/me/service/.venv/bin, /home/me/.cache/stfc.jupyterhub/bin]
    ports:
      description: Ports of its servers on 127.0.0.1.
      type: dict
      sample: {keystone: 20000, hub-http: 20010}
    login:
      description: Addresses, identifier and secret for a client of its OpenID provider.
      type: dict
    users:
      description: The provider's users.
      type: list
      elements: dict
"""
