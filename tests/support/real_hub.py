"""A real JupyterHub with a real configurable-http-proxy of the chart's versions, without Kubernetes.

Its users' servers are addresses of one small HTTP server here. Our code in the hub is the checkout's.
"""

from __future__ import annotations

import contextlib
import http.cookiejar
import http.server
import json
import os
import re
import signal
import socket
import subprocess
import threading
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import TracebackType
from typing import Any

from rehearsal.setup import environments, toolchains

IN_HUB = Path(__file__).resolve().parents[2] / "plugins" / "module_utils" / "in_hub"

CONFIG = """
import os, sys
from jupyterhub.spawner import Spawner

class Elsewhere(Spawner):
    def load_state(self, state):
        super().load_state(state)
        self.up = state.get("up", False)
    def get_state(self):
        return {{**super().get_state(), "up": self.up}}
    up = False
    async def start(self):
        self.up = True
        return "http://127.0.0.1:{servers}"
    async def stop(self, now=False):
        self.up = False
    async def poll(self):
        return None if self.up else 0

c.JupyterHub.spawner_class = Elsewhere
c.JupyterHub.authenticator_class = "dummy"
c.DummyAuthenticator.password = "pass"
c.JupyterHub.concurrent_spawn_limit = 0
c.JupyterHub.cleanup_servers = False
c.JupyterHub.hub_bind_url = "http://127.0.0.1:{hub}"
c.JupyterHub.db_url = "sqlite:///hub.sqlite"
c.JupyterHub.cookie_secret = b"x" * 32
c.ConfigurableHTTPProxy.api_url = "http://127.0.0.1:{api}"
c.ConfigurableHTTPProxy.should_start = False
c.JupyterHub.services = [{{"name": "tests", "api_token": "{token}"}}]
c.JupyterHub.load_roles = [{{
    "name": "tests", "services": ["tests"],
    "scopes": ["admin:users", "admin:servers", "list:users", "proxy", "tokens", "read:hub"],
}}]
"""

CONFIGURE = """
sys.path.insert(0, {folder!r})
import stfc_jupyterhub
stfc_jupyterhub.configure(c)
"""


def missing() -> str:
    """What of it is not on this machine, for a test to skip."""
    for name in ("hub", "proxy"):
        if environments.find(name) is None:
            return f"the {name}'s environment is not here: `make rehearse` makes it"
    return ""


