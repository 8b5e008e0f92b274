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
    enough. So it is made anew after the CA was rotated.
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
extends_documentation_fragment:
  - stfc.jupyterhub.magnum
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

- name: Access for reading only, with a group that has a role binding
  stfc.jupyterhub.coe_kubeconfig:
    cloud: openstack
    cluster: hub
    path: ~/.kube/hub-viewer.yaml
    user: viewer
    groups: [viewers]
"""

RETURN = r"""
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

import datetime
import os
from typing import Any, ClassVar

from ansible_collections.stfc.jupyterhub.plugins.module_utils.magnum import kubeconfig
from ansible_collections.stfc.jupyterhub.plugins.module_utils.magnum.client import is_uuid
from ansible_collections.stfc.jupyterhub.plugins.module_utils.magnum.errors import MagnumError
from ansible_collections.stfc.jupyterhub.plugins.module_utils.magnum.module import MagnumModule


class CoeKubeconfig(MagnumModule):
    argument_spec: ClassVar[dict[str, Any]] = {
        "cluster": {"type": "str", "required": True},
        "path": {"type": "path", "required": True},
        "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
        "user": {"type": "str", "default": "admin"},
        "groups": {"type": "list", "elements": "str", "default": ["system:masters"]},
        "days_left": {"type": "int", "default": 30},
        "check_api": {"type": "bool", "default": True},
        "timeout": {"type": "int", "default": 3600},
    }
    module_kwargs: ClassVar[dict[str, Any]] = {"supports_check_mode": True}

    def act(self) -> dict[str, Any]:
        if kubeconfig.MISSING:
            raise MagnumError(f"This needs the Python packages cryptography and PyYAML: {kubeconfig.MISSING}.")
        path = self.params["path"]
        found = self._found(path)
        if self.params["state"] == "absent":
            return self._absent(path, found)
        cluster = self.find_cluster(self.params["cluster"])
        if cluster is None:
            return self._without_cluster(path, found)
        server = cluster.get("api_address")
        if not server:
            raise MagnumError(
                f"Cluster {cluster['name']} has no API address ({cluster.get('status')}): "
                f"a kubeconfig can be written once it is created."
            )
        ca = self.magnum.ca_certificate(cluster["uuid"])
        reason, reachable = self._reason(found, server, ca)
        result: dict[str, Any] = {"changed": reason is not None, "path": path, "server": server, "reason": reason}
        mode_wrong = reason is None and os.stat(path).st_mode & 0o077 != 0
        if mode_wrong:
            result.update(changed=True, reason="others could read it")
        before = kubeconfig.masked(found)
        if reason and not self.check_mode:
            found = self._renew(cluster, server, ca, path)
            if self.params["check_api"]:
                reachable = kubeconfig.authenticates(found)
        elif mode_wrong and not self.check_mode:
            os.chmod(path, 0o600)
        after = kubeconfig.masked(found) if not (reason and self.check_mode) else {"server": server, "key": "(new)"}
        result["diff"] = {"before": before, "after": after, "before_header": path, "after_header": path}
        result["reachable"] = reachable
        result["expires"] = (kubeconfig.masked(found) or {}).get("certificate_ends")
        return result

    def _found(self, path: str) -> kubeconfig.Identity | None:
        try:
            with open(path, encoding="utf-8") as stream:
                text = stream.read()
        except FileNotFoundError:
            return None
        except (OSError, UnicodeDecodeError) as error:
            raise MagnumError(f"The kubeconfig {path} cannot be read: {error}.") from None
        found = kubeconfig.read(text)
        if found is not None and found.contexts > 1:
            raise MagnumError(
                f"The kubeconfig {path} holds {found.contexts} contexts, so it is not ours alone. Give another path."
            )
        return found

    def _absent(self, path: str, found: kubeconfig.Identity | None) -> dict[str, Any]:
        there = os.path.exists(path)
        name = self.params["cluster"]
        if found is not None and not is_uuid(name) and found.cluster != name:
            self.warn(f"The kubeconfig {path} is for the cluster {found.cluster}, so it is kept.")
            there = False
        if there and not self.check_mode:
            os.unlink(path)
        return {"changed": there, "path": path, "diff": {"before": {"path": path} if there else {}, "after": {}}}

    def _without_cluster(self, path: str, found: kubeconfig.Identity | None) -> dict[str, Any]:
        name = self.params["cluster"]
        if not self.check_mode:
            raise MagnumError(f"Kubeconfig {path}: there is no cluster {name}.")
        self.warn(f"Kubeconfig {path}: there is no cluster {name}. Without check mode it has to be there.")
        return {
            "changed": True,
            "path": path,
            "server": None,
            "reason": "the cluster is yet to be made",
            "reachable": None,
            "expires": None,
            "diff": {"before": kubeconfig.masked(found), "after": {"key": "(new)"}},
        }

    def _reason(self, found: kubeconfig.Identity | None, server: str, ca: str) -> tuple[str | None, bool | None]:
        now = datetime.datetime.now(datetime.timezone.utc)
        subject = (self.params["user"], self.params["groups"])
        reason = kubeconfig.reason_to_renew(found, server, ca, self.params["days_left"], now, subject)
        if reason or found is None or not self.params["check_api"]:
            return reason, None
        known = kubeconfig.authenticates(found)
        if known is False:
            return "the API server does not know its certificate", True
        if known is None:
            self.warn(f"The API server {server} cannot be reached from here; the kubeconfig is kept as it is.")
        return None, known

    def _renew(self, cluster: dict[str, Any], server: str, ca: str, path: str) -> kubeconfig.Identity:
        key, request = kubeconfig.new_request(self.params["user"], self.params["groups"])
        certificate = self.magnum.sign(cluster["uuid"], request)
        text = kubeconfig.render(cluster["name"], server, ca, certificate, key, self.params["user"])
        kubeconfig.write(path, text)
        made = kubeconfig.read(text)
        assert made is not None
        return made


def main() -> None:
    CoeKubeconfig()()


if __name__ == "__main__":
    main()
