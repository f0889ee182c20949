"""Judges what a leader decides and writes, against the objects that it was shown."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from controller.binding import Binding
from controller.decision import Assign, Decision, Keep, Leave, Refuse
from controller.request import FamilyPolicy, Request, Standing
from ferrite.net import IPAddress, family_of
from tests.controller.naive import Facts, Has, compatible, is_servable, listed, terms
from tests.controller.simulated import (
    BINDINGS,
    POOLS,
    SERVICES,
    Api,
    Kinds,
    Leader,
    StoredBinding,
    StoredPool,
    StoredService,
    Turn,
    Write,
)


@dataclass(frozen=True)
class Promise:
    """Addresses that wait for a Service that was deleted."""

    addresses: tuple[IPAddress, ...]
    deleted: float
    until: float
    request: Request


@dataclass
class Judge:
    """Remembers what objects do not tell: promises, former specs, what pools offered before."""

    api: Api
    promises: dict[str, Promise] = field(default_factory=dict)
    specs: dict[tuple[str, IPAddress], list] = field(default_factory=dict)
    staying: dict[int, set[IPAddress]] = field(default_factory=dict)  # by uid of a pool that keeps them

    # What happens to objects

    def observe(self) -> None:
        """Note under which specs each address has been held."""
        now: dict[tuple[str, IPAddress], list] = {}
        for key, stored in self.api.kinds[SERVICES].items():
            for address in stored.addresses:
                before = self.specs.get((key, address), [])
                now[key, address] = [*before, terms(stored.request)]
        self.specs = now

    def pool_edited(self, old: StoredPool, new: StoredPool) -> None:
        """What was offered stays with those who have it, if the new spec says so."""
        staying = self.staying.get(old.uid, set()) | set(listed(old.pool))
        self.staying[new.uid] = staying if new.pool.removal else set()

    def pools_changed(self) -> None:
        """Promises end where no pool makes them any more, and may become shorter."""
        facts = self._facts()
        for key, promise in list(self.promises.items()):
            stored = facts.pool_of(promise.addresses)
            if stored is None or not stored.pool.sticky_seconds or stored.deleting:
                del self.promises[key]
            else:
                until = min(promise.until, promise.deleted + stored.pool.sticky_seconds)
                self.promises[key] = replace(promise, until=until)

    def service_deleted(self, key: str, stored: StoredService, leader: Leader | None) -> None:
        """Its addresses are promised to it if that was written down and no leader thinks otherwise."""
        self.promises.pop(key, None)
        written, addresses = self.api.kinds[BINDINGS].get(key), stored.addresses
        pool = self._facts().pool_of(addresses)
        agreed = leader is None or (
            leader.wanted.get(key, addresses) == addresses
            and leader.view[POOLS] is self.api.kinds[POOLS]
            and not leader.adrift
        )
        sure = (
            written is not None and written.binding.addresses == addresses and written.binding.until is None
        )
        ours = stored.request.standing is Standing.OURS
        if sure and agreed and ours and pool and pool.pool.sticky_seconds and not pool.deleting:
            until = self.api.now + pool.pool.sticky_seconds
            self.promises[key] = Promise(addresses, self.api.now, until, stored.request)

    def _facts(self) -> Facts:
        return Facts(self.api.kinds, {}, self.api.now)

    # Writes

    def wrote(self, write: Write) -> None:
        """A status was written: who else has its new addresses shares them, under one of the specs he had."""
        self.observe()
        services = self.api.kinds[SERVICES]
        assert write.stored is not None
        mine = terms(write.stored.request)
        before, stored = set(write.stored.addresses), services[write.key]
        for address in set(stored.addresses) - before:
            for key, other in services.items():
                if key == write.key or address not in other.addresses:
                    continue
                shown = write.view[SERVICES].get(key)
                theirs = other.request.standing is Standing.OTHER_CLASS
                if theirs and not (shown and address in shown.addresses):
                    continue  # another implementation took it meanwhile
                shared = any(compatible(mine, each) for each in self.specs[key, address])
                assert shared, f"{address} of {key} was given to {write.key}"

    # Turns

    def turned(self, turn: Turn) -> None:
        """Judge all decisions of a turn."""
        kinds = self._with_promises(turn.view, turn.now)
        before, after = Facts(kinds, turn.before, turn.now), Facts(kinds, turn.after, turn.now)
        self._nobody_twice(turn, after)
        sure = set(before.reserved()) & set(after.reserved())
        reserved = {address: each for address, each in after.reserved().items() if address in sure}
        for decision in turn.decisions:
            stored = turn.view[SERVICES][decision.key]
            self._ownership(before, stored, decision)
            if isinstance(decision, Assign | Keep):
                self._given(before, stored, decision)
                for address in set(decision.addresses) - {*turn.before[decision.key], *stored.addresses}:
                    other = reserved.get(address)
                    assert (
                        other is None or other.admits(decision.key) or _is_bound(turn, decision.key, address)
                    ), f"{decision.key} got {address}, reserved by {other}"
                    self._promised_to_nobody_else(turn, stored, decision.key, address)
            self._stays(turn, before, stored, decision)
            self._returned(turn, after, stored, decision)
        self._quotas(turn, before, after, {one: each.namespace for one, each in reserved.items()})
        for decision in turn.decisions:
            self.promises.pop(decision.key, None)

    def _with_promises(self, view: Kinds, now: float) -> Kinds:
        """The world as shown, with exactly those bindings that must hold."""
        sure = {
            key: StoredBinding(Binding(key, "", promise.addresses), "")
            for key, promise in self.promises.items()
            if promise.until > now
        }
        return {**view, BINDINGS: sure}

    def _nobody_twice(self, turn: Turn, after: Facts) -> None:
        ours = {each.key: each.addresses for each in turn.decisions if isinstance(each, Assign | Keep)}
        for key, addresses in ours.items():
            new = set(addresses) - set(turn.before[key])
            for other in after.clash(key, addresses):
                assert other not in ours, f"{addresses} for {key} and for {other}"
                assert not new & set(after.has[other]), f"{addresses} for {key}, and {other} has them"

    def _ownership(self, facts: Facts, stored: StoredService, decision: Decision) -> None:
        request = stored.request
        foreign = request.occupied and stored.pool is None
        foreign = foreign and not any(facts.pool_of((one,)) for one in stored.addresses)
        if request.standing is Standing.OTHER_CLASS or (foreign and request.standing is Standing.OURS):
            assert isinstance(decision, Leave), f"{decision} touches what is not ours"

    def _given(self, facts: Facts, stored: StoredService, decision: Assign | Keep) -> None:
        addresses, request = decision.addresses, stored.request
        families = {family_of(one) for one in addresses}
        assert len(families) == len(addresses), decision
        assert families <= set(request.families), decision
        if request.policy is FamilyPolicy.REQUIRE_DUAL:
            assert len(addresses) == 2, decision
        if request.addresses and isinstance(decision, Assign):
            assert set(request.addresses) == set(addresses), decision
        pool = facts.pool_of(addresses)
        if pool:
            assert facts.admits(pool, request), f"{decision} from a pool that is not for it"
            assert decision.pool == pool.pool.name, decision
            assert request.pool in (None, pool.pool.name), decision
            return
        keeping = facts.pools.get(decision.pool)
        assert keeping, f"{decision} of no pool"
        assert keeping.pool.removal, f"{decision} of a pool that keeps nothing"
        assert facts.admits(keeping, request), f"{decision} from a pool that is not for it"
        new = set(addresses) - {*facts.has[decision.key], *stored.addresses}
        assert not new, f"{decision} of no pool, new"

    def _promised_to_nobody_else(
        self, turn: Turn, stored: StoredService, key: str, address: IPAddress
    ) -> None:
        for other, promise in self.promises.items():
            if other == key or address not in promise.addresses or promise.until <= turn.now:
                continue
            shared = compatible(terms(stored.request), terms(promise.request))
            assert shared, f"{key} got {address}, which is kept for {other}"

    def _stays(self, turn: Turn, facts: Facts, stored: StoredService, decision: Decision) -> None:
        held = stored.addresses
        if turn.decided_before.get(decision.key, held) != held or not self._may_stay(turn, facts, stored):
            return
        match decision:
            case Assign(addresses=addresses) | Keep(addresses=addresses):
                assert set(held) <= set(addresses), f"{stored.service.key} moved: {held} -> {addresses}"
            case _:
                assert isinstance(decision, Refuse), (held, decision)
                assert not decision.clear, (held, decision)

    def _may_stay(self, turn: Turn, facts: Facts, stored: StoredService) -> bool:
        """Whether a Service can surely keep what its status lists."""
        held, request = set(stored.addresses), stored.request
        families = {family_of(one) for one in held}
        fits = held and len(families) == len(held) and families <= set(request.families)
        if request.policy is FamilyPolicy.REQUIRE_DUAL:
            fits = fits and len(families) == 2
        foreign = stored.pool is None and not any(facts.pool_of((one,)) for one in held)
        if not (fits and is_servable(request)) or foreign:
            return False
        if request.addresses and set(request.addresses) != held:
            return False
        pool = facts.pool_of(held) or self._keeper(facts, stored)
        if not pool or not facts.admits(pool, request) or request.pool not in (None, pool.pool.name):
            return False
        return not self._in_the_way(turn, facts, stored.service.key, stored.addresses)

    def _in_the_way(self, turn: Turn, facts: Facts, key: str, held: tuple[IPAddress, ...]) -> bool:
        """Whether anybody else can claim these: in his status, as decided, or by what is written down."""
        here = turn.view[SERVICES]
        statuses: Has = {name: each.addresses for name, each in here.items()}
        others = any(name != key and set(each) & set(held) for name, each in _bound(turn.view))
        leaving = any(name not in here for name in turn.decided_before)
        clash = replace(facts, has=statuses).clash(key, held) or facts.clash(key, held)
        return bool(clash) or others or leaving

    def _keeper(self, facts: Facts, stored: StoredService) -> StoredPool | None:
        """The pool that does not offer all of it, and must let it stay all the same."""
        pool = facts.pools.get(stored.pool or "")
        if pool is None or not pool.pool.removal:
            return None
        staying = self.staying.get(pool.uid, set()) | set(listed(pool.pool))
        elsewhere = any(
            one in set(listed(each.pool))
            for each in facts.pools.values()
            for one in stored.addresses
            if each is not pool
        )
        return pool if set(stored.addresses) <= staying and not elsewhere else None

    def _returned(self, turn: Turn, after: Facts, stored: StoredService, decision: Decision) -> None:
        """Who comes back in time has what was promised."""
        promise, request = self.promises.get(decision.key), stored.request
        if promise is None or promise.until <= turn.now or stored.addresses or not is_servable(request):
            return
        pool = after.pool_of(promise.addresses)
        families = {family_of(one) for one in promise.addresses}
        if not pool or request.addresses or request.pool not in (None, pool.pool.name):
            return
        fits = families == set(request.families) and after.admits(pool, request)
        if fits and not self._in_the_way(turn, after, decision.key, promise.addresses):
            assert isinstance(decision, Assign), (promise, decision)
            assert set(decision.addresses) == set(promise.addresses), (promise, decision)

    def _quotas(self, turn: Turn, before: Facts, after: Facts, reserved: Mapping[IPAddress, str]) -> None:
        """Nobody got an address beyond the limit; `reserved` tells for which namespace."""
        back = {one for each in self.promises.values() for one in each.addresses}
        for stored in after.pools.values():
            for namespace in {key.partition("/")[0] for key in turn.after}:
                held = {one for one, theirs in reserved.items() if theirs == namespace}
                held |= set(after.kept(f"{namespace}/"))
                has, limit = after.in_use(stored.pool, namespace), after.limit(stored.pool, namespace)
                new = has - before.in_use(stored.pool, namespace) - held - back
                total = (has | held) & set(listed(stored.pool))
                if new and limit is not None:
                    assert len(total) <= limit, f"{namespace} has {total} of {stored.pool.name}: {limit}"


def _is_bound(turn: Turn, key: str, address: IPAddress) -> bool:
    """Whether it is written down that the address is for this Service."""
    stored = turn.view[BINDINGS].get(key)
    return stored is not None and address in stored.binding.addresses


def _bound(view: Kinds) -> list[tuple[str, tuple[IPAddress, ...]]]:
    return [
        (key, each.binding.addresses) for key, each in view[BINDINGS].items() if key not in view[SERVICES]
    ]
