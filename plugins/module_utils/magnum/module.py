"""What our Magnum modules share: the connection with its errors, the wait, names that mean the same, the diff."""

from __future__ import annotations

import functools
import importlib
import importlib.metadata
import re
import types
from collections.abc import Callable
from typing import Any, ClassVar, NoReturn

from ansible_collections.openstack.cloud.plugins.module_utils.openstack import OpenStackModule

from ..proxies import hint
from . import clouds_yaml, shortage
from .client import Magnum
from .clouds_yaml import CloudsYamlError
from .errors import CredentialsError, MagnumError, RefusedError, missing_nodes
from .nova import Nova, alive
from .plan import Plan, equal
from .progress import Progress
from .waiter import Seen, Waiter

try:
    from keystoneauth1 import exceptions
    from openstack.exceptions import SDKException

    ksa: Any = exceptions
    CLOUD_ERRORS: tuple[type[Exception], ...] = (exceptions.ClientException, SDKException)
except ImportError:  # OpenStackModule fails with its own message
    ksa = None
    CLOUD_ERRORS = ()
"""What the SDK raises where a service, or the network on the way to it, answers an error."""

Json = dict[str, Any]

_FLAVORS = ("flavor_id", "master_flavor_id")
_NETWORKS = ("external_network_id", "fixed_network")


WAITING: dict[str, Json] = {"wait": {"type": "bool", "default": True}, "timeout": {"type": "int", "default": 3600}}
"""Options of every module that waits; documented by the fragment ``stfc.jupyterhub.magnum.waiting``."""


