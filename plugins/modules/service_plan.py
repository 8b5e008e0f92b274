#!/usr/bin/python
# Copyright: Contributors to the stfc.jupyterhub collection
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Documentation of the action plugin of this name."""

from __future__ import annotations

DOCUMENTATION = r"""
module: service_plan
short_description: Say how many users fit, how long they will wait, and what it costs
version_added: 0.1.0
description:
  - Plans a service from its loaded files and from what was found of its cloud and cluster. The role
    P(stfc.jupyterhub.plan#role) collects that.
  - Takes the variables C(plan_*) of the play, which the role describes. All that is wrong with them is in one report.
  - Shows a summary, and writes a report (HTML) and JSON to the files that C(plan_report) and C(plan_json) name.
author:
  - Science and Technology Facilities Council Cloud (@stfc)
options:
  cloud:
    description: What M(stfc.jupyterhub.coe_preflight) answered; empty where the cloud could not be asked.
    type: dict
    default: {}
  cluster:
    description:
      - Kubernetes' objects, as lists C(nodes), C(pods), C(daemon_sets) and C(csi_nodes); empty where the cluster is not
        there or could not be asked.
    type: dict
    default: {}
  hub:
    description: C(namespace), C(storage_classes), C(release) and C(stateful_sets) as they are there.
    type: dict
    default: {}
  missing:
    description: What could not be asked, as sentences.
    type: list
    elements: str
    default: []
  check_only:
    description: Check the variables and stop.
    type: bool
    default: false
attributes:
  action:
    description: Runs on the controller.
    support: full
  check_mode:
    description: Does the same; the files that it writes are its answer.
    support: full
  diff_mode:
    description: There are no differences to show.
    support: none
"""

EXAMPLES = r"""
- name: Plan from the files alone
  stfc.jupyterhub.service_plan:
  vars:
    plan_arrivals:
      - {shape: lecture, users: 60, at: "09:00", within: 5m}
    plan_json: build/plan.json
"""

RETURN = r"""
report:
  description: The report that was written.
  returned: when C(plan_report) names a file
  type: str
  sample: /home/me/service/build/plan.html
json:
  description: The JSON that was written.
  returned: when C(plan_json) names a file
  type: str
  sample: /home/me/service/build/plan.json
"""
