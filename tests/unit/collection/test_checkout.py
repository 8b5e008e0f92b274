"""A checkout on people's machines: settings, folders and locales that are not ours."""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).parents[3]
BIN = Path(sys.executable).parent


@pytest.fixture
def elsewhere(tmp_path: Path) -> Path:
    """A folder that all may write to, in which Ansible takes no settings, with a file of somebody's own."""
    folder = tmp_path / "some where"
    folder.mkdir()
    folder.chmod(0o777)
    (folder / "my.cfg").write_text("[defaults]\nforks = 3\n")
    return folder


@pytest.mark.parametrize("settings", [{}, {"ANSIBLE_CONFIG": "my.cfg"}, {"ANSIBLE_COLLECTIONS_PATH": "/opt/x"}])
def test_its_playbooks_find_its_roles(elsewhere: Path, settings: dict[str, str]) -> None:
    env = {key: value for key, value in os.environ.items() if not key.startswith("ANSIBLE_")}
    command = [
        str(BIN / "ansible-playbook"),
        "--syntax-check",
        "-i",
        "localhost,",
        str(ROOT / "playbooks" / "deploy.yml"),
    ]
    done = subprocess.run(
        command,
        cwd=elsewhere,
        env=env | {"HOME": str(elsewhere)} | settings,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(("given", "used"), [("C", "C.UTF-8"), ("C.UTF-8", "C.UTF-8"), ("no_SUCH.UTF-8", "C.UTF-8")])
def test_make_brings_a_locale_that_ansible_takes(given: str, used: str) -> None:
    assert made("LC_ALL", LC_ALL=given) == used


def test_make_uses_this_checkout_s_settings() -> None:
    assert made("ANSIBLE_CONFIG", ANSIBLE_CONFIG="/home/me/my.cfg") == str(ROOT / "ansible.cfg")
    assert made("ANSIBLE_COLLECTIONS_PATH", ANSIBLE_COLLECTIONS_PATH="/opt/x") == ""


def made(name: str, **given: str) -> str:
    """A variable as commands of the Makefile find it."""
    command = ["make", "--silent", f'--eval=print: ; @echo "$${name}"', "print"]
    done = subprocess.run(command, cwd=ROOT, env={**os.environ, **given}, capture_output=True, text=True, check=True)
    return done.stdout.strip()


@pytest.fixture
def setup_tool() -> ModuleType:
    spec = importlib.util.spec_from_file_location("setup_tool", ROOT / "tests" / "tools" / "setup.py")
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_an_environment_of_a_moved_checkout_is_made_anew(setup_tool: ModuleType, tmp_path: Path) -> None:
    lock = tmp_path / "lock"
    lock.write_text("six==1.17.0\n")
    here, there = (setup_tool.key_of(tmp_path / name / ".venv", lock) for name in ("here", "there"))
    assert here != there
    assert here == setup_tool.key_of(tmp_path / "here" / ".venv", lock)


def test_each_file_names_the_licence_that_it_has() -> None:
    """README.md: the plugins are under the GPL, what they import is not."""

    def under_the_gpl(source: Path) -> bool:
        return "GNU General Public License" in "".join(source.read_text().splitlines()[:3])

    plugins = {source for source in (ROOT / "plugins").rglob("*.py") if source.stat().st_size}
    imported = set((ROOT / "plugins" / "module_utils").rglob("*.py"))
    assert {source for source in plugins if under_the_gpl(source) is (source in imported)} == set()
