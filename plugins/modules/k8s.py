#!/usr/bin/python
# Copyright: Contributors to the stfc.jupyterhub collection
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
module: k8s
short_description: Make, change or remove objects of a Kubernetes cluster that Magnum made
version_added: 0.1.0
author:
  - Contributors to the stfc.jupyterhub collection (@stfc)
description:
  - What M(kubernetes.core.k8s) does with the options below, through the same client. Python 3.13 and later refuse the
    certificates of Magnum's own CA, which lack the identifiers of their keys; this module takes them as kubectl does.
    They are checked otherwise.
options:
  state:
    description: Whether the objects are to be there.
    type: str
    choices: [present, absent]
    default: present
  resource_definition:
    description: One object or a list of them, as the API takes them, or as YAML text.
    type: raw
  api_version:
    description: Version of the API that has the kind, where O(resource_definition) does not say it.
    type: str
    default: v1
  kind:
    description: Kind of the object, where O(resource_definition) does not say it.
    type: str
  name:
    description: Name of the object, where O(resource_definition) does not say it.
    type: str
  namespace:
    description: Namespace of the objects, where O(resource_definition) does not say it.
    type: str
  wait:
    description: Whether to wait until Kubernetes has done what was asked.
    type: bool
    default: false
  wait_timeout:
    description: Seconds to wait.
    type: int
    default: 120
extends_documentation_fragment:
  - kubernetes.core.k8s_auth_options
requirements:
  - kubernetes >= 24.2
attributes:
  check_mode:
    description: The API tries the change and keeps nothing.
    support: full
  diff_mode:
    description: Shows what differs.
    support: full
seealso:
  - module: kubernetes.core.k8s
"""

EXAMPLES = r"""
- name: A namespace
  stfc.jupyterhub.k8s:
    kubeconfig: /home/me/.kube/config
    api_version: v1
    kind: Namespace
    name: jupyterhub
"""

RETURN = r"""
result:
  description: The object; with several, C(results) holds what is returned for each.
  returned: success
  type: dict
  sample: {apiVersion: v1, kind: Namespace, metadata: {name: jupyterhub}}
method:
  description: What was done.
  returned: with one object
  type: str
  sample: create
duration:
  description: Seconds that were waited.
  returned: with O(wait) and one object
  type: int
  sample: 3
"""

import copy
from typing import Any

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.kubernetes.core.plugins.module_utils.args_common import AUTH_ARG_SPEC
from ansible_collections.kubernetes.core.plugins.module_utils.k8s.core import AnsibleK8SModule
from ansible_collections.kubernetes.core.plugins.module_utils.k8s.exceptions import CoreException
from ansible_collections.kubernetes.core.plugins.module_utils.k8s.runner import run_module
from ansible_collections.stfc.jupyterhub.plugins.module_utils.kubernetes_tls import accept_magnum_certificates


def argument_spec() -> dict[str, Any]:
    spec = copy.deepcopy(AUTH_ARG_SPEC)
    spec.update(
        state={"type": "str", "choices": ["present", "absent"], "default": "present"},
        resource_definition={"type": "raw"},
        api_version={"type": "str", "default": "v1"},
        kind={"type": "str"},
        name={"type": "str"},
        namespace={"type": "str"},
        wait={"type": "bool", "default": False},
        wait_timeout={"type": "int", "default": 120},
    )
    return spec


def main() -> None:
    module = AnsibleK8SModule(
        module_class=AnsibleModule,
        argument_spec=argument_spec(),
        supports_check_mode=True,
    )
    module.params["wait_sleep"] = 1  # seconds between looks, which kubernetes.core has as an option
    try:
        accept_magnum_certificates()
        run_module(module)
    except CoreException as error:
        module.fail_from_exception(error)


if __name__ == "__main__":
    main()
