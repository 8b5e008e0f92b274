#!/usr/bin/python
# Copyright: Contributors to the stfc.jupyterhub collection
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
module: k8s_info
short_description: Read objects of a Kubernetes cluster that Magnum made
version_added: 0.1.0
author:
  - Contributors to the stfc.jupyterhub collection (@stfc)
description:
  - What M(kubernetes.core.k8s_info) does, through the same client. Python 3.13 and later refuse the certificates of
    Magnum's own CA, which lack the identifiers of their keys; this module takes them as kubectl does. They are checked
    otherwise.
options:
  kind:
    description: Kind of the objects.
    type: str
    required: true
  api_version:
    description: Version of the API that has the kind.
    type: str
    default: v1
  name:
    description: Name of one object.
    type: str
  namespace:
    description: Namespace to look in. Left out, all are.
    type: str
  label_selectors:
    description: Labels that the objects have, each as C(key=value).
    type: list
    elements: str
    default: []
  field_selectors:
    description: Fields that the objects have, each as C(path=value).
    type: list
    elements: str
    default: []
extends_documentation_fragment:
  - kubernetes.core.k8s_auth_options
requirements:
  - kubernetes >= 24.2
attributes:
  check_mode:
    description: It only reads.
    support: full
  diff_mode:
    description: It changes nothing.
    support: none
seealso:
  - module: kubernetes.core.k8s_info
"""

EXAMPLES = r"""
- name: Nodes
  stfc.jupyterhub.k8s_info:
    kubeconfig: /home/me/.kube/config
    kind: Node
"""

RETURN = r"""
resources:
  description: The objects, as the API has them.
  returned: success
  type: list
  elements: dict
  sample: [{apiVersion: v1, kind: Node, metadata: {name: jupyterhub-default-worker-0}}]
api_found:
  description: Whether the cluster knows the kind.
  returned: success
  type: bool
  sample: true
"""

import copy
from typing import Any

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.kubernetes.core.plugins.module_utils.args_common import AUTH_ARG_SPEC
from ansible_collections.kubernetes.core.plugins.module_utils.k8s.client import get_api_client
from ansible_collections.kubernetes.core.plugins.module_utils.k8s.core import AnsibleK8SModule
from ansible_collections.kubernetes.core.plugins.module_utils.k8s.exceptions import CoreException
from ansible_collections.kubernetes.core.plugins.module_utils.k8s.service import K8sService
from ansible_collections.stfc.jupyterhub.plugins.module_utils.kubernetes_tls import accept_magnum_certificates


def argument_spec() -> dict[str, Any]:
    spec = copy.deepcopy(AUTH_ARG_SPEC)
    spec.update(
        kind={"type": "str", "required": True},
        api_version={"type": "str", "default": "v1"},
        name={"type": "str"},
        namespace={"type": "str"},
        label_selectors={"type": "list", "elements": "str", "default": []},
        field_selectors={"type": "list", "elements": "str", "default": []},
    )
    return spec


def main() -> None:
    module = AnsibleK8SModule(module_class=AnsibleModule, argument_spec=argument_spec(), supports_check_mode=True)
    asked = {key: module.params[key] for key in ("name", "namespace", "label_selectors", "field_selectors")}
    try:
        accept_magnum_certificates()
        service = K8sService(get_api_client(module), module)
        found = service.find(module.params["kind"], module.params["api_version"], **asked)
    except CoreException as error:
        module.fail_from_exception(error)
    module.exit_json(changed=False, **found)


if __name__ == "__main__":
    main()
