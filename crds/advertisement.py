"""L2Advertisement, BGPAdvertisement and Community: how the addresses of pools are made known."""

from typing import Annotated

from pydantic import ConfigDict, Field

from crds.cel import community_rules
from crds.meta import (
    LIST_LENGTH,
    NAME_LENGTH,
    SET,
    UINT32_MAX,
    LabelSelectorSpec,
    Resource,
    Selectors,
    crd_default,
    rules,
)

_POOLS = "Names of IPAddressPools. Without pools and pool selectors, all pools. Unknown names are ignored."
_POOL_SELECTORS = "Labels of IPAddressPools, any of which must match; added to ipAddressPools."
_SERVICE_SELECTORS = "Labels of Services, any of which must match. Without one, all Services of the pools."
_DEFAULT_AGGREGATION = (
    "!has(self.serviceSelectors) || self.serviceSelectors.size() == 0 || "
    "((!has(self.aggregationLength) || self.aggregationLength == 32) && "
    "(!has(self.aggregationLengthV6) || self.aggregationLengthV6 == 128))"
)
_DEFAULT_AGGREGATION_MESSAGE = (
    "serviceSelectors and aggregationLength are mutually exclusive, can only be used together with default "
    "aggregationLength (32) and aggregationLengthV6 (128)"
)


class PreferredNodeSelectorSpec(Resource):
    """Nodes that are preferred over others."""

    weight: int = Field(
        ge=1,
        le=100,
        description="Added to a node that matches; the node with the largest sum answers. 1 to 100.",
        json_schema_extra={"format": "int32"},
    )
    preference: LabelSelectorSpec = Field(description="Labels of the preferred nodes.")


class L2AdvertisementSpec(Resource):
    """Which addresses are answered by ARP and NDP, from which nodes and interfaces."""

    ip_address_pools: list[str] = Field(
        default_factory=list, alias="ipAddressPools", description=_POOLS, json_schema_extra=SET
    )
    ip_address_pool_selectors: Selectors = Field(
        default_factory=list, alias="ipAddressPoolSelectors", description=_POOL_SELECTORS
    )
    node_selectors: Selectors = Field(
        default_factory=list,
        description="Labels of the nodes that may answer, any of which must match. Without one, all nodes.",
    )
    interfaces: list[str] = Field(
        default_factory=list,
        description="Exact names of the interfaces that answer. Without one, all interfaces.",
    )
    service_selectors: Selectors = Field(default_factory=list, description=_SERVICE_SELECTORS)
    preferred_node_selectors: list[PreferredNodeSelectorSpec] = Field(
        default_factory=list,
        description="Nodes preferred among those that may answer; they decide nothing else.",
    )


class BGPAdvertisementSpec(Resource):
    """Which addresses are announced as routes, to which peers and with which attributes."""

    model_config = ConfigDict(json_schema_extra=rules((_DEFAULT_AGGREGATION, _DEFAULT_AGGREGATION_MESSAGE)))

    aggregation_length: int = Field(
        default=32,
        ge=1,
        le=32,
        description="Prefix length of IPv4 routes, 1 to 32; 32 announces each address by itself.",
        json_schema_extra=crd_default(32, {"format": "int32"}),
    )
    aggregation_length_v6: int = Field(
        default=128,
        ge=0,
        le=128,
        alias="aggregationLengthV6",
        description="Prefix length of IPv6 routes, 0 to 128; 128 announces each address by itself.",
        json_schema_extra=crd_default(128, {"format": "int32"}),
    )
    local_pref: int = Field(
        default=0,
        ge=0,
        le=UINT32_MAX,
        description="LOCAL_PREF of the routes, 0 to 4294967295, for iBGP peers only; 0 leaves it unset.",
        json_schema_extra={"format": "int64"},
    )
    communities: list[
        Annotated[str, Field(max_length=NAME_LENGTH, json_schema_extra=rules(*community_rules(alias=True)))]
    ] = Field(
        default_factory=list,
        max_length=LIST_LENGTH,
        description=(
            "Communities of the routes: standard 65000:100, large large:65000:1:2, or a name that a "
            "Community object defines."
        ),
        json_schema_extra=SET,
    )
    ip_address_pools: list[str] = Field(
        default_factory=list, alias="ipAddressPools", description=_POOLS, json_schema_extra=SET
    )
    ip_address_pool_selectors: Selectors = Field(
        default_factory=list, alias="ipAddressPoolSelectors", description=_POOL_SELECTORS
    )
    node_selectors: Selectors = Field(
        default_factory=list,
        description="Labels of the nodes that announce, any of which must match. Without one, all nodes.",
    )
    peers: list[str] = Field(
        default_factory=list,
        description="Names of the BGPPeers that get the routes. Without one, all. Unknown names are ignored.",
        json_schema_extra=SET,
    )
    service_selectors: Selectors = Field(default_factory=list, description=_SERVICE_SELECTORS)


class CommunityAliasSpec(Resource):
    """A name for a community value."""

    name: str = Field(
        default="",
        max_length=NAME_LENGTH,
        description="The name that advertisements use.",
        json_schema_extra=crd_default(""),  # the key of a list must be there
    )
    value: str = Field(
        default="",
        max_length=NAME_LENGTH,
        description="A standard community, 65000:100, or a large one, large:65000:1:2.",
        json_schema_extra=rules(*community_rules(alias=False)),
    )


class CommunitySpec(Resource):
    """Names for communities; a name counts for all advertisements."""

    communities: list[CommunityAliasSpec] = Field(
        default_factory=list,
        max_length=LIST_LENGTH,
        description="The names and their values.",
        json_schema_extra={"x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["name"]},
    )
