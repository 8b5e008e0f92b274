# Copyright: Contributors to the stfc.jupyterhub collection
# SPDX-License-Identifier: BSD-3-Clause
"""The cloud layer as a module: reads what there is, checks the files against it, plans the cluster."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, ClassVar, NoReturn

from ..hub_release import balancer
from ..hub_release.readiness import PUBLIC_SERVICE
from ..lock.project import name_of as lock_name
from ..magnum import kubeconfig
from ..magnum.client import is_uuid
from ..magnum.errors import FORBIDDEN, ApiError, MagnumError, NotOwnerError
from ..magnum.families import CLUSTER_API, recognise
from ..magnum.keeping import things_of
from ..magnum.leftovers import names_of
from ..magnum.module import MagnumModule
from ..magnum.preflight import Cloud, Verdict, check, check_known, external_network, site_template
from ..magnum.volumes import Cluster, at_risk, without_marks
from ..written import Severity
from .access import not_owner
from .cloud import check_project, notes
from .finding import Finding, located
from .project import Owner, Project
from .reading import Reader, assemble, services_of, together
from .report import Layer, Report

try:
    from keystoneauth1 import exceptions

    UNREACHABLE: tuple[type[Exception], ...] = (exceptions.ConnectionError, exceptions.DiscoveryFailure)
except ImportError:  # OpenStackModule fails with its own message
    UNREACHABLE = ()

MIB = 1024**2
ACCESS = "access"
"""The part of what is read that tells about the kubeconfig."""

PARTIAL = "what there is to do, because the file has errors"


class CoePreflight(MagnumModule):
    argument_spec: ClassVar[dict[str, Any]] = {
        "service": {"type": "dict", "required": True},
        "complete": {"type": "bool", "default": True},
        "collect": {"type": "bool", "default": False},
        "file": {"type": "str", "default": "openstack.yml"},
        "places": {"type": "dict", "default": {}},
        "kubeconfig": {"type": "path"},
    }
    collects: ClassVar[bool] = False
    """Whether problems are returned whatever the arguments say."""
    _not_compared = ""
    """What only the cluster's owner could have looked at."""
    balancing: balancer.Cloud | None = None
    """The project's load balancers and floating IPs, where all of that could be read."""

    def act(self) -> dict[str, Any]:
        service = self.params["service"]
        cloud, project, refusals, around = self._read(service)
        findings = [*refusals]
        if not self.params["complete"]:
            template = cloud.cluster_template
            family = recognise(str(service.get("cluster_driver") or "auto"), cluster=cloud.cluster, template=template)
            findings += _findings(check_known(service, cloud))
            findings += check_project(service, project, family or CLUSTER_API)
            answer = self._answer(findings, [PARTIAL, *self._notes(project)])
            return {**answer, "exists": cloud.cluster is not None, "limits": _limits(project)}
        verdict = check(service, cloud)
        findings += _findings(verdict.problems) + _findings(verdict.warnings, "warning")
        findings += check_project(service, project, verdict.family)
        answer = self._answer(findings, self._notes(project))
        plan = self._plan(service, cloud, verdict)
        return {**answer, **plan, **around, "limits": _limits(project)}

    def _notes(self, project: Project) -> list[str]:
        return [*notes(project), *filter(None, [self._not_compared])]

    def _answer(self, findings: list[Finding], notes: list[str] | None = None) -> dict[str, Any]:
        """Raises MagnumError with the report when there are errors and nobody collects them."""
        problems = located(findings, self.params["file"], self.params["places"])
        if not self._collects:
            report = Report([Layer("cloud", problems)])
            if report.fails("error"):
                raise MagnumError(report.text())
            for problem in problems:
                where = f"{problem['file']}:{problem['line']}" if problem["line"] else problem["file"]
                self.warn(f"{where} {problem['key']}: {problem['message']}; {problem['hint']}".rstrip("; "))
        return {"changed": False, "problems": problems, "skipped_because": "", "notes": notes or []}

    # A cloud that cannot be reached, or that does not let us in, is an answer, too.

    def __init__(self) -> None:
        super().__init__()  # which connects, and gives the module its own ways out afterwards
        if self._collects:
            self.fail_json = self._collect_failure

    def openstack_cloud_from_module(self) -> tuple[Any, Any]:
        if self._collects:
            self.fail_json = self._collect_failure
        connected: tuple[Any, Any] = super().openstack_cloud_from_module()
        return connected

    @property
    def _collects(self) -> bool:
        return self.collects or bool(self.params["collect"])

    def _fail_politely(self, error: Exception) -> NoReturn:
        status = getattr(error, "status_code", None) or getattr(error, "http_status", None) or 0
        self._unreachable = isinstance(error, UNREACHABLE) or status >= 500
        super()._fail_politely(error)

    def _collect_failure(self, msg: str, **details: Any) -> NoReturn:
        """Nobody home: the layer is skipped. Anything else is the file's or the credentials' fault."""
        unreachable = self._unreachable or details.get("status") in (0, 500, 502, 503, 504)
        findings = [] if unreachable else [Finding("openstack_cloud", msg)]
        reason = msg if unreachable else "the cloud does not let us in"
        problems = located(findings, self.params["file"], self.params["places"])
        self._leave({"changed": False, "problems": problems, "skipped_because": reason, "notes": []})

    def _leave(self, answer: dict[str, Any]) -> NoReturn:
        self.exit_json(**answer)

    def _read(self, service: dict[str, Any]) -> tuple[Cloud, Project, list[Finding], dict[str, Any]]:
        """Everything that is looked at, at the same time once it is known whether there is a cluster.

        The last are what a plan tells of kubeconfig and lock.
        """
        access = self.conn.session.auth.get_access(self.conn.session)
        name = service.get("cluster_name")
        live = self.find_cluster(name) if name else None
        services = services_of(self.conn)
        needed, parts = self._parts(service, live, services)
        read, failures = together({**needed, **parts, ACCESS: lambda: self._reason_to_renew(live)})
        for part in needed:
            if part in failures:
                raise failures[part]
        groups_of_rules = read.get("security_groups") or ()
        around: dict[str, Any] = {"locked": any(each.name == lock_name(str(name)) for each in groups_of_rules)}
        refused = failures.pop(ACCESS, None)
        renew = refused or read.pop(ACCESS, None) or ""
        if self.params["kubeconfig"]:
            around["kubeconfig_reason"] = str(renew)
        around["unkept_volumes"] = []
        if live is not None and at_risk(live):
            cluster = Cluster(live["name"], live["uuid"], tuple(names_of(live, live["name"])))
            volumes = things_of("volume", read.get("volumes") or ())
            around["unkept_volumes"] = without_marks(volumes, cluster, service.get("hub_namespace"))
        groups, flavors, networks, images = (read[part] for part in ("groups", "flavors", "networks", "images"))
        answers = {part: answer for part, answer in read.items() if part in parts}
        if {"balancers", "listeners", "floating_ips"} <= answers.keys():
            self.balancing = balancer.cloud(answers["balancers"], answers["listeners"], answers["floating_ips"])
        subnets = [
            {"id": s.id, "name": s.name, "network_id": s.network_id, "ip_version": s.ip_version}
            for s in read["named subnets"]
        ]
        listed_networks = [{"id": n.id, "name": n.name, "is_router_external": n.is_router_external} for n in networks]
        project, refusals = assemble(
            self.cloud_name,
            services,
            access.role_names,
            answers,
            failures,
            Owner(live, [group["name"] for group in groups]),
            {
                "flavors": [{k: getattr(f, k) for k in ("id", "name", "vcpus", "ram", "disk")} for f in flavors],
                "images": [{k: getattr(i, k) for k in ("id", "name", "min_disk", "min_ram")} for i in images],
                "networks": listed_networks,
                "subnets": subnets,
                "cluster": live,
                "hub_ports": _hub_ports(service, live, answers.get("balancers") or ()),
            },
        )
        if isinstance(refused, NotOwnerError):
            refusals.append(not_owner(refused))
        cloud = Cloud(
            name=self.cloud_name,
            flavors=[dict(flavor) for flavor in project.flavors],
            networks=listed_networks,
            subnets=subnets,
            images=[
                {
                    "id": i.id,
                    "name": i.name,
                    "os_distro": i.os_distro,
                    **{k: (i.properties or {}).get(k) for k in ("kube_version", "magnum_driver")},
                }
                for i in images
            ],
            keypairs=[k.name for k in read["keypairs"]],
            templates=read["templates"],
            cluster=live,
            cluster_template=read["template"],
            node_groups=groups,
            require=self.magnum.require,
            delegates=_delegates(access),
            same=self.same,
            neighbours=() if live else answers.get("clusters") or (),
            octavia_providers=answers.get("octavia_providers"),
        )
        project.template_labels = (site_template(service, cloud) or {}).get("labels") or {}
        return cloud, project, refusals, around

    def _parts(
        self, service: dict[str, Any], live: dict[str, Any] | None, services: frozenset[str]
    ) -> tuple[dict[str, Callable[[], Any]], dict[str, Callable[[], Any]]]:
        """What to read, by name: without the first ones nothing can be said, the others may fail."""
        needed: dict[str, Callable[[], Any]] = {
            "template": lambda: self.magnum.find_template(live["cluster_template_id"]) if live else None,
            "groups": lambda: self.magnum.list_nodegroups(live["uuid"]) if live else [],
            "flavors": lambda: list(self.conn.compute.flavors()),
            "networks": lambda: list(self.conn.network.networks()),
            "named subnets": lambda: list(self.conn.network.subnets()) if _names_network(service) else [],
            "images": lambda: self._images(service),
            "keypairs": lambda: self._keypairs(service),
            "templates": self.magnum.list_templates,
        }
        parts = Reader(self.conn, services).parts(service, live is not None)
        if live is None:  # whole ones, which show the cloud's driver
            parts["clusters"] = self.magnum.list_clusters
        return needed, parts

    def _reason_to_renew(self, live: dict[str, Any] | None) -> str | None:
        """What is wrong with the kubeconfig. Raises MagnumError, for the module that mends it to tell as well."""
        path = self.params["kubeconfig"]
        if not path or live is None or not live.get("api_address"):
            return "there is no cluster to compare it with"
        if kubeconfig.MISSING:
            return kubeconfig.MISSING
        found, server = kubeconfig.found_at(path), str(live["api_address"])
        try:
            ca = self.magnum.ca_certificate(live["uuid"])
        except ApiError as error:
            if error.status != FORBIDDEN:
                raise
            if not kubeconfig.serves(found, server):
                raise NotOwnerError(live, path) from None
            self._not_compared = (
                f"the kubeconfig with the cluster's CA, which only the user {live.get('user_id')} may read"
            )
            return kubeconfig.mode_reason(path)
        if warning := kubeconfig.warning_of_the_end(live["name"], ca, kubeconfig.DAYS_LEFT):
            self.warn(warning)
        return kubeconfig.reason_to_touch(path, found, server, ca)

    def _images(self, service: dict[str, Any]) -> list[Any]:
        """The images that the file names; all that there are once one of them is not found."""
        names = {service.get("cluster_image"), *(g.get("image") for g in service.get("cluster_node_groups") or ())}
        found = [self._named_image(name) for name in sorted(names - {None})]
        if [] in found and not service.get("cluster_template"):
            return list(self.conn.image.images())
        return [image for images in found for image in images]

    def _named_image(self, name: str) -> list[Any]:
        """Images of that name, or with that id."""
        if is_uuid(name) and (image := self.conn.image.find_image(name, ignore_missing=True)):
            return [image]
        images = self.conn.image.images
        return list(images(name=name)) or list(images(name=name, is_hidden=True))  # that of a cluster from before

    def _keypairs(self, service: dict[str, Any]) -> list[Any]:
        return list(self.conn.compute.keypairs()) if service.get("cluster_keypair") else []

    @staticmethod
    def _plan(service: dict[str, Any], cloud: Cloud, verdict: Verdict) -> dict[str, Any]:
        named = {g["flavor"] for g in (*service["cluster_node_groups"], service["cluster_control_plane"])}
        flavors = {
            key: {"vcpus": f["vcpus"], "memory": f["ram"] * MIB}
            for f in cloud.flavors
            for key in (f["name"], f["id"])
            if key in named
        }
        return {
            "actions": verdict.actions,
            "family": {"name": verdict.family.name, "certain": verdict.certain},
            "exists": cloud.cluster is not None,
            "current": cloud.cluster or {},
            "external_network": external_network(service, cloud),
            "template": verdict.template,
            "cluster": {"changes": verdict.cluster_changes, "options": verdict.cluster},
            "node_groups": verdict.node_groups,
            "expects": verdict.expects,
            "remove": verdict.remove,
            "unused_templates": verdict.unused_templates,
            "flavors": flavors,
        }


def _names_network(service: Mapping[str, Any]) -> bool:
    return bool(service.get("cluster_fixed_network") or service.get("cluster_fixed_subnet"))


def _hub_ports(service: Mapping[str, Any], live: Mapping[str, Any] | None, balancers: Iterable[Any]) -> frozenset[str]:
    """Ports of the hub's load balancer, which is known by the description that the cloud provider gives it."""
    start = f"Kubernetes external service {service.get('hub_namespace')}/{PUBLIC_SERVICE} from cluster "
    owner = Owner(live)
    found = [one for one in balancers if (one.description or "").startswith(start) and owner.owns(one.description)]
    return frozenset(one.vip_port_id for one in found)


def _limits(project: Project) -> dict[str, dict[str, int]]:
    return {name: limit._asdict() for name, limit in project.limits.items()}


def _delegates(access: Any) -> bool:
    """Whether Keystone lets these credentials make others: an application credential says it in its token."""
    try:
        return not access.application_credential.get("restricted", False)
    except (AttributeError, KeyError):  # another way to log in
        return True


def _findings(problems: Iterable[Mapping[str, Any]], severity: Severity = "error") -> list[Finding]:
    return [Finding(each["key"], each["problem"], each.get("hint") or "", severity) for each in problems]
