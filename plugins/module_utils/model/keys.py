# Copyright: Contributors to the stfc.jupyterhub collection
# SPDX-License-Identifier: BSD-3-Clause
"""What a key of the two files can be: its type, unit, default, description, example, choices and bounds."""

from __future__ import annotations

import dataclasses
import ipaddress
import re
from collections.abc import Callable, Mapping
from typing import Any, Literal
from urllib.parse import urlsplit

from ..quantity import QuantityError


class _Required:
    """The default of a key that has none."""

    def __repr__(self) -> str:
        return "required"


REQUIRED = _Required()

Type = Literal["string", "integer", "number", "boolean", "size", "duration", "list", "mapping", "object"]
"""``size`` and ``duration`` are written with a unit and become integers of bytes and seconds.

``object`` has the keys of ``options``; ``mapping`` has any keys, whose values are ``member``'s if that is given; a
``list`` has objects (``options``) or strings.
"""


@dataclasses.dataclass(frozen=True)
class Key:
    """One key of a file, or of an object in it.

    ``default`` is written as in a file (``20m``, not 1200); REQUIRED means that there is none. ``null`` says what
    null means, and only with it is null accepted. ``check`` raises QuantityError or ValueError.
    ``free``: text that may begin and end as it likes; other text is an identifier, with nothing around it.
    ``milli``: thousandths (``500m``) are taken too.
    Inside an object that has a ``type``: ``only`` lists the types for which the key means something, ``needed_for``
    those that cannot do without it, ``default_for`` the defaults that differ from type to type.
    """

    name: str
    type: Type
    description: str
    default: Any = REQUIRED
    null: str = ""
    example: Any = None
    choices: tuple[str, ...] = ()
    minimum: float | None = None
    maximum: float | None = None
    options: tuple[Key, ...] = ()
    member: Key | None = None
    unique: str = ""
    pattern: str = ""
    check: Callable[[str], None] | None = None
    secret: bool = False
    free: bool = False
    milli: bool = False
    only: tuple[str, ...] = ()
    needed_for: tuple[str, ...] = ()
    default_for: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    object_name: str = ""

    @property
    def required(self) -> bool:
        return self.default is REQUIRED

    @property
    def must_be_given(self) -> bool:
        """Whether a file without this key is wrong: also where its default would lack what its ``type`` needs."""
        kinds = [option.default for option in self.options if option.name == "type"]
        return self.required or (
            self.type == "object" and self.default == {} and any(set(kinds) & set(o.needed_for) for o in self.options)
        )

    @property
    def unit(self) -> str:
        """What the number means once it is loaded."""
        return {"size": "bytes", "duration": "seconds"}.get(self.type, "")

    def option(self, name: str) -> Key:
        """The option called ``name``. Raises KeyError."""
        for option in self.options:
            if option.name == name:
                return option
        raise KeyError(f"{self.name} has no option {name}")


@dataclasses.dataclass(frozen=True)
class File:
    """One of the two files: its usual name, the start of its keys' names, what it is about, its keys in order."""

    name: str
    title: str
    description: str
    keys: tuple[Key, ...]

    def key(self, name: str) -> Key:
        """The key called ``name``. Raises KeyError."""
        for key in self.keys:
            if key.name == name:
                return key
        raise KeyError(f"{self.name} has no key {name}")


def text_values(name: str, description: str) -> Key:
    """What a mapping of names to text holds: any text, also an empty one."""
    return Key(name, "string", description, default="", free=True, example="2")


# Checks of strings. Each raises QuantityError with what is wrong and what to write instead.

