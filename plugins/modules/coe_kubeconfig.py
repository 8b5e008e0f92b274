#!/usr/bin/python
# Copyright: Science and Technology Facilities Council
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
module: coe_kubeconfig
short_description: Write the kubeconfig of a Magnum cluster
version_added: 0.1.0
author:
  - Science and Technology Facilities Council (@stfc)
description:
  - Writes a kubeconfig whose client certificate is signed by the cluster's own CA, through Magnum's API.
  - One that is there is kept when it names the cluster's address and CA, authenticates, and its certificate lasts long
    enough. So it is made anew after the CA was replaced, whoever did that. Its mode is set back to 0600 in any case.
  - The private key is made on the host that runs the module and never leaves the file. It is neither shown nor logged.
options:
  cluster:
    description: Name or UUID of the cluster.
    type: str
    required: true
  path:
    description:
      - The file. It is written in one step with mode 0600; folders that are missing get 0700.
      - A file that holds more than one context is somebody's own, and is refused.
    type: path
    required: true
  state:
    description: Whether the file is to be there.
    type: str
    choices: [present, absent]
    default: present
  user:
    description: The Kubernetes user, which is the certificate's common name.
    type: str
    default: admin
  groups:
    description: The Kubernetes groups, which are the certificate's organizations.
    type: list
    elements: str
    default: ["system:masters"]
  days_left:
    description: A certificate that ends within fewer days is replaced.
    type: int
    default: 30
  check_api:
    description:
      - Whether to ask the API server if the kubeconfig that is there authenticates. Where the server cannot be reached,
        the kubeconfig is kept.
    type: bool
    default: true
  replace_ca:
    description:
      - SHA-256 fingerprint (C(ca.fingerprint)) of the cluster's CA that is to be replaced by a new one. Where the
        cluster has another CA, nothing is replaced, so that the same task, run again, does no harm.
      - Everything that trusts the old CA, or that it signed, stops working at once. That is what it is for when a
        kubeconfig has leaked, but everybody needs a new kubeconfig afterwards, and pods that talk to the API server may
        have to be started anew.
      - Of Magnum's drivers in the field only that of Heat (Fedora CoreOS) does this. The drivers magnum-cluster-api and
        magnum-capi-helm do not, but Magnum has stored its new CA by the time it notices, and then signs certificates
        that the cluster does not know. So it is refused where one of them is recognised.
      - Needs Magnum API 1.5.
    type: str
extends_documentation_fragment:
  - stfc.jupyterhub.magnum
  - stfc.jupyterhub.magnum.waiting
  - stfc.jupyterhub.magnum.attributes
  - openstack.cloud.openstack
requirements:
  - cryptography >= 3.4
  - PyYAML
"""

EXAMPLES = r"""
- name: Access to the cluster
  stfc.jupyterhub.coe_kubeconfig:
    cloud: openstack
    cluster: hub
    path: ~/.kube/hub.yaml

- name: A new CA, because a kubeconfig has leaked
  stfc.jupyterhub.coe_kubeconfig:
    cloud: openstack
    cluster: hub
    path: ~/.kube/hub.yaml
    replace_ca: 5f1c0a77e0c4b6f4a4c6a86d2a2d5a3f2a6ce1ba1f2f8bf5fbd0d3d7e6f6a3b1

- name: Access for reading only, with a group that has a role binding
  stfc.jupyterhub.coe_kubeconfig:
    cloud: openstack
    cluster: hub
    path: ~/.kube/hub-viewer.yaml
    user: viewer
    groups: [viewers]
"""

RETURN = r"""
actions:
  description: What was done, or in check mode would be, as sentences in order.
  returned: success
  type: list
  elements: str
  sample: ["write the kubeconfig /home/ops/.kube/hub.yaml"]
ca:
  description: The cluster's CA; V(null) when there is no cluster yet.
  returned: when O(state=present)
  type: dict
  contains:
    fingerprint:
      description: SHA-256 of the certificate, as O(replace_ca) takes it.
      type: str
      sample: 5f1c0a77e0c4b6f4a4c6a86d2a2d5a3f2a6ce1ba1f2f8bf5fbd0d3d7e6f6a3b1
    expires:
      description: When it ends, in UTC. No kubeconfig works any longer than it.
      type: str
      sample: "2031-05-09T10:11:12Z"
path:
  description: The file.
  returned: success
  type: str
  sample: /home/ops/.kube/hub.yaml
server:
  description: Address of the API server; V(null) when there is no cluster yet.
  returned: when O(state=present)
  type: str
  sample: https://203.0.113.10:6443
expires:
  description: When the client certificate ends, in UTC.
  returned: when O(state=present), and the file is there
  type: str
  sample: "2031-05-09T10:11:12Z"
reachable:
  description: Whether the API server answered; V(null) when it was not asked.
  returned: when O(state=present)
  type: bool
  sample: true
reason:
  description: Why it was made anew, or in check mode would be; V(null) when it was kept.
  returned: when O(state=present)
  type: str
  sample: the cluster has another CA
"""

from typing import Any, ClassVar

from ansible_collections.stfc.jupyterhub.plugins.module_utils.magnum.access import KubeconfigModule
from ansible_collections.stfc.jupyterhub.plugins.module_utils.magnum.kubeconfig import ADMIN, DAYS_LEFT
from ansible_collections.stfc.jupyterhub.plugins.module_utils.magnum.module import WAITING


class CoeKubeconfig(KubeconfigModule):
    argument_spec: ClassVar[dict[str, Any]] = {
        "cluster": {"type": "str", "required": True},
        "path": {"type": "path", "required": True},
        "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
        "user": {"type": "str", "default": ADMIN[0]},
        "groups": {"type": "list", "elements": "str", "default": list(ADMIN[1])},
        "days_left": {"type": "int", "default": DAYS_LEFT},
        "check_api": {"type": "bool", "default": True},
        "replace_ca": {"type": "str"},
        **WAITING,
    }


def main() -> None:
    CoeKubeconfig()()


if __name__ == "__main__":
    main()
