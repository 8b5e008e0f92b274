"""Run the collection's modules in this process: their result without Ansible's start, a second each time."""

from __future__ import annotations

import contextlib
import importlib
import io
import json
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]

if "ansible_collections.stfc" not in sys.modules:  # `ansible-playbook` and the unit tests have found them already
    from ansible.utils.collection_loader._collection_finder import _AnsibleCollectionFinder

    sys.path.insert(0, str(ROOT / ".collections"))
    _AnsibleCollectionFinder(paths=[str(ROOT / ".collections")])._install()

from ansible.module_utils.testing import patch_module_args


def part(name: str) -> Any:
    """The collection's ``module_utils`` of that name, such as ``magnum.volumes``."""
    return importlib.import_module(f"ansible_collections.stfc.jupyterhub.plugins.module_utils.{name}")


class ModuleFailedError(Exception):
    """``fail_json``: the text is its message; ``result`` all of it."""

    def __init__(self, result: dict[str, Any]) -> None:
        super().__init__(result["msg"])
        self.result = result


def run(module: str, /, **arguments: Any) -> dict[str, Any]:
    """The result of ``stfc.jupyterhub.MODULE`` (``_ansible_check_mode``: foresee). Raises ModuleFailedError."""
    code = importlib.import_module(f"ansible_collections.stfc.jupyterhub.plugins.modules.{module}")
    given = {"_ansible_remote_tmp": "/tmp", "_ansible_keep_remote_files": False}
    output = io.StringIO()
    with patch_module_args({**given, **arguments}), contextlib.redirect_stdout(output):
        try:
            code.main()
        except SystemExit as end:
            result: dict[str, Any] = json.loads(output.getvalue().splitlines()[-1])
            if end.code or result.get("failed"):
                raise ModuleFailedError(result) from None
            return result
    raise AssertionError(f"{module} ended without a result")