_LABEL = re.compile(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?", re.ASCII)


def host_name(value: str) -> None:
    """A host name (RFC 1123), lower case, with at least one dot; neither an address nor a URL."""
    wrong = f"{value!r} is not a host name"
    if "://" in value or "/" in value:
        host = urlsplit(value if "://" in value else f"//{value}").hostname or ""
        raise QuantityError(wrong, f"write the name alone: {host}" if host else "write a name such as hub.example.org")
    if is_address(value):
        raise QuantityError(f"{value} is an address, not a host name", "write a name such as hub.example.org")
    if re.fullmatch(r"[^:]+:[0-9]+", value):
        raise QuantityError(wrong, f"write the name without the port: {value.split(':')[0]}")
    if value != value.lower() and _is_host(value.lower()):
        raise QuantityError(f"{value!r} has capital letters", f"write {value.lower()}")
    if value.endswith(".") and _is_host(value[:-1]):
        raise QuantityError(f"{value!r} ends in a dot", f"write {value[:-1]}")
    if not _is_host(value):
        raise QuantityError(wrong, "write a name such as hub.example.org: letters, digits, dashes and dots")


def _is_host(value: str) -> bool:
    labels = value.split(".")
    return len(value) <= 253 and len(labels) > 1 and all(_LABEL.fullmatch(label) for label in labels)


def is_address(value: str) -> bool:
    """Whether ``value`` is an IPv4 or IPv6 address."""
    try:
        ipaddress.ip_address(value)
    except ValueError:
        return False
    return True


def email(value: str) -> None:
    """Something that a certificate authority accepts as a contact."""
    if not re.fullmatch(r"[^@\s<>\"']+@[^@\s<>\"']+", value) or not _is_host(value.split("@")[1].lower()):
        raise QuantityError(f"{value!r} is not an e-mail address", "write one such as team@example.org")


def url(value: str) -> None:
    """An http or https address."""
    try:
        parts = urlsplit(value)
        _port = parts.port
    except ValueError as error:
        raise QuantityError(f"{value!r} is not a web address ({error})") from error
    if parts.scheme not in ("http", "https") or not parts.hostname or re.search(r"\s", value):
        raise QuantityError(f"{value!r} is not a web address", "write one that starts with https://")


def ipv4(value: str) -> None:
    """An IPv4 address."""
    try:
        ipaddress.IPv4Address(value)
    except ValueError as error:
        raise QuantityError(f"{value!r} is not an IPv4 address", "write one such as 192.0.2.7") from error


def cidr(value: str) -> None:
    """A range of addresses with no bits set beyond its mask."""
    try:
        network = ipaddress.ip_network(value, strict=False)
    except ValueError as error:
        message = f"{value!r} is not a range of addresses"
        raise QuantityError(message, "write one such as 192.0.2.0/24") from error
    if str(network) != value:
        raise QuantityError(f"{value!r} is not how this range is written", f"write {network}")


def host_port(value: str) -> None:
    """``host:port``, the host a name or an IPv4 address."""
    host, _sep, port = value.rpartition(":")
    good = (_is_host(host) or is_address(host) or _LABEL.fullmatch(host)) and re.fullmatch("[0-9]{1,5}", port)
    if not good or not 0 < int(port) < 65536:
        raise QuantityError(f"{value!r} is not a host and a port", "write them as in 127.0.0.1:8443")


def image(value: str) -> None:
    """An image's reference: a repository and, after it, a tag or a digest (or neither: the tag is then ``latest``)."""
    name, _sep, digest = value.partition("@")
    repository = r"[a-zA-Z0-9][-a-zA-Z0-9.]*(:[0-9]+)?(/[a-z0-9]([-._a-z0-9]*[a-z0-9])?)*(:[\w][-.\w]{0,127})?"
    if "://" in value:
        raise QuantityError(f"{value!r} is not an image", f"write it without {value.split('://')[0]}://")
    if not re.fullmatch(repository, name, re.ASCII) or (
        "@" in value and not re.fullmatch("sha256:[0-9a-f]{64}", digest)
    ):
        raise QuantityError(
            f"{value!r} is not an image", "write one such as quay.io/jupyter/scipy-notebook:python-3.12"
        )


def kubernetes_version(value: str) -> None:
    """``v1.34.4``: all three parts, since Magnum's images and labels have them."""
    if re.fullmatch(r"v1\.[0-9]+\.[0-9]+", value):
        return
    if re.fullmatch(r"1\.[0-9]+\.[0-9]+", value):
        raise QuantityError(f"{value!r} is not a Kubernetes version as Magnum has them", f"write v{value}")
    raise QuantityError(f"{value!r} is not a Kubernetes version", "write all three parts, such as v1.34.4")


def dns_label(value: str, longest: int = 63) -> None:
    """Lower-case letters, digits and dashes, starting and ending with a letter or digit (RFC 1123)."""
    if _LABEL.fullmatch(value) and len(value) <= longest:
        return
    guess = re.sub(r"[^a-z0-9]+", "-", value.lower()).strip("-")[:longest].strip("-")
    rule = f"may have lower-case letters, digits and dashes, at most {longest}"
    raise QuantityError(f"{value!r} {rule}", f"write {guess}" if guess else "write a name such as large")


def profile_name(value: str) -> None:
    """A profile's name ends up in ``user-placeholder-NAME-HASH``, a label's value: 63 characters less those."""
    dns_label(value, longest=35)


def environment_name(value: str) -> None:
    """The name of an environment variable."""
    if not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", value, re.ASCII):
        raise QuantityError(f"{value!r} is not a name of an environment variable")


def absolute_path(value: str) -> None:
    """An absolute path without ``..``, nor a colon (Kubernetes: a mount path)."""
    if ":" in value:
        raise QuantityError(f"{value!r} has a colon in it", "write one such as /home/jovyan")
    if not value.startswith("/") or ".." in value.split("/") or value == "/":
        raise QuantityError(f"{value!r} is not an absolute path", "write one such as /home/jovyan")
