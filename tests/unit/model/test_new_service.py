"""The files of a new service, from answers."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import jinja2
import jsonschema
import pytest
import yaml
from ansible_collections.stfc.jupyterhub.plugins.module_utils import new_service, service
from ansible_collections.stfc.jupyterhub.plugins.module_utils.magnum.desired import desired
from ansible_collections.stfc.jupyterhub.plugins.module_utils.magnum.families import CLUSTER_API
from ansible_collections.stfc.jupyterhub.plugins.module_utils.new_service import AnswersError, compose, set_values

from tests.support.service_files import renderer

ROOT = Path(__file__).parents[3]
SHIPPED = {name: (ROOT / "vars" / name).read_text() for name in ("openstack.yml", "jupyterhub.yml")}
SCHEMAS = {name: f"../../schemas/{name}" for name in SHIPPED}
THERE = {f"vars/{name}": text for name, text in SHIPPED.items()}
ANSWERS: dict[str, Any] = {
    "service": "physics",
    "domain": "jupyter.physics.example.org",
    "contact_email": "team@physics.example.org",
    "allowed_groups": "staff,students",
    "admin_groups": "leads",
}


def made(**more: Any) -> dict[str, str]:
    return compose(ANSWERS | more, SHIPPED, SCHEMAS, THERE)


def problems(**more: Any) -> dict[str, tuple[str, str]]:
    with pytest.raises(AnswersError) as raised:
        made(**more)
    return {name: (message, hint) for name, message, hint in raised.value.problems}


def test_the_files_have_the_answers_and_load_without_a_word(monkeypatch: pytest.MonkeyPatch) -> None:
    files = made(cloud="site", flavor="l3.small", min_nodes="2", max_nodes="7", control_plane_nodes="1", capacity="5G")
    assert sorted(files) == [
        "inventories/physics/group_vars/all/service.yml",
        "inventories/physics/hosts.yml",
        "vars/physics/jupyterhub.yml",
        "vars/physics/openstack.yml",
    ]
    for name in new_service.variables("physics"):
        monkeypatch.setenv(name, "given")
    texts = {path: text for path, text in files.items() if path.startswith("vars/")}
    loaded = service.load(*sorted(texts, reverse=True), read=texts.__getitem__, renderer=renderer)
    assert loaded.warnings == ()
    values = loaded.values
    assert (values["openstack_cloud"], values["cluster_name"]) == ("site", "physics")
    group = values["cluster_node_groups"][0]
    assert (group["flavor"], group["min"], group["max"]) == ("l3.small", 2, 7)
    assert (values["hub_domain"], values["hub_storage"]["capacity"]) == ("jupyter.physics.example.org", 5 * 1024**3)
    assert values["hub_auth"]["allowed_groups"] == ["staff", "students"]
    assert values["hub_auth"]["client_secret"] == "given"


def test_comments_and_the_line_for_editors_are_kept() -> None:
    files = made()
    for name, text in SHIPPED.items():
        new = files[f"vars/physics/{name}"]
        assert new.splitlines()[0] == f"# yaml-language-server: $schema=../../schemas/{name}"
        comments = [line.partition("#")[2] for line in text.splitlines()[1:] if "#" in line]
        assert [line.partition("#")[2] for line in new.splitlines()[1:] if "#" in line] == comments
        assert len(new.splitlines()) == len(text.splitlines())


def test_all_problems_are_in_one_report() -> None:
    found = problems(
        service="Physics 1",
        domain="https://jupyter.example.org/",
        contact_email="",
        max_nodes="many",
        control_plane_nodes="2",
        flavour="big",
    )
    assert found["service"][1] == "write physics-1"
    assert found["domain"][1] == "write the name alone: jupyter.example.org"
    assert found["contact_email"][0].startswith("is missing: ")
    assert "many" in found["max_nodes"][0]
    assert found["control_plane_nodes"][1] == "write 1 or 3"
    assert found["flavour"] == ("is not asked for", "write flavor")


@pytest.mark.parametrize(
    ("more", "answer", "message"),
    [
        ({"service": "jupyterhub"}, "service", "the service of vars/openstack.yml has a cluster of this name"),
        ({"domain": "jupyter.stfc.ac.uk"}, "domain", "the service of vars/jupyterhub.yml has this domain"),
    ],
)
def test_another_services_cluster_and_domain_are_its_own(more: dict[str, str], answer: str, message: str) -> None:
    assert problems(**more)[answer][0] == message


def test_a_cluster_of_the_same_name_on_another_cloud_is_another() -> None:
    assert made(service="jupyterhub", cloud="elsewhere")


def test_answers_are_text_whatever_they_look_like() -> None:
    files = made(flavor="1e3", allowed_groups=["yes", "a: b"])
    openstack, jupyterhub = (yaml.safe_load(files[f"vars/physics/{name}"]) for name in SHIPPED)
    assert openstack["cluster_node_groups"][0]["flavor"] == "1e3"
    assert jupyterhub["hub_auth"]["allowed_groups"] == ["yes", "a: b"]


def test_a_comment_stays_at_its_column() -> None:
    text = "a: 1      # one\nb: [x]  # two\n"
    assert set_values(text, {("a",): "1000", ("b",): "[longer]"}) == "a: 1000   # one\nb: [longer] # two\n"


def names(files: dict[str, str], name: str) -> set[str]:
    """What a service is called wherever names are shared: in the checkout, the cloud, the home folder, the shell."""
    texts = {path: text for path, text in files.items() if path.startswith("vars/")}
    values = service.load(*sorted(texts, reverse=True), read=texts.__getitem__, renderer=renderer).values
    wanted = desired(values, CLUSTER_API)
    assert wanted.template
    role = yaml.safe_load((ROOT / "roles" / "cluster" / "vars" / "main.yml").read_text())["__cluster_kubeconfig"]
    home = {"ansible_facts": {"env": {"HOME": "/home/team"}}, "lookup": lambda *_name: "/home/team"}
    kubeconfig = jinja2.Template(role).render({**values, **home})
    return {
        *files,
        *new_service.variables(name),
        f"cluster {values['cluster_name']} of {values['openstack_cloud']}",
        f"template {wanted.template['name']}",
        values["hub_domain"],
        kubeconfig,
    }


def test_two_services_of_one_checkout_share_no_name(monkeypatch: pytest.MonkeyPatch) -> None:
    for variable in [
        each for name in ("physics", "physics-staging", "staging") for each in new_service.variables(name)
    ]:
        monkeypatch.setenv(variable, "given")
    first = made()
    there = {**THERE, **first}
    staging = ANSWERS | {"service": "physics-staging", "domain": "staging.physics.example.org"}
    second = compose(staging, SHIPPED, SCHEMAS, there)
    one, other = names(first, "physics"), names(second, "physics-staging")
    assert "/home/team/.kube/stfc.jupyterhub/openstack/physics.yaml" in one
    assert len(one) == len(other) == 10
    assert one.isdisjoint(other)
    # A cloud and a cluster whose names make the same text together.
    elsewhere = compose(ANSWERS | {"cloud": "openstack-physics", "service": "staging"}, SHIPPED, SCHEMAS, THERE)
    assert names(elsewhere, "staging").isdisjoint(other)


class Run:
    """One run of the playbook in a folder."""

    def __init__(self, folder: Path, *arguments: str, playbook: str = "stfc.jupyterhub.new_service") -> None:
        env = {name: value for name, value in os.environ.items() if not name.startswith("ANSIBLE_")}
        # The collection as it is installed: not within the folder that is worked in.
        env |= {"ANSIBLE_COLLECTIONS_PATH": str(folder.parent / "installed"), "ANSIBLE_NOCOLOR": "1"}
        command = [str(Path(sys.executable).parent / "ansible-playbook"), playbook, *arguments]
        done = subprocess.run(command, cwd=folder, env=env, capture_output=True, text=True, check=False)
        self.code, self.output = done.returncode, done.stdout + done.stderr


def test_from_an_installed_collection(tmp_path: Path) -> None:
    installed = tmp_path / "installed" / "ansible_collections" / "stfc" / "jupyterhub"
    for name in ("plugins", "playbooks", "meta", "roles/cluster", "roles/hub"):
        # As galaxy.yml builds it; playbooks/collections is a link to the checkout itself, and so has no end.
        ignored = shutil.ignore_patterns("__pycache__", "collections")
        shutil.copytree(ROOT / name, installed / name, symlinks=True, ignore=ignored)
    shutil.copyfile(ROOT / "galaxy.yml", installed / "galaxy.yml")
    folder = tmp_path / "team"
    folder.mkdir()
    answers = [part for name, value in ANSWERS.items() for part in ("-e", f"{name}={value}")]
    check = Run(folder, *answers, "--check", "--diff")
    assert (check.code, os.listdir(folder)) == (0, []), check.output
    assert "+cluster_name: physics" in check.output
    first = Run(folder, *answers)
    assert first.code == 0, first.output
    assert "[WARNING]: Found variable" not in first.output
    assert "-i inventories/physics stfc.jupyterhub.preflight" in first.output
    for name in SHIPPED:
        text = (folder / "vars" / "physics" / name).read_text()
        schema = Path(text.splitlines()[0].partition("$schema=")[2])
        jsonschema.Draft202012Validator(json.loads(schema.read_text())).validate(yaml.safe_load(text))
    before = {path: path.read_text() for path in folder.rglob("*.yml")}
    again = Run(folder, *answers)
    assert again.code == 2
    assert "there is vars/physics/openstack.yml already" in again.output
    assert {path: path.read_text() for path in folder.rglob("*.yml")} == before
