"""Where a program can come from: this machine, its publisher, or a build of its Go module.

Each source is a function that puts programs into a folder (or finds them) and returns what it got; a program that a
source does not have is left to the next one.
"""

from __future__ import annotations

import hashlib
import http.client
import json
import os
import re
import shutil
import subprocess
import tarfile
import threading
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Sequence
from pathlib import Path

from rehearsal.settings import cache_dir

from .commands import SetupError, run
from .programs import GCFLAGS, Program
from .progress import Say

CONNECT = 4.0
"""Seconds that a publisher's host has to answer at all."""

READ = 30.0
"""Seconds between two pieces of a download."""

VERSION = re.compile(r"\bv?(\d+)\.(\d+)\.\d+")


# On this machine


def on_this_machine(program: Program) -> Path | None:
    """A program of the pinned minor version: in ``KUBEBUILDER_ASSETS`` (the convention of envtest), else on PATH.

    What lies in our own cache does not count: it is there under a key already.
    """
    folders = [os.environ.get("KUBEBUILDER_ASSETS", ""), *os.environ.get("PATH", "").split(os.pathsep)]
    own = str(cache_dir().resolve()) + os.sep
    for folder in filter(None, folders):
        for file in dict.fromkeys((program.name, program.file)):
            found = shutil.which(file, path=folder)
            if found is None or os.path.realpath(found).startswith(own):
                continue
            if version_of(found, program.ask) == program.minor:
                return Path(found).absolute()
    return None


