"""What module ``coe_kubeconfig`` does."""

from __future__ import annotations

import datetime
import os
import time
from typing import Any

from ..proxies import hint_of
from . import kubeconfig
from .client import is_uuid
from .errors import FORBIDDEN, ApiError, MagnumError, NotOwnerError, OperationFailedError
from .families import recognise
from .operating import OperatingModule

Json = dict[str, Any]

API_POLL = 1.0
"""Seconds between questions to an API server that gets new certificates."""


def _found(path: str, server: str, ca: str, found: kubeconfig.Identity | None) -> Json:
    """What a kubeconfig, and the CA that it is for, are told of as."""
    return {
        "path": path,
        "server": server,
        "expires": kubeconfig.moment(found.certificate) if found else None,
        "ca": {"fingerprint": kubeconfig.fingerprint(ca), "expires": kubeconfig.moment(ca)},
    }


class KubeconfigModule(OperatingModule):
    """Finds the cluster and the file, replaces the CA if told to, keeps or renews the file."""

    def act(self) -> Json:
        if kubeconfig.MISSING:
            raise MagnumError(f"This needs the Python packages cryptography and PyYAML: {kubeconfig.MISSING}.")
        path = self.params["path"]
        found = kubeconfig.found_at(path)
        if self.params["state"] == "absent":
            return self._absent(path, found)
        old_ca = self._ca_to_replace()
        cluster = self.find_cluster(self.params["cluster"])
        if cluster is None:
            return self._without_cluster(path, found)
        if not cluster.get("api_address"):
            raise MagnumError(
                f"Cluster {cluster['name']} has no API address ({cluster.get('status')}): "
                f"a kubeconfig can be written once it is created."
            )
        return self._present(cluster, path, found, old_ca)

    def _present(self, cluster: Json, path: str, found: kubeconfig.Identity | None, old_ca: str | None) -> Json:
        server = str(cluster["api_address"])
        try:
            ca = self.magnum.ca_certificate(cluster["uuid"])
        except ApiError as error:
            if error.status != FORBIDDEN:
                raise
            return self._of_another_user(cluster, path, found, old_ca)
        before = kubeconfig.masked(found)
        actions = []
        rotating = old_ca is not None and old_ca == kubeconfig.fingerprint(ca)
        if rotating:
            self._check_rotation(cluster)
            actions.append(f"replace the CA of cluster {cluster['name']}")
            if not self.check_mode:
                ca = self._rotate(cluster, ca)
        reason, reachable = self._reason(found, server, ca)
        if rotating:  # in check mode the old CA still is there
            reason = "the cluster has another CA"
        renews = reason is not None
        if renews:
            actions.append(f"write the kubeconfig {path}")
            if not self.check_mode:
                found = self._renew(cluster, server, ca, path)
                if self.params["check_api"]:
                    reachable = self._answers(found, patiently=rotating)
        elif reason := kubeconfig.mode_reason(path):
            actions.append(self._set_mode(path))
        if warning := kubeconfig.warning_of_the_end(cluster["name"], ca, self.params["days_left"]):
            self.warn(warning)
        after = kubeconfig.masked(found)
        if renews and self.check_mode:
            after = {"server": server, "key": "(new)"}
        return {
            **_found(path, server, ca, found),
            "changed": bool(actions),
            "actions": actions,
            "reason": reason,
            "reachable": reachable,
            "diff": {"before": before, "after": after, "before_header": path, "after_header": path},
        }

    def _set_mode(self, path: str) -> str:
        """Let nobody else read the file. What was, or in check mode would be, done."""
        if not self.check_mode:
            os.chmod(path, kubeconfig.MODE)
        return f"set the mode of {path} to {kubeconfig.MODE:04o}"

    def _of_another_user(self, cluster: Json, path: str, found: kubeconfig.Identity | None, old_ca: str | None) -> Json:
        """A kubeconfig that works is kept. Raises NotOwnerError where there is none, or the CA is to be replaced."""
        server = str(cluster["api_address"])
        if found is None or old_ca is not None or not kubeconfig.serves(found, server):
            raise NotOwnerError(cluster, path)
        self.warn(
            f"The kubeconfig {path} is kept without a look at the CA of cluster {cluster['name']}, which only the user "
            f"{cluster.get('user_id')} may read. It ends on {kubeconfig.moment(found.certificate)}."
        )
        reason = kubeconfig.mode_reason(path)
        actions = [self._set_mode(path)] if reason else []
        shown = kubeconfig.masked(found)
        return {
            **_found(path, server, found.ca, found),
            "changed": bool(actions),
            "actions": actions,
            "reason": reason,
            "reachable": kubeconfig.authenticates(found) if self.params["check_api"] else None,
            "diff": {"before": shown, "after": shown, "before_header": path, "after_header": path},
        }

    # The CA

    def _ca_to_replace(self) -> str | None:
        given = self.params["replace_ca"]
        if not given:
            return None
        plain = kubeconfig.plain_fingerprint(given)
        if plain is None:
            raise MagnumError(
                f"replace_ca is '{given}', which is no SHA-256 fingerprint (64 hexadecimal digits). This module "
                "returns that of the present CA as ca.fingerprint; so does openssl x509 -noout -fingerprint -sha256."
            )
        return plain

    def _check_rotation(self, cluster: Json) -> None:
        """Raises MagnumError where Magnum would store a new CA that the cluster never gets."""
        self.magnum.require("ca_rotation")
        template = self.magnum.find_template(cluster["cluster_template_id"])
        if (template or {}).get("tls_disabled"):
            raise MagnumError(f"Cluster {cluster['name']} goes without TLS, so there is no CA to replace.")
        family = recognise(cluster=cluster, template=template)
        if family is not None and not family.rotates_ca:
            raise MagnumError(
                f"The CA of cluster {cluster['name']} cannot be replaced: {family.title} does not do that, and Magnum "
                f"would then sign with a CA that the cluster does not know. A new cluster has a new CA."
            )

    def _rotate(self, cluster: Json, old: str) -> str:
        """Have a new CA made, and wait until the cluster has it. The new CA, PEM."""
        uuid, name = cluster["uuid"], cluster["name"]
        doing = f"replacing the CA of cluster {name}"
        waiter = self.waiter(uuid, name)

        def changed() -> bool:
            return not kubeconfig.same_ca(old, self.magnum.ca_certificate(uuid))

        def ask() -> None:
            try:
                self.magnum.rotate_ca(uuid, name)
            except ApiError as error:
                # Magnum may have done it before it lost its answer. A refusal is one, unless the CA is another now.
                if error.status in (400, 403, 404, 409) or not changed():
                    raise

        self.operate(waiter, doing, ask, lambda _seen: changed(), wait=True)
        new = self.magnum.ca_certificate(uuid)
        if kubeconfig.same_ca(old, new):
            raise OperationFailedError(f"{doing}: Magnum says that it is done, but the CA is still the old one.")
        return new

    def _answers(self, found: kubeconfig.Identity, *, patiently: bool) -> bool | None:
        """Whether the API server knows a new kubeconfig; after a rotation it is given time to get its certificates."""
        until = time.monotonic() + (float(self.params["timeout"]) if patiently and self.params["wait"] else 0.0)
        while True:
            known = kubeconfig.authenticates(found)
            if known or time.monotonic() >= until:
                return known
            self.progress.say(f"API server {found.server}: does not answer with its new certificates yet")
            time.sleep(API_POLL)

    # The file

    def _absent(self, path: str, found: kubeconfig.Identity | None) -> Json:
        there = os.path.exists(path)
        name = self.params["cluster"]
        if found is not None and not is_uuid(name) and found.cluster != name:
            self.warn(f"The kubeconfig {path} is for the cluster {found.cluster}, so it is kept.")
            there = False
        if there and not self.check_mode:
            os.unlink(path)
        actions = [f"remove the kubeconfig {path}"] if there else []
        return {
            "changed": there,
            "actions": actions,
            "path": path,
            "diff": {"before": {"path": path} if there else {}, "after": {}},
        }

    def _without_cluster(self, path: str, found: kubeconfig.Identity | None) -> Json:
        name = self.params["cluster"]
        if not self.check_mode:
            raise MagnumError(f"Kubeconfig {path}: there is no cluster {name}.")
        self.warn(f"Kubeconfig {path}: there is no cluster {name}. Without check mode it has to be there.")
        return {
            "changed": True,
            "actions": [f"write the kubeconfig {path}"],
            "path": path,
            "server": None,
            "ca": None,
            "reason": "the cluster is yet to be made",
            "reachable": None,
            "expires": None,
            "diff": {"before": kubeconfig.masked(found), "after": {"key": "(new)"}},
        }

    def _reason(self, found: kubeconfig.Identity | None, server: str, ca: str) -> tuple[str | None, bool | None]:
        now = datetime.datetime.now(datetime.timezone.utc)
        subject = (self.params["user"], self.params["groups"])
        reason = kubeconfig.reason_to_renew(found, server, ca, self.params["days_left"], now, subject)
        if reason or found is None or not self.params["check_api"]:
            return reason, None
        known = kubeconfig.authenticates(found)
        if known is False:
            return kubeconfig.UNKNOWN_CLIENT, True
        if known is None:
            kept = "the kubeconfig is kept as it is"
            self.warn(f"The API server {server} cannot be reached from here; {kept}.{hint_of(server)}")
        return None, known

    def _renew(self, cluster: Json, server: str, ca: str, path: str) -> kubeconfig.Identity:
        key, request = kubeconfig.new_request(self.params["user"], self.params["groups"])
        certificate = self.magnum.sign(cluster["uuid"], request)
        text = kubeconfig.render(cluster["name"], server, ca, certificate, key, self.params["user"])
        kubeconfig.write(path, text)
        made = kubeconfig.read(text)
        if made is None:
            raise AssertionError("the kubeconfig that was written cannot be read")
        return made
