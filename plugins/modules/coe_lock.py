#!/usr/bin/python
# Copyright: Science and Technology Facilities Council
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
module: coe_lock
short_description: Let one run at a time change a Magnum cluster
version_added: 0.1.0
author:
  - Science and Technology Facilities Council (@stfc)
description:
  - Takes the lock of a cluster, which need not exist yet, for as long as C(ansible-playbook) runs. A process of its own
    renews it, and gives it back when the playbook has ended, in whatever way.
  - Magnum's objects can carry no lock, so that it is an inert security group of the project, C(lock of CLUSTER
    (stfc.jupyterhub)). Its description says who holds it. It is gone when nobody does.
  - A lock that another run holds is waited for. One whose holder died on this machine is taken over at once, others
    when they were not renewed for 45 seconds; either way with a warning.
  - Where the cloud would not have a security group made (rights, quota), that is a warning, and the run goes on.
options:
  cluster:
    description: Name of the cluster.
    type: str
    required: true
  doing:
    description: What the run is, for those who wait for it.
    type: str
    default: deploy
  timeout:
    description: Seconds to wait for another run.
    type: int
    default: 60
  process:
    description: The process for whose life the lock is held. The action plugin gives Ansible's own.
    type: int
attributes:
  check_mode:
    description: Takes nothing, and warns when another run holds it.
    support: full
  diff_mode:
    description: A lock is no change, so there is no difference to show.
    support: none
extends_documentation_fragment:
  - openstack.cloud.openstack
seealso:
  - module: stfc.jupyterhub.hub_lock
"""

EXAMPLES = r"""
- name: Keep other runs out
  stfc.jupyterhub.coe_lock:
    cloud: openstack
    cluster: hub
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

from typing import Any, ClassVar

from ansible_collections.stfc.jupyterhub.plugins.module_utils.lock import door
from ansible_collections.stfc.jupyterhub.plugins.module_utils.lock.locking import LockError
from ansible_collections.stfc.jupyterhub.plugins.module_utils.lock.project import ProjectStore
from ansible_collections.stfc.jupyterhub.plugins.module_utils.magnum.errors import MagnumError
from ansible_collections.stfc.jupyterhub.plugins.module_utils.magnum.module import MagnumModule


class CoeLock(MagnumModule):
    argument_spec: ClassVar[dict[str, Any]] = {
        "cluster": {"type": "str", "required": True},
        "doing": {"type": "str", "default": "deploy"},
        "timeout": {"type": "int", "default": 60},
        "process": {"type": "int"},
    }
    module_kwargs: ClassVar[dict[str, Any]] = {"supports_check_mode": True}

    def act(self) -> dict[str, Any]:
        name = self.params["cluster"]
        store = ProjectStore(self.conn.network, name, self.conn.current_project_id)
        what = f"{name} on cloud {self.cloud_name}"
        try:
            return door.result(self.ansible, store, what, "cluster_lock_timeout")
        except LockError as error:
            raise MagnumError(str(error), **error.details) from None


def main() -> None:
    CoeLock()()


if __name__ == "__main__":
    main()
