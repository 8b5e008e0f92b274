# Copyright: Contributors to the stfc.jupyterhub collection
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations


class ModuleDocFragment:
    DOCUMENTATION = r"""
options:
  binary_path:
    description: Path of C(helm), version 3. Left out, it is looked up on C(PATH).
    type: path
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
"""
