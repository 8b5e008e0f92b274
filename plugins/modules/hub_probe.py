#!/usr/bin/python
# Copyright: Contributors to the stfc.jupyterhub collection
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
module: hub_probe
short_description: Prove that a JupyterHub answers at its address under its name
version_added: 0.1.0
author:
  - Contributors to the stfc.jupyterhub collection (@stfc)
description:
  - Connects to the load balancer's address and asks for the hub by its name, whether or not the name resolves to that
    address yet. A hub is proven by its own answers (C(/hub/health) and C(/hub/api/)).
  - Says which DNS record to set where there is none, and looks at the certificate.
  - Without a load balancer (O(way_in)), or while there is no certificate, the hub is asked within the cluster, through
    the API server. What stands in front of it is then asked as well, and whether it answers is told.
options:
  way_in:
    description:
      - What users come through. With V(ingress) the name itself is asked, at the usual port; with V(none) nothing is
        known to lead to the hub but O(reach).
    type: str
    choices: [balancer, ingress, none]
    default: balancer
  address:
    description: Address or host name of the load balancer. Needed with O(way_in=balancer).
    type: str
  https:
    description:
      - The type of V(hub_https). With V(none) and V(offload) the balancer speaks plain HTTP.
      - With V(letsencrypt) a certificate that is not there yet is no failure; it needs the DNS record first.
    type: str
    choices: [letsencrypt, secret, manual, offload, none]
    required: true
  name_server:
    description:
      - C(host) or C(host:port) of a DNS server that is asked where O(name) leads, instead of this machine's resolver.
    type: str
  timeout:
    description: Seconds to wait for the first good answer.
    type: int
    default: 600
extends_documentation_fragment:
  - stfc.jupyterhub.hub
  - stfc.jupyterhub.hub.address
attributes:
  check_mode:
    description: Runs in check mode without making changes.
    support: full
  diff_mode:
    description: There is nothing to differ.
    support: none
"""

EXAMPLES = r"""
- name: Prove that the hub answers
  stfc.jupyterhub.hub_probe:
    address: 192.0.2.7
    name: jupyter.example.org
    https: letsencrypt
    namespace: jupyterhub
"""

RETURN = r"""
version:
  description: Version of JupyterHub, as it answers.
  returned: success
  type: str
  sample: 5.5.0
certificate:
  description: What the certificate is like; empty without HTTPS.
  returned: success
  type: dict
  sample: {state: valid, expires: "2027-01-01T00:00:00Z", names: [jupyter.example.org]}
certificate_status:
  description:
    - C(valid), C(none) while there is none for the name, or C(other) for one that browsers object to. Empty without
      HTTPS.
  returned: success
  type: str
  sample: valid
certificate_due:
  description:
    - Whether there is no certificate of Let's Encrypt although the name leads to the hub and nowhere else. Traefik does
      not ask again by itself; M(stfc.jupyterhub.hub_certificate) has it ask.
  returned: success
  type: bool
  sample: false
resolves_to:
  description: Addresses that the name has now, as this machine sees them.
  returned: success
  type: list
  elements: str
dns_record:
  description: The record to set; empty where the name leads there already or nothing is to be set.
  returned: success
  type: str
  sample: jupyter.example.org. IN A 192.0.2.7
notices:
  description: Sentences on what is left to do, such as the record to set.
  returned: success
  type: list
  elements: str
  sample: []
"""

import time
from typing import Any

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.stfc.jupyterhub.plugins.module_utils.hub_arguments import (
    ADDRESS,
    MUTUALLY_EXCLUSIVE,
    auth_spec,
)
from ansible_collections.stfc.jupyterhub.plugins.module_utils.hub_inside import within
from ansible_collections.stfc.jupyterhub.plugins.module_utils.hub_probe import ProbeError, probe, target
from ansible_collections.stfc.jupyterhub.plugins.module_utils.magnum.progress import Progress


def argument_spec() -> dict[str, Any]:
    return auth_spec(
        **ADDRESS,
        way_in={"type": "str", "choices": ["balancer", "ingress", "none"], "default": "balancer"},
        address={"type": "str"},
        https={
            "type": "str",
            "required": True,
            "choices": ["letsencrypt", "secret", "manual", "offload", "none"],
        },
        name_server={"type": "str"},
        timeout={"type": "int", "default": 600},
    )


def main() -> None:
    module = AnsibleModule(
        argument_spec=argument_spec(),
        mutually_exclusive=MUTUALLY_EXCLUSIVE,
        required_if=[("way_in", "balancer", ["address"])],
        supports_check_mode=True,
    )
    given = module.params
    inside = within(given, given["release_namespace"], given["https"])
    try:
        answer, problem, warning = probe(given, time.sleep, Progress().say, inside)
    except ProbeError as error:
        module.fail_json(
            msg=f"The hub does not answer after {given['timeout']} s. {error}.\n"
            "If the hub's pods are ready, look at the load balancer and its members, at security groups between it and"
            " the nodes, and at whether this machine may reach the address (hub_address.reach names another way"
            f"{', no_proxy who is asked without a proxy' if target(given).proxy else ''})."
        )
    if problem:
        module.fail_json(msg=problem)
    if warning:
        module.warn(warning)
    module.exit_json(changed=False, **answer)


if __name__ == "__main__":
    main()
