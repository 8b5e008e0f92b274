# Copyright: Contributors to the stfc.jupyterhub collection
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# The work is done by the action plugin of the same name; this is its documentation.

from __future__ import annotations

DOCUMENTATION = r"""
module: load_service
short_description: Read, check and merge the two files that describe a service
version_added: 0.1.0
author: Science and Technology Facilities Council Cloud (@stfc)
description:
  - Reads C(openstack.yml) and C(jupyterhub.yml), checks each as it is written, merges overlays over them, renders
    templates and checks again. Everything that is wrong with any of the files is in one report, by file, line and key.
  - Sets every key as a fact of its own name. Sizes are integers of bytes, durations integers of seconds, every default
    is filled in, node groups and profiles with C(enabled=false) are left out.
  - Extra variables (C(-e hub_domain=...)) that are keys of the files beat the files, and are checked with them. They
    reach the roles as they are given, so one that loading would change (V(20m), or part of an object) is refused;
    put it into an overlay.
  - Warnings do not fail the task.
options:
  openstack_vars:
    description:
      - The file that says where the service runs and how big it is, relative to the current directory.
      - Defaults to the variable C(openstack_vars), then to C(vars/openstack.yml) of the playbook's checkout, then to
        that of the current directory, then with O(shipped=true) to the one that comes with the collection.
    type: str
  jupyterhub_vars:
    description:
      - The file that says what users see. Defaults in the same way to C(jupyterhub_vars) and C(vars/jupyterhub.yml).
    type: str
  overlays:
    description:
      - Files that are merged over the two, in this order. Objects are merged key by key, lists are replaced.
      - Defaults to the variable C(service_overlays).
    type: list
    elements: str
  cluster_only:
    description: Read C(openstack.yml) alone. What only looks after the cluster then needs none of the hub's secrets.
    type: bool
    default: false
  collect:
    description:
      - Return problems instead of failing and of showing them, for M(stfc.jupyterhub.preflight_report). With errors, no
        facts are set.
    type: bool
    default: false
  shipped:
    description:
      - Whether the files that come with the collection serve where none are given. They describe a service of STFC's;
        without this a missing file is an error.
      - Defaults to the variable C(service_shipped), which the rehearsal sets, then to V(false).
    type: bool
attributes:
  check_mode:
    description: Runs the same in check mode.
    support: full
  diff_mode:
    description: Changes nothing, so there is no difference to show.
    support: none
"""

EXAMPLES = r"""
- name: Read and check the files of this service
  stfc.jupyterhub.load_service:

- name: Read the files of another service
  stfc.jupyterhub.load_service:
    openstack_vars: teams/physics/openstack.yml
    jupyterhub_vars: teams/physics/jupyterhub.yml
    overlays:
      - teams/physics/staging.yml
"""

RETURN = r"""
problems:
  description: What is wrong, as M(stfc.jupyterhub.preflight_report) takes it.
  returned: with O(collect=true)
  type: list
  elements: dict
  sample:
    - severity: error
      file: vars/openstack.yml
      line: 12
      key: cluster_imagee
      message: is not a key of these files
      hint: write cluster_image
complete:
  description: Whether there is no error, so that the facts are set.
  returned: with O(collect=true)
  type: bool
known:
  description: Values that are right, of the keys that cloud and cluster are asked about. No secret is among them.
  returned: with O(collect=true)
  type: dict
  sample: {cluster_name: jupyterhub}
places:
  description: Where each key was written, C(file:line) by key.
  returned: with O(collect=true)
  type: dict
  sample: {cluster_image: "vars/openstack.yml:9"}
hub:
  description:
    - The hub's keys as the filter P(stfc.jupyterhub.hub_service#filter) has them, as JSON in base64, for
      M(stfc.jupyterhub.service_preflight). Hidden in output, since it holds secrets.
  returned: with O(collect=true), without errors
  type: str
hub_imprint:
  description:
    - A text by which the filter P(stfc.jupyterhub.hub_bears#filter) knows this description again. No secret can be read
      from it.
  returned: with O(collect=true), without errors
  type: str
ansible_facts:
  description:
    - Every key of both files, as the roles get it. Hidden in output, since it holds secrets.
  returned: success
  type: dict
  contains:
    service_files:
      description: The files that were read, in the order in which they were merged.
      type: list
      elements: str
      sample: [/home/team/vars/openstack.yml, /home/team/vars/jupyterhub.yml]
    service_places:
      description: Where each key was written, C(file:line) by key.
      type: dict
      sample: {"cluster_node_groups[gpu].flavor": "vars/openstack.yml:21"}
    cluster_create_timeout:
      description: A duration, in seconds. The other keys are in the reference of the two files.
      type: int
      sample: 3600
"""
