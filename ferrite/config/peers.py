"""BGPPeer and BFDProfile objects, with MetalLB's complaints."""

import base64
import binascii
import unicodedata
from collections.abc import Callable, Iterable, Mapping

from crds.meta import parse_duration_seconds
from crds.peer import BFDProfileSpec, BGPPeerSpec
from ferrite.config.labels import selectors_from
from ferrite.errors import ConfigError
from ferrite.model import BFDProfile, DynamicASN, Peer
from ferrite.net import IPAddress, parse_address
from ferrite.objects import Secret

BASIC_AUTH = "kubernetes.io/basic-auth"
DEFAULT_PORT = 179
PASSWORD_BYTES = 80
"""Longest key that Linux takes for TCP MD5 (TCP_MD5SIG_MAXKEYLEN)."""
_BFD_LIMITS = {
    "detectMultiplier": ("detect multiplier", 2, 255),
    "receiveInterval": ("receive interval", 10, 60000),
    "transmitInterval": ("transmit interval", 10, 60000),
    "minimumTtl": ("minimum ttl", 1, 254),
    "echoInterval": ("echo interval", 10, 60000),
}
Timers = tuple[int | None, int | None]


def bfd_profile_from(name: str, spec: BFDProfileSpec) -> BFDProfile:
    """Read one BFDProfile.

    Raises:
        ConfigError: a value is out of its range.
    """
    values = spec.model_dump(by_alias=True)
    for field, (words, least, most) in _BFD_LIMITS.items():
        value = values.get(field)
        if value is not None and not least <= value <= most:
            raise ConfigError(
                f"parsing bfd profile {name}: invalid value {value}, must be in {least}-{most} range\n"
                f"invalid {words} value"
            )
    unsupported = ("echoMode", "echoInterval", "passiveMode", "minimumTtl")
    return BFDProfile(
        name=name,
        receive_interval_ms=spec.receive_interval,
        transmit_interval_ms=spec.transmit_interval,
        detect_multiplier=spec.detect_multiplier,
        unsupported=tuple(field for field in unsupported if values.get(field)),
    )


def peer_from(
    key: tuple[str, str],
    spec: BGPPeerSpec,
    profiles: Mapping[str, BFDProfile],
    secrets: Mapping[str, Secret],
) -> Peer:
    """Read one BGPPeer.

    Args:
        key: namespace and name of the object.
        spec: as in the object.
        profiles: the BFD profiles that count, by name.
        secrets: Secrets of the same namespace, by name.

    Raises:
        ConfigError: a field is wrong, or what it refers to is not there.
    """
    name = key[1]
    try:
        _refuse_identity(spec)
        hold, keepalive = _timers(spec)
        peer = Peer(
            name=name,
            my_asn=spec.my_asn,
            peer_asn=spec.peer_asn or None,
            dynamic_asn=_dynamic_asn(spec.dynamic_asn),
            local_asn=spec.local_asn,
            address=_address(spec.peer_address, 'invalid BGPPeer address "{}"'),
            interface=spec.interface or None,
            source_address=_address(spec.source_address, 'invalid source IP "{}"'),
            port=spec.peer_port or DEFAULT_PORT,
            hold_seconds=hold,
            keepalive_seconds=keepalive,
            connect_seconds=_seconds(spec.connect_time, "connectTime"),
            router_id=_router_id(spec.router_id),
            node_selectors=selectors_from(
                spec.node_selectors, "nodeSelectors", f"failed to convert peer {name} node selector"
            ),
            password=_password(key, spec, secrets),
            graceful_restart=spec.enable_graceful_restart,
            ebgp_multihop=spec.ebgp_multi_hop,
            vrf=spec.vrf or None,
            dual_stack=spec.dual_stack_address_family,
            bfd=profiles.get(spec.bfd_profile),
        )
    except ConfigError as error:
        raise ConfigError(f"parsing peer {name} {error}") from None
    if spec.bfd_profile and peer.bfd is None:
        raise ConfigError(f"peer {name} referencing non existing bfd profile {spec.bfd_profile}")
    return peer


def refuse_same_neighbor(peer: Peer, others: Iterable[Peer]) -> None:
    """Check a peer against those of the same node that count already.

    A BGP engine has one neighbor for an address, and one router ID.

    Raises:
        ConfigError: another has the same address or interface, or another router ID.
    """
    identity = str(peer.address or peer.interface)
    for other in others:
        if identity == str(other.address or other.interface):
            raise ConfigError(
                f"peer {identity} already exists, FRR mode doesn't support duplicate BGPPeers selecting the "
                "same node"
            )
        if peer.router_id != other.router_id:
            raise ConfigError(
                f"peer {peer.router_id or ''} has RouterID different from {other.router_id or ''}, in FRR "
                "mode peers selecting the same node must all have the same RouterID"
            )


