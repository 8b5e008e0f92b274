#!/usr/bin/python
# Copyright: Contributors to the stfc.jupyterhub collection
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
module: hub_release
short_description: Look after the hub's Helm release before and after it is released
version_added: 0.1.0
author:
  - Contributors to the stfc.jupyterhub collection (@stfc)
description:
  - M(kubernetes.core.helm) takes a release that failed for one that is fine, does not see what was changed by hand,
    and a rollback of Helm's removes the pods that could tell what went wrong. This module stands before and after it.
  - With O(state=surveyed), nothing is changed. It tells whether one of the other states would, whether all is ready,
    and what differs beside the release. Where it finds nothing, the rest need not run.
  - With O(state=usable), before, a release that was left failed or pending is rolled back to its last good revision.
    One of which no revision ever worked is forgotten; the next one takes its objects over. Nothing is removed.
  - With O(state=ready), after, objects that are no longer what the release says are put right (only fields that the
    release sets count), pods are waited for and shown, and if they do not become ready, their events and logs are
    told before the release goes back to the revision that was last proven to work.
options:
  release_name:
    description: Name of the release.
    type: str
    required: true
    aliases: [name]
  release_namespace:
    description: Its namespace.
    type: str
    required: true
    aliases: [namespace]
  state:
    description: What the release is to be.
    type: str
    choices: [surveyed, usable, ready]
    default: ready
  pending_grace:
    description: With O(state=usable), seconds for which another Helm is believed to be at work on a pending release.
    type: int
    default: 60
  objects:
    description:
      - Unless O(state=ready), manifests of what belongs beside the release, Secrets without their data. They are only
        looked at; RV(differing) says which of them have to be made or changed.
    type: list
    elements: dict
    default: []
  secrets:
    description:
      - The data of Secrets among O(objects), base64 by key, by the Secret's name. What they hold is masked in progress,
        messages and evidence.
    type: dict
    default: {}
  labels:
    description: Unless O(state=ready), labels by which StatefulSets are found that are to be among O(objects) or to go.
    type: dict
    default: {}
  reads:
    description: Unless O(state=ready), names of Secrets of others' that pods of the release read.
    type: list
    elements: str
    default: []
  node_groups:
    description: Unless O(state=usable), node groups whose nodes are counted; each has its labels as C(selector).
    type: dict
    default: {}
  previous_revision:
    description:
      - With O(state=ready), the revision that was there before this run released another, as O(state=usable) returned
        it. Where it is the current one, nothing is ever rolled back.
    type: int
    default: 0
  timeout:
    description: With O(state=ready), seconds to wait for pods and the load balancer's address.
    type: int
    default: 1200
extends_documentation_fragment:
  - stfc.jupyterhub.hub
  - stfc.jupyterhub.hub.helm
attributes:
  check_mode:
    description: Runs in check mode without making changes.
    support: full
  diff_mode:
    description: Shows the fields that were changed by hand. Contents of Secrets are masked.
    support: full
seealso:
  - module: kubernetes.core.helm
"""

EXAMPLES = r"""
- name: Make sure that the release can be released
  stfc.jupyterhub.hub_release:
    name: jupyterhub
    namespace: jupyterhub
    state: usable
  register: before

- name: Release
  kubernetes.core.helm:
    name: jupyterhub
    namespace: jupyterhub
    chart_ref: jupyterhub
    chart_repo_url: https://hub.jupyter.org/helm-chart/
    values: "{{ values }}"

- name: Wait until it works
  stfc.jupyterhub.hub_release:
    name: jupyterhub
    namespace: jupyterhub
    state: ready
    previous_revision: "{{ before.revision }}"
    timeout: 1200
"""

RETURN = r"""
revision:
  description: The current revision; 0 without a release.
  returned: success
  type: int
  sample: 3
status:
  description: Its status as Helm has it, C(absent) without a release.
  returned: unless O(state=ready)
  type: str
  sample: deployed
cure:
  description: What was wrong and what was done about it; empty if nothing was.
  returned: unless O(state=ready)
  type: str
  sample: "revision 4 was left failed: rolled back to revision 3"
namespace:
  description: Whether the namespace is there.
  returned: unless O(state=ready)
  type: bool
kept_address:
  description:
    - The address that the load balancer should ask for, so that users keep the one they know. Empty while any will do.
  returned: unless O(state=ready)
  type: str
  sample: 192.0.2.7
differing:
  description: Those of O(objects) that are not there as they are written, as kind and name.
  returned: unless O(state=ready)
  type: list
  elements: str
  sample: [StatefulSet/user-placeholder-default]
surplus:
  description: Names of StatefulSets with O(labels) that are not among O(objects).
  returned: unless O(state=ready)
  type: list
  elements: str
  sample: [user-placeholder-gpu]
fingerprints:
  description:
    - Of each Secret among O(objects) and O(reads) that is there, by name. It changes with the content and does not tell
      it.
  returned: unless O(state=ready)
  type: dict
  sample: {hub-secrets: 5d41402abc4b2a76}
secret_keys:
  description: Keys of those Secrets, by name.
  returned: unless O(state=ready)
  type: dict
  sample: {hub-secrets: [values.yaml]}
work:
  description: What there is to do, or to wait for, as sentences. Whether the release is out of date is not looked at.
  returned: unless O(state=ready)
  type: list
  elements: str
  sample: ["Deployment hub was changed by hand"]
values_sha256:
  description: Of the values that the release was deployed with; empty without one.
  returned: unless O(state=ready)
  type: str
  sample: 9e06e9a7f1a4f1c0b9d5c7a3e1f2d4b6a8c0e2f4a6b8d0c2e4f6a8b0c2d4e6f8
