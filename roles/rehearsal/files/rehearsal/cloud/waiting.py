"""Whether a service of this rehearsal answers at its port."""

from __future__ import annotations

import http.client
import socket
import time

START_SECONDS = 300.0
"""How long a service may take to start: half a minute on a busy machine, and some more."""


def answers(port: int, name: str) -> bool:
    """Whether the service at that port of 127.0.0.1 is one of the rehearsal ``name``, by its ``Server`` header.

    A program of somebody else's that took the port is not.
    """
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    try:
        connection.request("GET", "/")
        return connection.getresponse().headers.get("Server") == name
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def taken(port: int) -> bool:
    """Whether anything at all listens on that port of 127.0.0.1."""
    with socket.socket() as sock:
        sock.settimeout(1)
        return sock.connect_ex(("127.0.0.1", port)) == 0


def until_answers(port: int, name: str, who: str, seconds: float = START_SECONDS) -> None:
    """Return once the service answers; ``TimeoutError`` after so many seconds."""
    deadline = time.monotonic() + seconds
    while not answers(port, name):
        if time.monotonic() > deadline:
            other = ", where another program listens" if taken(port) else ""
            raise TimeoutError(f"{who} does not answer at 127.0.0.1:{port}{other} after {seconds:.0f} s")
        time.sleep(0.1)
