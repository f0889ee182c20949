"""What a Service may keep of the addresses it has, and what can be added to them."""

from collections.abc import Mapping

from controller.allot import Allotment, Given, Refusal, allotted, family_words, tenant_of
from controller.choice import Offers
from controller.ledger import Ledger
from controller.request import FamilyPolicy, mixed_fault
from controller.tenant import Hold, Note, Reason, quoted
from ferrite.model import Pool, families as families_of
from ferrite.net import AddressRange, IPAddress, family_of, reaches


class Holdings:
    """Also knows who has addresses that their pool does not offer any more and only keeps."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self._outside: dict[str, str] = {}  # name of that pool, by key of the Service

    def configure(self, before: Mapping[str, str], offers: Offers) -> None:
        """The pools are others now: note at once whose addresses a pool only keeps.

        A Service whose write is on its way is decided on later, when the status of its pool may already say
        what is kept, and that all else is not.

        Args:
            before: name of the pool that each Service had addresses of, by key.
            offers: as they are now.
        """
        for key, name in before.items():
            pool = offers.pools.get(name)
            if pool and pool.removal and self._only_keeps(pool, self._ledger.held_by(key), offers):
                self._outside[key] = name

    def forget(self, key: str) -> None:
        """The Service has nothing any more."""
        self._outside.pop(key, None)

    def pool_name(self, key: str, addresses: tuple[IPAddress, ...]) -> str:
        """The pool that a Service's addresses are of, be it that it only keeps them."""
        pool = self._ledger.pool_of(addresses)
        if pool is not None:
            self.forget(key)
            return pool.name
        return self._outside.get(key, "")

    def kept(self, offers: Offers) -> dict[str, tuple[AddressRange, ...]]:
        """Addresses in use that each pool with `onRemoval: Keep` does not offer any more, by its name."""
        keeping = {name: pool for name, pool in offers.pools.items() if pool.removal}
        found: dict[str, list[IPAddress]] = {name: [] for name in keeping}
        for key, name in self._outside.items():
            if name in found:
                held = self._ledger.held_by(key)
                found[name].extend(one for one in held if self._name_of(one) != name)
        if any(pool.deleting for pool in keeping.values()):
            for address in self._ledger.in_use():
                name = self._name_of(address)
                if name in keeping and keeping[name].deleting:
                    found[name].append(address)
        return {name: tuple(reaches(addresses)) for name, addresses in found.items()}

    def still_good(self, search: Allotment) -> Given:
        """Those of the held addresses that a Service may keep, claimed; and what is to be told of the others.

        What was decided before counts, not the status: a write whose answer was lost may still arrive. Who
        comes back after it was deleted has what was kept for it.
        """
        request = search.request
        shown = self._ledger.held_by(request.key) or request.held
        present = shown or self._ledger.held_by(request.key, Hold.KEPT)
        if fault := mixed_fault(present):
            text = f"Failed to retrieve LBIPs IPFamily for {quoted(present)}: {fault}"
            return Given(notes=(Note(Reason.HELD_FAMILIES, text),))
        held = tuple(address for address in present if family_of(address) in request.families)
        if not held:
            return Given()
        refusal = self._why_not(search, held)
        if refusal and not (search.in_broken_pool and not search.blocked(held)):
            text = (
                f'current IP for "{request.key}" not allowed by config, will attempt for new IP assignment: '
            )
            note = Note(Reason.CLEAR_ASSIGNMENT, text + refusal.text)
            return Given(notes=(note,) if shown else ())
        if self._wants_other(search, held):
            return Given()
        self._ledger.claim(tenant_of(request), held)
        new = Note(Reason.IP_ALLOCATED, f"Assigned IP {quoted(held)}")
        return Given(held, () if request.held else (new,))

    def extended(self, search: Allotment, held: tuple[IPAddress, ...]) -> Given:
        """The held addresses, and one of the family that is missing if there is a way.

        Raises:
            Refusal: it needs both, and cannot have them.
        """
        request = search.request
        missing = [family for family in request.families if family not in families_of(held)]
        pool = None if request.addresses else self._ledger.pool_of(held)
        if not missing or pool is None or pool.deleting:
            needs = missing and request.policy is FamilyPolicy.REQUIRE_DUAL
            return allotted(search) if needs else Given(held)
        extra = self._ledger.first_free(pool.name, missing[0], search.tenant)
        over = search.exceeds(pool, (extra,)) if extra is not None else ""
        if extra is not None and not over:
            return Given((*held, extra), (Note(Reason.IP_ALLOCATED, f'Assigned additional IP "{extra}"'),))
        if request.policy is FamilyPolicy.REQUIRE_DUAL:
            return allotted(search)
        why = over or f"no available IPs in pool {pool.name} for {family_words(missing)} IPFamily"
        text = f"cannot assign additional IP in PreferDualStack: {why}"
        return Given(held, (Note(Reason.ADDITIONAL_ASSIGN_FAILED, text),), why)

    def _why_not(self, search: Allotment, held: tuple[IPAddress, ...]) -> Refusal | None:
        request = search.request
        pool = search.offers.pools.get(self._outside.get(request.key) or request.held_pool or "")
        keeps = pool is not None and self._only_keeps(pool, held, search.offers)
        if pool is not None and keeps and search.offers.admits(pool, request):
            self._outside[request.key] = pool.name
            return search.blocked(held)
        return search.why_not(held, new=False)

    def _only_keeps(self, pool: Pool, held: tuple[IPAddress, ...], offers: Offers) -> bool:
        """Whether a pool has all of these, but some only because they are in use."""
        names = {address: self._name_of(address) for address in held}
        kept = [address for address, name in names.items() if not name]
        return (
            bool(kept)
            and set(names.values()) <= {"", pool.name}
            and all(offers.keeps(pool, address) for address in kept)
        )

    def _name_of(self, address: IPAddress) -> str:
        pool = self._ledger.pool_of((address,))
        return pool.name if pool else ""

    def _wants_other(self, search: Allotment, held: tuple[IPAddress, ...]) -> bool:
        request, pool = search.request, self._ledger.pool_of(held)
        own = pool.name if pool is not None and not search.in_broken_pool else request.held_pool
        if request.pool is not None and own is not None and own != request.pool:
            return True
        return bool(request.addresses) and set(request.addresses) != set(held)
