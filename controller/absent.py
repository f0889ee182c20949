"""Services that were deleted, and the addresses that are kept for them until they come back or time is up."""

from collections.abc import Iterable
from dataclasses import replace

from controller.binding import Binding
from controller.choice import Offers
from controller.ledger import Ledger
from controller.tenant import Hold, Tenant
from ferrite.model import Pool
from ferrite.net import IPAddress


class Absent:
    """What is kept for whom; it holds the addresses in the ledger so that nobody else gets them."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self._kept: dict[str, Binding] = {}
        self._restored: dict[str, Binding] = {}

    def get(self, key: str) -> Binding | None:
        """What is kept for the Service `key`."""
        return self._kept.get(key)

    def restore(self, bindings: Iterable[Binding], offers: Offers, now: float) -> None:
        """Begin with what was written down; `claim` follows once those who are here have what they hold.

        A Service that is not here and is not known to have gone went while nobody looked: its time begins.
        """
        for binding in bindings:
            pool = offers.pools.get(binding.pool)
            until = binding.until if binding.until is not None else _end(pool, now)
            self._restored[binding.key] = replace(binding, until=until)

    def claim(self, offers: Offers) -> None:
        """Hold what was restored for those who have no address now."""
        restored, self._restored = self._restored, {}
        for key, binding in restored.items():
            if not self._ledger.held_by(key) and self._is_kept(binding, offers):
                self._hold(binding)

    def configure(self, offers: Offers) -> None:
        """Let go what no pool keeps any more."""
        for key, binding in list(self._kept.items()):
            if not self._is_kept(binding, offers):
                self.drop(key)

    def gone(self, tenant: Tenant | None, addresses: tuple[IPAddress, ...], now: float) -> None:
        """A Service was deleted that held these."""
        pool = self._ledger.pool_of(addresses)
        if tenant and pool and _keeps(pool):
            self._hold(
                Binding(tenant.key, pool.name, addresses, tenant.sharing, tenant.ports, _end(pool, now))
            )

    def expire(self, key: str, now: float) -> None:
        """Let go what is kept for `key` if its time is up."""
        binding = self._kept.get(key)
        if binding and (binding.until or 0) <= now:
            self.drop(key)

    def drop(self, key: str) -> None:
        """Nothing is kept for `key` any more."""
        if self._kept.pop(key, None):
            self._ledger.release(key, Hold.KEPT)

    def _is_kept(self, binding: Binding, offers: Offers) -> bool:
        """Whether its pool keeps it, or there is one that does not count now and may have kept it before."""
        pool = self._ledger.pool_of(binding.addresses)
        return _keeps(pool) if pool else binding.pool in offers.broken

    def _hold(self, binding: Binding) -> None:
        tenant = binding.tenant
        if not any(self._ledger.obstacle(tenant, address) for address in binding.addresses):
            self._ledger.claim(tenant, binding.addresses)
            self._kept[binding.key] = binding


def _keeps(pool: Pool) -> bool:
    return pool.sticky_seconds > 0 and not pool.deleting


def _end(pool: Pool | None, now: float) -> int:
    return int(now + (pool.sticky_seconds if pool else 0.0)) + 1  # whole seconds, as it is written down
