"""What needs root: the packages of ``bindep.txt``, and leave to make user namespaces.

As root, missing packages are installed (apt, dnf); otherwise the one line to run is told. Kernel settings are never
changed here: they are the machine's owner's to decide.
"""

from __future__ import annotations

import dataclasses
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from .commands import SetupError, run
from .progress import Say, step

PACKAGES = Path(__file__).with_name("bindep.txt")

LINE = re.compile(r"(?P<package>[\w.+-]+)\s*(?:\[(?P<selector>[^]]*)\])?\s*(?:#\s*(?P<program>[\w.+-]+):.*)?$")

INSTALL = {
    "dpkg": ["apt-get", "install", "-y", "--no-install-recommends"],
    "rpm": ["dnf", "install", "-y"],
}
"""How each family of systems installs; bindep's names of the families."""

SETTINGS = (
    ("kernel.unprivileged_userns_clone", "0", "1", "Debian's switch for unprivileged user namespaces"),
    ("kernel.apparmor_restrict_unprivileged_userns", "1", "0", "Ubuntu's restriction by AppArmor, from 23.10 on"),
    ("user.max_user_namespaces", "0", "15000", "the number of user namespaces, none on hardened systems"),
)
"""Kernel settings that forbid user namespaces: name, forbidding value, allowing value, what it is."""


@dataclasses.dataclass(frozen=True)
class Package:
    """A package, and the program by which it is known to be there."""

    name: str
    program: str


def parse(text: str, family: str) -> list[Package]:
    """Packages of a ``bindep.txt`` for a ``family`` (``dpkg``, ``rpm``).

    Understands ``[platform:…]`` alone; lines with other selectors belong to profiles that are not ours. Raises
    ValueError for a line that is not bindep's, or that names no program.
    """
    packages = []
    for line in text.splitlines():
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        found = LINE.match(line.strip())
        if found is None or not found["program"]:
            raise ValueError(f"bindep.txt: expected `package [platform:…]  # program: why`, got: {line}")
        if all(word == f"platform:{family}" for word in (found["selector"] or "").split()):
            packages.append(Package(found["package"], found["program"]))
    return packages


def family() -> str | None:
    """bindep's name of this system's package format; None when it has neither apt nor dnf."""
    for name, command in INSTALL.items():
        if shutil.which(command[0]):
            return name
    return None


def present(program: str) -> bool:
    """Whether a program is there; the folders of root's programs are not on everybody's PATH."""
    folders = [os.environ.get("PATH", os.defpath), "/usr/sbin", "/sbin", "/usr/local/sbin"]
    return shutil.which(program, path=os.pathsep.join(folders)) is not None


def ensure(say: Say) -> list[str]:
    """See that the system has what a rehearsal needs; names of the packages that were installed.

    Raises SetupError that says what to install or to allow.
    """
    if sys.platform != "linux":
        raise SetupError(f"the rehearsal needs Linux's namespaces; this is {sys.platform}. Use a Linux machine or VM")
    installed = ensure_packages(say)
    _check_namespaces()
    return installed


def ensure_packages(say: Say, listed: Path = PACKAGES) -> list[str]:
    """Install what is missing of a ``bindep.txt``; names of what was. Raises SetupError that says what to install."""
    kind = family()
    packages = parse(listed.read_text(), kind or "dpkg")
    missing = [package for package in packages if not present(package.program)]
    if not missing:
        return []
    names = [package.name for package in missing]
    if kind is None:
        raise SetupError(f"missing programs: {', '.join(p.program for p in missing)}. Install them (on Debian: "
                         f"{' '.join(names)}) and run this again")  # fmt: skip
    command = [*INSTALL[kind], *names]
    if os.geteuid() != 0:
        raise SetupError(f"missing system packages. Run this, then try again:\n  sudo {' '.join(command)}")
    with step(say, f"installing {', '.join(names)}"):
        _install(kind, command)
    if still := [package.program for package in missing if not present(package.program)]:
        raise SetupError(f"`{' '.join(command)}` went well, but these are still missing: {', '.join(still)}")
    return names


def _install(kind: str, command: list[str]) -> None:
    env = {"DEBIAN_FRONTEND": "noninteractive"}
    try:
        run("installing system packages", command, env=env)
    except SetupError:
        if kind != "dpkg":
            raise
        # The package lists may be missing (fresh containers) or old.
        run("refreshing the package lists", ["apt-get", "update"], env=env)
        run("installing system packages", command, env=env)


def _check_namespaces() -> None:
    answer = _refusal(["unshare", "--user", "--map-root-user", "--net", "true"])
    if answer is not None:
        raise SetupError(advice(answer, _read_setting))
    nft = shutil.which("nft", path=f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin") or "nft"
    answer = _refusal(["unshare", "--user", "--map-root-user", "--net", nft, "add", "table", "ip", "probe"])
    if answer is not None:
        raise SetupError(
            f"nftables does not work in a network namespace of this machine: {answer}. "
            "The kernel module may be missing; run this, then try again:\n  sudo modprobe nf_tables"
        )


def _refusal(command: list[str]) -> str | None:
    """What ``command`` answered when it failed; None when it went well."""
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return None if done.returncode == 0 else done.stderr.strip() or f"it ended with {done.returncode}"


def advice(answer: str, setting: Callable[[str], str | None]) -> str:
    """What to do where user namespaces are refused with ``answer``; ``setting`` reads a kernel setting by name."""
    head = f"this machine does not let you make user namespaces ({answer}), in which the rehearsal's clusters live."
    for name, forbids, allows, what in SETTINGS:
        if setting(name) == forbids:
            return f"{head} The cause is {name} = {forbids}, {what}. To allow them:\n  sudo sysctl -w {name}={allows}"
    return (
        f"{head} No kernel setting forbids it, so this is probably a container: start it with leave to make "
        "namespaces (Docker, Podman: --privileged), or use a virtual machine"
    )


def _read_setting(name: str) -> str | None:
    try:
        return Path("/proc/sys", *name.split(".")).read_text().strip()
    except OSError:
        return None
