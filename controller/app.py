"""The controller's tasks; one that fails stops them all."""

import asyncio
import logging
import socket
import uuid
from collections.abc import Callable
from typing import NoReturn

from prometheus_client import PLATFORM_COLLECTOR, PROCESS_COLLECTOR, CollectorRegistry

from controller.admission import configuration_kinds
from controller.lead import Leader
from controller.metrics import ControllerCollector, State
from controller.reconcile import Follower
from controller.secret import keep_secret
from controller.settings import Settings
from ferrite.kube.cluster import Cluster, open_cluster
from ferrite.kube.kinds import ADDRESS_BINDINGS, ADDRESS_RESERVATIONS, NAMESPACES, SERVICES
from ferrite.kube.lease import Leadership, LeaseSettings, boot_clock, keep_lease
from ferrite.kube.metrics import EventsCollector, WorldCollector
from ferrite.kube.world import World, keep_world
from ferrite.kube.writes import Events, keep_events
from ferrite.run.health import Health, serve_health
from ferrite.run.metrics import serve_metrics

log = logging.getLogger(__name__)

LEASE = "ferrite-controller"
EVENT_SOURCE = "metallb-controller"
LOOK_SECONDS = 0.5


async def run(settings: Settings) -> NoReturn:
    """Run the controller until cancelled."""
    async with open_cluster(settings.common.kubeconfig, "controller") as cluster:
        await serve(settings, cluster)


async def serve(settings: Settings, cluster: Cluster, clock: Callable[[], float] = boot_clock) -> NoReturn:
    """All tasks of the controller on an open cluster; `clock` is that of the Lease."""
    common, state, health, events = settings.common, State(), Health(), Events()
    bindings = ADDRESS_BINDINGS.within(common.namespace)
    world = World(
        (SERVICES, NAMESPACES, ADDRESS_RESERVATIONS, bindings, *configuration_kinds(common.namespace))
    )
    follower = Follower(world, common.namespace, common.lb_class or None, state)
    leadership = Leadership(clock)
    leader = Leader(settings, cluster, leadership, follower, events, state)
    registry = CollectorRegistry()
    own = (ControllerCollector(state), WorldCollector(world), EventsCollector(events))
    for collector in (*own, PROCESS_COLLECTOR, PLATFORM_COLLECTOR):
        registry.register(collector)
    daemons = {
        "world": keep_world(cluster, world),
        "lease": keep_lease(cluster, leadership, _lease(settings)),
        "follow": follower.follow(),
        "lead": leader.lead(),
        "events": keep_events(cluster, events, EVENT_SOURCE),
        "ready": _keep_ready(health, world),
        "health": serve_health(health, "", common.health_probe_port),
        "metrics": serve_metrics(registry, common.metrics, cluster.authorised),
    }
    if settings.secret_name:
        daemons["secret"] = keep_secret(cluster, common.namespace, settings.secret_name, settings.deployment)
    async with asyncio.TaskGroup() as tasks:
        for name, daemon in daemons.items():
            tasks.create_task(daemon, name=name)
    raise AssertionError("unreachable: daemon tasks never return")


async def _keep_ready(health: Health, world: World) -> NoReturn:
    """Ready means that everything was listed: before, nothing can be decided."""
    told: tuple[str, ...] = ()
    while True:
        waiting = world.waiting_for()
        for store in world.stores:
            health.ready(store.kind.plural, store.kind.plural not in waiting)
        if waiting != told:
            log.info("waiting" if waiting else "everything listed", extra={"kinds": ",".join(waiting)})
            told = waiting
        await asyncio.sleep(LOOK_SECONDS)


def _lease(settings: Settings) -> LeaseSettings:
    common = settings.common
    return LeaseSettings(f"{common.namespace}/{LEASE}", _identity(common.pod_name), settings.deployment)


def _identity(pod_name: str) -> str:
    """A name no other replica has, nor this one after a restart: an old holder is not taken for itself."""
    return f"{pod_name or socket.gethostname()}_{uuid.uuid4()}"
