"""The image table: which container images have an environment on this machine, and what a container of each is.

The set-up writes it (``rehearsal/setup/images.py`` describes the file); it is read again whenever it changes.
"""

from __future__ import annotations

import dataclasses
import json
import logging
import re
from pathlib import Path
from typing import Any

log = logging.getLogger(__name__)

_TAG = re.compile(r"(:[\w][\w.-]*)?(@sha256:[0-9a-f]+)?$")


@dataclasses.dataclass(frozen=True)
class Image:
    """What stands for one image.

    ``paths`` are shown in the sandbox at their own place, ``binds`` (source to target) at another, all read-only.
    ``entrypoint``, ``cmd``, ``env``, ``workdir``, ``user``, ``group`` and ``home`` are what the image's own
    configuration would say; ``append`` is put after the container's arguments. ``capabilities`` are those that a
    container of this image may have, in its pod's own network, when its pod asks for them or is privileged.
    """

    name: str
    paths: tuple[str, ...] = ()
    binds: dict[str, str] = dataclasses.field(default_factory=dict)
    env: dict[str, str] = dataclasses.field(default_factory=dict)
    entrypoint: tuple[str, ...] = ()
    cmd: tuple[str, ...] = ()
    append: tuple[str, ...] = ()
    workdir: str = "/"
    user: int = 1000
    group: int = 1000
    home: str = "/home/jovyan"
    capabilities: tuple[str, ...] = ()

    @classmethod
    def from_entry(cls, name: str, entry: dict[str, Any]) -> Image:
        """One entry of the table; keys that are not ours are left alone."""
        fields = {field.name for field in dataclasses.fields(cls)} - {"name"}
        values: dict[str, Any] = {
            key: tuple(value) if isinstance(value, list) else value for key, value in entry.items() if key in fields
        }
        values.setdefault("group", values.get("user", cls.user))
        return cls(name, **values)


def without_tag(reference: str) -> str:
    """``quay.io/x/y:1@sha256:...`` is ``quay.io/x/y`` (a registry's port stays)."""
    head, slash, tail = reference.rpartition("/")
    return head + slash + _TAG.sub("", tail)


def is_pause(reference: str) -> bool:
    """Whether the image does nothing but wait (``registry.k8s.io/pause`` and its copies)."""
    return without_tag(reference).rpartition("/")[2] in ("pause", "pause-amd64", "mirrored-pause")


class ImageTable:
    """The table in ``path``. Keys are an image with its tag, or without it for any other tag."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._stamp = 0
        self._entries: dict[str, dict[str, Any]] = {}

    def find(self, reference: str) -> Image | None:
        """What stands for an image, or None when the table does not have it."""
        entries = self._read()
        for key in (reference, without_tag(reference)):
            if key in entries:
                return Image.from_entry(key, entries[key])
        return None

    def _read(self) -> dict[str, dict[str, Any]]:
        try:
            stamp = self._path.stat().st_mtime_ns
            if stamp != self._stamp:
                self._entries, self._stamp = json.loads(self._path.read_text()), stamp
        except (OSError, ValueError) as error:
            # The last table that could be read still holds.
            log.warning("image table %s: %s", self._path, error)
        return self._entries
