"""Walk through the hub of a rehearsal with a browser, as a person does, and keep a picture of each page.

``python -m tests.browser.walk STATE [PICTURES]``, where ``STATE`` is a rehearsal's folder: log in through the login
provider, choose an instance, run a cell in JupyterLab, stop the server; then be refused as somebody of no group.
Exit status 1, and the reason, when a page is not as a person needs it.
"""

from __future__ import annotations

import argparse
import contextlib
import dataclasses
import json
import re
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, Locator, Page, ViewportSize, expect, sync_playwright
from playwright.sync_api import Error as PlaywrightError

CHROMIUMS = ("chromium", "chromium-browser", "google-chrome")
OPTIONS = ["--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking"]
SIZE: ViewportSize = {"width": 1280, "height": 800}

LOGIN_NAME = "input[name=login], input[name=username], input[name=user]"
IDLE_KERNEL = ".jp-Notebook-ExecutionIndicator[data-status=idle]"

PAGE_SECONDS = 30
SERVER_SECONDS = 120
CELL_SECONDS = 15


@dataclasses.dataclass(frozen=True)
class Instance:
    """A choice as the spawn page shows it."""

    slug: str
    display_name: str
    description: str


@dataclasses.dataclass(frozen=True)
class Seen:
    """What the allowed user saw."""

    instances: list[Instance]
    progress: list[str]
    """What the progress page said, in its order."""
    output: str
    """What the cell printed."""


def find_chromium() -> str | None:
    """The browser of this machine; None where it has none."""
    return next((path for name in CHROMIUMS if (path := shutil.which(name))), None)


@contextlib.contextmanager
def browser(executable: str) -> Iterator[Browser]:
    """A headless browser with a profile of its own, which goes with it."""
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=executable, args=OPTIONS)
        try:
            yield started
        finally:
            started.close()


class Visitor:
    """Somebody in front of the hub at ``url``, with cookies of their own; pictures go to ``pictures``/``prefix``-*."""

    def __init__(self, started: Browser, url: str, pictures: Path, prefix: str) -> None:
        self.url = url.rstrip("/")
        self.pictures = pictures
        self.prefix = prefix
        self._taken = 0
        # A rehearsal's certificate is nobody's: the probe and its tests are what look at certificates.
        self.context = started.new_context(viewport=SIZE, ignore_https_errors=True)
        self.page: Page = self.context.new_page()
        self.page.set_default_timeout(PAGE_SECONDS * 1000)

    def log_in(self, user: str, password: str) -> None:
        """Log in at the provider that the hub's button leads to; ends on the page that comes then."""
        page = self.page
        page.goto(self.url)
        button = page.get_by_role("button", name=re.compile("sign in", re.I))
        expect(button).to_be_visible()
        self.picture("login")
        button.click()
        page.wait_for_url(lambda address: not address.startswith(self.url + "/"))
        self.picture("provider")
        asked = page.locator(LOGIN_NAME).first
        asked.fill(user)
        secret = page.locator("input[type=password]")
        if not secret.count():  # a provider may ask on two pages
            asked.press("Enter")
            secret.wait_for()
            self.picture("password")
        secret.fill(password)
        secret.press("Enter")
        page.wait_for_url(lambda address: address.startswith(self.url + "/"))

    def refusal(self) -> str:
        """What the hub's error page says after a login; raises AssertionError when it is another page."""
        said = self.page.locator(".error")
        expect(said).to_be_visible()
        self.picture("refused")
        return said.inner_text()

    def instances(self) -> list[Instance]:
        """The choice on the spawn page; a server that still runs is stopped first."""
        self.stop()
        self.page.goto(f"{self.url}/hub/spawn")
        choices = self.page.locator("#kubespawner-profiles-list > label, #kubespawner-profiles-list .profile")
        expect(choices.first).to_be_visible()
        self.picture("instances")
        return [_instance(choice) for choice in choices.all()]

    def start(self, slug: str) -> list[str]:
        """Start an instance and wait for JupyterLab; what the progress page said meanwhile."""
        page = self.page
        page.locator(f"input[name=profile][value='{slug}']").check()
        page.locator("#spawn_form [type=submit]").click()
        page.wait_for_url(re.compile("/hub/spawn-pending/|/user/"))
        said: list[str] = []
        with contextlib.suppress(PlaywrightError):  # a server that is there at once leaves no time to look
            page.locator("details summary").click(timeout=5000)
            events = page.locator("#progress-log .progress-log-event")
            events.nth(1).wait_for(timeout=SERVER_SECONDS * 1000)  # the first only says that it was asked for
            self.picture("progress")
            said = [event.inner_text().strip() for event in events.all()]
        page.wait_for_url(re.compile("/user/[^/]+/lab"), timeout=SERVER_SECONDS * 1000)
        return said

    def run_cell(self, code: str) -> str:
        """Run a cell in a new notebook; what it printed."""
        page = self.page
        page.goto(f"{page.url.split('?')[0]}?reset")  # without what was open the last time
        card = page.locator(".jp-LauncherCard[data-category=Notebook]").first
        card.wait_for(timeout=SERVER_SECONDS * 1000)
        card.click()
        page.locator(IDLE_KERNEL).first.wait_for(timeout=SERVER_SECONDS * 1000)
        editor = page.locator(".jp-Notebook .jp-CodeCell .cm-content").first
        editor.click()
        editor.press_sequentially(code)
        output = page.locator(".jp-OutputArea-output").first
        for _turn in range(3):  # JupyterLab drops a cell that is run before it has connected to the kernel
            editor.click()
            page.keyboard.press("Control+Enter")
            with contextlib.suppress(PlaywrightError):
                output.wait_for(timeout=CELL_SECONDS * 1000)
                break
        page.locator(IDLE_KERNEL).first.wait_for()
        self.picture("lab")
        return output.inner_text().strip()

    def stop(self) -> None:
        """Stop the server, if there is one."""
        page = self.page
        page.goto(f"{self.url}/hub/home")
        expect(page.locator("#start")).to_be_visible()
        button = page.locator("#stop")
        if button.is_visible():
            button.click()
            expect(button).to_be_hidden(timeout=SERVER_SECONDS * 1000)

    def picture(self, name: str) -> None:
        """Keep a picture of the page."""
        self.pictures.mkdir(parents=True, exist_ok=True)
        self._taken += 1
        self.page.screenshot(path=self.pictures / f"{self.prefix}-{self._taken}-{name}.png")