class MagnumModule(OpenStackModule):  # type: ignore[misc,unused-ignore]
    """Base of our modules. A subclass has ``argument_spec`` and ``act()``, which returns the module's result."""

    module_kwargs: ClassVar[Json] = {"supports_check_mode": True}

    _cloud_name: str | None = None
    _config: Any = None
    """openstacksdk's reading of ``clouds.yaml``."""
    _unreachable = False
    """Whether a failure says no more than that nobody answered."""
    _inside = False
    """Whether the cloud has let us in: until then everything that is raised is about ``clouds.yaml`` or the network."""

    def __init__(self) -> None:
        _repair_sdk_version()
        super().__init__()
        self.progress = Progress()
        self._waiters: list[Waiter] = []
        self.magnum: Magnum
        self.exit_json = self._without_passwords(self.ansible.exit_json)
        self.fail_json = self._without_passwords(self.ansible.fail_json)

    def _without_passwords(self, leave: Callable[..., NoReturn]) -> Callable[..., NoReturn]:
        """The way out of the module, on which URLs lose their passwords. Ansible would add our arguments by itself."""

        def left(**result: Any) -> NoReturn:
            leave(**without_passwords({"invocation": {"module_args": dict(self.params)}, **result}))

        return left

    def enter(self) -> None:
        """Have the cloud let us in. This asks Keystone, so it may fail as anything else here."""
        self.magnum = Magnum(self.conn.container_infrastructure_management)

    def act(self) -> Json:
        raise NotImplementedError

    def run(self) -> None:
        try:
            self.enter()
            self._inside = True
            result = self.act()
        except CredentialsError as error:
            told = CredentialsError(error.doing, error.answer, f"cloud {self.cloud_name}")
            self.fail_json(msg=str(told), **told.details)
        except MagnumError as error:
            self.fail_json(msg=str(error), **error.details)
        except Exception as error:
            self._fail_politely(error)
        for note in dict.fromkeys(note for waiter in self._waiters for note in waiter.notes):
            self.warn(note)
        self.exit_json(**result)

    def _fail_politely(self, error: Exception) -> NoReturn:
        cloud = self._cloud_name or "given by the environment"
        if not self._inside and (fault := self._fault_of_the_entry(error)):
            self._unreachable = False
            self.fail_json(msg=fault)
        if ksa is not None and isinstance(error, ksa.Unauthorized):
            self.fail_json(msg=str(CredentialsError("", _one_line(error), f"cloud {cloud}")))
        if ksa is not None and isinstance(error, (ksa.ConnectionError, ksa.DiscoveryFailure)):
            advice = hint(error) or " Check auth_url and the network."
            self.fail_json(msg=f"Cloud {cloud} cannot be reached: {_one_line(error)}.{advice}")
        if ksa is not None and isinstance(error, ksa.MissingRequiredOptions):
            self.fail_json(msg=f"The credentials of cloud {cloud} are not complete: {_one_line(error)}.")
        if isinstance(error, CLOUD_ERRORS):
            advice = "" if self._inside else ". Check its entry in clouds.yaml: credentials, auth_url"
            self.fail_json(msg=f"Cloud {cloud} answered an error: {_one_line(error)}{advice}")
        raise error

    def openstack_cloud_from_module(self) -> tuple[Any, Any]:
        """Connect; whatever is wrong with ``clouds.yaml`` is said in words."""
        self._cloud_name = self.params.get("cloud") if isinstance(self.params.get("cloud"), str) else None
        if self._cloud_name and clouds_yaml.AVAILABLE:  # without the SDK the base class says so
            self._check_entry(self._cloud_name)
        try:
            connected: tuple[Any, Any] = super().openstack_cloud_from_module()
        except Exception as error:  # credentials' plugins raise anything
            self._fail_politely(error)
        return connected

    def _check_entry(self, name: str) -> None:
        given = {key: self.params.get(key) for key in ("auth", "auth_type", "region_name", "interface")}
        try:
            self._config = clouds_yaml.configuration()
            clouds_yaml.check(self._config, name, **given)
        except CloudsYamlError as error:
            self.fail_json(msg=str(error))
        for sentence in clouds_yaml.skipped(self._config):
            self.warn(sentence)

    def _fault_of_the_entry(self, error: Exception) -> str:
        """Why credentials are not even tried, or tried in vain; "" where that says the cloud's answer by itself."""
        if self._cloud_name is None or self._config is None:
            return ""
        if isinstance(error, CLOUD_ERRORS):
            return clouds_yaml.known_fault(self._config, self._cloud_name)
        return clouds_yaml.fault(self._config, self._cloud_name, error)

    # For subclasses

    @property
    def cloud_name(self) -> str:
        """How messages call the cloud."""
        return self._cloud_name or "of the environment"

    def waiter(self, uuid: str, name: str) -> Waiter:
        timeout = float(self.params["timeout"])
        made = Waiter(self.magnum, uuid, name, timeout, self.progress, short=self._short, missing=self._missing)
        self._waiters.append(made)
        return made

    def _short(self, seen: Seen) -> str:
        """Why the groups of workers that are on their way get no more servers, each with a reason; else empty.

        Empty too where Nova does not answer.
        """
        try:
            return self._reasons(seen)
        except CLOUD_ERRORS:
            return ""

    def _reasons(self, seen: Seen) -> str:
        names = [str(group["name"]) for group in seen.groups]
        servers = self._nova.servers(seen.cluster, names)
        said = []
        for group in seen.groups:
            if not str(group.get("status")).endswith("_IN_PROGRESS") or group.get("role") == "master":
                continue
            if group["status"] == "DELETE_IN_PROGRESS":  # which waits for no server
                return ""
            name, wanted = str(group["name"]), int(group.get("node_count") or 0)
            there = alive(servers, name)
            why = self._nova.why(name, group.get("flavor_id"), wanted - len(there), servers)
            if not why:
                return ""
            of = f"{wanted} nodes are asked for and {len(there)} servers are there, so it stays {group['status']}"
            said.append(shortage.sentence(name, of, why))
        return " ".join(said)

    def _missing(self, seen: Seen) -> int:
        try:
            servers = self._nova.servers(seen.cluster, [str(group["name"]) for group in seen.groups])
        except CLOUD_ERRORS:
            return 0
        return missing_nodes(seen.groups, sum(server["status"] != "ERROR" for server in servers))

    @functools.cached_property
    def _nova(self) -> Nova:
        return Nova(self.conn)

    def find_cluster(self, name_or_uuid: str) -> Json | None:
        return self.magnum.find_cluster(name_or_uuid)

    def same(self, key: str, live: Any, wanted: Any) -> bool:
        """Whether two values mean the same object: Magnum keeps a name or an id, whichever it was given."""
        if equal(key, live, wanted):
            return True
        if live is None or wanted is None:
            return False
        if key in _FLAVORS:
            return self._one_object(self.conn.compute.find_flavor, live, wanted)
        if key == "image_id":
            return self._one_object(self.conn.image.find_image, live, wanted)
        if key in _NETWORKS:
            find = functools.partial(self.conn.network.find_network, is_router_external=key == "external_network_id")
            return self._one_object(find, live, wanted)
        if key == "fixed_subnet":
            return self._one_object(self.conn.network.find_subnet, live, wanted)
        return False

    @staticmethod
    def _one_object(find: Any, live: Any, wanted: Any) -> bool:
        one, other = find(str(live), ignore_missing=True), find(str(wanted), ignore_missing=True)
        return one is not None and other is not None and one.id == other.id

    def refuse(self, what: str, plan: Plan) -> None:
        """Raises RefusedError when the plan has refusals; shows its warnings."""
        for warning in plan.warnings:
            self.warn(warning)
        if plan.refusals:
            raise RefusedError(what, plan.refusals)

    @staticmethod
    def diff(plan: Plan, header: str) -> Json:
        return {
            "before": plan.before,
            "after": plan.after,
            "before_header": header,
            "after_header": header,
        }


def _repair_sdk_version() -> None:
    """``openstack.cloud`` reads ``openstack.version``, which openstacksdk 4.15 and later no longer import by itself."""
    try:
        sdk = importlib.import_module("openstack")
    except ImportError:
        return
    if hasattr(sdk, "version"):
        return
    try:
        importlib.import_module("openstack.version")
    except ImportError:
        version = types.ModuleType("openstack.version")
        version.__version__ = importlib.metadata.version("openstacksdk")  # type: ignore[attr-defined]
        sdk.version = version  # type: ignore[attr-defined]


_PASSWORD = re.compile(r"(?<=://)([^/\s:@]+):[^/\s@]+(?=@)")


def without_passwords(value: Any) -> Any:
    """A result, or a message, in which no URL has a password (a template's proxy may have one)."""
    if isinstance(value, str):
        return _PASSWORD.sub(r"\1:********", value)
    if isinstance(value, dict):
        return {k: without_passwords(v) for k, v in value.items()}
    if isinstance(value, list):
        return [without_passwords(v) for v in value]
    return value


def _one_line(error: object) -> str:
    return " ".join(str(error).split())
