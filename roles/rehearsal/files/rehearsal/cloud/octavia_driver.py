# ruff: noqa: ARG002 - the provider API gives more than an update needs
"""Octavia provider driver without a data path: each object becomes ACTIVE once the API has committed it.

Octavia itself makes and removes the address's port in Neutron. Status updates run in the API's process,
through the code of Octavia's own driver agent.
"""

from __future__ import annotations

import logging
import queue
import threading
import time
from typing import Any

from octavia_lib.api.drivers import exceptions, provider_base
from octavia_lib.common import constants

from rehearsal.cloud import octavia_statuses as statuses
from rehearsal.cloud.octavia_statuses import Entry, Status, active, deleted

LOG = logging.getLogger(__name__)

LOCK = threading.RLock()
"""Held by the API for each request, so that an update waits until the request's objects are committed."""

ATTEMPTS, PAUSE = 100, 0.05
"""How often, and with how many seconds between, an update is tried before it is given up."""

_updates: queue.Queue[Status] = queue.Queue()
_start = threading.Lock()
_worker: threading.Thread | None = None


def publish(status: Status) -> None:
    """Hand an update to the thread that applies them, in their order."""
    global _worker
    with _start:
        if _worker is None:
            _worker = threading.Thread(target=_apply_updates, name="status updates", daemon=True)
            _worker.start()
    _updates.put(status)


def _apply_updates() -> None:
    from octavia.api.drivers.driver_agent import driver_updater

    updater = driver_updater.DriverUpdater()
    while True:
        status = _updates.get()
        problem: object = None
        for _turn in range(ATTEMPTS):
            try:
                with LOCK:
                    answer = updater.update_loadbalancer_status(
                        {kind: [dict(entry) for entry in entries] for kind, entries in status.items()}
                    )
                if answer[constants.STATUS_CODE] == constants.DRVR_STATUS_CODE_OK:
                    break
                problem = answer
            except Exception as error:  # the thread must outlive any one update
                problem = error
            updater.db_session.rollback()
            time.sleep(PAUSE)
        else:
            LOG.error("a status update was given up: %s; update: %s", problem, status)


def stand_in() -> None:
    """Give our driver to whatever provider is enabled, and to balancers of one that was."""
    from octavia.api.drivers import driver_factory
    from octavia.common import exceptions as refusals
    from oslo_config import cfg
    from wsme import types

    def get_driver(provider: Any) -> Driver:
        settings = cfg.CONF.api_settings
        name = settings.default_provider_driver if isinstance(provider, types.UnsetType) else provider or "amphora"
        if name not in (*settings.enabled_provider_drivers, Driver.name):
            raise refusals.ProviderNotEnabled(prov=name)
        driver = Driver()
        driver.name = name
        return driver

    driver_factory.get_driver = get_driver


def recover() -> None:
    """Settle what a process that died left in PENDING_CREATE, PENDING_UPDATE or PENDING_DELETE."""
    from octavia.db import models

    kinds = {
        "loadbalancers": models.LoadBalancer,
        "listeners": models.Listener,
        "pools": models.Pool,
        "members": models.Member,
        "healthmonitors": models.HealthMonitor,
        "l7policies": models.L7Policy,
        "l7rules": models.L7Rule,
    }
    with _session() as session, session.begin():
        pending = {
            kind: [
                statuses.settled(row.id, row.provisioning_status)
                for row in session.query(model).filter(model.provisioning_status.like("PENDING_%"))
            ]
            for kind, model in kinds.items()
        }
    if any(pending.values()):
        publish({kind: entries for kind, entries in pending.items() if entries})


def _session() -> Any:
    from octavia.db import api

    return api.get_session()