@contextlib.contextmanager
def visitor(started: Browser, url: str, pictures: Path, prefix: str) -> Iterator[Visitor]:
    """A visitor who leaves; of what went wrong there is a picture, too."""
    person = Visitor(started, url, pictures, prefix)
    try:
        yield person
    except (PlaywrightError, AssertionError):
        person.picture("failed")
        raise
    finally:
        person.context.close()


def walk_allowed(started: Browser, url: str, user: tuple[str, str], pictures: Path, slug: str = "default") -> Seen:
    """All that an allowed user does, to a stopped server. ``user``: name and password."""
    with visitor(started, url, pictures, "allowed") as person:
        person.log_in(*user)
        offered = person.instances()
        progress = person.start(slug)
        output = person.run_cell("print(6*7)")
        person.stop()
        return Seen(offered, progress, output)


def walk_refused(started: Browser, url: str, user: tuple[str, str], pictures: Path) -> str:
    """What somebody of no allowed group reads."""
    with visitor(started, url, pictures, "refused") as person:
        person.log_in(*user)
        return person.refusal()


def user_with(summary: dict[str, Any], role: str) -> tuple[str, str]:
    """Name and password of the last user with a role (allowed, admin, refused); other tests begin with the first."""
    return [(user["name"], user["password"]) for user in summary["users"] if user["role"] == role][-1]


def _instance(choice: Locator) -> Instance:
    name, text = choice.locator("h3"), choice.locator("p")
    return Instance(
        slug=choice.locator("input[name=profile]").get_attribute("value") or "",
        display_name=name.inner_text().strip(),
        description=text.first.inner_text().strip() if text.count() else "",
    )


def main() -> int:
    parser = argparse.ArgumentParser(description="Walk through a rehearsal's hub with a browser.")
    parser.add_argument("state", type=Path, help="the rehearsal's folder (.rehearsal)")
    parser.add_argument("pictures", type=Path, nargs="?", default=Path("build/screenshots"))
    arguments = parser.parse_args()
    executable = find_chromium()
    if executable is None:
        print(f"No browser: none of {', '.join(CHROMIUMS)} is on PATH.", file=sys.stderr)
        return 1
    summary = json.loads((arguments.state / "summary.json").read_text())
    url = summary["hub"]["url"]
    try:
        with browser(executable) as started:
            print(walk_allowed(started, url, user_with(summary, "allowed"), arguments.pictures))
            print(walk_refused(started, url, user_with(summary, "refused"), arguments.pictures))
    except (PlaywrightError, AssertionError) as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
