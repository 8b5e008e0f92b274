"""One program of supervisord: what it runs, and how that is written in supervisord's configuration."""

from __future__ import annotations

import dataclasses
import shlex
from collections.abc import Mapping, Sequence
from pathlib import Path


@dataclasses.dataclass(frozen=True)
class Program:
    """One program. ``environment`` is added to supervisord's own; ``stop_seconds`` pass before it is killed.

    ``start_seconds`` is how long it must live to count as started; ``retries`` how often in a row it may fail to.
    """

    name: str
    command: Sequence[str]
    environment: Mapping[str, str] = dataclasses.field(default_factory=dict)
    directory: Path | None = None
    autorestart: bool = True
    start_seconds: float = 1
    retries: int = 100
    stop_seconds: float = 10
    priority: int = 999

    def render(self, log: Path) -> str:
        """The program's section of a supervisord configuration.

        Raises ``ValueError`` for a name or value that the format cannot hold.
        """
        if not self.name or set(self.name) - set(_NAME_CHARACTERS):
            raise ValueError(f"program name {self.name!r}: use letters, digits, '-', '_' and '.' only")
        options = {
            "command": plain("command", shlex.join(self.command)),
            "autostart": "true",
            "autorestart": "true" if self.autorestart else "false",
            "startsecs": f"{round(self.start_seconds)}",
            "startretries": f"{self.retries}",
            "stopwaitsecs": f"{round(self.stop_seconds)}",
            # Whole process groups, so that what a program forked ends with it.
            "stopasgroup": "true",
            "killasgroup": "true",
            "priority": f"{self.priority}",
            "redirect_stderr": "true",
            "stdout_logfile": plain("log", str(log)),
            "stdout_logfile_maxbytes": "5MB",
            "stdout_logfile_backups": "1",
        }
        if self.directory:
            options["directory"] = plain("directory", str(self.directory))
        if self.environment:
            options["environment"] = ",".join(
                f"{key}={_quoted(key, value)}" for key, value in sorted(self.environment.items())
            )
        return f"[program:{self.name}]\n" + "".join(f"{key} = {value}\n" for key, value in options.items())


_NAME_CHARACTERS = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_."


def plain(what: str, text: str) -> str:
    """``text`` as an option's value: '%' doubled. supervisord takes ' ;' and ' #' for the start of a comment."""
    if "\n" in text or " ;" in text or " #" in text or "\t;" in text or "\t#" in text:
        raise ValueError(f"{what}: a line break, ' ;' or ' #' cannot be written to supervisord's configuration")
    return text.replace("%", "%%")


def _quoted(key: str, value: str) -> str:
    """An environment variable's value in quotes; supervisord knows no escapes in them, and strips both kinds."""
    quote = '"' if '"' not in value else "'"
    if quote in value or value[:1] in ("'", '"') or value[-1:] in ("'", '"'):
        raise ValueError(f"environment variable {key}: its quotes cannot be written to supervisord's configuration")
    return quote + plain(f"environment variable {key}", value) + quote
