"""Waiting for a port of this machine."""

from __future__ import annotations

import socket
import time


def open_port(port: int) -> bool:
    """Whether something listens on that port of 127.0.0.1."""
    with socket.socket() as sock:
        sock.settimeout(1)
        return sock.connect_ex(("127.0.0.1", port)) == 0


def for_port(port: int, who: str, seconds: float = 120) -> None:
    """Return once something listens on the port; ``TimeoutError`` after so many seconds."""
    deadline = time.monotonic() + seconds
    while not open_port(port):
        if time.monotonic() > deadline:
            raise TimeoutError(f"{who} does not listen on 127.0.0.1:{port} after {seconds:.0f} s")
        time.sleep(0.1)
