# Copyright: Contributors to the stfc.jupyterhub collection
# SPDX-License-Identifier: BSD-3-Clause
"""What is wrong with ``clouds.yaml``, in words.

openstacksdk (``openstack/config/loader.py``) skips files that it cannot read, and takes an entry for what it should be:
one of another form ends in whatever Python raises where that is first noticed. So nothing is refused here that the SDK
can use: a fault is looked for once it has failed.
"""

from __future__ import annotations

import contextlib
import difflib
import json
import os
import re
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from ..proxies import hint
from .errors import MagnumError

AVAILABLE = False
"""Whether there is an SDK; OpenStackModule fails with its own message where there is none."""

with contextlib.suppress(ImportError):
    import requests
    import yaml
    from keystoneauth1 import exceptions, loading
    from openstack.config import loader as sdk
    from openstack.config import vendors

    AVAILABLE = True
INTERACTIVE = "v3oidcdeviceauthz"
"""It asks somebody who reads what is printed. What a module prints is its result."""

MASK = "********"

SECRET = re.compile(r"pass|secret|token|otp|assertion|private", re.I)
"""Names of values that are not repeated."""

LIKELY = (
    "v3applicationcredential",
    "password",
    "v3token",
    "v3oidcaccesstoken",
    "v3oidcpassword",
    "v3oidcclientcredentials",
    "v3totp",
)
"""Kinds of credentials, the most used first."""

WITHOUT_KEYSTONE = ("none", "noauth", "http_basic", "admin_token", "token_endpoint")
"""Kinds that log in nowhere: roles and catalog are not to be had by them."""

FILES = ("cacert", "cert", "key")
"""Values that name a file."""

CONVERTED = re.compile(
    r"auth_methods|(auth_)?token|passcode|((project|tenant|user|project_domain|user_domain|domain)_)+(id|name)"
)
"""Values of ``auth`` that the SDK turns into text, or that are lists (``_fix_backwards_auth``)."""


class CloudsYamlError(MagnumError):
    """A fault of a file or of an entry in it."""


def configuration() -> Any:
    """openstacksdk's ``OpenStackConfig``. Raises CloudsYamlError."""
    try:
        found = sdk.OpenStackConfig()
        found.get_cloud_names()
    except Exception as error:  # it raises anything
        raise CloudsYamlError(next(_faulty_files(), f"clouds.yaml cannot be used: {_line(error)}.")) from error
    return found


def skipped(config: Any) -> list[str]:
    """Files that the SDK passed over since they cannot be read, as sentences with the reason."""
    found = []
    for taken, (variable, files) in zip(
        (config.config_filename, config.secure_config_filename), _places(), strict=True
    ):
        for file in files:
            if file == taken:
                break
            if os.path.exists(file) and (reason := _unreadable(file)):
                found.append(f"{file} {reason}, so it was passed over.")
            elif file == os.environ.get(variable) and not os.path.exists(file):
                found.append(f"{variable} names {file}, and there is no such file.")
    return found


def check(config: Any, name: str, **given: Any) -> None:
    """Try the entry ``name`` with the other arguments of ``openstack.connect``, asking nobody but its profile's URL.

    Raises CloudsYamlError.
    """
    if name not in config.get_cloud_names():
        raise CloudsYamlError(_unknown(config, name))
    if _auth_type(config.cloud_config["clouds"][name]) == INTERACTIVE:
        raise CloudsYamlError(
            f"{_where(config, name)} has auth_type {INTERACTIVE}, which shows an address to log in at and waits; "
            "nobody would see it here. Use an application credential."
        )
    try:
        config.get_one(cloud=name, **{key: value for key, value in given.items() if value is not None})
    except Exception as error:  # plugins and profiles raise anything
        raise CloudsYamlError(fault(config, name, error)) from error


def fault(config: Any, name: str, error: Exception) -> str:
    """Why the entry failed, in one line, and what to write."""
    entry = config.cloud_config["clouds"].get(name)
    what = next(_faults(entry), "") or _told(config, name, entry, error)
    passed = "".join(f" {sentence}" for sentence in skipped(config))
    return _masked(f"{_where(config, name)} {what}{passed}", entry)


def known_fault(config: Any, name: str) -> str:
    """A fault of the entry's form by which a cloud's odd answer is explained; "" where there is none."""
    entry = config.cloud_config["clouds"].get(name)
    what = next(_faults(entry), "")
    return f"{_where(config, name)} {what}" if what else ""


# Files


def _places() -> Iterator[tuple[str, list[str]]]:
    """Where the SDK looks for ``clouds.yaml`` and ``secure.yaml``: the variable that names one, and all of them."""
    for variable, files in (("OS_CLIENT_CONFIG_FILE", sdk.CONFIG_FILES), ("OS_CLIENT_SECURE_FILE", sdk.SECURE_FILES)):
        named = os.environ.get(variable)
        yield variable, list(dict.fromkeys([*([named] if named else []), *files]))


