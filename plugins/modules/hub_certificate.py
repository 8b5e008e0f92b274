#!/usr/bin/python
# Copyright: Contributors to the stfc.jupyterhub collection
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
module: hub_certificate
short_description: Get the certificate of Let's Encrypt that a hub did not get by itself
version_added: 0.1.0
author:
  - Contributors to the stfc.jupyterhub collection (@stfc)
description:
  - The chart's Traefik (pod C(autohttps)) asks Let's Encrypt once after its start, which on a first deployment is
    before there is a load balancer and often before the name's record is set. It never asks again.
  - Once the name leads to the hub (RV(stfc.jupyterhub.hub_probe#module:certificate_due)), this module starts the pod
    anew and waits until the certificate is shown, again after a pause where Let's Encrypt refuses. It does so three
    times an hour at most, since Let's Encrypt counts failures; the Deployment has the times in an annotation.
  - Where the certificate is shown already, nothing is done.
options:
  address:
    description: Address or host name of the load balancer.
    type: str
    required: true
  timeout:
    description: Seconds after which it is not asked again.
    type: int
    default: 600
extends_documentation_fragment:
  - stfc.jupyterhub.hub
  - stfc.jupyterhub.hub.address
attributes:
  check_mode:
    description: Runs in check mode without making changes. It then says that it would, and waits for nothing.
    support: full
  diff_mode:
    description: There is nothing to differ.
    support: none
seealso:
  - module: stfc.jupyterhub.hub_probe
"""

EXAMPLES = r"""
- name: Get the certificate
  stfc.jupyterhub.hub_certificate:
    address: 192.0.2.7
    name: jupyter.example.org
    namespace: jupyterhub
"""

RETURN = r"""
certificate:
  description: What the certificate is like.
  returned: success
  type: dict
  sample: {state: valid, expires: "2027-01-01T00:00:00Z", names: [jupyter.example.org]}
certificate_status:
  description: As M(stfc.jupyterhub.hub_probe) tells it.
  returned: success
  type: str
  sample: valid
restarts:
  description: How often the pod was started anew.
  returned: success
  type: int
  sample: 1
"""

import dataclasses
from typing import Any

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.stfc.jupyterhub.plugins.module_utils import hub_probe
from ansible_collections.stfc.jupyterhub.plugins.module_utils.hub_arguments import (
    ADDRESS,
    MUTUALLY_EXCLUSIVE,
    auth_spec,
)
from ansible_collections.stfc.jupyterhub.plugins.module_utils.hub_certificate import Applicant, CertificateError
from ansible_collections.stfc.jupyterhub.plugins.module_utils.hub_release.client import Kubernetes, KubernetesError
from ansible_collections.stfc.jupyterhub.plugins.module_utils.magnum.progress import Progress


def argument_spec() -> dict[str, Any]:
    return auth_spec(
        **ADDRESS,
        address={"type": "str", "required": True},
        timeout={"type": "int", "default": 600},
    )


def main() -> None:
    module = AnsibleModule(
        argument_spec=argument_spec(), mutually_exclusive=MUTUALLY_EXCLUSIVE, supports_check_mode=True
    )
    given = module.params
    where = hub_probe.target({**given, "https": "letsencrypt", "way_in": "balancer"})
    restarts = 0
    try:
        if not hub_probe.shown(where).usable:
            if module.check_mode:
                module.exit_json(changed=True, restarts=0, **described(hub_probe.shown(where)))
            applicant = Applicant(
                where.domain,
                given["address"],
                Kubernetes(given, given["release_namespace"]),
                lambda: hub_probe.shown(where).usable,
                say=Progress().say,
            )
            restarts = applicant.obtain(given["timeout"])
        seen = hub_probe.shown(where)
    except (CertificateError, KubernetesError) as error:
        module.fail_json(msg=str(error))
    module.exit_json(changed=restarts > 0, restarts=restarts, **described(seen))


def described(certificate: hub_probe.Certificate) -> dict[str, Any]:
    """As ``hub_probe`` tells it."""
    return {"certificate": dataclasses.asdict(certificate), "certificate_status": certificate.status}


if __name__ == "__main__":
    main()