def version_of(path: str | Path, ask: Sequence[str]) -> tuple[int, int] | None:
    """Major and minor version that the program at ``path`` tells; None when it tells none within five seconds."""
    try:
        told = subprocess.run(
            [str(path), *ask],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            timeout=5,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    found = VERSION.search(told.stdout)
    return (int(found[1]), int(found[2])) if found and told.returncode == 0 else None


# From the publisher


class Publisher:
    """Official downloads. A host that does not answer is asked once, whatever the number of programs.

    A checksum is the one pinned in ``programs.json``, else the publisher's own, fetched over https from beside the
    download: Kubernetes' and Helm's ``.sha256`` files, etcd's ``SHA256SUMS``, and for KWOK the ``digest`` that
    GitHub's API gives for a release's files. Without a checksum nothing is used.
    """

    def __init__(self) -> None:
        self._answers: dict[str, bool] = {}

    def fetch(self, program: Program, folder: Path, told: Say) -> Path | None:
        """Put the program into ``folder``; None when its publisher cannot be reached or has no checksum for it.

        Raises SetupError when the download does not have the checksum: that is not a reason to try elsewhere.
        """
        if not self._reachable(program.archive) or not (program.sha256 or self._reachable(program.checksum)):
            return None
        name = program.archive.rsplit("/", 1)[1]
        archive = folder / f"{program.name}.download"
        try:
            told(f"downloading {program.name} {program.version}")
            wanted = program.sha256 or find_checksum(self._read(program.checksum), name)
            got = self._save(program.archive, archive) if wanted else ""
        except (OSError, http.client.HTTPException) as error:  # urllib's errors are OSErrors
            told(f"{program.archive} could not be had ({error}); trying the next source")
            return None
        if not wanted:
            told(f"{program.checksum} has no checksum for {name}; trying the next source")
            return None
        if got != wanted:
            raise SetupError(
                f"{program.archive} has the checksum {got}, {program.checksum} says {wanted}. Nothing was installed. "
                "Try again; if it stays so, something between here and there changes downloads"
            )
        return unpack(archive, program.member, folder / program.name)

    def _reachable(self, url: str) -> bool:
        host = urllib.parse.urlsplit(url).netloc
        if host not in self._answers:
            answers: list[bool] = []
            # A name server that does not answer holds a thread for longer than any timeout of ours.
            probe = threading.Thread(target=lambda: answers.append(_answers(f"https://{host}/")), daemon=True)
            probe.start()
            probe.join(CONNECT + 0.5)
            self._answers[host] = bool(answers) and answers[0]
        return self._answers[host]

    def _read(self, url: str) -> str:
        with urllib.request.urlopen(url, timeout=READ) as response:
            return str(response.read(), "utf-8", "replace")

    def _save(self, url: str, path: Path) -> str:
        digest = hashlib.sha256()
        with urllib.request.urlopen(url, timeout=READ) as response, open(path, "wb") as stream:
            while piece := response.read(1 << 20):
                digest.update(piece)
                stream.write(piece)
        return digest.hexdigest()


def _answers(url: str) -> bool:
    try:
        urllib.request.urlopen(urllib.request.Request(url, method="HEAD"), timeout=CONNECT).close()
    except urllib.error.HTTPError:
        return True  # an answer all the same
    except (OSError, http.client.HTTPException):
        return False
    return True


def find_checksum(text: str, name: str) -> str | None:
    """SHA-256 of the file ``name`` in what a publisher serves.

    That is either the checksum alone, or lines of ``sha256sum``, or GitHub's description of a release.
    """
    if text.lstrip().startswith("{"):
        for asset in json.loads(text).get("assets", []):
            algorithm, _sep, value = (asset.get("digest") or "").partition(":")
            if asset.get("name") == name and algorithm == "sha256":
                return value
        return None
    for line in text.splitlines():
        value, *rest = line.split()[:2] or [""]
        if re.fullmatch(r"[0-9a-f]{64}", value) and (not rest or rest[0].lstrip("*") == name):
            return value
    return None


def unpack(archive: Path, member: str | None, target: Path) -> Path:
    """Make ``target`` from a download: its ``member``, or the download itself when it is the program."""
    if member is None:
        os.replace(archive, target)
    else:
        with tarfile.open(archive) as tar:
            stream = tar.extractfile(member) if member in tar.getnames() else None
            if stream is None:
                raise SetupError(f"the download of {target.name} holds no file {member}")
            with stream, open(target, "wb") as out:
                shutil.copyfileobj(stream, out)
        archive.unlink()
    target.chmod(0o755)
    return target


# Built


def build(programs: Sequence[Program], folder: Path, go: Path) -> dict[str, Path]:
    """Build ``programs``, all of one Go module, into ``folder``; one call of Go, since they share packages.

    Versions are those of the module's ``go.mod`` and ``go.sum``, which Go checks against each dependency's checksum.
    """
    run(
        f"building {listed(programs)}",
        [
            go,
            "build",
            "-mod=readonly",
            "-trimpath",
            "-buildvcs=false",
            *(f"-gcflags={flags}" for flags in GCFLAGS),
            # A variable that a program does not have is passed over.
            f"-ldflags={' '.join(dict.fromkeys(flag for program in programs for flag in program.ldflags))}",
            "-o",
            f"{folder}{os.sep}",
            *(p.package for p in programs),
        ],
        cwd=programs[0].module,
        # auto: an older Go fetches, as a module, the toolchain that go.mod asks for.
        env={"CGO_ENABLED": "0", "GOTOOLCHAIN": os.environ.get("GOTOOLCHAIN", "auto"), "GOFLAGS": "", "GOWORK": "off"},
        hint="Go's modules come from GOPROXY (see `go env GOPROXY`); is it reachable?",
    )
    made = {}
    for program in programs:
        made[program.name] = folder / program.name
        if program.built_as != program.name:
            os.replace(folder / program.built_as, made[program.name])
    return made


def listed(programs: Sequence[Program]) -> str:
    """``etcd v3.6.16, kube-proxy, kubectl v1.34.4``: programs of a version together."""
    of_version: dict[str, list[str]] = {}
    for program in programs:
        of_version.setdefault(program.version, []).append(program.name)
    return ", ".join(f"{', '.join(names)} {version}" for version, names in of_version.items())
