"""BGPPeer (v1beta1 and v1beta2) and BFDProfile: the routers and how they are watched."""

from typing import Annotated

from pydantic import ConfigDict, Field

from crds.cel import Check, address, connect_time_rules, duration_rules, is_duration
from crds.meta import UINT32_MAX, Extra, Resource, Selectors, crd_default, rules

_INT32: Extra = {"format": "int32"}
_INT64: Extra = {"format": "int64"}
_DURATION_LENGTH = 64
_ADDRESS_LENGTH = 64
DEPRECATION_WARNING = "v1beta1 is deprecated, please use v1beta2"


def _set(field: str) -> str:
    return f"(has(self.{field}) && self.{field} != '')"


def _asn(field: str) -> str:
    return f"(has(self.{field}) && self.{field} != 0)"


def _address_rule(what: str, *, empty: bool) -> Check:
    return (
        f"{'self == ' + repr('') + ' || ' if empty else ''}{address('self')}",
        f"='invalid {what} \"' + self + '\"'",
    )


# MetalLB takes any IP address here; but a router ID is 32 bits (RFC 4271 section 4.2), so an IPv6 address
# could only fail later, in the BGP engine, where nobody looks.
_ROUTER_ID: Check = (
    f"self == '' || (isIP(self) && ip(self).family() == 4) || {address('self')} && self.contains('.')",
    "='invalid router ID \"' + self + '\": want an IPv4 address'",
)
_BOTH_TIMES = (
    f"has(self.holdTime) && has(self.keepaliveTime) && {is_duration('self.holdTime')} && "
    f"{is_duration('self.keepaliveTime')}"
)
_COMMON: tuple[Check, ...] = (
    ("self.myASN != 0", "missing local ASN: myASN must not be 0"),
    (
        "!(has(self.ebgpMultiHop) && self.ebgpMultiHop && has(self.peerASN) && self.peerASN == self.myASN)",
        "invalid ebgp-multihop parameter set for an ibgp peer: ebgpMultiHop is true, peerASN equals myASN",
    ),
    (
        f"!({_BOTH_TIMES}) || duration(self.keepaliveTime) <= duration(self.holdTime)",
        "='invalid BGPPeer timers: invalid keepaliveTime \"' + self.keepaliveTime + "
        "'\", must be lower than holdTime \"' + self.holdTime + '\"'",
    ),
)
_V1BETA1: tuple[Check, ...] = (
    *_COMMON,
    ("self.peerASN != 0", "missing peer ASN: peerASN must not be 0"),
)
_V1BETA2: tuple[Check, ...] = (
    *_COMMON,
    (f"{_asn('peerASN')} || {_set('dynamicASN')}", "missing peer ASN and dynamicASN"),
    (
        f"!({_asn('peerASN')} && {_set('dynamicASN')})",
        "='both peer ASN and dynamicASN specified: peerASN is set, and dynamicASN is ' + self.dynamicASN",
    ),
    (f"{_set('peerAddress')} || {_set('interface')}", "peer has no Address or Interface specified"),
    (
        f"!({_set('peerAddress')} && {_set('interface')})",
        "='peer has both Address and Interface specified: peerAddress ' + self.peerAddress + "
        "', interface ' + self.interface",
    ),
    (
        f"!({_set('password')} && has(self.passwordSecret) && has(self.passwordSecret.name) && "
        "self.passwordSecret.name != '')",
        "can not have both password and secret ref set in peer config: set password or passwordSecret",
    ),
)
_HOLD_TIME: tuple[Check, ...] = (
    *duration_rules("holdTime"),
    (
        f"!{is_duration('self')} || duration(self).getSeconds() == 0 || duration(self).getSeconds() >= 3",
        "='invalid BGPPeer timers: invalid hold time \"' + self + '\": must be 0 or >=3s'",
    ),
)

HoldTime = Annotated[str, Field(max_length=_DURATION_LENGTH, json_schema_extra=rules(*_HOLD_TIME))]
KeepaliveTime = Annotated[
    str, Field(max_length=_DURATION_LENGTH, json_schema_extra=rules(*duration_rules("keepaliveTime")))
]
ConnectTime = Annotated[
    str, Field(max_length=_DURATION_LENGTH, json_schema_extra=rules(*connect_time_rules()))
]


