#!/usr/bin/python
# Copyright: Contributors to the stfc.jupyterhub collection
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Documentation of the action plugin of this name."""

from __future__ import annotations

DOCUMENTATION = r"""
module: service_summary
short_description: Sum up a deployed service
version_added: 0.1.0
description:
  - Shows address, chart, cluster, node groups, instances and, in a rehearsal, the users to log in as.
  - Optionally writes the same as JSON.
author:
  - Science and Technology Facilities Council Cloud (@stfc)
options:
  cluster:
    description: The facts that the role P(stfc.jupyterhub.cluster#role) leaves.
    type: dict
    required: true
  hub:
    description: The facts that the role P(stfc.jupyterhub.hub#role) leaves.
    type: dict
    required: true
  profiles:
    description: The profiles on offer.
    type: list
    elements: dict
    default: []
  users_file:
    description: JSON file with the users of a rehearsal's login provider.
    type: path
  dest:
    description: Where to write the summary as JSON, readable by its owner alone.
    type: path
attributes:
  action:
    description: Runs on the controller.
    support: full
  check_mode:
    description: Shows the summary; writes no file.
    support: full
  diff_mode:
    description: There are no differences to show.
    support: none
"""

EXAMPLES = r"""
- name: Say what is there now
  stfc.jupyterhub.service_summary:
    cluster: "{{ cluster_facts }}"
    hub: "{{ hub_facts }}"
    profiles: "{{ hub_profiles }}"
    dest: build/summary.json
"""

RETURN = r"""
summary_file:
  description: The file that was written.
  returned: when O(dest) is given and not in check mode
  type: str
  sample: /home/me/service/build/summary.json
"""
