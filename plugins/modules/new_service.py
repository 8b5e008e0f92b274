# Copyright: Contributors to the stfc.jupyterhub collection
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# The work is done by the action plugin of the same name; this is its documentation.

from __future__ import annotations

DOCUMENTATION = r"""
module: new_service
short_description: Write the files of a new service from a team's answers
version_added: 0.1.0
author: Science and Technology Facilities Council Cloud (@stfc)
description:
  - Writes C(vars/SERVICE/openstack.yml), C(vars/SERVICE/jupyterhub.yml) and C(inventories/SERVICE), with the answers
    filled into the files that come with the collection, comments and the line for editors kept.
  - All problems with the answers are in one report, and nothing is written then. No file is ever overwritten, and
    another service's cluster name or domain is refused.
options:
  answers:
    description:
      - C(service), C(domain), C(contact_email), C(allowed_groups) and C(admin_groups) are needed. C(cloud), C(flavor),
        C(min_nodes), C(max_nodes), C(control_plane_flavor), C(control_plane_nodes), C(image), C(kubernetes_version),
        C(external_network), C(image_of_notebooks) and C(capacity) are as in the shipped files if they are left out.
      - Defaults to the extra variables (C(-e service=physics -e domain=...)).
    type: dict
  dest:
    description:
      - The folder that has, or gets, C(vars) and C(inventories).
      - Defaults to the playbook's checkout, else to the current folder.
    type: str
attributes:
  check_mode:
    description: Writes nothing.
    support: full
  diff_mode:
    description: Shows the files that are written.
    support: full
"""

EXAMPLES = r"""
- name: Write the files of a service for physics
  stfc.jupyterhub.new_service:
    answers:
      service: physics
      domain: jupyter.physics.example.org
      contact_email: team@physics.example.org
      allowed_groups: [physics]
      admin_groups: [physics-admins]
"""

RETURN = r"""
files:
  description: Paths of the files.
  returned: success
  type: list
  elements: str
  sample: [/home/team/vars/physics/openstack.yml, /home/team/vars/physics/jupyterhub.yml]
"""
