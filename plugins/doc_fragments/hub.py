# Copyright: Contributors to the stfc.jupyterhub collection
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations


class ModuleDocFragment:
    """``stfc.jupyterhub.hub``, ``.hub.helm``, ``.hub.address``: of ``module_utils/hub_arguments.py``."""

    DOCUMENTATION = r"""
options:
  kubeconfig:
    description: Path of a kubeconfig, or its content.
    type: raw
    aliases: [kubeconfig_path]
  context:
    description: Context of the kubeconfig.
    type: str
    aliases: [kube_context]
  host:
    description: Address of the cluster's API, instead of the kubeconfig's.
    type: str
  ca_cert:
    description: File with the certificate authority of the cluster's API.
    type: path
    aliases: [ssl_ca_cert]
  validate_certs:
    description: Whether the API's certificate is checked.
    type: bool
    default: true
    aliases: [verify_ssl]
  api_key:
    description: Token for the cluster's API.
    type: str
requirements:
  - kubernetes >= 24.2
"""

    HELM = r"""
options:
  binary_path:
    description: Path of C(helm), version 3. Left out, it is looked up on C(PATH).
    type: path
requirements:
  - helm >= 3.13, < 4
"""

    ADDRESS = r"""
options:
  name:
    description: Host name of the service, with a port where that is not the usual one.
    type: str
    required: true
  reach:
    description: C(host:port) at which this machine reaches the balancer, where that is not O(address).
    type: str
  release_namespace:
    description: Namespace of the release.
    type: str
    default: jupyterhub
    aliases: [namespace]
"""
