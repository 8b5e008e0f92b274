"""The Kubernetes programs: found on this machine, downloaded, or built; kept in ``<cache>/bin/``.

::

    bin/<group>-<version>-linux-<arch>/NAME         the program (a link, when it is one of this machine)
    bin/<group>-<version>-linux-<arch>/.NAME.json   {source, version, sha256, size, seconds, …}
    bin/path-<digest>/NAME                          links to all of them, for PATH

Sources, first to last: ``KUBEBUILDER_ASSETS`` and PATH (only at the pinned minor version), the publishers' downloads,
a build from the Go module proxy. See `rehearsal.setup.sources`.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import tempfile
import time
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from rehearsal.settings import cache_dir

from . import toolchains
from .cache import locked, read_manifest, write_manifest
from .programs import Program, all_programs, chosen
from .progress import Say, step


def find(name: str) -> Path | None:
    """Path of the program ``name`` in the cache; None when it is not there or was made by another recipe."""
    program = all_programs()[name]
    path = _folder(program) / name
    manifest = read_manifest(_manifest(program))
    if manifest is None or not os.access(path, os.X_OK):
        return None
    status = path.stat()
    if (manifest["size"], manifest.get("mtime", status.st_mtime)) != (status.st_size, status.st_mtime):
        return None  # this machine's own program was replaced since
    if manifest["source"] == "build" and manifest["recipe"] != program.recipe:
        return None
    return path


def ensure(names: Iterable[str], say: Say) -> dict[str, Path]:
    """Paths of the programs ``names``, by name; gets those that are not there.

    Raises SetupError when a program is to be had from no source.
    """
    programs = chosen(names)
    found = {program.name: find(program.name) for program in programs}
    if not all(found.values()):
        with locked(cache_dir() / "bin" / ".lock", say):
            # Another set-up may have made them while this one waited.
            _get([program for program in programs if find(program.name) is None], say)
        found = {program.name: find(program.name) for program in programs}
    return {name: path for name, path in found.items() if path is not None}


def search_path(programs: Mapping[str, Path]) -> Path:
    """A folder that holds ``programs`` under their plain names, to be put on PATH."""
    parts = sorted(f"{name}={path}" for name, path in programs.items())
    folder = cache_dir() / "bin" / f"path-{hashlib.sha256(chr(10).join(parts).encode()).hexdigest()[:12]}"
    if not folder.exists():
        draft = Path(tempfile.mkdtemp(prefix=".path-", dir=folder.parent))
        draft.chmod(0o755)
        for name, path in programs.items():
            (draft / name).symlink_to(path)
        try:
            draft.rename(folder)
        except OSError:
            shutil.rmtree(draft)
            if not folder.exists():
                raise
    return folder


def _folder(program: Program) -> Path:
    return cache_dir() / "bin" / program.key


def _manifest(program: Program) -> Path:
    return _folder(program) / f".{program.name}.json"


def _get(missing: Sequence[Program], say: Say) -> None:
    """Get programs from the first source that has each."""
    from . import sources  # with all of http, which takes longer to import than to find that nothing is missing

    publisher = sources.Publisher()
    left = []
    for program in missing:
        _folder(program).mkdir(parents=True, exist_ok=True)
        if own := sources.on_this_machine(program):
            say(f"using {own} as {program.name}")
            _adopt(program, own)
            continue
        with tempfile.TemporaryDirectory(prefix=".get-", dir=_folder(program)) as draft:
            began = time.monotonic()
            if path := publisher.fetch(program, Path(draft), say):
                _keep(program, path, source="download", seconds=time.monotonic() - began, address=program.archive)
            else:
                left.append(program)
    if left:
        go = toolchains.go(say)
        for module in dict.fromkeys(program.module for program in left):
            _build([program for program in left if program.module == module], go, say)


def _build(group: Sequence[Program], go: Path, say: Say) -> None:
    from . import sources

    with tempfile.TemporaryDirectory(prefix=".get-", dir=_folder(group[0])) as draft:
        began = time.monotonic()
        with step(say, f"building {sources.listed(group)}"):
            made = sources.build(group, Path(draft), go)
        for program in group:
            _keep(
                program,
                made[program.name],
                source="build",
                seconds=time.monotonic() - began,
                recipe=program.recipe,
            )


def _adopt(program: Program, own: Path) -> None:
    link = _folder(program) / program.name
    draft = link.with_name(f".{program.name}.link")
    draft.unlink(missing_ok=True)
    draft.symlink_to(own)
    os.replace(draft, link)
    status = link.stat()
    manifest = {"source": "machine", "path": str(own), "mtime": status.st_mtime, "size": status.st_size}
    write_manifest(_manifest(program), {**manifest, "version": program.version, "sha256": _sha256(own)})


def _keep(program: Program, made: Path, *, source: str, seconds: float, **more: str) -> None:
    manifest = {
        "source": source,
        "version": program.version,
        "sha256": _sha256(made),
        "size": made.stat().st_size,
        "seconds": round(seconds, 1),
        **more,
    }
    os.replace(made, _folder(program) / program.name)
    write_manifest(_manifest(program), manifest)


def _sha256(path: Path) -> str:
    digest = hashlib.sha256()
    with open(path, "rb") as stream:
        while piece := stream.read(1 << 20):
            digest.update(piece)
    return digest.hexdigest()
