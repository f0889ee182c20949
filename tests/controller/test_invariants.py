"""Addresses are neither given twice, nor lost, nor moved, whatever changes and whatever fails."""

import os
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, settings, strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from controller.request import FamilyPolicy, Standing
from ferrite.model import Pool, Reservation
from ferrite.net import family_of, parse_address
from tests.controller.judge import Judge
from tests.controller.naive import Facts, is_servable, listed
from tests.controller.simulated import (
    BINDINGS,
    KINDS,
    NAMESPACES,
    POOLS,
    RESERVATIONS,
    SERVICES,
    Api,
    ConflictError,
    Leader,
    StoredPool,
)
from tests.controller.strategies import (
    ADDRESSES,
    FOREIGN,
    POOL_NAMES,
    SERVICE_KEYS,
    blocks,
    options,
    pool_of,
    specs,
)
from tests.fakes.patching import merged

SOAK = int(os.environ.get("FERRITE_SOAK_EXAMPLES", "0"))
"""So many runs of up to 40 steps, each time others; without it a few hundred that are always the same."""
FAULTS = ("undone", "unanswered", "late")


class Churn(RuleBasedStateMachine):
    """Everything that may happen to a cluster, in any order."""

    def __init__(self) -> None:
        super().__init__()
        self.api = Api()
        self.judge = Judge(self.api)
        self.leader: Leader | None = None
        self.blocks: dict[str, set[int]] = {}  # of each pool
        for namespace in ("a", "b"):
            self.api.put(NAMESPACES, namespace, {})
        self._set_pool("blue", {1, 3}, {})

    # Services

    @rule(key=st.sampled_from(SERVICE_KEYS), spec=specs(), other=st.sampled_from([False] * 9 + [True]))
    def create_or_change_service(self, key: str, spec: dict[str, Any], other: bool) -> None:
        stored = self.api.kinds[SERVICES].get(key)
        namespace, name = key.split("/")
        number = next(self.api.versions)
        created = f"2026-01-01T00:00:{number:05}Z"
        metadata = {"namespace": namespace, "name": name, "uid": f"{number}", "creationTimestamp": created}
        document = stored.document if stored else {"metadata": metadata, "spec": {}, "status": {}}
        if not stored and other:
            document = {**document, "spec": {"loadBalancerClass": "other"}}
        if "loadBalancerClass" in document["spec"]:
            spec["spec"]["type"] = "LoadBalancer"
        self.api.put_service(key, merged(document, spec))

    @rule(key=st.sampled_from(SERVICE_KEYS))
    def delete_service(self, key: str) -> None:
        if stored := self.api.kinds[SERVICES].get(key):
            self.judge.service_deleted(key, stored, self.leader)
            self.api.remove(SERVICES, key)

    @rule(key=st.sampled_from(SERVICE_KEYS), spec=specs())
    def recreate_service(self, key: str, spec: dict[str, Any]) -> None:
        self.delete_service(key)
        self.create_or_change_service(key, spec, False)

    @rule(key=st.sampled_from(SERVICE_KEYS), address=st.sampled_from(ADDRESSES))
    def another_implementation_writes(self, key: str, address: str) -> None:
        stored = self.api.kinds[SERVICES].get(key)
        if stored is None:
            return
        ours = stored.request.standing is not Standing.OTHER_CLASS
        if ours and (stored.addresses or stored.pool):
            return
        ingress = [{"ip": FOREIGN if ours else address}]
        self.api.put_service(key, merged(stored.document, {"status": {"loadBalancer": {"ingress": ingress}}}))

    # Configuration

    @rule(name=st.sampled_from(POOL_NAMES), chosen=blocks, rest=options)
    def set_pool(self, name: str, chosen: set[int], rest: dict[str, Any]) -> None:
        self._set_pool(name, chosen, rest)

    def _set_pool(self, name: str, chosen: set[int], rest: dict[str, Any]) -> None:
        chosen = chosen - {one for other, each in self.blocks.items() if other != name for one in each}
        old = self.api.kinds[POOLS].get(name)
        if not chosen or (old and old.deleting):
            return
        self.blocks[name] = chosen
        self._edit_pool(old, pool_of(name, chosen, **rest))

    def _edit_pool(self, old: StoredPool | None, pool: Pool) -> None:
        if old is None:
            new = StoredPool(pool, uid=next(self.api.versions))
        else:
            new = replace(old, pool=pool, generation=old.generation + 1)
            self.judge.pool_edited(old, new)
        self.api.put_pool(new)
        self.judge.pools_changed()

    @rule(name=st.sampled_from(POOL_NAMES), chosen=blocks)
    def change_addresses_of_pool(self, name: str, chosen: set[int]) -> None:
        if (old := self.api.kinds[POOLS].get(name)) and not old.deleting:
            chosen = chosen - {one for other, each in self.blocks.items() if other != name for one in each}
            if chosen:
                self.blocks[name] = chosen
                self._edit_pool(old, pool_of(name, chosen, **_rest(old.pool)))

    @rule(name=st.sampled_from(POOL_NAMES))
    def delete_pool(self, name: str) -> None:
        if (old := self.api.kinds[POOLS].get(name)) and not old.deleting:
            self.api.put_pool(replace(old, deleting=True, generation=old.generation + 1))
            self.judge.pools_changed()

    @rule(name=st.sampled_from(POOL_NAMES), other=st.sampled_from(POOL_NAMES), all_of_it=st.booleans())
    def split_or_rename_pool(self, name: str, other: str, all_of_it: bool) -> None:
        old = self.api.kinds[POOLS].get(name)
        if old is None or old.deleting or other in self.api.kinds[POOLS]:
            return
        moved = set(sorted(self.blocks[name])[0 if all_of_it else 1 :])
        if not moved:
            return
        rest = self.blocks[name] - moved
        if rest:
            self.blocks[name] = rest
            self._edit_pool(old, pool_of(name, rest, **_rest(old.pool)))
        elif old.finalizer:
            return
        else:
            self.api.put_pool(replace(old, deleting=True))
            del self.blocks[name]
        self.blocks[other] = moved
        self._edit_pool(None, pool_of(other, moved, **_rest(old.pool)))

    @rule(namespace=st.sampled_from(["a", "b"]), labels=st.sampled_from([{}, {"tier": "gold"}]))
    def label_namespace(self, namespace: str, labels: dict[str, str]) -> None:
        self.api.put(NAMESPACES, namespace, labels)

    @rule(
        name=st.sampled_from(["a/one", "a/two", "b/one"]),
        pool=st.sampled_from(POOL_NAMES),
        addresses=st.lists(st.sampled_from(ADDRESSES), min_size=1, max_size=3, unique=True),
        services=st.sampled_from(["", "", "x", "[xy]", "?"]),
    )
    def reserve_or_not(self, name: str, pool: str, addresses: list[str], services: str) -> None:
        if name in self.api.kinds[RESERVATIONS]:
            self.api.remove(RESERVATIONS, name)
            return
        wanted = tuple(map(parse_address, addresses))
        self.api.put(RESERVATIONS, name, Reservation(name, pool, wanted, services))

    @rule(key=st.sampled_from(SERVICE_KEYS))
    def somebody_deletes_a_binding(self, key: str) -> None:
        self.judge.promises.pop(key, None)
        self.api.remove(BINDINGS, key)

    # The controller

    @rule(seconds=st.sampled_from([1, 30, 90, 4000, 200_000]))
    def time_passes(self, seconds: int) -> None:
        self.api.now += seconds

    @rule(kinds=st.sets(st.sampled_from(KINDS)))
    def watches_lag(self, kinds: set[str]) -> None:
        if self.leader:
            self.leader.lagging = kinds

    @rule()
    def turn(self) -> None:
        if self.leader is None:
            self.leader = Leader(self.api)
        self.judge.turned(self.leader.turn())

    @rule()
    def turn_and_write(self) -> None:
        self.turn()
        self._write_all()

    @rule(data=st.data(), fault=st.sampled_from(["", *FAULTS]), at=st.integers(0, 1))
    @precondition(lambda self: self.leader and self.leader.pending)
    def one_write(self, data: st.DataObject, fault: str, at: int) -> None:
        number = data.draw(st.integers(0, len(self.leader.pending) - 1))
        self.leader.perform(self.leader.pending[number], fault, at, self.judge.wrote)

    @rule()
    @precondition(lambda self: self.leader and self.leader.adrift)
    def a_late_write_is_done(self) -> None:
        self._land()

    @rule()
    @precondition(lambda self: self.leader)
    def status_of_pools_is_written(self) -> None:
        self._write_pools()

    @rule(data=st.data())
    @precondition(lambda self: self.leader)
    def the_leader_dies(self, data: st.DataObject) -> None:
        while self.leader.adrift:
            self._land(done=data.draw(st.booleans()))
        for write in list(self.leader.pending):
            fault = data.draw(st.sampled_from(["undone", "unanswered"]))
            self.leader.perform(write, fault, data.draw(st.integers(0, 1)), self.judge.wrote)
        self.leader = None

    def _land(self, done: bool = True) -> None:
        act = self.leader.adrift.pop(0)
        try:
            if done:
                act()
        except ConflictError:
            pass

    def _write_all(self) -> None:
        while self.leader.pending:
            self.leader.perform(self.leader.pending[0], judge=self.judge.wrote)

    def _write_pools(self) -> None:
        self.leader.write_pools()
        self.blocks = {name: each for name, each in self.blocks.items() if name in self.api.kinds[POOLS]}
        self.judge.pools_changed()

    # In the end

    @rule()
    def all_is_well(self) -> None:
        self._settle()
        self._clean()
        self._served()
        self._stable()

    def teardown(self) -> None:
        self.all_is_well()

    def _settle(self) -> None:
        if self.leader:
            self.leader.lagging = set()
            while self.leader.adrift:
                self._land()
        for _ in range(40):
            before = self.api.writes
            self.turn_and_write()
            self._write_pools()
            self.api.now += 1
            due = any(at <= self.api.now + 2 for at, _ in self.leader.later)
            if before == self.api.writes and not self.leader.inbox and not due:
                return
        raise AssertionError("it does not come to rest")

    def _facts(self) -> Facts:
        services = self.api.kinds[SERVICES]
        has = {key: stored.addresses for key, stored in services.items()}
        return Facts(self.api.kinds, has, self.api.now)

    def _clean(self) -> None:
        facts = self._facts()
        for key, stored in self.api.kinds[SERVICES].items():
            request = stored.request
            if request.standing is Standing.NOT_LOAD_BALANCER and stored.pool is not None:
                raise AssertionError(f"{key} is none of ours and has {stored.addresses}")
            if request.standing is not Standing.OURS or not facts.pool_of(stored.addresses[:1]):
                continue
            for other in facts.clash(key, stored.addresses):
                assert facts.request(other).standing is not Standing.OURS, f"{key} and {other}"

    def _served(self) -> None:
        facts = self._facts()
        for key, stored in self.api.kinds[SERVICES].items():
            if not is_servable(stored.request) or not self.api.kinds[POOLS]:
                continue
            if not stored.addresses:
                assert not facts.could_have(key), f"{key} could have {facts.could_have(key)}"
            elif stored.request.policy is FamilyPolicy.PREFER_DUAL and len(stored.addresses) == 1:
                self._second(facts, key, stored.addresses)

    def _second(self, facts: Facts, key: str, held: tuple) -> None:
        request, pool = facts.request(key), facts.pool_of(held)
        if pool is None or pool.deleting or request.addresses or len(request.families) < 2:
            return
        spent, limit = facts.spent(pool.pool, request.namespace), facts.limit(pool.pool, request.namespace)
        for one in listed(pool.pool):
            within = limit is None or len(spent | {one}) <= limit or one in spent
            if family_of(one) is not family_of(held[0]) and within:
                assert not facts.is_free_for(key, one, facts.reserved()), f"{key} could have {one}, too"

    def _stable(self) -> None:
        """Another turn, and another leader, change nothing but words: another thing may be in the way."""
        before = self.api.writes - self.api.words
        self.leader.inbox |= set(self.api.kinds[SERVICES])
        for _ in range(2):
            self.turn_and_write()
            self._write_pools()
            assert self.api.writes - self.api.words == before, "another turn changes something"
            self.leader = Leader(self.api)

    @invariant()
    def observed(self) -> None:
        self.judge.observe()


def _rest(pool: Pool) -> dict[str, Any]:
    names = ("auto_assign", "avoid_buggy_ips", "allocation", "sticky_seconds", "quota", "removal")
    return {name: getattr(pool, name) for name in names}


TestChurn = Churn.TestCase
TestChurn.settings = settings(
    max_examples=SOAK or 300,
    stateful_step_count=40,
    deadline=None,
    derandomize=not SOAK,
    database=None,
    phases=(Phase.generate, Phase.shrink),
    report_multiple_bugs=False,
    suppress_health_check=list(HealthCheck),
)
TestChurn.pytestmark = [pytest.mark.timeout(0 if SOAK else 300)]