address:
  description: The load balancer's address or host name; empty while it has none.
  returned: success
  type: str
  sample: 192.0.2.7
chart:
  description: The C(Chart.yaml) of the chart that was released; empty without a release that is deployed.
  returned: success
  type: dict
  sample: {name: jupyterhub, version: 4.4.0}
node_groups:
  description: How many nodes each of O(node_groups) has, and how many of them are ready.
  returned: unless O(state=usable)
  type: dict
  sample: {default-worker: {nodes: 3, ready: 3}}
pods:
  description: How many pods of the namespace a rehearsal runs for real, and plays; V(null) in a real cluster.
  returned: unless O(state=usable)
  type: dict
  sample: {real: 4, played: 5}
told:
  description:
    - What the hub said at its start about its people, as sentences, such as who was taken out. Each start is told once.
      That its log could not be read is a sentence, too; the next time it is read again.
  returned: with O(state=ready), unless in check mode
  type: list
  elements: str
  sample: ["no administrators any more: ada"]
drift:
  description: Objects that were put right, with the fields that differed.
  returned: with O(state=ready)
  type: list
  elements: dict
  sample: [{object: Deployment hub, missing: false, differences: [{path: spec.replicas, live: 0, wanted: 1}]}]
evidence:
  description: What was seen of each object that did not become ready, before anything was rolled back.
  returned: on failure
  type: list
  elements: dict
  contains:
    what:
      description: The object and what it was doing.
      type: str
    events:
      description: Its last events.
      type: list
      elements: str
    log:
      description: The end of its log.
      type: list
      elements: str
"""

from collections.abc import Callable
from typing import Any

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.kubernetes.core.plugins.module_utils.helm import AnsibleHelmModule
from ansible_collections.stfc.jupyterhub.plugins.module_utils.hub_arguments import HELM, MUTUALLY_EXCLUSIVE, auth_spec
from ansible_collections.stfc.jupyterhub.plugins.module_utils.hub_release.client import Kubernetes, KubernetesError
from ansible_collections.stfc.jupyterhub.plugins.module_utils.hub_release.masking import Masking
from ansible_collections.stfc.jupyterhub.plugins.module_utils.hub_release.steward import ReleaseError, Steward
from ansible_collections.stfc.jupyterhub.plugins.module_utils.hub_release.survey import (
    Beside,
    counted,
    make_usable,
    survey,
)
from ansible_collections.stfc.jupyterhub.plugins.module_utils.lock.locking import LockError
from ansible_collections.stfc.jupyterhub.plugins.module_utils.magnum.progress import Progress


def argument_spec() -> dict[str, Any]:
    return auth_spec(
        **HELM,
        release_name={"type": "str", "required": True, "aliases": ["name"]},
        release_namespace={"type": "str", "required": True, "aliases": ["namespace"]},
        state={"type": "str", "choices": ["surveyed", "usable", "ready"], "default": "ready"},
        pending_grace={"type": "int", "default": 60},
        objects={"type": "list", "elements": "dict", "default": []},
        # The data alone counts as secret here: names would be masked in all that is returned.
        secrets={"type": "dict", "default": {}, "no_log": True},
        labels={"type": "dict", "default": {}},
        node_groups={"type": "dict", "default": {}},
        reads={"type": "list", "elements": "str", "default": []},
        previous_revision={"type": "int", "default": 0},
        timeout={"type": "int", "default": 1200},
    )


def run(module: AnsibleModule, steward: Steward) -> dict[str, Any]:
    """The module's answer."""
    given = module.params
    if given["state"] != "ready":
        beside = Beside(*(given[name] for name in ("objects", "labels", "secrets", "reads")))
        if given["state"] == "usable":
            return make_usable(steward, beside, given["pending_grace"])
        return survey(steward, beside, given["pending_grace"], given["node_groups"])
    answer = steward.see_through(given["previous_revision"], given["timeout"])
    if answer["drift"] and module._diff:
        answer["diff"] = [_diff(item) for item in answer["drift"]]
    return answer | counted(steward.kubernetes, given["node_groups"])


def _diff(item: dict[str, Any]) -> dict[str, str]:
    def lines(side: str) -> str:
        if item["missing"]:
            return "" if side == "live" else "as released\n"
        return "".join(f"{field['path']}: {field[side]}\n" for field in item["differences"])

    header = item["object"]
    return {"before_header": header, "after_header": header, "before": lines("live"), "after": lines("wanted")}


def main() -> None:
    module = AnsibleModule(
        argument_spec=argument_spec(), mutually_exclusive=MUTUALLY_EXCLUSIVE, supports_check_mode=True
    )
    helm = AnsibleHelmModule(module=module)

    def run_helm(arguments: list[str]) -> tuple[int, str]:
        code, out, err = helm.run_helm_command([helm.get_helm_binary(), *arguments], fails_on_error=False)
        return code, (err or out).strip()

    progress, mask = Progress(), Masking(module.params["secrets"])
    try:
        kubernetes = Kubernetes(module.params, module.params["release_namespace"])
        looks = module.check_mode or module.params["state"] == "surveyed"
        say: Callable[[str], None] = lambda line: progress.say(mask(line))  # noqa: E731
        steward = Steward(module.params["release_name"], kubernetes, run_helm, say, check_mode=looks)
        module.exit_json(**run(module, steward))
    except ReleaseError as error:
        module.fail_json(msg=mask(str(error)), evidence=mask(error.evidence))
    except (KubernetesError, LockError, ValueError) as error:
        module.fail_json(msg=mask(f"Looking after the release {module.params['release_name']}: {error}"))


if __name__ == "__main__":
    main()
