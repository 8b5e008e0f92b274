# Copyright: Contributors to the stfc.jupyterhub collection
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# The work is done by the action plugin of the same name; this is its documentation.

from __future__ import annotations

DOCUMENTATION = r"""
module: preflight_report
short_description: Show everything that was found wrong with a service in one report
version_added: 0.1.0
author: Science and Technology Facilities Council Cloud (@stfc)
description:
  - Shows the problems of all layers as one table, writes them to a file as JSON, and fails by severity.
options:
  layers:
    description: The layers, in the order in which they are shown.
    type: list
    elements: dict
    required: true
    suboptions:
      name:
        description: Name of the layer.
        type: str
        required: true
      problems:
        description: Each with C(severity) (V(error) or V(warning)), C(file), C(line), C(key), C(message) and C(hint).
        type: list
        elements: dict
      skipped:
        description: Why the layer was not looked at. Empty if it was.
        type: str
      needed:
        description: Whether a report without this layer is not complete. The task then fails as with an error.
        type: bool
        default: false
      notes:
        description: Checks of the layer that could not be made, and why.
        type: list
        elements: str
  dest:
    description: A file to write the report to as JSON, relative to the current directory.
    type: str
  fail_on:
    description: The least severity at which the task fails.
    type: str
    choices: [error, warning, never]
    default: error
attributes:
  check_mode:
    description: Runs the same in check mode. The report is written then, too.
    support: full
  diff_mode:
    description: Changes nothing, so there is no difference to show.
    support: none
seealso:
  - module: stfc.jupyterhub.load_service
  - module: stfc.jupyterhub.coe_preflight
"""

EXAMPLES = r"""
- name: Report
  stfc.jupyterhub.preflight_report:
    layers:
      - name: files
        problems: "{{ files.problems }}"
      - name: cloud
        skipped: there is no network
    dest: build/preflight.json
"""

RETURN = r"""
error_count:
  description: How many errors there are.
  returned: always
  type: int
  sample: 0
warning_count:
  description: How many warnings there are.
  returned: always
  type: int
  sample: 1
"""