def _faulty_files() -> Iterator[str]:
    """What is wrong with the files that the SDK takes, as sentences."""
    for _variable, files in _places():
        for file in filter(os.path.exists, files):
            if _unreadable(file):
                continue
            content = _content(file)
            if not isinstance(content, Mapping):
                yield f"{file} {_kind(content)}, where a file with clouds: and the entries below it is needed."
            else:
                for key in ("clouds", "cache", "client", "metrics"):
                    if not isinstance(content.get(key, {}), Mapping):
                        yield f"{key} in {file} {_kind(content[key])}. Write its keys below it, each with its value."
            break


def _content(file: str) -> Any:
    text = Path(file).read_text(encoding="utf-8")
    return json.loads(text) if file.endswith("json") else yaml.safe_load(text)


def _unreadable(file: str) -> str:
    """Why a file cannot be read, "" where it can. Its lines are not repeated: one may be a password."""
    try:
        _content(file)
    except UnicodeDecodeError as error:
        return f"is not UTF-8 (byte {error.start + 1})"
    except OSError as error:
        return f"cannot be read ({error.strerror})"
    except json.JSONDecodeError as error:
        return f"is no JSON: line {error.lineno}, {error.msg}"
    except yaml.YAMLError as error:
        mark, problem = getattr(error, "problem_mark", None), getattr(error, "problem", None)
        line = f"line {mark.line + 1}, " if mark else ""
        tab = problem and "'\\t'" in problem
        return f"is no YAML: {line}{'a tab is used to indent; use spaces' if tab else problem or 'it cannot be read'}"
    except ValueError as error:  # a date that does not exist
        return f"is no YAML: {_line(error)}"
    return ""


def _unknown(config: Any, name: str) -> str:
    passed = skipped(config)
    if config.config_filename is None:
        if passed:
            return f"Cloud {name} is not known. {' '.join(passed)}"
        return (
            f"There is no clouds.yaml, so that cloud {name} is not known. It is looked for in the current folder, in "
            "~/.config/openstack and in /etc/openstack; OS_CLIENT_CONFIG_FILE names another."
        )
    written = _content(config.config_filename) or {}
    if "clouds" not in written:
        return f"{config.config_filename} has no clouds: in it, so that cloud {name} is not known."
    known = sorted(map(str, written["clouds"]))
    near = difflib.get_close_matches(name, known, n=1)
    advice = f"Did you mean {near[0]}?" if near else f"It has: {', '.join(known) or 'none'}."
    return " ".join([f"Cloud {name} is not in {config.config_filename}. {advice}", *passed])


# Entries


def _where(config: Any, name: str) -> str:
    file = "the environment" if name == config.envvar_key else config.config_filename
    return f"Cloud {name} in {file}"


def _faults(entry: Any) -> Iterator[str]:
    """Faults of an entry's form. The SDK can use some of them where they do no harm."""
    if not isinstance(entry, Mapping) or not entry:
        yield f"{_kind(entry)}. Write auth, with auth_url and credentials, below it."
        return
    for key, wanted, fits in _SHAPES:
        if key in entry and not fits(entry[key]):
            yield f"has a wrong {key}: it {_kind(entry[key])}. Write {wanted}."
    if _auth_type(entry) in WITHOUT_KEYSTONE:
        yield f"has auth_type {_auth_type(entry)}, which logs in at no Keystone. Write one such as {LIKELY[0]}."
    auth = entry.get("auth")
    for key, value in (auth if isinstance(auth, Mapping) else {}).items():
        if not isinstance(value, str) and value is not None and not CONVERTED.fullmatch(str(key)):
            yield f"has a wrong auth.{key}: it {_kind(value)}. Write text, in quotes."
    url = (auth.get("auth_url") if isinstance(auth, Mapping) else None) or entry.get("auth_url")
    if isinstance(url, str) and (urlsplit(url).scheme not in ("http", "https") or not urlsplit(url).netloc):
        yield f"has the auth_url {url}, which is no address. Write one such as https://keystone.example.org:5000/v3."
    for key in FILES:
        if isinstance(entry.get(key), str) and not os.path.isfile(os.path.expanduser(entry[key])):
            yield f"names the {key} {entry[key]}, and there is no such file."


def _are_regions(value: Any) -> bool:
    return isinstance(value, list) and all(
        isinstance(each, str) or (isinstance(each, Mapping) and isinstance(each.get("name"), str)) for each in value
    )


def _are_networks(value: Any) -> bool:
    return value is None or (
        isinstance(value, list) and all(isinstance(each, Mapping) and each.get("name") for each in value)
    )


def _is_text(value: Any) -> bool:
    return value is None or isinstance(value, str)


def _is_text_or_list(value: Any) -> bool:
    return value is None or isinstance(value, (str, list))


