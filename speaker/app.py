"""The speaker's tasks; one that fails stops them all."""

import asyncio
import logging
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import NoReturn

from prometheus_client import PLATFORM_COLLECTOR, PROCESS_COLLECTOR, CollectorRegistry

from ferrite.errors import ClusterError, ConfigError
from ferrite.kube.cluster import Cluster, open_cluster
from ferrite.kube.kinds import NODES, SECRETS
from ferrite.kube.metrics import EventsCollector, WorldCollector
from ferrite.kube.world import World, keep_world
from ferrite.kube.writes import (
    ConfigurationStateSettings,
    Events,
    keep_configuration_state,
    keep_events,
)
from ferrite.net import IPAddress, NodeName, parse_address
from ferrite.objects import Secret
from ferrite.run.health import Health, serve_health
from ferrite.run.latest import Latest
from ferrite.run.metrics import serve_metrics
from speaker.bgp.gobgp import GobgpRouter, open_gobgp
from speaker.bgp.keep import BgpReport, keep_routes
from speaker.l2.links import Links, excluder, read_excludes
from speaker.l2.responder import Responder
from speaker.members.key import key_source
from speaker.members.mesh import Mesh, MeshSettings
from speaker.metrics import SpeakerCollector
from speaker.outlets import Gate, Outlets, state_of
from speaker.picture import Picture, Rules
from speaker.reconcile import Reconciler, keep_decisions, watched_kinds
from speaker.settings import Settings
from speaker.status import Place, keep_statuses

log = logging.getLogger(__name__)

EVENT_SOURCE = "metallb-speaker"
HEALTH_HOST = "127.0.0.1"
"""The speaker lives in the node's network: its probes are for the kubelet beside it."""
API_CHECK_SECONDS = 1.0
NO_JUDGES = 2
"""With so few live nodes nobody else can say whether we are cut off: then the API server is asked."""
LOOK_SECONDS = 0.5


@dataclass(slots=True)
class ApiAge:
    """When the API server last answered a request that needs its database."""

    answered_at: float = float("-inf")

    def seconds(self) -> float:
        """How long ago that was."""
        return asyncio.get_running_loop().time() - self.answered_at


async def run(settings: Settings) -> NoReturn:
    """Run the speaker until cancelled."""
    async with (
        open_cluster(settings.common.kubeconfig, "speaker") as cluster,
        open_gobgp(settings.gobgp_socket) as router,
    ):
        await _run(settings, cluster, router)


async def _run(settings: Settings, cluster: Cluster, router: GobgpRouter) -> NoReturn:
    common, me, events, health = settings.common, settings.node_name, Events(), Health()
    world, api = World(watched_kinds(common.namespace)), ApiAge()
    bgp: Latest[BgpReport] = Latest()
    mesh = Mesh(_mesh_settings(settings, world), api.seconds)
    links = Links(excluder(read_excludes(Path(settings.excluded_interfaces_file))))
    gate = Gate(mesh)
    responder = Responder(links, gate)
    picture = Picture(Rules(me, common.lb_class, settings.ignore_exclude_label))
    reconciler = Reconciler(world, picture, events, common.namespace)
    outlets = Outlets(me, world, events, responder, mesh, gate)
    place = Place(common.namespace, me, common.pod_name)
    registry = CollectorRegistry()
    speaker = SpeakerCollector(partial(state_of, outlets, bgp, reconciler))
    own = (speaker, WorldCollector(world), EventsCollector(events))
    for collector in (*own, PROCESS_COLLECTOR, PLATFORM_COLLECTOR):
        registry.register(collector)
    daemons = {
        "world": keep_world(cluster, world),
        "links": links.run(),
        "layer2": responder.run(),
        "members": mesh.run(),
        "nudge": _keep_nudging(mesh, world),
        "api-age": _keep_api_age(cluster, me, mesh, api),
        "decisions": keep_decisions(reconciler, partial(_live_nodes, mesh), outlets.act),
        "routes": keep_routes(outlets.routing, router, bgp, outlets.take_refused),
        "statuses": keep_statuses(cluster, place, outlets.statuses),
        "report": keep_configuration_state(cluster, outlets.report, _report_settings(settings)),
        "events": keep_events(cluster, events, EVENT_SOURCE),
        "ready": _keep_ready(health, world, mesh, outlets),
        "health": serve_health(health, HEALTH_HOST, common.health_probe_port),
        "metrics": serve_metrics(registry, common.metrics, cluster.authorised),
    }
    async with asyncio.TaskGroup() as tasks:
        for name, daemon in daemons.items():
            tasks.create_task(daemon, name=name)
    raise AssertionError("unreachable: daemon tasks never return")


