"""What a program needs of an HTML page: its forms and its readable text."""

from __future__ import annotations

from dataclasses import dataclass, field
from html.parser import HTMLParser


@dataclass
class Form:
    """A form of a page: where it goes, by which method, and its fields as they are filled in.

    ``choices`` holds the values that radio buttons, check boxes and selects offer, by field.
    """

    action: str
    method: str
    fields: dict[str, str] = field(default_factory=dict)
    choices: dict[str, list[str]] = field(default_factory=dict)


class Page(HTMLParser):
    """The forms and the readable text of an HTML page."""

    SILENT = ("script", "style", "head", "nav", "noscript")
    HIDDEN = frozenset({"modal", "nag", "hidden"})
    """Classes of boxes that wait for a script to show them (Bootstrap's and Fomantic's)."""

    def __init__(self, html: str) -> None:
        super().__init__(convert_charrefs=True)
        self.forms: list[Form] = []
        self._words: list[str] = []
        self._silent: tuple[str, int] | None = None  # the element that is left out, and how deep we are in such ones
        self._inside = False
        self._select: str | None = None
        self.feed(html)
        self.close()

    @property
    def text(self) -> str:
        """What a reader sees, in one line."""
        return " ".join(" ".join(self._words).split())

    def form_with(self, *names: str) -> Form | None:
        """The first form that has all these fields."""
        return next((form for form in self.forms if all(name in form.fields for name in names)), None)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {key: value or "" for key, value in attrs}
        if self._silent:
            name, depth = self._silent
            self._silent = (name, depth + (tag == name))
        elif tag in self.SILENT or (tag == "div" and self.HIDDEN & set(given.get("class", "").split())):
            self._silent = (tag, 1)
        elif tag == "form":
            self.forms.append(Form(given.get("action", ""), given.get("method", "get").lower()))
            self._inside = True
        elif self._inside and tag == "select":
            self._select = given.get("name")
        elif self._inside and tag == "option" and self._select:
            self._choose(self._select, given.get("value", ""), "selected" in given)
        elif self._inside and tag in ("input", "textarea") and "name" in given:
            kind = given.get("type", "text")
            if kind in ("radio", "checkbox"):
                self._choose(given["name"], given.get("value", "on"), "checked" in given)
            elif kind not in ("submit", "image", "reset", "button"):
                self.forms[-1].fields[given["name"]] = given.get("value", "")

    def handle_endtag(self, tag: str) -> None:
        if self._silent:
            name, depth = self._silent
            depth -= tag == name
            self._silent = (name, depth) if depth else None
        elif tag == "form":
            self._inside = False
        elif tag == "select":
            self._select = None

    def handle_data(self, data: str) -> None:
        if not self._silent:
            self._words.append(data)

    def _choose(self, name: str, value: str, chosen: bool) -> None:
        form = self.forms[-1]
        form.choices.setdefault(name, []).append(value)
        if chosen:
            form.fields[name] = value
