# Copyright: Contributors to the stfc.jupyterhub collection
# SPDX-License-Identifier: BSD-3-Clause
"""The files of a new service: the shipped pair with a team's answers in it, comments kept, and an inventory.

Pure functions over text; what is there already is passed in.
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterable, Mapping
from typing import Any

try:
    import yaml
except ImportError:  # a target may lack it; the files are written on the controller, which has it
    yaml = None  # type: ignore[assignment]

from . import model, service
from .model import Deferred, Path
from .model.convert import nearest, written
from .quantity import QuantityError

OPENSTACK, JUPYTERHUB = "openstack.yml", "jupyterhub.yml"
SECRETS = "HUB_OAUTH_"
"""How the names of the environment variables begin that the shipped file looks up."""


@dataclasses.dataclass(frozen=True)
class Answer:
    """One thing that a team says (``-e domain=...``), and the keys that it fills in."""

    name: str
    description: str
    paths: tuple[Path, ...]
    required: bool = False


ANSWERS = (
    Answer("service", "Short name: of its folder, its inventory and its cluster", (("cluster_name",),), True),
    Answer("domain", "Host name of the service", (("hub_domain",),), True),
    Answer("contact_email", "Where the certificate authority writes", (("hub_https", "contact_email"),), True),
    Answer("cloud", "Entry of clouds.yaml", (("openstack_cloud",),)),
    Answer("allowed_groups", "Groups that may log in: a,b", (("hub_auth", "allowed_groups"),), True),
    Answer("admin_groups", "Groups that administer the hub: a,b", (("hub_auth", "admin_groups"),), True),
    Answer("flavor", "Flavor of the nodes", (("cluster_node_groups", 0, "flavor"),)),
    Answer("min_nodes", "Fewest nodes", (("cluster_node_groups", 0, "min"),)),
    Answer("max_nodes", "Most nodes", (("cluster_node_groups", 0, "max"),)),
    Answer("control_plane_flavor", "Flavor of the control plane", (("cluster_control_plane", "flavor"),)),
    Answer("control_plane_nodes", "1, 3 or 5", (("cluster_control_plane", "count"),)),
    Answer("image", "Image of the nodes", (("cluster_image",),)),
    Answer("kubernetes_version", "Version of Kubernetes, as the image has it", (("cluster_kubernetes_version",),)),
    Answer("external_network", "Network that floating IPs come from", (("cluster_external_network",),)),
    Answer("image_of_notebooks", "Image of the notebooks", (("hub_image",),)),
    Answer("capacity", "Size of each user's volume", (("hub_storage", "capacity"),)),
)

HOSTS = """\
---
all:
  hosts:
    localhost:
      ansible_connection: local
      ansible_python_interpreter: "{{ ansible_playbook_python }}"
