"""A place for locks in memory, and a clock that only sleeping moves."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

from ansible_collections.stfc.jupyterhub.plugins.module_utils.lock.locking import Entry, LockError, split
from ansible_collections.stfc.jupyterhub.plugins.module_utils.lock.record import Record


@dataclasses.dataclass
class Clock:
    now: float = 1_790_000_000.0
    on_sleep: Callable[[float], None] = lambda _now: None

    def __call__(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds
        self.on_sleep(self.now)


@dataclasses.dataclass
class Memory:
    """Keeps entries in order. ``failing``: what the next calls raise."""

    entries: list[Entry] = dataclasses.field(default_factory=list)
    failing: list[LockError] = dataclasses.field(default_factory=list)
    made: int = 0

    def put(self, record: Record | None, text: str = "") -> Entry:
        self.made += 1
        said = record.text() if record else text
        self.entries.append(Entry(f"key{self.made}", "1", said, record))
        return self.entries[-1]

    def look(self) -> list[Entry]:
        self._fail()
        return list(self.entries)

    def take(self, record: Record) -> tuple[Entry | None, list[Entry]]:
        self._fail()
        own, others = split(self.entries, record)
        return (None, others) if others else (own[0] if own else self.put(record), [])

    def renew(self, entry: Entry, record: Record) -> Entry | None:
        self._fail()
        for number, each in enumerate(self.entries):
            if each.key == entry.key:
                new = Entry(each.key, str(int(each.version) + 1), record.text(), record)
                self.entries[number] = new
                return new
        return None

    def remove(self, entry: Entry) -> None:
        self._fail()
        self.entries = [each for each in self.entries if (each.key, each.version) != (entry.key, entry.version)]

    def detach(self) -> None:
        pass

    def _fail(self) -> None:
        if self.failing:
            raise self.failing.pop(0)
