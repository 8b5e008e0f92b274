"""Which programs a rehearsal needs, at which version, and where each can come from (``programs.json``).

A group of ``programs.json`` holds programs of one version: ``version``, ``module`` (folder of its ``go.mod`` below
``go/``), ``variables`` (Go string variables set by the linker), ``archive`` and ``checksum`` (addresses of the official
download and of the publisher's checksums), optionally ``sha256`` (address of an archive -> checksum, which then is not
asked of the publisher) and ``optional`` (got only when it is asked for by name). A program has ``package`` (of Go), and
where they differ from the usual ``file`` (its published name), ``member`` (its path in the archive), ``ask`` (arguments
that make it tell its version).
"""

from __future__ import annotations

import dataclasses
import functools
import hashlib
import json
import platform
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from .commands import SetupError

TABLE = Path(__file__).with_name("programs.json")
MODULES = Path(__file__).resolve().parents[2] / "go"
GCFLAGS = ("all=-dwarf=false", "k8s.io/...=-dwarf=false -l")
"""Of the compiler, ``PATTERN=FLAGS``; the last whose pattern matches a package holds for it.

No debugging information, which the linker would drop: making it takes a tenth of the time. No inlining in Kubernetes'
own packages, which are two thirds of all: another seventh. The same for all programs, since they share packages.
"""

ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64", "arm64": "arm64"}


@dataclasses.dataclass(frozen=True)
class Program:
    """One program of the table, its templates filled in for this machine."""

    name: str
    group: str
    version: str
    arch: str
    file: str
    ask: tuple[str, ...]
    module: Path
    package: str
    ldflags: tuple[str, ...]
    """Of the linker. Strips symbols, sets variables."""
    archive: str
    checksum: str
    sha256: str | None
    member: str | None
    optional: bool = False

    @property
    def key(self) -> str:
        """Name of the cache's folder for this program's group."""
        return f"{self.group}-{self.version}-linux-{self.arch}"

    @property
    def minor(self) -> tuple[int, int]:
        """Major and minor version: a program found on this machine must have just these."""
        major, minor, _patch = self.version.lstrip("v").split(".")
        return int(major), int(minor)

    @property
    def built_as(self) -> str:
        """What ``go build`` names it: the package's last element that is not a major version."""
        parts = self.package.split("/")
        return parts[-2] if parts[-1].lstrip("v").isdigit() else parts[-1]

    @functools.cached_property
    def recipe(self) -> str:
        """What a build is made from, as a short digest: another recipe makes another program."""
        digest = hashlib.sha256(f"{self.package} {' '.join((*self.ldflags, *GCFLAGS))}".encode())
        for name in ("go.mod", "go.sum"):
            digest.update((self.module / name).read_bytes())
        return digest.hexdigest()[:16]


def architecture() -> str:
    """Go's name of this machine's architecture; SetupError when nobody publishes for it."""
    machine = platform.machine()
    try:
        return ARCHITECTURES[machine]
    except KeyError:
        raise SetupError(f"Kubernetes is not published for {machine}; use an x86_64 or aarch64 machine") from None


def read(table: Mapping[str, Mapping[str, Any]], arch: str) -> dict[str, Program]:
    """Programs by name out of the groups of ``table``."""
    programs = {}
    for group, entry in table.items():
        version: str = entry["version"]
        major, minor, _patch = version.lstrip("v").split(".")
        for name, own in entry["programs"].items():
            file = own.get("file", name)
            fill = functools.partial(str.format, version=version, major=major, minor=minor, arch=arch, file=file)
            archive = fill(entry["archive"])
            variables = (f"-X={variable}={fill(value)}" for variable, value in entry.get("variables", {}).items())
            programs[name] = Program(
                name=name,
                group=group,
                version=version,
                arch=arch,
                file=file,
                ask=tuple(own.get("ask", ["--version"])),
                module=MODULES / entry["module"],
                package=own["package"],
                ldflags=("-s", "-w", *variables),
                archive=archive,
                checksum=fill(entry["checksum"]),
                sha256=entry.get("sha256", {}).get(archive),
                member=fill(own["member"]) if "member" in own else None,
                optional=bool(entry.get("optional")),
            )
    return programs


@functools.lru_cache(maxsize=1)
def all_programs() -> Mapping[str, Program]:
    """Every program of the table, by name."""
    return read(json.loads(TABLE.read_text()), architecture())


def chosen(names: Iterable[str]) -> list[Program]:
    """The programs ``names``; SetupError names one that is not in the table."""
    programs, wanted = all_programs(), list(names)
    if unknown := sorted(set(wanted) - set(programs)):
        raise SetupError(f"no program is called {', '.join(unknown)}; there are {', '.join(programs)}")
    return [programs[name] for name in wanted]