class Driver(provider_base.ProviderDriver):
    """Answers every call of the provider API with a status update."""

    name = "rehearsal"

    def create_vip_port(self, *args: Any, **kwargs: Any) -> None:
        message = "Octavia makes the port of the address itself."
        raise exceptions.NotImplementedError(user_fault_string=message, operator_fault_string=message)

    # Load balancers

    def loadbalancer_create(self, loadbalancer: Any) -> None:
        publish(statuses.created(loadbalancer))

    def loadbalancer_delete(self, loadbalancer: Any, cascade: bool = False) -> None:
        status: Status = {"loadbalancers": [deleted(loadbalancer.loadbalancer_id)]}
        if cascade:
            status |= _everything_below(loadbalancer.loadbalancer_id)
        publish(status)

    def loadbalancer_update(self, old_loadbalancer: Any, new_loadbalancer: Any) -> None:
        publish({"loadbalancers": [active(old_loadbalancer.loadbalancer_id)]})

    def loadbalancer_failover(self, loadbalancer_id: str) -> None:
        publish({"loadbalancers": [active(loadbalancer_id)]})

    # Listeners

    def listener_create(self, listener: Any) -> None:
        pools = [active(listener.default_pool_id)] if listener.default_pool_id else []
        publish(
            {
                "loadbalancers": [active(listener.loadbalancer_id)],
                "listeners": [active(listener.listener_id)],
                "pools": pools,
            }
        )

    def listener_update(self, old_listener: Any, new_listener: Any) -> None:
        publish(_parents(listener=old_listener.listener_id))

    def listener_delete(self, listener: Any) -> None:
        publish(
            {
                "loadbalancers": [active(listener.loadbalancer_id)],
                "listeners": [deleted(listener.listener_id)],
            }
        )

    # Pools

    def pool_create(self, pool: Any) -> None:
        listeners = [active(pool.listener_id)] if pool.listener_id else []
        publish(
            {
                "loadbalancers": [active(pool.loadbalancer_id)],
                "listeners": listeners,
                "pools": [active(pool.pool_id)],
            }
        )

    def pool_update(self, old_pool: Any, new_pool: Any) -> None:
        publish(_parents(pool=old_pool.pool_id))

    def pool_delete(self, pool: Any) -> None:
        status: Status = {
            "pools": [deleted(pool.pool_id)],
            "members": [deleted(member.member_id) for member in pool.members or () if member],
        }
        if pool.healthmonitor:
            status["healthmonitors"] = [deleted(pool.healthmonitor.healthmonitor_id)]
        publish(statuses.merge(_parents(pool=pool.pool_id), status))

    # Members

    def member_create(self, member: Any) -> None:
        _below_pool("members", active(member.member_id), member.pool_id)

    def member_update(self, old_member: Any, new_member: Any) -> None:
        _below_pool("members", active(old_member.member_id), old_member.pool_id)

    def member_delete(self, member: Any) -> None:
        _below_pool("members", deleted(member.member_id), member.pool_id)

    def member_batch_update(self, pool_id: str, members: Any) -> None:
        from octavia.db import models

        with _session() as session, session.begin():
            before = [member.id for member in session.get(models.Pool, pool_id).members]
        batch = {"members": statuses.replaced(before, [member.member_id for member in members])}
        publish(statuses.merge(_parents(pool=pool_id), batch))

    # Health monitors

    def health_monitor_create(self, healthmonitor: Any) -> None:
        _below_pool("healthmonitors", active(healthmonitor.healthmonitor_id), healthmonitor.pool_id)

    def health_monitor_update(self, old_healthmonitor: Any, new_healthmonitor: Any) -> None:
        _below_pool("healthmonitors", active(old_healthmonitor.healthmonitor_id), old_healthmonitor.pool_id)

    def health_monitor_delete(self, healthmonitor: Any) -> None:
        _below_pool("healthmonitors", deleted(healthmonitor.healthmonitor_id), healthmonitor.pool_id)

    # Policies and rules of layer 7

    def l7policy_create(self, l7policy: Any) -> None:
        _below_listener("l7policies", active(l7policy.l7policy_id), listener=l7policy.listener_id)

    def l7policy_update(self, old_l7policy: Any, new_l7policy: Any) -> None:
        _below_listener("l7policies", active(old_l7policy.l7policy_id), l7policy=old_l7policy.l7policy_id)

    def l7policy_delete(self, l7policy: Any) -> None:
        _below_listener("l7policies", deleted(l7policy.l7policy_id), listener=l7policy.listener_id)

    def l7rule_create(self, l7rule: Any) -> None:
        _below_policy(active(l7rule.l7rule_id), l7rule.l7policy_id)

    def l7rule_update(self, old_l7rule: Any, new_l7rule: Any) -> None:
        _below_policy(active(old_l7rule.l7rule_id), old_l7rule.l7policy_id)

    def l7rule_delete(self, l7rule: Any) -> None:
        _below_policy(deleted(l7rule.l7rule_id), l7rule.l7policy_id)

    # Flavors and zones: this provider offers none

    def get_supported_flavor_metadata(self) -> dict[str, str]:
        return {}

    def validate_flavor(self, flavor_metadata: Any) -> None:
        """Accepts any."""

    def get_supported_availability_zone_metadata(self) -> dict[str, str]:
        return {}

    def validate_availability_zone(self, availability_zone_metadata: Any) -> None:
        """Accepts any."""


def _parents(*, listener: str | None = None, pool: str | None = None, l7policy: str | None = None) -> Status:
    """The objects that the API set to PENDING_UPDATE together with one below them, ACTIVE again."""
    from octavia.db import models

    with _session() as session, session.begin():
        if l7policy:
            listener = session.get(models.L7Policy, l7policy).listener_id
        if pool:
            row = session.get(models.Pool, pool)
            load_balancer, listeners = row.load_balancer_id, [one.id for one in row.listeners]
        else:
            load_balancer, listeners = session.get(models.Listener, listener).load_balancer_id, [str(listener)]
    return {
        "loadbalancers": [active(load_balancer)],
        "listeners": [active(one) for one in listeners],
        "pools": [active(pool)] if pool else [],
    }


def _below_pool(kind: str, entry: Entry, pool: str) -> None:
    publish(statuses.merge(_parents(pool=pool), {kind: [entry]}))


def _below_listener(kind: str, entry: Entry, *, listener: str | None = None, l7policy: str | None = None) -> None:
    publish(statuses.merge(_parents(listener=listener, l7policy=l7policy), {kind: [entry]}))


def _below_policy(entry: Entry, l7policy: str) -> None:
    publish(statuses.merge(_parents(l7policy=l7policy), {"l7policies": [active(l7policy)], "l7rules": [entry]}))


def _everything_below(load_balancer: str) -> Status:
    from octavia.db import models

    with _session() as session, session.begin():
        row = session.get(models.LoadBalancer, load_balancer)
        policies = [policy for listener in row.listeners for policy in listener.l7policies]
        return {
            "listeners": [deleted(listener.id) for listener in row.listeners],
            "pools": [deleted(pool.id) for pool in row.pools],
            "members": [deleted(member.id) for pool in row.pools for member in pool.members],
            "healthmonitors": [deleted(pool.health_monitor.id) for pool in row.pools if pool.health_monitor],
            "l7policies": [deleted(policy.id) for policy in policies],
            "l7rules": [deleted(rule.id) for policy in policies for rule in policy.l7rules],
        }
