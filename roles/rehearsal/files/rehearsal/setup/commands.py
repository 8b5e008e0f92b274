"""Run other programs, and tell well what they answered when they fail."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

TOLD = 12
"""Lines of a failed program's output that are shown."""


class SetupError(Exception):
    """The set-up cannot go on. The message says what was being done, what was answered and what to do next."""


def run(
    what: str,
    command: Sequence[str | Path],
    *,
    cwd: Path | None = None,
    env: Mapping[str, str] | None = None,
    hint: str = "",
) -> str:
    """Run ``command`` for the purpose ``what`` and return what it wrote to stdout and stderr together.

    ``env`` is added to this process's environment. Raises SetupError, with the last lines and the ``hint``,
    when the program is not there or fails.
    """
    words = [str(word) for word in command]
    try:
        done = subprocess.run(
            words,
            cwd=cwd,
            env={**os.environ, **(env or {})},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            check=False,
            umask=0o022,  # what is made must be readable by the sandboxes' users
        )
    except OSError as error:
        raise SetupError(f"{what}: {words[0]} could not be started: {error.strerror}. {hint}".rstrip()) from error
    if done.returncode:
        last = "\n".join("  " + line for line in done.stdout.strip().splitlines()[-TOLD:]) or "  it said nothing"
        raise SetupError(f"{what}: `{' '.join(words[:4])} …` ended with {done.returncode}:\n{last}\n{hint}".rstrip())
    return done.stdout
