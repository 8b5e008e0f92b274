"""A client of JupyterHub over HTTP, as a browser would use it: log in, choose an instance, run code.

It follows links and forms and keeps cookies; nothing here knows how the hub was deployed. ``*.localhost`` names are
connected to at 127.0.0.1, as browsers do and the C library does not.
"""

from __future__ import annotations

import json
import socket
import ssl
import time
import uuid
from collections.abc import Iterator
from typing import Any
from urllib.parse import urljoin, urlsplit

import requests
import websocket

from tests.support.localhost import LocalhostAdapter, connect_to
from tests.support.pages import Form, Page

Json = dict[str, Any]


class HubError(Exception):
    """The hub, the login provider or a server answered otherwise than a user expects."""


class LoginRefusedError(HubError):
    """The login was refused; ``text`` is what the page says."""

    def __init__(self, user: str, status: int, text: str) -> None:
        super().__init__(f"login of {user} was refused with status {status}: {text}")
        self.status = status
        self.text = text


NAME_FIELDS = ("login", "username", "user")
PASSWORD_FIELDS = ("password",)
"""What login pages call them."""


class HubClient:
    """One user's session with the hub at ``url`` (its public address, with or without a path)."""

    def __init__(self, url: str, *, timeout: float = 30, verify: bool | str = True) -> None:
        self.url = url.rstrip("/")
        self.timeout = timeout
        self.user = ""
        self.session = requests.Session()
        self.session.trust_env = False  # no proxy between us and the loopback address
        self.session.verify = verify
        for scheme in ("http://", "https://"):
            self.session.mount(scheme, LocalhostAdapter())
        self._kernel: str | None = None

    # Logging in

    def login_oidc(self, user: str, password: str) -> None:
        """Log in through the OpenID provider that the hub sends to. Raises ``LoginRefusedError``."""
        response = self._get("/hub/oauth_login", params={"next": "/hub/home"})
        asked: set[str] = set()
        while self._away(response.url):  # a provider may ask for the name and the password on two pages
            page = Page(response.text)
            form = next((form for form in page.forms if credentials(form) - asked), None)
            if form is None:
                raise LoginRefusedError(user, response.status_code, page.text)
            asked |= credentials(form)
            for name in credentials(form):
                form.fields[name] = password if name in PASSWORD_FIELDS else user
            response = self._submit(response.url, form)
        self._finish_login(user, response)

    def login_form(self, user: str, password: str) -> None:
        """Log in through the hub's own form (dummy, native, LDAP). Raises ``LoginRefusedError``."""
        response = self._get("/hub/login", params={"next": "/hub/home"})
        form = Page(response.text).form_with("username", "password")
        if form is None:
            raise HubError(f"{response.url} shows no form for name and password: {Page(response.text).text}")
        form.fields |= {"username": user, "password": password}
        self._finish_login(user, self._submit(response.url, form))

    def sign_up(self, user: str, password: str) -> str:
        """Ask for an account with the native authenticator; returns what the page answers."""
        response = self._get("/hub/signup")
        form = Page(response.text).form_with("username", "signup_password")
        if form is None:
            raise HubError(f"{response.url} shows no form to sign up: {Page(response.text).text}")
        form.fields |= {"username": user, "signup_password": password, "signup_password_confirmation": password}
        return Page(self._submit(response.url, form).text).text

    def logout(self) -> None:
        """Forget the hub's login and the provider's."""
        self._get("/hub/logout")
        self.session.cookies.clear()

    # The hub

    def whoami(self) -> Json:
        """The user as the hub's API knows them: name, admin, groups, servers."""
        return self._api("GET", "user")

    def get(self, path: str) -> requests.Response:
        """A page or API of the hub by its path (``/hub/admin``); the status is not judged."""
        return self._get(path)

    def profiles(self) -> list[str]:
        """The slugs of the instances on offer. A hub that offers no choice starts a server at once: ``HubError``."""
        response = self._get("/hub/spawn")
        form = spawn_form(response)
        if form is None:
            raise HubError(f"{response.url} is not the choice of instances: {Page(response.text).text}")
        return form.choices.get("profile", [])

    def spawn(self, profile: str | None = None) -> None:
        """Ask for a server; returns at once (see ``wait_ready``). Raises ``HubError`` for an unknown profile."""
        self._forget_server()
        response = self._get("/hub/spawn")
        form = spawn_form(response)
        if form is not None and "profile" in form.choices:
            offered = form.choices["profile"]
            if profile is not None and profile not in offered:
                raise HubError(f"no instance {profile} is on offer, only: {', '.join(offered)}")
            form.fields["profile"] = profile or form.fields.get("profile") or offered[0]
            response = self._submit(response.url, form)
        elif profile is not None and "/hub/spawn-pending/" not in response.url:
            raise HubError(f"{response.url} offers no choice of instances: {Page(response.text).text}")
        if response.status_code >= 400 or "/hub/spawn?" in response.url:
            raise HubError(f"asking for a server answered {response.status_code}: {Page(response.text).text}")

    def wait_ready(self, timeout: float = 120) -> list[str]:
        """Wait until the server answers; returns what the progress page said. Raises ``HubError`` when it fails."""
        said = []
        for event in self.progress(timeout):
            said.append(str(event.get("message", "")))
            if event.get("failed"):
                raise HubError(f"the server of {self.user} did not start: {' / '.join(said)}")
            if event.get("ready"):
                return said
        raise HubError(f"the server of {self.user} was not ready after {timeout:.0f} s: {' / '.join(said)}")

    def progress(self, timeout: float = 120) -> Iterator[Json]:
        """The events of the progress page: ``{progress, message, ready?, failed?}``."""
        end = time.monotonic() + timeout
        url = f"{self.url}/hub/api/users/{self.user}/server/progress"
        headers = {"X-XSRFToken": self._xsrf("/hub/"), "Accept": "text/event-stream"}
        while time.monotonic() < end:
            left = max(1.0, end - time.monotonic())
            with self.session.get(url, headers=headers, stream=True, timeout=(self.timeout, left)) as response:
                if response.status_code != 200:
                    raise HubError(f"asking for the progress answered {response.status_code}: {response.text[:300]}")
                try:
                    for line in response.iter_lines():
                        if line.startswith(b"data:"):
                            event = json.loads(line[5:])
                            yield event
                            if event.get("ready") or event.get("failed"):
                                return
                        if time.monotonic() > end:
                            return
                except requests.RequestException:
                    continue  # the stream was cut; ask again while there is time

    def servers(self) -> Json:
        """The user's servers as the hub's API knows them, by name ("" is the default one)."""
        found: Json = self._api("GET", f"users/{self.user}").get("servers", {})
        return found

    def stop(self, timeout: float = 60) -> None:
        """Stop the server and wait until the hub has forgotten it."""
        self._forget_server()
        self._api("DELETE", f"users/{self.user}/server", expected=(202, 204))
        end = time.monotonic() + timeout
        while self.servers():
            if time.monotonic() > end:
                raise HubError(f"the server of {self.user} was still there after {timeout:.0f} s")
            time.sleep(0.2)

    # The user's server

    def run(self, code: str, timeout: float = 60) -> str:
        """Run ``code`` in the server's kernel (started at the first call) and return what it printed.

        An exception in the code is part of the output (``NameError: ...``). Raises ``HubError`` when the kernel
        dies ("kernel restarting") or does not answer in time.
        """
        messages = self._channel(timeout)
        sent = uuid.uuid4().hex
        content = {"code": code, "silent": False, "store_history": False, "allow_stdin": False}
        output: list[str] = []
        try:
            messages.send(json.dumps(kernel_message("execute_request", sent, content)))
            end = time.monotonic() + timeout
            while time.monotonic() < end:
                message = json.loads(messages.recv())
                kind, said = message["msg_type"], message["content"]
                if kind == "status" and said["execution_state"] in ("restarting", "dead"):
                    raise HubError(f"the kernel is {said['execution_state']}; it had printed: {''.join(output)!r}")
                if message.get("parent_header", {}).get("msg_id") != sent:
                    continue
                if kind == "stream":
                    output.append(said["text"])
                elif kind == "error":
                    output.append(f"{said['ename']}: {said['evalue']}")
                elif kind in ("execute_result", "display_data"):
                    output.append(said["data"].get("text/plain", "") + "\n")
                elif kind == "status" and said["execution_state"] == "idle":
                    return "".join(output)
        except (websocket.WebSocketException, OSError) as error:
            raise HubError(f"the kernel's connection broke ({error}); it had printed: {''.join(output)!r}") from error
        finally:
            messages.close()
        raise HubError(f"no answer from the kernel after {timeout:.0f} s; it had printed: {''.join(output)!r}")

    def kernel_state(self) -> str:
        """State of the kernel as the server knows it: starting, idle, busy, restarting, dead."""
        if self._kernel is None:
            raise HubError("no kernel was started")
        return str(self._server("GET", f"api/kernels/{self._kernel}").json()["execution_state"])

    def server_status(self) -> Json:
        """The server's own status: ``{started, last_activity, connections, kernels}``."""
        status: Json = self._server("GET", "api/status").json()
        return status

    # Inside

    def _forget_server(self) -> None:
        """A new server knows neither the kernel nor the cookies of the one before."""
        self._kernel = None
        for cookie in [cookie for cookie in self.session.cookies if cookie.path == f"/user/{self.user}/"]:
            self.session.cookies.clear(cookie.domain, cookie.path, cookie.name)

    def _finish_login(self, user: str, response: requests.Response) -> None:
        asks_again = Page(response.text).form_with("password") is not None
        if response.status_code >= 400 or self._away(response.url) or asks_again:
            raise LoginRefusedError(user, response.status_code, Page(response.text).text)
        self.user = self.whoami()["name"]

    def _away(self, url: str) -> bool:
        return urlsplit(url).netloc != urlsplit(self.url).netloc

    def _get(self, path: str, **options: Any) -> requests.Response:
        return self.session.get(self.url + path, timeout=self.timeout, **options)

    def _submit(self, page: str, form: Form) -> requests.Response:
        target = urljoin(page, form.action) if form.action else page
        if form.method == "get":
            return self.session.get(target, params=form.fields, timeout=self.timeout)
        # A form's own query stays: the hub keeps "next" there.
        return self.session.post(target, data=form.fields, timeout=self.timeout, headers={"Referer": page})

    def _api(self, method: str, path: str, expected: tuple[int, ...] = (200,)) -> Json:
        headers = {"X-XSRFToken": self._xsrf("/hub/")}
        url = f"{self.url}/hub/api/{path}"
        response = self.session.request(method, url, headers=headers, timeout=self.timeout)
        if response.status_code not in expected:
            raise HubError(f"{method} {url} answered {response.status_code}: {response.text[:300]}")
        answer: Json = response.json() if response.text else {}
        return answer

    def _server(self, method: str, path: str, **options: Any) -> requests.Response:
        url = f"{self.url}/user/{self.user}/{path}"
        if self._xsrf(f"/user/{self.user}/") == "":
            # The server's own login at the hub, and then its own token against forgery.
            for _turn in range(2):
                self.session.get(f"{self.url}/user/{self.user}/lab", timeout=self.timeout)
        headers = {"X-XSRFToken": self._xsrf(f"/user/{self.user}/")}
        response = self.session.request(method, url, headers=headers, timeout=self.timeout, **options)
        if response.status_code >= 400:
            raise HubError(f"{method} {url} answered {response.status_code}: {response.text[:300]}")
        return response

    def _channel(self, timeout: float) -> websocket.WebSocket:
        if self._kernel is None:
            self._kernel = str(self._server("POST", "api/kernels", json={"name": "python3"}).json()["id"])
        base = f"{self.url}/user/{self.user}/"
        where = urlsplit(base)
        cookies = "; ".join(f"{c.name}={c.value}" for c in self.session.cookies if where.path.startswith(c.path))
        connection = self._connect(where.scheme == "https", where.hostname or "", where.port, timeout)
        try:
            return websocket.create_connection(
                f"{base.replace('http', 'ws', 1)}api/kernels/{self._kernel}/channels",
                cookie=cookies,
                origin=f"{where.scheme}://{where.netloc}",
                timeout=timeout,
                socket=connection,
            )
        except (websocket.WebSocketException, OSError) as error:
            connection.close()
            raise HubError(f"connecting to the kernel of {self.user}: {error}") from error

    def _connect(self, secure: bool, host: str, port: int | None, timeout: float) -> socket.socket:
        connection = socket.create_connection((connect_to(host), port or (443 if secure else 80)), timeout)
        if not secure:
            return connection
        verify = self.session.verify
        context = ssl.create_default_context(cafile=verify if isinstance(verify, str) else None)
        if verify is False:
            context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        return context.wrap_socket(connection, server_hostname=host)

    def _xsrf(self, path: str) -> str:
        return next((c.value or "" for c in self.session.cookies if c.name == "_xsrf" and c.path == path), "")


def credentials(form: Form) -> set[str]:
    """The fields of ``form`` that ask for a name or a password."""
    return {name for name in form.fields if name in (*NAME_FIELDS, *PASSWORD_FIELDS)}


def spawn_form(response: requests.Response) -> Form | None:
    """The form that asks for an instance; None when the page is another one."""
    return next((form for form in Page(response.text).forms if "/hub/spawn" in form.action), None)


def kernel_message(kind: str, identity: str, content: Json) -> Json:
    """A message for a kernel's shell: https://jupyter-client.readthedocs.io/en/stable/messaging.html."""
    header = {"msg_id": identity, "msg_type": kind, "session": identity, "username": "", "date": "", "version": "5.3"}
    message = {"header": header, "parent_header": {}, "metadata": {}, "content": content}
    return {**message, "channel": "shell", "buffers": []}