class RealHub:
    """A hub in ``folder``, with ``configuration`` (Python) and then, if ``ours``, our code.

    Leaving the context ends all that it started. AssertionError with the log's end where something does not come.
    """

    def __init__(self, folder: Path, configuration: str = "", ours: bool = True) -> None:
        self.folder = folder
        self.token = "t" * 32
        self.ports = dict(zip(("public", "api", "hub", "servers"), _free_ports(4), strict=True))
        self.url = f"http://127.0.0.1:{self.ports['public']}"
        self.log = folder / "hub.log"
        self.configuration, self.ours = configuration, ours
        self._running: dict[str, subprocess.Popen[bytes]] = {}
        self._servers = http.server.ThreadingHTTPServer(("127.0.0.1", self.ports["servers"]), _Answer)
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "stfc_jupyterhub").symlink_to(IN_HUB)

    def __enter__(self) -> RealHub:
        threading.Thread(target=self._servers.serve_forever, daemon=True).start()
        try:
            self.start_proxy()
            self.start()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_error: type[BaseException] | BaseException | TracebackType | None) -> None:
        for name in list(self._running):
            self._stop(name)
        self._servers.shutdown()
        self._servers.server_close()

    def start(self, configuration: str | None = None) -> None:
        """Start the hub, and wait until it answers at the proxy's public address."""
        self.configuration = self.configuration if configuration is None else configuration
        text = CONFIG.format(**self.ports, token=self.token) + self.configuration
        text += CONFIGURE.format(folder=str(self.folder)) if self.ours else ""
        (self.folder / "jupyterhub_config.py").write_text(text)
        environment = environments.find("hub")
        assert environment is not None
        command = [str(environment / "bin" / "python"), "-m", "jupyterhub", "-f", "jupyterhub_config.py"]
        self._run("hub", command, self.log, {"PATH": f"{environment / 'bin'}{os.pathsep}{os.environ['PATH']}"})
        # Routes are checked after it listens, and the line comes after that.
        self.wait(lambda: "JupyterHub is now running" in self.said(), "the hub")

    def stop(self) -> None:
        """Stop the hub; servers and the proxy stay."""
        self._stop("hub")
        self.log.rename(self.folder / "hub.before.log")

    def start_proxy(self) -> None:
        """Start the proxy, without any route but the default one, as the chart does."""
        environment, node = environments.find("proxy"), toolchains.find_node()
        assert environment is not None and node is not None
        command = [
            *(str(node.node), str(environment / "node_modules" / ".bin" / "configurable-http-proxy")),
            *("--ip", "127.0.0.1", "--port", str(self.ports["public"])),
            *("--api-ip", "127.0.0.1", "--api-port", str(self.ports["api"])),
            *("--default-target", f"http://127.0.0.1:{self.ports['hub']}"),
        ]
        self._run("proxy", command, self.folder / "proxy.log", {"PATH": os.environ["PATH"]})
        self.wait(lambda: "/" in self.routes(), "the proxy")

    def kill_proxy(self) -> None:
        """End the proxy at once, as a node or the kernel does."""
        self._stop("proxy", signal.SIGKILL)

    def routes(self) -> dict[str, Any]:
        """The proxy's routes by path. OSError: there is no proxy."""
        return dict(self._ask(f"http://127.0.0.1:{self.ports['api']}/api/routes"))

    def api(self, path: str, method: str = "GET", body: Any = None) -> Any:
        """What the hub's API answers. Raises urllib.error.HTTPError."""
        return self._ask(f"http://127.0.0.1:{self.ports['hub']}/hub/api/{path}", method, body)

    def start_servers(self, names: list[str]) -> None:
        """Users of these names with running servers."""
        known = {user["name"]: user["server"] for user in self.api("users")}
        if new := [name for name in names if name not in known]:
            self.api("users", "POST", {"usernames": new})
        for name in (each for each in names if not known.get(each)):  # a login starts one too
            self.api(f"users/{urllib.parse.quote(name)}/server", "POST", {})
        self.wait(lambda: sum(path.startswith("/user/") for path in self.routes()) >= len(names), "servers")

    def cpu_seconds(self) -> float:
        """Processor time that the hub has used."""
        fields = Path(f"/proc/{self._running['hub'].pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def said(self) -> str:
        """The hub's log since its start."""
        return self.log.read_text()

    def wait(self, condition: Any, what: str, seconds: float = 240) -> float:
        """Seconds until the condition held."""
        began = time.monotonic()
        while True:
            with contextlib.suppress(OSError):
                if condition():
                    return time.monotonic() - began
            assert time.monotonic() - began < seconds, f"{what} did not come\n{self.said()[-4000:]}"
            time.sleep(0.1)

    def _ask(self, url: str, method: str = "GET", body: Any = None) -> Any:
        data = None if body is None else json.dumps(body).encode()
        headers = {"Authorization": f"token {self.token}", "Content-Type": "application/json"}
        request = urllib.request.Request(url, data, headers, method=method)
        with urllib.request.urlopen(request, timeout=60) as answer:
            text = answer.read()
        return json.loads(text) if text else None

    def _run(self, name: str, command: list[str], log: Path, environment: Mapping[str, str]) -> None:
        with log.open("ab") as file:
            self._running[name] = subprocess.Popen(
                command,
                cwd=self.folder,
                env={"HOME": str(self.folder), "CONFIGPROXY_AUTH_TOKEN": self.token, **environment},
                stdout=file,
                stderr=subprocess.STDOUT,
            )

    def _stop(self, name: str, how: signal.Signals = signal.SIGTERM) -> None:
        process = self._running.pop(name)
        process.send_signal(how)
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


class Browser:
    """Somebody's browser: cookies, and forms filled in."""

    def __init__(self, hub: RealHub) -> None:
        self.hub = hub
        self.jar = http.cookiejar.CookieJar()
        self._opener = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(self.jar))

    def get(self, path: str) -> tuple[int, str, str]:
        """Status, where it ended and the page."""
        return self._open(f"{self.hub.url}{path}")

    def post(self, path: str, **fields: str) -> tuple[int, str, str]:
        """Send a form from its page."""
        _status, _url, page = self.get(path)
        found = re.search(r'name="_xsrf" value="([^"]+)"', page)
        fields["_xsrf"] = found[1] if found else ""
        return self._open(f"{self.hub.url}{path}", urllib.parse.urlencode(fields).encode())

    def log_in(self, name: str, password: str = "pass") -> bool:
        """Whether the hub let them in."""
        self.post("/hub/login", username=name, password=password)
        return self.is_in()

    def is_in(self) -> bool:
        """Whether the hub knows who this is."""
        _status, url, _page = self.get("/hub/token")
        return urllib.parse.urlsplit(url).path == "/hub/token"

    def _open(self, url: str, data: bytes | None = None) -> tuple[int, str, str]:
        try:
            with self._opener.open(url, data, timeout=60) as answer:
                return answer.status, answer.url, answer.read().decode()
        except urllib.error.HTTPError as error:
            return error.code, error.url, error.read().decode()


class _Answer(http.server.BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b"a notebook")

    def log_message(self, format: str, *args: Any) -> None:
        """Nothing."""


def _free_ports(count: int) -> Iterator[int]:
    with contextlib.ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _number in range(count)]
        for each in sockets:
            each.bind(("127.0.0.1", 0))
        ports = [each.getsockname()[1] for each in sockets]
    return iter(ports)
