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
options:
  address:
    description: Address or host name of the load balancer.
    type: str
    required: true
  name:
    description: Host name of the service, with a port where that is not the usual one.
    type: str
    required: true
  https:
    description:
      - The type of V(hub_https). With V(none) and V(offload) the balancer speaks plain HTTP.
      - With V(letsencrypt) a certificate that is not there yet is only a warning; it needs the DNS record first.
    type: str
    choices: [letsencrypt, secret, manual, offload, none]
    required: true
  reach:
    description: C(host:port) at which this machine reaches the balancer, where that is not O(address).
    type: str
  timeout:
    description: Seconds to wait for the first good answer.
    type: int
    default: 600
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
"""

import time
from typing import Any

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.stfc.jupyterhub.plugins.module_utils.hub_probe import ProbeError, probe, target
from ansible_collections.stfc.jupyterhub.plugins.module_utils.magnum.progress import Progress


def argument_spec() -> dict[str, Any]:
    return {
        "address": {"type": "str", "required": True},
        "name": {"type": "str", "required": True},
        "https": {
            "type": "str",
            "required": True,
            "choices": ["letsencrypt", "secret", "manual", "offload", "none"],
        },
        "reach": {"type": "str"},
        "timeout": {"type": "int", "default": 600},
    }


def main() -> None:
    module = AnsibleModule(argument_spec=argument_spec(), supports_check_mode=True)
    try:
        answer, problem, warning = probe(module.params, time.sleep, Progress().say)
    except ProbeError as error:
        module.fail_json(
            msg=f"The hub does not answer after {module.params['timeout']} s. {error}.\n"
            "If the hub's pods are ready, look at the load balancer and its members, at security groups between it and"
            " the nodes, and at whether this machine may reach the address (hub_address.reach names another way"
            f"{', no_proxy who is asked without a proxy' if target(module.params).proxy else ''})."
        )
    if problem:
        module.fail_json(msg=problem)
    if warning:
        module.warn(warning)
    module.exit_json(changed=False, **answer)


if __name__ == "__main__":
    main()