class SecretReferenceSpec(Resource):
    """A Secret in Ferrite's own namespace."""

    model_config = ConfigDict(json_schema_extra={"x-kubernetes-map-type": "atomic"})

    name: str = Field(default="", description="Name of the Secret.", max_length=253)
    namespace: str = Field(
        default="", description="Ignored: the Secret is looked up in the namespace Ferrite runs in."
    )


class LegacyRequirementSpec(Resource):
    """A selector requirement of v1beta1."""

    key: str = Field(description="The label key that the requirement applies to.")
    operator: str = Field(
        description="How the label's value relates to values: In, NotIn, Exists or DoesNotExist."
    )
    values: list[str] = Field(min_length=1, description="Label values, at least one.")


class LegacySelectorSpec(Resource):
    """Selects nodes by their labels; all parts must match."""

    match_expressions: list[LegacyRequirementSpec] = Field(
        default_factory=list, description="Requirements on labels; all of them must hold."
    )
    match_labels: dict[str, str] = Field(
        default_factory=dict, description="Labels that must be present with exactly these values."
    )


class _Peer(Resource):
    """What both versions of BGPPeer have."""

    my_asn: int = Field(
        ge=0,
        le=UINT32_MAX,
        alias="myASN",
        description="AS number of this end of the session, 1 to 4294967295.",
        json_schema_extra=_INT64,
    )
    source_address: str = Field(
        default="",
        max_length=_ADDRESS_LENGTH,
        description="Local IP address that the session is opened from. Without it, the system chooses.",
        json_schema_extra=rules(_address_rule("source IP", empty=True)),
    )
    hold_time: HoldTime | None = Field(
        default=None,
        description=(
            "Hold time offered to the peer (RFC 4271), a duration such as 90s: 0 or at least 3s. Without it, "
            "three times keepaliveTime or the default of the BGP engine."
        ),
    )
    keepalive_time: KeepaliveTime | None = Field(
        default=None,
        description="Time between keepalives, a duration such as 30s, at most holdTime; else a third of it.",
    )
    router_id: str = Field(
        default="",
        max_length=_ADDRESS_LENGTH,
        alias="routerID",
        description="BGP router ID, written as an IPv4 address. Without it, derived from the node.",
        json_schema_extra=rules(_ROUTER_ID),
    )
    password: str = Field(
        default="", description="TCP MD5 password of the session (RFC 2385). Better kept in a Secret."
    )
    bfd_profile: str = Field(
        default="", description="Name of the BFDProfile that watches the session. Without it, no BFD."
    )
    ebgp_multi_hop: bool = Field(
        default=False,
        alias="ebgpMultiHop",
        description="Whether the eBGP peer is more than one hop away.",
    )


class BGPPeerV1Beta1Spec(_Peer):
    """A router to hold a BGP session with, as v1beta1 has it. Deprecated: use v1beta2."""

    model_config = ConfigDict(json_schema_extra=rules(*_V1BETA1))

    peer_asn: int = Field(
        ge=0,
        le=UINT32_MAX,
        alias="peerASN",
        description="AS number of the peer, 1 to 4294967295.",
        json_schema_extra=_INT64,
    )
    peer_address: str = Field(
        max_length=_ADDRESS_LENGTH,
        description="IP address of the peer.",
        json_schema_extra=rules(_address_rule("BGPPeer address", empty=False)),
    )
    node_selectors: list[LegacySelectorSpec] = Field(
        default_factory=list,
        description="Labels of the nodes that connect, any of which must match. Without one, all nodes.",
    )
    peer_port: int | None = Field(
        default=None,
        ge=0,
        le=16384,
        description="TCP port of the peer, 1 to 16384; 0 or absent is 179.",
        json_schema_extra=_INT32,
    )


