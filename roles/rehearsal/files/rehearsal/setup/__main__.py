"""``python3 -m rehearsal.setup --state DIR``: get all that a rehearsal needs; progress on stderr.

With ``--json`` the answer on stdout is {made: [name, …], bin: folder for PATH, binaries: {name: path},
environments: {name: folder}, images: path, python: path, seconds}; with ``--python`` it is {python: path}, the Python
that runs the cloud. Ends with 1 and says what to do when something is missing.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from . import binaries, environments, images, system
from .commands import SetupError
from .programs import all_programs
from .progress import say


def main(arguments: Sequence[str] | None = None) -> int:
    options = _options(arguments)
    try:
        if options.lock is not None:
            environments.lock(options.lock, say, options.upgrade)
            return 0
        if options.python:
            answer = {"python": str(environments.ensure(["cloud"], say)["cloud"] / "bin" / "python")}
        else:
            answer = everything(options.state, options.only)
    except SetupError as error:
        say(f"set-up: {error}")
        return 1
    except KeyboardInterrupt:
        say("set-up: stopped; run it again to go on")
        return 130
    if options.json or options.python:
        print(json.dumps(answer))
    return 0


def everything(state: Path | None, only: Sequence[str] | None) -> dict[str, Any]:
    """Get what is named in ``only`` (None: everything, and write the image table to ``state``), and tell the result."""
    began = time.monotonic()
    wanted_programs, wanted_environments = _split(only)
    made = [] if only else [f"package {name}" for name in system.ensure(say)]
    had = {name for name in wanted_programs if binaries.find(name)}
    had |= {name for name in wanted_environments if environments.find(name)}
    # Environments wait for the network, builds for the processor: both at once. Both are told when both fail.
    with ThreadPoolExecutor(1) as other:
        getting = other.submit(environments.ensure, wanted_environments, say)
        problems = []
        programs: dict[str, Path] = {}
        folders: dict[str, Path] = {}
        try:
            programs = binaries.ensure(wanted_programs, say)
        except SetupError as error:
            problems.append(str(error))
        try:
            folders = getting.result()
        except SetupError as error:
            problems.append(str(error))
    if problems:
        raise SetupError("\n".join(problems))
    new = sorted({*programs, *folders} - had)
    made += new
    seconds = round(time.monotonic() - began, 1)
    answer: dict[str, Any] = {
        "made": made,
        "seconds": seconds,
        "bin": str(binaries.search_path(programs)) if programs else None,
        "binaries": {name: str(path) for name, path in programs.items()},
        "environments": {name: str(path) for name, path in folders.items()},
    }
    if "cloud" in folders:
        answer["python"] = str(folders["cloud"] / "bin" / "python")
    if not only and state is not None:
        answer["images"] = str(images.write(state, folders, programs))
    there = len(programs) + len(folders) - len(new)
    say(
        f"set-up: {there} programs and environments were there, "
        f"{'made ' + ', '.join(made) if made else 'nothing to make'}; {seconds:.1f} s"
    )
    return answer


def _split(only: Sequence[str] | None) -> tuple[list[str], list[str]]:
    """Programs and environments of ``only``; SetupError for a name that is neither."""
    programs, known = list(all_programs()), environments.names()
    if not only:
        # What is optional and was made once is to be used.
        usual = [name for name, program in all_programs().items() if not program.optional or binaries.find(name)]
        return usual, known
    optional = sorted({*known, *environments.ON_DEMAND})
    if unknown := sorted(set(only) - set(programs) - set(optional)):
        raise SetupError(
            f"nothing is called {', '.join(unknown)}. Programs: {', '.join(programs)}. "
            f"Environments: {', '.join(optional)}"
        )
    return [name for name in only if name in programs], [name for name in only if name in optional]


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python3 -m rehearsal.setup", description="Get what a rehearsal runs on.")
    parser.add_argument("--state", type=Path, metavar="DIR", help="folder of the rehearsal; gets images.json")
    parser.add_argument("--only", nargs="+", metavar="NAME", help="these programs and environments alone")
    parser.add_argument("--json", action="store_true", help="answer on stdout as JSON")
    parser.add_argument("--python", action="store_true", help="tell the Python that runs the cloud, as JSON")
    parser.add_argument("--lock", nargs="*", metavar="NAME", help="write environments' locks anew (none named: all)")
    parser.add_argument("--upgrade", action="store_true", help="with --lock: the newest versions that are allowed")
    options = parser.parse_args(arguments)
    if options.state is None and not (options.only or options.python or options.lock is not None):
        parser.error("--state DIR is needed to set up everything")
    return options


if __name__ == "__main__":
    sys.exit(main())
