#!/usr/bin/python
# Copyright: Contributors to the stfc.jupyterhub collection
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
module: hub_lock
short_description: Let one run at a time change what is in a cluster
version_added: 0.1.0
author:
  - Contributors to the stfc.jupyterhub collection (@stfc)
description:
  - Takes the lock of a cluster, the Lease C(stfc.jupyterhub) in C(kube-system), for as long as C(ansible-playbook)
    runs. A process of its own renews it, and gives it back when the playbook has ended, in whatever way. The Lease is
    gone when nobody holds it.
  - A lock that another run holds is waited for. One whose holder died on this machine is taken over at once, others
    when they were not renewed for 45 seconds; either way with a warning.
  - Where the cluster would not have a Lease made, that is a warning, and the run goes on.
options:
  doing:
    description: What the run is, for those who wait for it.
    type: str
    default: deploy
  name:
    description: A name for what is in the cluster, for those who wait for it.
    type: str
    default: the hub
  timeout:
    description: Seconds to wait for another run.
    type: int
    default: 60
  process:
    description: The process for whose life the lock is held. The action plugin gives Ansible's own.
    type: int
extends_documentation_fragment:
  - stfc.jupyterhub.hub
attributes:
  check_mode:
    description: Takes nothing, and warns when another run holds it.
    support: full
  diff_mode:
    description: A lock is no change, so there is no difference to show.
    support: none
seealso:
  - module: stfc.jupyterhub.coe_lock
"""

EXAMPLES = r"""
- name: Keep other runs out
  stfc.jupyterhub.hub_lock:
    kubeconfig: /home/me/.kube/config
"""

RETURN = r"""
held:
  description: Whether this run has the lock now.
  returned: success
  type: bool
  sample: true
waited:
  description: Whether another run was waited for.
  returned: success
  type: bool
  sample: false
taken_over:
  description: A sentence for each dead or silent holder that it was taken over from.
  returned: success
  type: list
  elements: str
  sample: []
holder:
  description: Who holds it, as far as that is known.
  returned: when it was waited for in vain
  type: dict
  sample: {doing: deploy, user: alice, host: workstation, process: 4711, since: "2026-11-25T22:20:00Z"}
"""

from typing import Any

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.stfc.jupyterhub.plugins.module_utils.hub_arguments import MUTUALLY_EXCLUSIVE, auth_spec
from ansible_collections.stfc.jupyterhub.plugins.module_utils.hub_release.client import Kubernetes, KubernetesError
from ansible_collections.stfc.jupyterhub.plugins.module_utils.lock import door
from ansible_collections.stfc.jupyterhub.plugins.module_utils.lock.lease import NAMESPACE, LeaseStore
from ansible_collections.stfc.jupyterhub.plugins.module_utils.lock.locking import LockError


def argument_spec() -> dict[str, Any]:
    return auth_spec(
        doing={"type": "str", "default": "deploy"},
        name={"type": "str", "default": "the hub"},
        timeout={"type": "int", "default": 60},
        process={"type": "int"},
    )


def main() -> None:
    module = AnsibleModule(
        argument_spec=argument_spec(), mutually_exclusive=MUTUALLY_EXCLUSIVE, supports_check_mode=True
    )
    try:
        store = LeaseStore(Kubernetes(module.params, NAMESPACE))
        module.exit_json(
            **door.result(module, store, f"what is in the cluster of {module.params['name']}", "hub_lock_timeout")
        )
    except KubernetesError as error:
        module.fail_json(msg=f"Taking the lock of the cluster: {error}")
    except LockError as error:
        module.fail_json(msg=str(error), **error.details)


if __name__ == "__main__":
    main()