def _refuse_identity(spec: BGPPeerSpec) -> None:
    complaints = {
        "missing local ASN": spec.my_asn == 0,
        "missing peer ASN and dynamicASN": not spec.peer_asn and not spec.dynamic_asn,
        "both peer ASN and dynamicASN specified": bool(spec.peer_asn and spec.dynamic_asn),
        "invalid ebgp-multihop parameter set for an ibgp peer": (
            spec.ebgp_multi_hop and spec.peer_asn == spec.my_asn
        ),
        "peer has no Address or Interface specified": not spec.peer_address and not spec.interface,
        "peer has both Address and Interface specified": bool(spec.peer_address and spec.interface),
    }
    for complaint, wrong in complaints.items():
        if wrong:
            raise ConfigError(complaint)


def _dynamic_asn(text: str) -> DynamicASN | None:
    try:
        return DynamicASN(text) if text else None
    except ValueError:
        raise ConfigError(f"invalid dynamicASN {text}") from None


def _timers(spec: BGPPeerSpec) -> Timers:
    """Hold and keepalive time; one of them gives the other, by the factor 3 of RFC 4271 section 10."""
    hold = _seconds(spec.hold_time, "holdTime")
    keepalive = _seconds(spec.keepalive_time, "keepaliveTime")
    if hold in (1, 2):
        raise ConfigError(f'invalid BGPPeer timers: invalid hold time "{spec.hold_time}": must be 0 or >=3s')
    if hold is None and keepalive is not None:
        hold = 3 * keepalive
    if keepalive is None and hold is not None:
        keepalive = hold // 3
    if hold is not None and keepalive is not None and keepalive > hold:
        raise ConfigError(
            f'invalid BGPPeer timers: invalid keepaliveTime "{spec.keepalive_time}", '
            f'must be lower than holdTime "{spec.hold_time}"'
        )
    return hold, keepalive


def _seconds(text: str | None, field: str) -> int | None:
    if text is None:
        return None
    try:
        seconds = parse_duration_seconds(text)
    except ValueError as error:
        raise ConfigError(f"{field}: {error}") from None
    if not 0 <= seconds <= 65535:
        raise ConfigError(f'{field}: "{text}" is not between 0s and 65535s')
    return int(seconds)


def _address(text: str, complaint: str) -> IPAddress | None:
    return _checked(text, complaint, parse_address) if text else None


def _router_id(text: str) -> str | None:
    if not text:
        return None
    address = _checked(text, 'invalid router ID "{}"', parse_address)
    if address.version != 4:
        raise ConfigError(f'invalid router ID "{text}"')
    return str(address)


def _checked(text: str, complaint: str, parse: Callable[[str], IPAddress]) -> IPAddress:
    try:
        return parse(text)
    except ValueError:
        raise ConfigError(complaint.format(text)) from None


def _password(key: tuple[str, str], spec: BGPPeerSpec, secrets: Mapping[str, Secret]) -> str | None:
    namespace, name = key
    reference = spec.password_secret.name if spec.password_secret else ""
    if not reference:
        _refuse_password(spec.password, "password")
        return spec.password or None
    if spec.password:
        raise ConfigError(
            f'can not have both password and secret ref set in peer config "{namespace}"/"{name}"'
        )
    try:
        return _secret_password(namespace, name, secrets.get(reference))
    except ConfigError as error:
        raise ConfigError(f"{error}\nfailed to parse peer {name} password secret") from None


def _secret_password(namespace: str, peer: str, secret: Secret | None) -> str:
    if secret is None:
        raise ConfigError(f'secret ref not found for peer config "{namespace}"/"{peer}"')
    name = secret.metadata.name
    if secret.type != BASIC_AUTH:
        # The trailing space is MetalLB's.
        raise ConfigError(f'secret type mismatch on "{namespace}"/"{name}", type "{BASIC_AUTH}" is expected ')
    try:
        password = base64.b64decode(secret.data.get("password", ""), validate=True).decode()
    except (binascii.Error, UnicodeDecodeError):
        raise ConfigError(f'password in the secret "{namespace}"/"{name}" is not text') from None
    if not password:
        raise ConfigError(f'password not specified in the secret "{namespace}"/"{name}"')
    _refuse_password(password, f'password in the secret "{namespace}"/"{name}"')
    return password


def _refuse_password(password: str, place: str) -> None:
    """Refuse what no session comes up with; the complaint never shows the password."""
    if len(password.encode()) > PASSWORD_BYTES:
        raise ConfigError(f"{place} is longer than {PASSWORD_BYTES} bytes, the limit of TCP MD5")
    if any(unicodedata.category(character) == "Cc" for character in password):
        raise ConfigError(f"{place} has a control character in it, such as a line break at its end")