def _is_seconds(value: Any) -> bool:
    return value is None or bool(re.fullmatch(r"[0-9.]+", str(value)))


def _is_trust(value: Any) -> bool:
    """Text is the path of a file with certificates."""
    return not isinstance(value, str) or value.lower() in ("true", "false") or os.path.exists(os.path.expanduser(value))


_SHAPES: tuple[tuple[str, str, Callable[[Any], bool]], ...] = (
    ("auth", "auth_url and credentials below it, each with its value", lambda value: isinstance(value, Mapping)),
    ("auth_type", "one such as v3applicationcredential", _is_text),
    ("profile", "the name of a provider, or its URL", _is_text),
    ("region_name", "text, in quotes", _is_text_or_list),
    ("regions", "a list of names", _are_regions),
    ("interface", "public, internal or admin", _is_text_or_list),
    ("networks", "a list, each with its name", _are_networks),
    ("api_timeout", "seconds, as a number", _is_seconds),
    ("verify", "true, false, or a file with certificates", _is_trust),
)
"""Key, what to write, and whether a value fits."""


def _told(config: Any, name: str, entry: Mapping[str, Any], error: Exception) -> str:
    if isinstance(error, exceptions.NoMatchingPlugin):
        known = sorted(loading.get_available_plugin_names())
        kind = str(_auth_type(entry))
        near = difflib.get_close_matches(kind, known, n=1)
        return f"has the auth_type {kind}, which is not known. Write {near[0] if near else ', '.join(LIKELY)}."
    profile = entry.get("profile") or entry.get("cloud")
    if isinstance(error, exceptions.MissingRequiredOptions):
        names = ", ".join(option.name.replace("-", "_") for option in error.options)
        strange = profile and not urlsplit(str(profile)).netloc and vendors.get_profile(str(profile)) is None
        more = f" Its profile {profile} is none that openstacksdk has." if strange else ""
        return f"lacks {names}. Write it below auth.{more}"
    if isinstance(error, TypeError) and (strange := _strange(config, name)):
        return strange
    if isinstance(error, (KeyError, IndexError)) and "{" in str(entry.get("auth_url") or entry.get("auth")):
        return f"has braces in its auth_url, in which openstacksdk looks for a key of the entry: {_line(error)}."
    asked = urlsplit(str(profile)).netloc and not isinstance(error, sdk.exceptions.ConfigException)
    if profile and (asked or isinstance(error, requests.RequestException)):  # openstacksdk has some that are URLs
        return f"has the profile {profile}, which cannot be had: {_line(error)}.{hint(error)}"
    return f"cannot be used: {_line(error)}."


def _strange(config: Any, name: str) -> str:
    """Keys of ``auth`` that its ``auth_type`` does not take, and another one that does."""
    try:
        found = config.get_one(cloud=name, validate=False).config
        given, kind = set(found["auth"]), str(found["auth_type"])
        strange = sorted(given - _options(kind))
    except Exception:  # then it is not that
        return ""
    if not strange:
        return ""
    says = f"has {', '.join(f'auth.{key}' for key in strange)}, which auth_type {kind} does not take"
    for other in LIKELY:
        if other != kind and given <= _options(other) and _required(other) <= given:
            return f"{says}. Write auth_type: {other} beside auth."
    return f"{says}. Remove it, or write the auth_type that it goes with."


def _options(kind: str) -> set[str]:
    options = loading.get_plugin_loader(kind).get_options()
    names = {name for option in options for name in (option.name, option.dest, *(d.name for d in option.deprecated))}
    return {name.replace("-", "_") for name in names}


def _required(kind: str) -> set[str]:
    return {o.name.replace("-", "_") for o in loading.get_plugin_loader(kind).get_options() if o.required}


def _auth_type(entry: Any) -> Any:
    return (entry.get("auth_type") or entry.get("auth_plugin")) if isinstance(entry, Mapping) else None


def _kind(value: Any) -> str:
    if value is None or value in ("", {}, []):
        return "is empty"
    if isinstance(value, bool):
        return "is true or false"
    kinds = {Mapping: "is a group of keys", list: "is a list", str: "is text", int: "is a number", float: "is a number"}
    return next((word for kind, word in kinds.items() if isinstance(value, kind)), "is no text")


def _masked(text: str, entry: Any) -> str:
    """Without what the entry keeps secret."""
    for value in sorted(_secrets(entry), key=len, reverse=True):
        text = text.replace(value, MASK)
    return text


def _secrets(value: Any, secret: bool = False) -> Iterator[str]:
    if isinstance(value, Mapping):
        for key, member in value.items():
            yield from _secrets(member, bool(SECRET.search(str(key))))
    elif isinstance(value, list):
        for member in value:
            yield from _secrets(member, secret)
    elif secret and value is not None and not isinstance(value, bool) and str(value):
        yield str(value)


def _line(error: object) -> str:
    return (" ".join(str(error).split()) or type(error).__name__).rstrip(".")
