"""Holds what the controller promises at every version of every Service, in the API server's order.

Pure: it is fed with the events of one watch, and with every state that the churn gave to the pools. It has
its own reading of a Service, so that a mistake in the controller's is not repeated here.
"""

import ipaddress
from collections import Counter, defaultdict, deque
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

COUNTS = ("assignedIPv4", "availableIPv4", "assignedIPv6", "availableIPv6")
REMEMBERED = 12
"""So many versions of a Service are shown where something is wrong with it."""


class BrokenPromiseError(AssertionError):
    """A promise was broken; the text says which, and shows what happened."""


@dataclass(frozen=True)
class Pool:
    """Ranges of addresses, first and last of each, as text."""

    ranges: tuple[tuple[str, str], ...]
    auto: bool = True

    def __str__(self):
        return " ".join(f"{first}-{last}" for first, last in self.ranges)

    def holds(self, address):
        number = ipaddress.ip_address(address)
        return any(
            low.version == number.version and low <= number <= high
            for low, high in (map(ipaddress.ip_address, ends) for ends in self.ranges)
        )

    def size(self, version):
        ends = [tuple(map(ipaddress.ip_address, pair)) for pair in self.ranges]
        return sum(int(high) - int(low) + 1 for low, high in ends if low.version == version)


Pools = Mapping[str, Pool]


@dataclass(frozen=True)
class Version:
    """What counts of one version of a Service."""

    uid: str
    number: int
    wants: bool
    families: tuple[int, ...] = (4,)
    dual: str = "SingleStack"
    pool: str | None = None
    requested: tuple[str, ...] = ()
    sharing: str = ""
    ports: frozenset[tuple[str, int]] = frozenset()
    held: tuple[str, ...] = ()
    marked: str | None = None

    def __str__(self):
        said = {name: value for name, value in vars(self).items() if value and name not in ("uid", "ports")}
        ports = ",".join(f"{protocol}/{port}" for protocol, port in sorted(self.ports))
        return " ".join(f"{name}={value}" for name, value in (said | {"ports": ports}).items())

    def usable(self):
        """Those of the held addresses whose family it still has."""
        return tuple(one for one in self.held if ipaddress.ip_address(one).version in self.families)


def read(service):
    """The version that an object as the API server sends it is."""
    metadata, spec = service["metadata"], service["spec"]
    notes = metadata.get("annotations", {})
    listed = notes.get("metallb.io/loadBalancerIPs") or spec.get("loadBalancerIP", "")
    ingress = service.get("status", {}).get("loadBalancer", {}).get("ingress") or []
    return Version(
        uid=metadata["uid"],
        number=int(metadata["resourceVersion"]),
        wants=spec["type"] == "LoadBalancer",
        families=tuple(int(family.removeprefix("IPv")) for family in spec.get("ipFamilies", ())),
        dual=spec.get("ipFamilyPolicy", "SingleStack"),
        pool=notes.get("metallb.io/address-pool"),
        requested=tuple(str(ipaddress.ip_address(one)) for one in listed.split(",") if one),
        sharing=notes.get("metallb.io/allow-shared-ip", ""),
        ports=frozenset((port.get("protocol", "TCP"), port["port"]) for port in spec["ports"]),
        held=tuple(entry["ip"] for entry in ingress),
        marked=notes.get("metallb.io/ip-allocated-from-pool"),
    )


def may_share(one, other):
    return bool(one.sharing) and one.sharing == other.sharing and not one.ports & other.ports


def may_keep(version, addresses, pools):
    """Whether these, held, still are what the Service asks for, and all of one pool that it may use."""
    if not version.wants or not addresses:
        return False
    if version.requested and set(version.requested) != set(addresses):
        return False
    if version.dual == "RequireDualStack" and len(addresses) < 2:
        return False  # both are of one pool: where that is full, both go
    return any(
        version.pool in (None, name) and all(map(pool.holds, addresses)) for name, pool in pools.items()
    )


def may_get(version, before, pools):
    """Whether the addresses of `version` could be given to who had those in `before`."""
    kept = set(version.held) & set(before)
    free_choice = not (kept or version.pool or version.requested)
    offered = {name: pool for name, pool in pools.items() if pool.auto or not free_choice}
    single = version.dual == "RequireDualStack" and len(version.held) < 2
    families = {ipaddress.ip_address(one).version for one in version.held}
    return not single and families <= set(version.families) and may_keep(version, version.held, offered)


