#!/usr/bin/python
# Copyright: Science and Technology Facilities Council
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
module: coe_nodes
short_description: Wait for the nodes of a Magnum cluster, as Kubernetes counts them
version_added: 0.1.0
author:
  - Science and Technology Facilities Council (@stfc)
description:
  - The drivers on Cluster API call a cluster, or a node group, complete before its nodes are there. This waits until
    each group has as many ready nodes as it has to have at least.
  - Such a driver never gives up, and does not tell Magnum what it waits for. So Nova is asked. Once it shows why
    servers do not come (a quota, a server in ERROR), and nothing has changed for half a minute, the wait ends with a
    warning for each group that has too few. It fails only where V(default-worker) has no ready node at all.
options:
  cluster:
    description: Name or UUID of the cluster.
    type: str
    required: true
  kubeconfig:
    description: How its Kubernetes API is reached.
    type: path
    required: true
  groups:
    description: The node groups that are looked at.
    type: list
    elements: dict
    required: true
    suboptions:
      name:
        description: Name of the node group.
        type: str
        required: true
      least:
        description: How many ready nodes it has to have.
        type: int
        required: true
      flavor:
        description: Name or ID of the flavor, to compare with the project's quotas.
        type: str
extends_documentation_fragment:
  - stfc.jupyterhub.magnum
  - stfc.jupyterhub.magnum.waiting
  - stfc.jupyterhub.magnum.info
  - openstack.cloud.openstack
"""

EXAMPLES = r"""
- name: Wait for two workers
  stfc.jupyterhub.coe_nodes:
    cloud: openstack
    cluster: hub
    kubeconfig: ~/.kube/hub.yaml
    groups: [{name: default-worker, least: 2, flavor: c3.medium}]
    timeout: 900
"""

RETURN = r"""
nodes:
  description: All nodes of the cluster, as Kubernetes has them.
  returned: success
  type: list
  elements: dict
groups:
  description: The groups that were looked at.
  returned: success
  type: list
  elements: dict
  contains:
    name:
      description: Name of the node group.
      type: str
      sample: default-worker
    wanted:
      description: How many ready nodes it has to have.
      type: int
      sample: 2
    present:
      description: How many nodes it has.
      type: int
      sample: 2
    ready:
      description: How many of them are ready.
      type: int
      sample: 1
    why:
      description: What there is to say of the missing ones; empty where there are enough.
      type: str
      sample: "Node group default-worker: 1 of 2 nodes are ready. Nova: the quota of instances is 2, 2 are used, ..."
"""

from typing import Any, ClassVar

from ansible_collections.stfc.jupyterhub.plugins.module_utils.magnum.module import WAITING
from ansible_collections.stfc.jupyterhub.plugins.module_utils.magnum.nodes import NodesModule


class CoeNodes(NodesModule):
    argument_spec: ClassVar[dict[str, Any]] = {
        "cluster": {"type": "str", "required": True},
        "kubeconfig": {"type": "path", "required": True},
        "groups": {
            "type": "list",
            "elements": "dict",
            "required": True,
            "options": {
                "name": {"type": "str", "required": True},
                "least": {"type": "int", "required": True},
                "flavor": {"type": "str"},
            },
        },
        **WAITING,
    }


def main() -> None:
    CoeNodes()()


if __name__ == "__main__":
    main()
