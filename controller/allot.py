"""Which addresses a Service gets: those it asks for, those reserved for it, else the first free ones."""

from collections.abc import Iterable
from dataclasses import dataclass, field

from controller.choice import Offers
from controller.ledger import Ledger, Obstacle
from controller.request import FamilyPolicy, Request
from controller.tenant import Cause, Hold, Note, Reason, Tenant, quoted
from ferrite.model import Pool, families as families_of
from ferrite.net import Family, IPAddress

NAMED = 5
"""So many holders a refusal names; it says how many more there are."""


@dataclass(frozen=True, slots=True)
class Given:
    """Addresses that a Service has or gets, what is to be told, and why a second family is missing."""

    addresses: tuple[IPAddress, ...] = ()
    notes: tuple[Note, ...] = ()
    missing: str = ""


class Refusal(Exception):  # noqa: N818 - an answer, for the plan to catch
    """No address can be given; the text says why, in MetalLB's words where it has some."""

    def __init__(self, cause: Cause, text: str) -> None:
        super().__init__(text)
        self.cause, self.text = cause, text


def tenant_of(request: Request) -> Tenant:
    """The Service as the ledger sees it."""
    return Tenant(request.key, request.sharing, request.ports, uid=request.uid)


@dataclass(slots=True)
class Allotment:
    """The search for one Service; only `allotted` changes the ledger."""

    request: Request
    ledger: Ledger
    offers: Offers
    over_quota: list[str] = field(default_factory=list)

    @property
    def tenant(self) -> Tenant:
        """Who searches."""
        return tenant_of(self.request)

    @property
    def in_broken_pool(self) -> bool:
        """Whether what it has is of a pool that does not count; another may have taken in the address."""
        return self.request.held_pool in self.offers.broken

    def addresses(self) -> tuple[IPAddress, ...]:
        """What it gets.

        Raises:
            Refusal: nothing.
        """
        if self.request.addresses:
            return self._requested()
        if self.request.pool is not None:
            return self._from_pool(self.request.pool)
        return self._search()

    def why_not(self, addresses: tuple[IPAddress, ...], *, new: bool) -> Refusal | None:
        """Why it cannot have these; `new` where it does not have them yet."""
        pool = self.ledger.pool_of(addresses)
        if pool is None:
            return Refusal(Cause.ADDRESS_NOT_IN_POOL, f"{quoted(addresses)} is not allowed in config")
        if not self.offers.admits(pool, self.request):
            text = f"pool {pool.name} not compatible for ip assignment"
            return Refusal(Cause.POOL_NOT_ALLOWED, text)
        if new and pool.deleting:
            return Refusal(Cause.POOL_BEING_DELETED, f"pool {pool.name} is being deleted")
        if blocked := self.blocked(addresses, new=new):
            return blocked
        if new and (text := self.exceeds(pool, addresses)):
            return Refusal(Cause.QUOTA_EXCEEDED, text)
        return None

    def blocked(self, addresses: Iterable[IPAddress], *, new: bool = False) -> Refusal | None:
        """Who is in the way of having these."""
        for address in addresses:
            if obstacle := self.ledger.obstacle(self.tenant, address, new=new):
                return _blocked(self.request.key, obstacle)
        return None

    def exceeds(self, pool: Pool, addresses: Iterable[IPAddress]) -> str:
        """Why its namespace may not have these of `pool`, too; empty when it may."""
        namespace = self.request.namespace
        limit = self.offers.limit(pool, namespace)
        if limit is None:
            return ""
        own = self.ledger.held_by(self.request.key, Hold.KEPT)  # free once it gets others
        counts = self.ledger.spent(pool.name, namespace)
        spent = [address for address, count in counts.items() if count > (address in own)]
        if all(address in spent for address in addresses) or len({*spent, *addresses}) <= limit:
            return ""
        text = f"namespace {namespace} has {len(spent)} of at most {limit} addresses of pool {pool.name}"
        return f"{text}: {self._named(spent)}" if spent else text

    def _named(self, spent: Iterable[IPAddress]) -> str:
        found = sorted(spent, key=lambda address: (address.version, int(address)))
        words = [f"{each} ({', '.join(self.ledger.holders(each)) or 'not in use'})" for each in found[:NAMED]]
        more = f" and {len(found) - NAMED} more" if len(found) > NAMED else ""
        return ", ".join(words) + more

    def _requested(self) -> tuple[IPAddress, ...]:
        request, wanted = self.request, self.request.addresses
        if set(families_of(wanted)) != set(request.families):
            text = f"requested loadBalancer IP(s) {quoted(wanted)} does not match the ipFamily of the service"
            raise Refusal(Cause.FAMILY_MISMATCH, text)
        if refusal := self.why_not(wanted, new=True):
            raise refusal
        pool = self.ledger.pool_of(wanted)
        if request.pool is not None and pool is not None and pool.name != request.pool:
            text = (
                f"requested loadBalancer IP(s) {quoted(wanted)} is not compatible with "
                f"requested address pool {request.pool}"
            )
            raise Refusal(Cause.INVALID_REQUEST, text)
        return wanted

    def _from_pool(self, name: str) -> tuple[IPAddress, ...]:
        pool = self.offers.pools.get(name)
        if pool is None:
            raise Refusal(Cause.UNKNOWN_POOL, f'unknown pool "{name}"')
        if not self.offers.admits(pool, self.request):
            raise Refusal(Cause.POOL_NOT_ALLOWED, f"pool {name} not compatible for ip assignment")
        if pool.deleting:
            raise Refusal(Cause.POOL_BEING_DELETED, f"pool {name} is being deleted")
        if found := self._reserved_first((pool,)):
            return found
        text = f"no available IPs in pool {name}"
        if any(self.ledger.first_free(name, family, self.tenant) for family in Family):
            text += f" for {family_words(self.request.families)} IPFamily"
        raise self._nothing(text)

    def _search(self) -> tuple[IPAddress, ...]:
        reserved = self.ledger.reserved_for(self.request.key)
        offering = dict.fromkeys(pool.name for one in reserved if (pool := self.ledger.pool_of((one,))))
        own = (self.offers.pools[name] for name in sorted(offering))
        usable = tuple(pool for pool in own if self.offers.admits(pool, self.request) and not pool.deleting)
        if found := self._best(usable, reserved):
            return found
        for pools in self.offers.choices(self.request):
            if found := self._best(pools):
                return found
        raise self._nothing("no available IPs")

    def _nothing(self, text: str) -> Refusal:
        if self.over_quota:
            return Refusal(Cause.QUOTA_EXCEEDED, "; ".join((text, *dict.fromkeys(self.over_quota))))
        return Refusal(Cause.NO_ADDRESS_FREE, text)

    def _reserved_first(self, pools: tuple[Pool, ...]) -> tuple[IPAddress, ...]:
        reserved = self.ledger.reserved_for(self.request.key)
        return self._best(pools, reserved) or self._best(pools)

    def _best(self, pools: tuple[Pool, ...], reserved: tuple[IPAddress, ...] = ()) -> tuple[IPAddress, ...]:
        """Addresses of the first pool that has all families; else, where one will do, of the primary one.

        With `reserved`, one of these must be among them.
        """
        single: dict[Family, IPAddress] = {}
        for pool in pools:
            found = self._found(pool, reserved)
            if len(found) == len(self.request.families) and self._within(pool, found.values()):
                return tuple(sorted(found.values(), key=lambda address: address.version))
            if self.request.policy is FamilyPolicy.PREFER_DUAL:
                for family, address in found.items():
                    if family not in single and self._within(pool, (address,)):
                        single[family] = address
        return next(((single[family],) for family in self.request.families if family in single), ())

    def _found(self, pool: Pool, reserved: tuple[IPAddress, ...]) -> dict[Family, IPAddress]:
        own: dict[Family, IPAddress] = {}
        free: dict[Family, IPAddress] = {}
        for family in self.request.families:
            if (address := self.ledger.first_of(pool.name, family, self.tenant, reserved)) is not None:
                own[family] = address
            elif (address := self.ledger.first_free(pool.name, family, self.tenant)) is not None:
                free[family] = address
        return {} if reserved and not own else own | free

    def _within(self, pool: Pool, addresses: Iterable[IPAddress]) -> bool:
        text = self.exceeds(pool, tuple(addresses))
        if text:
            self.over_quota.append(text)
        return not text