@dataclass
class Judge:
    """Everything that one installation's Services held and hold.

    Attributes:
        states: of the pools that its leader may know: all since it was last seen to know the newest.
    """

    name: str
    states: list[Pools] = field(default_factory=list)
    services: dict[str, Version] = field(default_factory=dict)
    judged: int = 0
    _holders: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set))
    _past: dict[str, deque] = field(default_factory=lambda: defaultdict(lambda: deque(maxlen=REMEMBERED)))

    def expect(self, pools: Pools):
        """Tell before the pools become these: from now on the leader may know them."""
        self.states.append(dict(pools))

    def forget_old_pools(self):
        """The leader knows the newest state, and all Services are served by it."""
        del self.states[:-1]

    def see(self, kind, key, version):
        """Judge one event of the watch."""
        self.judged += 1
        before = self.services.get(key)
        same = before is not None and before.uid == version.uid and kind != "ADDED"
        self._past[key].append((kind, version))
        self._replace(key, before, None if kind == "DELETED" else version)
        if kind != "DELETED":
            self._one_holder(key, version)
            self._none_moved(key, version, before if same else None)
            self._all_inside(key, version, before.held if same else ())

    def _replace(self, key, before, after):
        for address in before.held if before else ():
            self._holders[address].discard(key)
        for address in after.held if after else ():
            self._holders[address].add(key)
        if after is None:
            self.services.pop(key, None)
        else:
            self.services[key] = after

    def _one_holder(self, key, version):
        for address in version.held:
            for other in self._holders[address] - {key}:
                if not may_share(version, self.services[other]):
                    self._complain(f"{address} is given twice: to {key} and to {other}", key, other)

    def _none_moved(self, key, version, before):
        """What it had and may keep by its own request as it is now, under any state of the pools."""
        if before is None or set(before.held) <= set(version.held):
            return
        mine = Version(**{**vars(version), "held": before.held}).usable()
        lost = set(mine) - set(version.held)
        if lost and all(may_keep(version, mine, pools) for pools in self.states):
            self._complain(f"{key} lost {', '.join(sorted(lost))} that it could keep", key)

    def _all_inside(self, key, version, before):
        if set(version.held) <= set(before):
            return
        if not any(may_get(version, before, pools) for pools in self.states):
            self._complain(f"{key} got {', '.join(version.held)} that no pool offers it", key)

    def not_served(self):
        """What each Service lacks of what it asks for, by the newest state of the pools, if anything."""
        pools = self.states[-1]
        lacks = {key: _lack(version, pools, self._taken(pools)) for key, version in self.services.items()}
        return {key: text for key, text in lacks.items() if text}

    def counts(self):
        """What the status of each pool is to say."""
        pools = self.states[-1]
        taken = self._taken(pools)
        return {
            name: dict(
                zip(
                    COUNTS,
                    [*_shares(pool, taken[name, 4], 4), *_shares(pool, taken[name, 6], 6)],
                    strict=True,
                )
            )
            for name, pool in pools.items()
        }

    def _taken(self, pools):
        held = [address for address, holders in self._holders.items() if holders]
        return Counter(
            (name, ipaddress.ip_address(address).version)
            for address in held
            for name, pool in pools.items()
            if pool.holds(address)
        )

    def _complain(self, text, *keys):
        raise BrokenPromiseError("\n".join([f"{self.name}: {text}", *self._story(keys)]))

    def _story(self, keys: Iterable[str]):
        events = [(version.number, key, kind, version) for key in keys for kind, version in self._past[key]]
        for _, key, kind, version in sorted(events, key=lambda event: event[0]):
            yield f"  {kind} {key} {version}"
        for number, pools in enumerate(self.states):
            yield f"  pools {number}: " + "; ".join(f"{name} {pool}" for name, pool in pools.items())


def _shares(pool, taken, version):
    return taken, pool.size(version) - taken


def _lack(version, pools, taken):
    if not version.wants:
        return f"it wants nothing and holds {version.held}" if version.held or version.marked else ""
    [*names] = [name for name, pool in pools.items() if all(map(pool.holds, version.held))]
    if not version.held:
        return "it has no address"
    if not may_get(version, version.held, pools):
        return f"it holds {version.held} and asks for {version}"
    if version.marked not in names:
        return f"it holds {version.held} of {names}, and its annotation names {version.marked}"
    if len(version.held) < len(version.families):
        [missing] = set(version.families) - {ipaddress.ip_address(one).version for one in version.held}
        room = pools[version.marked].size(missing) - taken[version.marked, missing]
        return f"it lacks a family, and {version.marked} has room for {room}" if room else ""
    return ""
