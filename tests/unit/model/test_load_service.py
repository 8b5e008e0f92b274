"""The action as people meet it: ``ansible-playbook`` at a terminal, with each of the inventories."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.service_files import SECRET, Files

ROOT = Path(__file__).parents[3]

PLAYBOOK = """\
- hosts: localhost
  connection: local
  vars:
    ansible_python_interpreter: "{{ ansible_playbook_python }}"
  gather_facts: false
  environment: "{{ service_environment | default({}) }}"
  tasks:
    - name: Read and check the two vars files
      stfc.jupyterhub.load_service:
    - name: Keep what is not secret
      ansible.builtin.copy:
        dest: "{{ lookup('ansible.builtin.env', 'FACTS_FILE') }}"
        mode: "0600"
        content: "{{ {'domain': hub_domain, 'memory': hub_profiles | map(attribute='memory') | list,
          'start': hub_start_timeout, 'names': cluster_node_groups | map(attribute='name') | list,
          'secret': hub_auth.client_secret | hash('sha256'), 'files': service_files} | to_json }}"
"""

OVERLAY = f"""\
openstack_cloud: rehearsal
hub_domain: jupyter.localhost
hub_https: {{type: none}}
hub_address: {{port: 20010, reach: "127.0.0.1:20010"}}
hub_auth:
  client_id: rehearsal
  client_secret: {SECRET}
  authorize_url: http://127.0.0.1:20007/authorize
