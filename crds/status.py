"""ServiceL2Status, ServiceBGPStatus and ConfigurationState: what Ferrite reports."""

from pydantic import Field

from crds.meta import ConditionStatus, Extra, Resource, rules

_IMMUTABLE: Extra = rules(("self == oldSelf", "Value is immutable"))


class EmptySpec(Resource):
    """Nothing: the kind only reports."""


class EmptyStatus(Resource):
    """Nothing: the kind reports elsewhere, in ConfigurationState."""


class InterfaceStatus(Resource):
    """A network interface of the node."""

    name: str = Field(default="", description="Name of the interface.")


class ServiceL2StatusStatus(Resource):
    """Which node answers ARP and NDP for a Service."""

    interfaces: list[InterfaceStatus] = Field(
        default_factory=list,
        description="Interfaces that answer; absent when all interfaces do.",
    )
    node: str = Field(default="", description="The node that answers.", json_schema_extra=_IMMUTABLE)
    service_name: str = Field(default="", description="Name of the Service.", json_schema_extra=_IMMUTABLE)
    service_namespace: str = Field(
        default="", description="Namespace of the Service.", json_schema_extra=_IMMUTABLE
    )


class ServiceBGPStatusStatus(Resource):
    """Which peers get the routes of a Service from a node."""

    node: str = Field(default="", description="The node that announces.", json_schema_extra=_IMMUTABLE)
    peers: list[str] = Field(
        default_factory=list, description="Names of the BGPPeers that the Service is announced to, sorted."
    )
    service_name: str = Field(default="", description="Name of the Service.", json_schema_extra=_IMMUTABLE)
    service_namespace: str = Field(
        default="", description="Namespace of the Service.", json_schema_extra=_IMMUTABLE
    )


class ConfigurationStateStatus(Resource):
    """Whether one component could use the configuration."""

    conditions: list[ConditionStatus] = Field(
        default_factory=list,
        description="One condition per part of the component that reads the configuration.",
        json_schema_extra={"x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["type"]},
    )
    error_summary: str = Field(
        default="", description="Messages of the conditions that are False, one per line; empty when valid."
    )
    result: str = Field(
        default="Unknown",
        description="Valid, Invalid, or Unknown until the configuration was read.",
        json_schema_extra={"enum": ["Valid", "Invalid", "Unknown"]},
    )
