"""Files of a service in a temporary folder, rendered with plain Jinja: the logic needs no Ansible."""

from __future__ import annotations

import os
import re
import textwrap
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import jinja2
from ansible_collections.stfc.jupyterhub.plugins.module_utils import service
from ansible_collections.stfc.jupyterhub.plugins.module_utils.chart_file import schema_of
from ansible_collections.stfc.jupyterhub.plugins.module_utils.model import Deferred

OPENSTACK = """\
cluster_node_groups:
  - name: default-worker
    flavor: c3.medium
    min: 1
    max: 20
"""

JUPYTERHUB = """\
hub_domain: hub.example.org
hub_https:
  contact_email: team@example.org
hub_auth:
  client_id: hub
  client_secret: "{{ secret }}"
  allowed_groups: [team]
  admin_groups: [leads]
hub_profiles:
  - name: default
    cpu: 2
    memory: 1.5G
"""

SECRET = "correct-horse-battery"


def renderer(variables: Mapping[str, Any]) -> Callable[[Deferred], Any]:
    """Renders a template among ``variables``, which may hold further ones; ``lookup('env', …)`` works."""
    environment = jinja2.Environment(undefined=jinja2.StrictUndefined, autoescape=False)
    environment.globals["lookup"] = lambda _kind, name: os.environ.get(name, "")

    def render(value: Deferred) -> Any:
        if value.tag:
            raise service.RenderError("no password")
        plain = {name: member for name, member in variables.items() if not isinstance(member, Deferred)}
        try:
            return environment.from_string(value.text).render(plain)
        except jinja2.UndefinedError as error:
            name = re.search("'([^']+)' is undefined", str(error))
            raise service.RenderError(str(error), name.group(1) if name else "") from error
        except Exception as error:  # a template can raise anything
            raise service.RenderError(str(error)) from error

    return render


def read(file: str) -> str:
    return Path(file).read_text(encoding="utf-8")


class Files:
    """The two files and overlays in the current, temporary folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.write("openstack.yml", OPENSTACK)
        self.write("jupyterhub.yml", JUPYTERHUB)

    def write(self, name: str, text: str) -> None:
        (self.folder / name).write_text(textwrap.dedent(text), encoding="utf-8")

    def change(self, old: str, new: str) -> None:
        """Replace ``old`` where it stands, in one of the two files."""
        found = [name for name in ("openstack.yml", "jupyterhub.yml") if old in read(str(self.folder / name))]
        assert found, f"{old!r} is in neither file"
        path = self.folder / found[0]
        path.write_text(read(str(path)).replace(old, new, 1), encoding="utf-8")

    def load(self, *overlays: str, **extra: Any) -> service.Service:
        """Load them. Raises ServiceError."""
        return service.load(
            "openstack.yml",
            "jupyterhub.yml",
            overlays,
            read=read,
            renderer=renderer,
            variables={"secret": SECRET},
            extra=extra,
            chart_schema=schema_of,
        )

    def problems(self, *overlays: str, **extra: Any) -> list[service.Problem]:
        """Everything that is wrong, warnings too."""
        try:
            return list(self.load(*overlays, **extra).warnings)
        except service.ServiceError as error:
            assert SECRET not in str(error)
            return list(error.problems)
