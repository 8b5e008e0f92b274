"""How pages are read, and where their addresses lead."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest
import requests

from tests.support.hub_client import HubClient, LoginRefusedError, credentials
from tests.support.localhost import LocalhostAdapter, connect_to
from tests.support.pages import Page

SPAWN = """<html><head><title>no text</title></head><body><h1>Server&nbsp;Options</h1>
<form action="/hub/spawn?next=%2F" method="POST"><input type="hidden" name="_xsrf" value="abc">
<input type=radio name=profile value=default checked><input type=radio name=profile value=large>
<select name="image"><option value="a">A</option><option value="b" selected>B</option></select>
<input type="checkbox" name="extra" value="1"><button type="submit" name="go">Start</button></form>
<input name="outside"><script>var hidden;</script>
<div class="modal fade"><div>Error</div><input name="no"></div><p>End</p></body></html>"""


def test_forms_hold_what_a_browser_would_send() -> None:
    (form,) = Page(SPAWN).forms
    assert (form.action, form.method) == ("/hub/spawn?next=%2F", "post")
    assert form.fields == {"_xsrf": "abc", "profile": "default", "image": "b"}
    assert form.choices == {"profile": ["default", "large"], "image": ["a", "b"], "extra": ["1"]}


def test_text_is_what_a_reader_sees() -> None:
    assert Page(SPAWN).text == "Server Options A B Start End"


def test_credentials_are_the_fields_to_fill_in() -> None:
    page = Page('<form><input name="csrf_token"><input name="login"><input type="password" name="password"></form>')
    assert credentials(page.forms[0]) == {"login", "password"}


@pytest.mark.parametrize(
    ("host", "address"),
    [
        ("localhost", "127.0.0.1"),
        ("jupyter.localhost", "127.0.0.1"),
        ("notlocalhost", "notlocalhost"),
        ("localhost.example.org", "localhost.example.org"),
        ("192.0.2.1", "192.0.2.1"),
    ],
)
def test_only_names_below_localhost_are_the_loopback(host: str, address: str) -> None:
    assert connect_to(host) == address


class Echo(BaseHTTPRequestHandler):
    """A hub of one form: sends to a login at another name, which refuses everybody."""

    def do_GET(self) -> None:
        host, port = self.headers["Host"].split(":")
        if self.path.startswith("/hub/oauth_login"):
            self._answer(302, "", Location=f"http://login.localhost:{port}/in", **{"Set-Cookie": f"at={host}; Path=/"})
        elif self.path == "/in":
            self._answer(200, '<form method="post"><input name="login"><input name="password"></form>')
        else:
            self._answer(200, f"{host} {self.headers.get('Cookie', '-')}")

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"])).decode()
        self._answer(200, f'<p>No {body}</p><form method="post"><input name="login"><input name="password"></form>')

    def log_message(self, *args: object) -> None:
        pass

    def _answer(self, status: int, text: str, **headers: str) -> None:
        self.send_response(status)
        for name, value in {**headers, "Content-Length": str(len(text))}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(text.encode())


@pytest.fixture
def port() -> Iterator[int]:
    server = HTTPServer(("127.0.0.1", 0), Echo)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server.server_port
    server.shutdown()
    server.server_close()


def test_names_keep_their_host_and_their_cookies(port: int) -> None:
    session = requests.Session()
    session.trust_env = False
    session.mount("http://", LocalhostAdapter())
    response = session.get(f"http://jupyter.localhost:{port}/hub/oauth_login")
    assert response.url == f"http://login.localhost:{port}/in"
    assert session.get(f"http://jupyter.localhost:{port}/").text == "jupyter.localhost at=jupyter.localhost"
    assert session.get(f"http://login.localhost:{port}/").text == "login.localhost -"


def test_a_refused_login_says_what_the_page_says(port: int) -> None:
    with pytest.raises(LoginRefusedError, match="refused with status 200: No login=mallory&password=x"):
        HubClient(f"http://jupyter.localhost:{port}").login_oidc("mallory", "x")
