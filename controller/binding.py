"""What is remembered of a Service so that it gets its addresses back after it was deleted."""

from dataclasses import dataclass, field

from controller.tenant import Hold, Port, Sharing, Tenant
from crds.reservation import AddressBindingSpec, BoundPortSpec
from ferrite.net import IPAddress, parse_address


@dataclass(frozen=True, slots=True)
class Binding:
    """Addresses that a Service of a pool with `stickyFor` has, or had.

    Attributes:
        key: of the Service, "namespace/name".
        until: when they become free, in seconds since the epoch; None while the Service has them.
    """

    key: str
    pool: str
    addresses: tuple[IPAddress, ...]
    sharing: Sharing = field(default_factory=Sharing)
    ports: frozenset[Port] = frozenset()
    until: int | None = None

    @property
    def tenant(self) -> Tenant:
        """The Service as the ledger sees it while it is away."""
        return Tenant(self.key, self.sharing, self.ports, Hold.KEPT)

    @property
    def name(self) -> str:
        """Of the AddressBinding."""
        return binding_name(self.key)


def binding_name(service: str) -> str:
    """Name of the AddressBinding of a Service "namespace/name"; neither part of that has a dot."""
    return service.replace("/", ".")


def service_of(binding: str) -> str:
    """Key of the Service that the AddressBinding "namespace/name" is for."""
    return binding.partition("/")[2].replace(".", "/", 1)


def binding_from(spec: AddressBindingSpec, until: int | None) -> Binding:
    """What the spec of an AddressBinding says.

    Raises:
        ValueError: an address is none.
    """
    return Binding(
        key=spec.service,
        pool=spec.pool,
        addresses=tuple(parse_address(text) for text in spec.addresses),
        sharing=Sharing(spec.sharing_key, spec.backend),
        ports=frozenset(Port(port.protocol, port.port) for port in spec.ports),
        until=until,
    )


def binding_spec(binding: Binding, until: str | None) -> AddressBindingSpec:
    """The spec that says it; `until` in RFC 3339."""
    return AddressBindingSpec(
        service=binding.key,
        pool=binding.pool,
        addresses=[str(address) for address in binding.addresses],
        sharing_key=binding.sharing.key,
        backend=binding.sharing.backend,
        ports=[BoundPortSpec(protocol=port.protocol, port=port.number) for port in sorted(binding.ports)],
        until=until,
    )
