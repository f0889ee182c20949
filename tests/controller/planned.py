"""A planner in the hands of a test, and what it decided."""

from collections.abc import Iterable
from typing import Any

import msgspec

from controller.binding import Binding
from controller.choice import make_offers
from controller.decision import Assign, Clear, Decision, Keep, Refuse
from controller.ledger import Usage
from controller.plan import Planner
from controller.request import Request, read_request
from controller.tenant import Cause, Reason
from ferrite.model import Pool, Reservation, ServiceAllocation
from ferrite.net import Family, parse_address, parse_range
from ferrite.objects import ALLOCATED_FROM_POOL, Ingress, Service

DUAL = {"cluster_ips": ["10.96.0.1", "fd00::1"], "ipFamilies": ["IPv4", "IPv6"]}
PREFER = {**DUAL, "ipFamilyPolicy": "PreferDualStack"}
REQUIRE = {**DUAL, "ipFamilyPolicy": "RequireDualStack"}
IPS, ASK_POOL, SHARE = "metallb.io/loadBalancerIPs", "metallb.io/address-pool", "metallb.io/allow-shared-ip"


def pool(name: str, *ranges: str, allocation: ServiceAllocation | None = None, **options: Any) -> Pool:
    return Pool(name, tuple(parse_range(text) for text in ranges), allocation=allocation, **options)


def reservation(key: str, name: str, *addresses: str, services: str = "") -> Reservation:
    return Reservation(key, name, tuple(map(parse_address, addresses)), services)


BLUE = pool("blue", "192.0.2.0-192.0.2.3")
FULL = pool("blue", "192.0.2.1-192.0.2.1")
BOTH = pool("both", "198.51.100.1-198.51.100.9", "2001:db8::1-2001:db8::9")


class World:
    """A planner, the Services it is shown, and what it decided last about each."""

    def __init__(
        self, *pools: Pool, lb_class: str | None = None, broken: Iterable[str] = (), known: bool = True
    ) -> None:
        self.planner, self.lb_class = Planner(), lb_class
        self.services: dict[str, Service] = {}
        self.now = 0.0
        self.configure(*pools, broken=broken, known=known)

    def configure(
        self, *pools: Pool, broken: Iterable[str] = (), known: bool = True, **namespaces: dict[str, str]
    ) -> None:
        self.offers = make_offers(pools, namespaces, frozenset(broken), known)
        self.planner.configure(self.offers)

    def restart(self, *bindings: Binding) -> dict[str, Decision]:
        """A new term, with what is written down."""
        self.planner = Planner()
        self.planner.configure(self.offers)
        self.planner.restore(bindings, self.now)
        return self.turn()

    def show(self, *services: Service) -> dict[str, Decision]:
        self.services.update({one.key: one for one in services})
        return self.turn(one.key for one in services)

    def remove(self, *keys: str) -> dict[str, Decision]:
        for key in keys:
            del self.services[key]
        return self.turn(keys)

    def turn(self, keys: Iterable[str] | None = None) -> dict[str, Decision]:
        wanted = list(self.services) if keys is None else keys
        return {decision.key: decision for decision in self.planner.turn(wanted, self._find, self.now)}

    def one(self, shown: Service) -> Decision:
        return self.show(shown)[shown.key]

    def give(self, *services: Service) -> dict[str, list[str]]:
        """Show Services, and write what was decided into their status; what each has then."""
        self.obey(self.show(*services))
        return {one.key: self.has(one.key) for one in services}

    def obey(self, decisions: dict[str, Decision]) -> None:
        """Write decisions into the status of their Services."""
        for key, decision in decisions.items():
            match decision:
                case Assign(addresses=addresses, pool=name):
                    self._write(key, tuple(map(str, addresses)), {ALLOCATED_FROM_POOL: name})
                case Clear() | Refuse(clear=True):
                    self._write(key, (), {})
                case _:
                    pass

    def has(self, key: str) -> list[str]:
        return [str(address) for address in self._request(self.services[key]).held]

    def usage(self, name: str) -> Usage:
        return self.planner.usage()[name][Family.IPV4]

    def _write(self, key: str, addresses: tuple[str, ...], marks: dict[str, str]) -> None:
        found = self.services[key]
        others = {k: v for k, v in found.metadata.annotations.items() if k != ALLOCATED_FROM_POOL}
        ingress = tuple(Ingress(ip=address) for address in addresses)
        balancer = msgspec.structs.replace(found.status.load_balancer, ingress=ingress)
        self.services[key] = msgspec.structs.replace(
            found,
            metadata=msgspec.structs.replace(found.metadata, annotations={**others, **marks}),
            status=msgspec.structs.replace(found.status, load_balancer=balancer),
        )

    def _request(self, found: Service) -> Request:
        return read_request(found, self.lb_class)

    def _find(self, key: str) -> Request | None:
        found = self.services.get(key)
        return self._request(found) if found else None


def given_to(decision: Decision) -> list[str]:
    assert isinstance(decision, Assign), decision
    return [str(address) for address in decision.addresses]


def why(decision: Decision) -> tuple[Reason, str]:
    assert isinstance(decision, Refuse), decision
    return decision.why.reason, decision.why.text.removeprefix('Failed to allocate IP for "team/web": ')


def refused(decision: Decision) -> tuple[Cause, str]:
    """Why a Service has no address, as its condition says it."""
    assert isinstance(decision, Refuse), decision
    assert not decision.verdict.holds
    return decision.verdict.cause, decision.verdict.text


def caused(decision: Decision) -> tuple[bool, Cause]:
    assert isinstance(decision, Assign | Keep | Refuse), decision
    return decision.verdict.holds, decision.verdict.cause