hub_chart_ref: /srv/chart
hub_chart_repo: null
hub_chart_version: null
"""


class Run:
    """One run of the playbook, its output as a terminal shows it, the facts that it left."""

    def __init__(self, folder: Path, *arguments: str, **environment: str) -> None:
        playbook = folder / "playbook.yml"
        playbook.write_text(PLAYBOOK)
        facts = folder / "facts.json"
        env = {name: value for name, value in os.environ.items() if not name.startswith(("ANSIBLE_", "HUB_", "OS_"))}
        env |= {"FACTS_FILE": str(facts), "ANSIBLE_CONFIG": str(ROOT / "ansible.cfg"), "COLUMNS": "200"}
        env |= {"ANSIBLE_COLLECTIONS_PATH": str(ROOT / ".collections"), "ANSIBLE_NOCOLOR": "1", **environment}
        command = [str(Path(sys.executable).parent / "ansible-playbook"), *arguments, str(playbook)]
        done = subprocess.run(command, cwd=folder, env=env, capture_output=True, text=True, check=False)
        self.code = done.returncode
        self.output = done.stdout + done.stderr
        self.facts = json.loads(facts.read_text()) if facts.exists() else {}


SECRETS = {
    "HUB_OAUTH_CLIENT_ID": "hub",
    "HUB_OAUTH_CLIENT_SECRET": SECRET,
    "HUB_DEV_OAUTH_CLIENT_ID": "hub-dev",
    "HUB_DEV_OAUTH_CLIENT_SECRET": SECRET,
}


@pytest.mark.parametrize(
    ("inventory", "domain", "overlays"),
    [
        ("prod", "jupyter.stfc.ac.uk", 0),
        ("dev", "dev.jupyter.stfc.ac.uk", 1),
        ("training", "jupyter.stfc.ac.uk", 1),
        ("rehearsal", "jupyter.localhost", 1),
    ],
)
def test_the_service_of_each_inventory(tmp_path: Path, inventory: str, domain: str, overlays: int) -> None:
    (tmp_path / "overlay.yml").write_text(OVERLAY)
    (tmp_path / "overlay.yml").chmod(0o600)
    (tmp_path / "path").write_text("/opt/rehearsal/bin\n")
    secrets = {} if inventory == "rehearsal" else SECRETS
    run = Run(
        tmp_path, "-i", str(ROOT / "inventories" / inventory), "-vvv", REHEARSAL_DIRECTORY=str(tmp_path), **secrets
    )
    assert run.code == 0, run.output
    assert "[WARNING]" not in run.output
    assert SECRET not in run.output
    assert run.facts["domain"] == domain
    assert run.facts["start"] == 1200
    assert run.facts["memory"][0] == 1610612736
    assert run.facts["names"] == ["default-worker"]
    assert len(run.facts["files"]) == 2 + overlays
    assert all(Path(file).is_absolute() for file in run.facts["files"])


def test_a_rehearsal_that_was_never_started(tmp_path: Path) -> None:
    run = Run(tmp_path, "-i", str(ROOT / "inventories" / "rehearsal"), REHEARSAL_DIRECTORY=str(tmp_path), **SECRETS)
    assert run.code == 2
    assert "\noverlay.yml\n    there is no such file\n" in run.output


def test_facts_that_are_not_injected_are_told_of(tmp_path: Path) -> None:
    run = Run(tmp_path, ANSIBLE_INJECT_FACT_VARS="false")
    assert run.code != 0
    assert "ANSIBLE_INJECT_FACT_VARS=true" in run.output


def test_a_report_reads_well_on_a_terminal(files: Files) -> None:
    files.change("memory: 1.5G", "memory: 1.5Gb")
    files.change('"{{ secret }}"', f"\"{{{{ '{SECRET}' | no_such_filter }}}}\"")
    run = Run(
        files.folder, "-i", "localhost,", "-e", "openstack_vars=openstack.yml", "-e", "jupyterhub_vars=jupyterhub.yml"
    )
    assert run.code == 2
    assert "2 errors in the files of this service. Nothing was touched.\n" in run.output
    assert (
        "\njupyterhub.yml:12 hub_profiles[default].memory\n"
        "    '1.5Gb' has no unit that we know (Gb)\n"
        "    -> write 1.5G (G is GiB here)\n"
    ) in run.output
    assert "\njupyterhub.yml:6 hub_auth.client_secret\n    cannot be rendered\n" in run.output
    assert "Traceback" not in run.output
    assert "\\n" not in run.output
    assert SECRET not in run.output


def test_a_folder_with_its_own_vars_needs_no_arguments(files: Files) -> None:
    (files.folder / "vars").mkdir()
    for name in ("openstack.yml", "jupyterhub.yml"):
        (files.folder / name).rename(files.folder / "vars" / name)
    run = Run(files.folder, "-i", "localhost,", "-e", f"secret={SECRET}", "-e", "hub_domain=other.example.org")
    assert run.code == 0, run.output
    assert run.facts["domain"] == "other.example.org"
    assert run.facts["files"] == [str(files.folder / "vars" / name) for name in ("openstack.yml", "jupyterhub.yml")]


def test_without_files_the_shipped_ones_serve_only_where_they_are_wanted(tmp_path: Path) -> None:
    folder = tmp_path / "empty"
    folder.mkdir()
    run = Run(folder, "-i", "localhost,", **SECRETS)
    assert run.code == 2
    assert "2 errors in the files of this service. Nothing was touched.\n" in run.output
    for name, role in (("openstack", "cluster"), ("jupyterhub", "hub")):
        hint = f"name yours with -e {name}_vars=FILE, or write vars/{name}.yml; one to start from: /"
        assert f"\nvars/{name}.yml\n    there is no such file\n    -> {hint}" in run.output
        assert f"/roles/{role}/files/{name}.yml\n" in run.output
    run = Run(folder, "-i", "localhost,", "-e", "service_shipped=true", **SECRETS)
    assert run.code == 0, run.output
    assert run.facts["domain"] == "jupyter.stfc.ac.uk"


def test_vaults(files: Files) -> None:
    password = files.folder / "password"
    password.write_text("open sesame\n")
    vault = [str(Path(sys.executable).parent / "ansible-vault"), "encrypt_string", "--vault-password-file", "password"]
    done = subprocess.run([*vault, SECRET], cwd=files.folder, capture_output=True, text=True, check=True)
    files.change('"{{ secret }}"', done.stdout.strip().replace("\n", "\n  "))
    vault[1:2] = ["encrypt", "openstack.yml"]
    subprocess.run(vault, cwd=files.folder, capture_output=True, check=True)
    arguments = ("-i", "localhost,", "-e", "openstack_vars=openstack.yml", "-e", "jupyterhub_vars=jupyterhub.yml")
    run = Run(files.folder, *arguments, "--vault-password-file", "password")
    assert run.code == 0, run.output
    assert run.facts["names"] == ["default-worker"]
    assert run.facts["secret"] == hashlib.sha256(SECRET.encode()).hexdigest()
    locked = Run(files.folder, *arguments)
    assert locked.code == 2
    assert "\nopenstack.yml\n    cannot be read: it is encrypted;" in locked.output
    assert "\njupyterhub.yml:6 hub_auth.client_secret\n    cannot be decrypted\n" in locked.output