def _mesh_settings(settings: Settings, world: World) -> MeshSettings:
    directory, bind = settings.key_directory, _bind_address(settings.bind_address)
    has_key = bool(directory or settings.secret_name)
    if bind is not None and not has_key:
        missing = "--ml-secret-key-path or --ml-secret-name"
        log.warning("membership is off: every Node counts as alive", extra={"missing": missing})
    namespace = settings.common.namespace

    def secret() -> Secret | None:
        return world.objects(SECRETS.within(namespace)).get(f"{namespace}/{settings.secret_name}")

    return MeshSettings(
        me=settings.node_name,
        bind=bind if has_key else None,
        key=key_source(directory, secret) if has_key else None,
        port=settings.bind_port,
    )


def _bind_address(text: str) -> IPAddress | None:
    if not text:
        return None
    try:
        return parse_address(text)
    except ValueError as error:
        raise ConfigError(f"--ml-bindaddr: {error}") from None


def _report_settings(settings: Settings) -> ConfigurationStateSettings:
    return ConfigurationStateSettings(
        namespace=settings.common.namespace,
        name=f"speaker-{settings.node_name}",
        component="speaker",
        condition="configReconcilerValid",
        field_manager="configReconciler",
        node_name=settings.node_name,
        pod_name=settings.common.pod_name or None,
    )


def _live_nodes(mesh: Mesh) -> frozenset[NodeName] | None:
    """Live nodes as membership sees them; None, which counts every Node, while it is switched off.

    None at all while it cannot work, for want of its key: so nobody says that he answers who may not.
    """
    if not mesh.is_on:
        return None
    return mesh.live_nodes if mesh.waiting_for is None else frozenset()


async def _keep_nudging(mesh: Mesh, world: World) -> NoReturn:
    """Decide again whenever a node comes or goes."""
    while True:
        await mesh.changed()
        world.nudge()


async def _keep_api_age(cluster: Cluster, me: NodeName, mesh: Mesh, api: ApiAge) -> NoReturn:
    """Read our own Node once a second while too few others could tell us that we are cut off."""
    while True:
        if mesh.is_on and len(mesh.live_nodes) <= NO_JUDGES:
            asked_at = asyncio.get_running_loop().time()
            with suppress(ClusterError, TimeoutError):
                async with asyncio.timeout(API_CHECK_SECONDS):
                    await cluster.get(NODES, me)
                api.answered_at = asked_at
        await asyncio.sleep(API_CHECK_SECONDS)


async def _keep_ready(health: Health, world: World, mesh: Mesh, outlets: Outlets) -> NoReturn:
    """Ready means: everything was listed, a first decision was made, and membership works."""
    told: tuple[str, ...] | None = None
    while True:
        waiting = world.waiting_for()
        for store in world.stores:
            health.ready(store.kind.plural, store.kind.plural not in waiting)
        health.ready("membership", mesh.waiting_for is None)
        health.ready("first decision", outlets.outcome is not None)
        missing = health.waiting_for()
        if missing != told:
            log.info("waiting" if missing else "ready", extra={"parts": ", ".join(missing)})
            told = missing
        await asyncio.sleep(LOOK_SECONDS)
