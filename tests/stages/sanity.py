"""What others ask of a collection: ansible-test, Galaxy, documentation that builds, the older ansible-core."""

from __future__ import annotations

from . import (
    BIN,
    BUILD,
    ROOT,
    Count,
    Outcome,
    ansible_test,
    collection,
    counted,
    documentation,
    environments,
    one,
    run,
    together,
)
from . import environment as usual

NEWER, OLDER = "2.19", "2.18"

OF_THE_CORE = ["ansible-doc", "import", "runtime-metadata", "validate-modules"]
"""Sanity tests whose verdict depends on ansible-core. The others read the text alone, so once is enough."""

WITHOUT_ANSIBLE = [
    *("chart", "cloud", "cluster_driver", "editor", "in_hub", "login", "pods", "setup", "simulation"),
    *("collection/test_artifact.py", "model/test_fuzz.py"),
]
"""Unit tests whose outcome does not depend on ansible-core."""

IMPORTER = "[galaxy-importer]\nCHECK_CHANGELOG = True\nRUN_ANSIBLE_DOC = True\nRUN_ANSIBLE_TEST = False\n"


def galaxy_importer() -> Outcome:
    """What Galaxy does with an upload; its warnings are failures too."""
    bin_folder = environments.made("requirements-importer.txt")
    config = BUILD / "galaxy-importer.cfg"
    config.write_text(IMPORTER)
    env = usual() | {"GALAXY_IMPORTER_CONFIG": str(config), "PATH": f"{bin_folder}:{usual()['PATH']}"}
    env.pop("ANSIBLE_CONFIG")
    command = [str(bin_folder / "python"), "-m", "galaxy_importer.main", str(collection.artifact())]
    status, output = run(command, env, BUILD)
    wrong = [line for line in output.splitlines() if line.startswith(("WARNING", "ERROR"))]
    if status or wrong:
        return Outcome(Count(failed=1), output=output)
    return Outcome(Count(passed=1), output.splitlines()[0].removeprefix("Importing with "))


def older_units() -> Outcome:
    """The unit tests in which ansible-core takes part, on the oldest one that is promised."""
    report = BUILD / f"unit-{OLDER}.xml"
    report.unlink(missing_ok=True)
    bin_folder = environments.made(f"requirements-{OLDER}.txt")
    env = usual() | {"PATH": f"{bin_folder}:{usual()['PATH']}"}
    unasked = [f"--ignore=tests/unit/{name}" for name in WITHOUT_ANSIBLE]
    chosen = [f"--junitxml={report}", "-m", "not long", *unasked]
    command = [str(bin_folder / "pytest"), "-q", "-n", "1", *chosen, "tests/unit"]
    status, output = run(command, env)
    return Outcome(counted([report], "unit tests", status), output.splitlines()[-1].strip("= "), output=output)


def older_syntax() -> Outcome:
    """The playbooks, as that ansible-core reads them."""
    bin_folder = environments.made(f"requirements-{OLDER}.txt")
    playbooks = sorted(str(path.relative_to(ROOT)) for path in (ROOT / "playbooks").glob("*.yml"))
    return one([str(bin_folder / "ansible-playbook"), "--syntax-check", *playbooks], f"{len(playbooks)} playbooks")


def older_sanity() -> Outcome:
    """The sanity tests that depend on ansible-core, on that one."""
    bin_folder = environments.made(f"requirements-{OLDER}.txt")
    chosen = [part for name in OF_THE_CORE for part in ("--test", name)]
    return ansible_test.sanity(OLDER, bin_folder, "older", [*chosen, "--python", "default"])


def stage() -> Count:
    """What every change has to pass, two at a time; what takes longest comes first."""
    return together(
        {
            f"ansible-test sanity, ansible-core {NEWER}: pylint": lambda: ansible_test.sanity(
                NEWER, BIN, "pylint", ["--test", "pylint"]
            ),
            f"ansible-test sanity, ansible-core {NEWER}: all others": lambda: ansible_test.sanity(
                NEWER, BIN, "others", ["--skip-test", "pylint"]
            ),
            f"unit tests, ansible-core {OLDER}": older_units,
            f"syntax of the playbooks, ansible-core {OLDER}": older_syntax,
        }
    )


def publication() -> Count:
    """What a release has to pass. One at a time: the importer gives its linter two minutes."""
    return together(
        {
            "galaxy-importer": galaxy_importer,
            f"ansible-test sanity, ansible-core {OLDER}": older_sanity,
            "documentation of plugins and roles": documentation.pages,
            "release of the changelog": documentation.changelog,
        },
        at_once=1,
    )