def allotted(search: Allotment) -> Given:
    """What a Service gets anew, without what it had.

    Raises:
        Refusal: nothing.
    """
    search.ledger.release(search.request.key)
    addresses = search.addresses()
    return Given(addresses, (Note(Reason.IP_ALLOCATED, f"Assigned IP {quoted(addresses)}"),))


def family_words(families: Iterable[Family]) -> str:
    """As MetalLB calls them: `ipv4`, `ipv6`, `dual`."""
    words = [family.value.lower() for family in families]
    return words[0] if len(words) == 1 else "dual"


def _blocked(key: str, obstacle: Obstacle) -> Refusal:
    address, holders = obstacle.address, ",".join(obstacle.holders)
    if obstacle.reservation:
        return Refusal(Cause.ADDRESS_RESERVED, f"{address} is reserved by {obstacle.reservation}")
    if obstacle.kept:
        text = f"{address} is kept for {holders}, which was deleted"
        return Refusal(Cause.ADDRESS_KEPT, text)
    if obstacle.port:
        busy = f'port {obstacle.port} is already in use on "{address}"'
        return Refusal(Cause.ADDRESS_IN_USE, f"{busy}; {address} is held by {holders}")
    text = (
        f'can\'t change sharing key for "{key}", address also in use by {holders}; '
        f"{address} is held by {holders}; a shared address needs the same allow-shared-ip key"
    )
    return Refusal(Cause.ADDRESS_IN_USE, text)