class BGPPeerSpec(_Peer):
    """A router to hold a BGP session with."""

    model_config = ConfigDict(json_schema_extra=rules(*_V1BETA2))

    peer_asn: int = Field(
        default=0,
        ge=0,
        le=UINT32_MAX,
        alias="peerASN",
        description="AS number of the peer, 1 to 4294967295. Either this or dynamicASN.",
        json_schema_extra=_INT64,
    )
    local_asn: int | None = Field(
        default=None,
        ge=1,
        le=UINT32_MAX,
        alias="localASN",
        description="AS number to show to this peer in place of myASN, 1 to 4294967295.",
        json_schema_extra=_INT64,
    )
    dynamic_asn: str = Field(
        default="",
        alias="dynamicASN",
        description="Take the AS number that the peer sends: internal only the own one, external any other.",
        json_schema_extra={"enum": ["internal", "external"]},
    )
    peer_address: str = Field(
        default="",
        max_length=_ADDRESS_LENGTH,
        description="IP address of the peer. Either this or interface.",
        json_schema_extra=rules(_address_rule("BGPPeer address", empty=True)),
    )
    interface: str = Field(
        default="",
        max_length=253,
        description="Interface whose link-local neighbor is the peer (unnumbered). Or else peerAddress.",
    )
    peer_port: int = Field(
        default=179,
        ge=0,  # an object stored as v1beta1 may hold 0, which is 179
        le=16384,
        description="TCP port of the peer, 1 to 16384.",
        json_schema_extra=crd_default(179, {"format": "int32", "minimum": 1}),
    )
    node_selectors: Selectors = Field(
        default_factory=list,
        description="Labels of the nodes that connect, any of which must match. Without one, all nodes.",
    )
    connect_time: ConnectTime | None = Field(
        default=None,
        description="Time between attempts to connect, whole seconds from 1s to 65535s.",
    )
    password_secret: SecretReferenceSpec | None = Field(
        default=None,
        description="Secret of type kubernetes.io/basic-auth whose key password is the TCP MD5 password.",
    )
    enable_graceful_restart: bool = Field(
        default=False,
        description=(
            "Whether the peer keeps our routes while the speaker restarts (RFC 4724). Cannot change later."
        ),
        json_schema_extra=rules(
            ("self == oldSelf", "EnableGracefulRestart cannot be changed after creation")
        ),
    )
    vrf: str = Field(
        default="", description="VRF of the node that the session runs in. Without it, the default one."
    )
    disable_mp: bool = Field(
        default=False,
        alias="disableMP",
        description="Deprecated, without effect: only the families in use are negotiated in any case.",
        json_schema_extra=crd_default(False),
    )
    dual_stack_address_family: bool = Field(
        default=False,
        description="Whether routes of both families go over this session, whatever family it runs on.",
        json_schema_extra=crd_default(False),
    )


class BFDProfileSpec(Resource):
    """How fast the loss of a peer is noticed (RFC 5880). What is absent is the BGP engine's default."""

    receive_interval: int | None = Field(
        default=None,
        ge=10,
        le=60000,
        description="Shortest interval of received packets, in milliseconds: 10 to 60000, usually 300.",
        json_schema_extra=_INT32,
    )
    transmit_interval: int | None = Field(
        default=None,
        ge=10,
        le=60000,
        description="Interval at which packets are sent, in milliseconds: 10 to 60000, usually 300.",
        json_schema_extra=_INT32,
    )
    detect_multiplier: int | None = Field(
        default=None,
        ge=2,
        le=255,
        description="Packets lost in a row that end the session: 2 to 255, usually 3.",
        json_schema_extra=_INT32,
    )
    echo_interval: int | None = Field(
        default=None,
        ge=10,
        le=60000,
        description="Shortest interval of echo packets, in milliseconds: 10 to 60000, usually 50.",
        json_schema_extra=_INT32,
    )
    echo_mode: bool = Field(
        default=False, description="Whether echo packets are sent. Not possible with IPv6 addresses."
    )
    passive_mode: bool = Field(
        default=False, description="Whether to wait for the peer's packets before sending any."
    )
    minimum_ttl: int | None = Field(
        default=None,
        ge=1,
        le=254,
        alias="minimumTtl",
        description="Smallest TTL of packets that are accepted on multi-hop sessions: 1 to 254.",
        json_schema_extra=_INT32,
    )