"""


class AnswersError(ValueError):
    """Answers that cannot be used. ``problems``: (answer, what is wrong, what to write)."""

    def __init__(self, problems: Iterable[tuple[str, str, str]]) -> None:
        self.problems = list(dict.fromkeys(problems))
        count = f"{len(self.problems)} problem{'s' * (len(self.problems) != 1)}"
        lines = [f"{count} with the answers. Nothing was written."]
        for name, message, hint in self.problems:
            lines.append(f"{name}\n    {message}" + (f"\n    -> {hint}" if hint else ""))
        super().__init__("\n\n".join(lines))


def compose(
    answers: Mapping[str, Any],
    shipped: Mapping[str, str],
    schemas: Mapping[str, str],
    there: Mapping[str, str],
) -> dict[str, str]:
    """The new files by their paths from the root of the checkout. Raises AnswersError with all problems.

    ``shipped``: the text of the two files, by name; ``schemas``: where their schemas are, from ``vars/NAME/``.
    ``there``: the text of files that are there already, by path, among them every pair of files.
    """
    problems = list(_unknown(answers)) + list(_missing(answers))
    name = str(answers.get("service") or "new")
    texts = {}
    for file, keys in ((OPENSTACK, model.OPENSTACK), (JUPYTERHUB, model.JUPYTERHUB)):
        known = {key.name for key in keys.keys}
        changes = {
            path: _text(answers[answer.name], _key(path))
            for answer in ANSWERS
            for path in answer.paths
            if path[0] in known and answers.get(answer.name) not in (None, "")
        }
        text = _with_schema(set_values(shipped[file], changes), schemas[file])
        texts[file] = text.replace(SECRETS, f"{_variable(name)}_OAUTH_")
    problems += _name_problems(name) + _wrong(texts, {found[0] for found in problems})
    files = {
        f"vars/{name}/{OPENSTACK}": texts[OPENSTACK],
        f"vars/{name}/{JUPYTERHUB}": texts[JUPYTERHUB],
        f"inventories/{name}/hosts.yml": HOSTS,
        f"inventories/{name}/group_vars/all/service.yml": _inventory(name),
    }
    problems += _taken(files, texts, there)
    if problems:
        raise AnswersError(problems)
    return files


def set_values(text: str, changes: Mapping[Path, str]) -> str:
    """YAML with other values at some paths. Everything else stays, comments at their column where there is room."""
    root = yaml.compose(text, Loader=yaml.SafeLoader)
    spans = []
    for path, value in changes.items():
        node: Any = root
        for step in path:
            if isinstance(node, yaml.MappingNode):
                node = next(inner for key, inner in node.value if key.value == step)
            elif isinstance(node, yaml.SequenceNode) and isinstance(step, int):
                node = node.value[step]
        spans.append((node.start_mark.index, node.end_mark.index, value))
    for start, end, value in sorted(spans, reverse=True):
        after = text[end:]
        gap = re.match(r" +(?=#)", after)
        if gap:
            after = " " * max(1, len(gap[0]) - len(value) + end - start) + after[len(gap[0]) :]
        text = text[:start] + value + after
    return text


def variables(name: str) -> tuple[str, str]:
    """The environment variables with the client that the login provider gave the service."""
    return f"{_variable(name)}_OAUTH_CLIENT_ID", f"{_variable(name)}_OAUTH_CLIENT_SECRET"


def _with_schema(text: str, schema: str) -> str:
    """The file with its first line, which is for editors, naming another place of the schema."""
    first, rest = text.split("\n", 1)
    return f"{first.partition('$schema=')[0]}$schema={schema}\n{rest}"


def _variable(name: str) -> str:
    return re.sub("[^A-Z0-9]", "_", name.upper())


def _key(path: Path) -> model.Key:
    found = next(key for file in model.FILES for key in file.keys if key.name == path[0])
    for step in path[1:]:
        found = found if isinstance(step, int) else found.option(step)
    return found


def _text(value: Any, key: model.Key) -> str:
    """An answer, text on a command line or YAML of a file, as it is written into the file."""
    if key.type == "list" and isinstance(value, str):
        value = [part.strip() for part in value.strip("[]").split(",") if part.strip()]
    if key.type == "list" and isinstance(value, list):
        return "[" + ", ".join(_scalar(str(item)) for item in value) + "]"
    if key.type in ("integer", "size") and re.fullmatch("[0-9]+", str(value)):
        return str(value)
    return _scalar(str(value)) if not isinstance(value, (dict, list)) else written(value)


def _scalar(value: str) -> str:
    """Text as YAML: in quotes where it would be read as something else."""
    return yaml.safe_dump(value, allow_unicode=True, width=10_000).removesuffix("...\n").strip()


def _unknown(answers: Mapping[str, Any]) -> Iterable[tuple[str, str, str]]:
    known = [answer.name for answer in ANSWERS]
    for name in answers:
        if name not in known:
            near = nearest(name, known)
            yield name, "is not asked for", f"write {near}" if near else f"remove it; there are {', '.join(known)}"


def _missing(answers: Mapping[str, Any]) -> Iterable[tuple[str, str, str]]:
    for answer in ANSWERS:
        if answer.required and answers.get(answer.name) in (None, "", []):
            what = f"{answer.description[0].lower()}{answer.description[1:]}"
            yield answer.name, f"is missing: {what}", f"-e {answer.name}=..."


def _name_problems(name: str) -> list[tuple[str, str, str]]:
    try:
        model.keys.dns_label(name, longest=40)
    except QuantityError as error:
        return [("service", error.message, error.hint)]
    return [] if name[0].isalpha() else [("service", f"'{name}' does not start with a letter", f"write hub-{name}")]


def _wrong(texts: Mapping[str, str], told: set[str]) -> list[tuple[str, str, str]]:
    """What preflight would say of the new files, by the answer that it comes from."""

    def renderer(_variables: Mapping[str, Any]) -> Any:
        def render(_value: Deferred) -> str:
            return "from-the-environment"

        return render

    try:
        found: Iterable[service.Problem] = service.load(
            OPENSTACK, JUPYTERHUB, read=texts.__getitem__, renderer=renderer
        ).warnings
    except service.ServiceError as error:
        found = error.problems
    names = {_shown(path): answer.name for answer in ANSWERS for path in answer.paths}
    problems = []
    for problem in found:
        key = next((key for key in names if problem.key == key or problem.key.startswith(f"{key}[")), problem.key)
        name = names.get(key, key)
        if problem.severity == "error" and name not in told and name != "service":
            problems.append((name, problem.message, problem.hint))
    return problems


def _shown(path: Path) -> str:
    return model.show_path(path, {"cluster_node_groups": [{"name": "default-worker"}]})


def _taken(
    files: Mapping[str, str], texts: Mapping[str, str], there: Mapping[str, str]
) -> Iterable[tuple[str, str, str]]:
    """Files that would be overwritten; another service's cluster or domain."""
    for path in files:
        if path in there:
            yield "service", f"there is {path} already", "choose another name, or edit that file"
    new = {**_values(texts[OPENSTACK]), **_values(texts[JUPYTERHUB])}
    for path, text in there.items():
        if path in files or not path.startswith("vars/"):
            continue
        old = _values(text)
        if old.get("cluster_name") == new.get("cluster_name") and _same_cloud(old, new):
            yield "service", f"the service of {path} has a cluster of this name", "choose another name"
        if old.get("hub_domain") == new.get("hub_domain"):
            yield "domain", f"the service of {path} has this domain", "choose another domain"


def _same_cloud(old: Mapping[str, Any], new: Mapping[str, Any]) -> bool:
    return old.get("openstack_cloud", new.get("openstack_cloud")) == new.get("openstack_cloud")


def _values(text: str) -> dict[str, Any]:
    try:
        found = yaml.safe_load(text)
    except yaml.YAMLError:
        return {}
    return found if isinstance(found, dict) else {}


def _inventory(name: str) -> str:
    return f"""\
---
# The service {name} as its two files describe it.
openstack_vars: "{{{{ inventory_dir }}}}/../../vars/{name}/{OPENSTACK}"
jupyterhub_vars: "{{{{ inventory_dir }}}}/../../vars/{name}/{JUPYTERHUB}"
service_overlays: []
"""
