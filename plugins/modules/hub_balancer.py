#!/usr/bin/python
# Copyright: Contributors to the stfc.jupyterhub collection
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
module: hub_balancer
short_description: Wait until a Service's load balancer does what the Service asks for
version_added: 0.1.0
author:
  - Contributors to the stfc.jupyterhub collection (@stfc)
description:
  - A Service of type LoadBalancer says which ranges of addresses may come in, how long a connection may be silent, and
    which address it wants. What Octavia or Neutron refuse of it, the cloud provider tells by an event of the Service
    and by nothing else. The Service then has an address all the same, and lets everybody in.
  - This module reads those events, and the balancer's listeners and floating IP, and fails with the words of the event
    until all of it is in force. Where it will not come right by itself, it does not wait for it.
  - Before it gives up it has the cloud provider try once more, by an annotation of the Service. So what was changed by
    hand in Octavia is put right, and what a quota forbade is had as soon as it may be.
options:
  cloud:
    description: Name of the cloud in C(clouds.yaml). Without one only the events are read.
    type: raw
  kubeconfig:
    description: Path of the cluster's kubeconfig.
    type: path
    required: true
  namespace:
    description: Namespace of the Service.
    type: str
    required: true
  name:
    description: Name of the Service. One that is not there, or that has no address, is nothing to wait for.
    type: str
    default: proxy-public
  timeout:
    description: Seconds to wait for what the cloud provider tries again by itself.
    type: int
    default: 1200
requirements:
  - kubernetes >= 24.2
extends_documentation_fragment:
  - openstack.cloud.openstack
attributes:
  action_group:
    description: Tasks of this module take the defaults of these groups of C(module_defaults).
    support: full
    membership:
      - stfc.jupyterhub.magnum
  check_mode:
    description: Tells whether the cloud provider would have to be asked again, without asking it.
    support: full
  diff_mode:
    description: Nothing but that annotation is changed, so there is no difference to show.
    support: none
seealso:
  - module: stfc.jupyterhub.hub_release
"""

EXAMPLES = r"""
- name: Wait until only our ranges may come in
  stfc.jupyterhub.hub_balancer:
    cloud: openstack
    kubeconfig: /home/me/.kube/config
    namespace: jupyterhub
"""

RETURN = r"""
remarks:
  description:
    - What else the cloud provider says, and what could not be told; in check mode, what is not in force. Each is a
      warning, too.
  returned: success
  type: list
  elements: str
  sample: []
"""

from typing import Any, ClassVar

from ansible_collections.stfc.jupyterhub.plugins.module_utils.hub_release import balancer, client, in_force
from ansible_collections.stfc.jupyterhub.plugins.module_utils.magnum.errors import MagnumError
from ansible_collections.stfc.jupyterhub.plugins.module_utils.magnum.module import MagnumModule

Json = dict[str, Any]


class HubBalancer(MagnumModule):
    argument_spec: ClassVar[Json] = {
        "kubeconfig": {"type": "path", "required": True},
        "namespace": {"type": "str", "required": True},
        "name": {"type": "str", "default": "proxy-public"},
        "timeout": {"type": "int", "default": 1200},
    }

    def openstack_cloud_from_module(self) -> tuple[Any, Any]:
        if not self.params["cloud"]:
            try:
                self.exit_json(**self._settle(None))
            except MagnumError as error:
                self.fail_json(msg=str(error))
        connected: tuple[Any, Any] = super().openstack_cloud_from_module()
        return connected

    def enter(self) -> None:
        self.conn.session.get_token()  # whose cluster it is does not matter, so there may be no Magnum

    def act(self) -> Json:
        return self._settle(self._look)

    def _settle(self, look: Any) -> Json:
        try:
            kubernetes = client.Kubernetes({"kubeconfig": self.params["kubeconfig"]}, self.params["namespace"])
            service = in_force.InForce(self.params["name"], kubernetes, look, self.progress.say)
            found = service.wait(self.params["timeout"], self.ansible.check_mode)
        except (client.KubernetesError, in_force.NotInForceError) as error:
            raise MagnumError(str(error)) from None
        for remark in found["remarks"]:
            self.warn(remark)
        return found

    def _look(self, wanted: Any) -> list[str]:
        """What the cloud does not have. Raises openstacksdk's exceptions."""
        if not wanted.balancer:
            return []
        octavia, neutron = self.conn.load_balancer, self.conn.network
        there = [one for one in [octavia.find_load_balancer(wanted.balancer, ignore_missing=True)] if one]
        listeners = octavia.listeners(load_balancer_id=wanted.balancer) if there else ()
        addresses = neutron.ips(port_id=there[0].vip_port_id) if there else ()
        return balancer.differences(wanted, balancer.cloud(there, listeners, addresses))


def main() -> None:
    HubBalancer()()


if __name__ == "__main__":
    main()
