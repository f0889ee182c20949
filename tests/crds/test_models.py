"""The models: JSON names as the API has them, field for field; what is unknown does no harm."""

import pytest
from pydantic import ValidationError

from crds.advertisement import (
    BGPAdvertisementSpec,
    CommunityAliasSpec,
    CommunitySpec,
    L2AdvertisementSpec,
    PreferredNodeSelectorSpec,
)
from crds.meta import ConditionStatus, LabelSelectorRequirementSpec, LabelSelectorSpec, Resource
from crds.peer import (
    BFDProfileSpec,
    BGPPeerSpec,
    BGPPeerV1Beta1Spec,
    LegacyRequirementSpec,
    LegacySelectorSpec,
    SecretReferenceSpec,
)
from crds.pool import (
    IPAddressPoolSpec,
    IPAddressPoolStatus,
    QuotaLimitSpec,
    QuotaSpec,
    ServiceAllocationSpec,
)
from crds.reservation import (
    AddressBindingSpec,
    AddressReservationSpec,
    AddressReservationStatus,
    BoundPortSpec,
    ReservedAddressStatus,
)
from crds.status import (
    ConfigurationStateStatus,
    EmptySpec,
    EmptyStatus,
    InterfaceStatus,
    ServiceBGPStatusStatus,
    ServiceL2StatusStatus,
)

REQUIREMENT = {"key": "rack", "operator": "In", "values": ["a", "b"]}
SELECTOR = {"matchLabels": {"rack": "a"}, "matchExpressions": [REQUIREMENT]}
PREFERENCE = {"weight": 100, "preference": SELECTOR}
ALLOCATION = {
    "priority": 50,
    "namespaces": ["team"],
    "namespaceSelectors": [SELECTOR],
    "serviceSelectors": [SELECTOR],
}
LIMIT = {"namespaceSelector": SELECTOR, "limit": 8}
QUOTA = {"default": 2, "limits": [LIMIT]}
RESERVED = {"address": "192.0.2.7", "services": ["team/web"], "problem": "unknown pool"}
PORT = {"protocol": "TCP", "port": 80}
ALIAS = {"name": "no-transit", "value": "65000:100"}
CONDITION = {
    "type": "poolReconcilerValid",
    "status": "False",
    "observedGeneration": 3,
    "lastTransitionTime": "2026-01-01T00:00:00Z",
    "reason": "ConfigurationError",
    "message": "configuration error: x",
}
SCOPE = {
    "ipAddressPools": ["blue"],
    "ipAddressPoolSelectors": [SELECTOR],
    "nodeSelectors": [SELECTOR],
    "serviceSelectors": [SELECTOR],
}
PEER = {
    "myASN": 64512,
    "peerASN": 64513,
    "peerAddress": "192.0.2.1",
    "sourceAddress": "192.0.2.2",
    "peerPort": 1179,
    "holdTime": "90s",
    "keepaliveTime": "30s",
    "routerID": "192.0.2.3",
    "password": "secret",
    "bfdProfile": "fast",
    "ebgpMultiHop": True,
}
DOCUMENTS = {
    LabelSelectorRequirementSpec: REQUIREMENT,
    LabelSelectorSpec: SELECTOR,
    ConditionStatus: CONDITION,
    ServiceAllocationSpec: ALLOCATION,
    IPAddressPoolSpec: {
        "addresses": ["192.0.2.0/24", "2001:db8::1-2001:db8::9"],
        "autoAssign": False,
        "avoidBuggyIPs": True,
        "serviceAllocation": ALLOCATION,
        "stickyFor": "24h",
        "quota": QUOTA,
        "onRemoval": "Keep",
    },
    QuotaSpec: QUOTA,
    QuotaLimitSpec: LIMIT,
    IPAddressPoolStatus: {
        "assignedIPv4": 1,
        "assignedIPv6": 2,
        "availableIPv4": 3,
        "availableIPv6": 9223372036854775807,
        "kept": ["192.0.2.9"],
        "observedGeneration": 3,
    },
    PreferredNodeSelectorSpec: PREFERENCE,
    L2AdvertisementSpec: {**SCOPE, "interfaces": ["eth0"], "preferredNodeSelectors": [PREFERENCE]},
    BGPAdvertisementSpec: {
        **SCOPE,
        "aggregationLength": 24,
        "aggregationLengthV6": 64,
        "localPref": 4294967295,
        "communities": ["65000:100", "no-transit"],
        "peers": ["tor-a"],
    },
    CommunityAliasSpec: ALIAS,
    CommunitySpec: {"communities": [ALIAS]},
    SecretReferenceSpec: {"name": "tor-a-md5", "namespace": "metallb-system"},
    LegacyRequirementSpec: REQUIREMENT,
    LegacySelectorSpec: SELECTOR,
    BGPPeerV1Beta1Spec: {**PEER, "nodeSelectors": [SELECTOR]},
    BGPPeerSpec: {
        **PEER,
        "localASN": 64600,
        "dynamicASN": "external",
        "interface": "eth1",
        "connectTime": "10s",
        "nodeSelectors": [SELECTOR],
        "passwordSecret": {"name": "tor-a-md5", "namespace": "metallb-system"},
        "enableGracefulRestart": True,
        "vrf": "red",
        "disableMP": True,
        "dualStackAddressFamily": True,
    },
    BFDProfileSpec: {
        "receiveInterval": 300,
        "transmitInterval": 301,
        "detectMultiplier": 3,
        "echoInterval": 50,
        "echoMode": True,
        "passiveMode": True,
        "minimumTtl": 254,
    },
    EmptySpec: {},
    EmptyStatus: {},
    InterfaceStatus: {"name": "eth0"},
    ServiceL2StatusStatus: {
        "node": "node-a",
        "serviceName": "web",
        "serviceNamespace": "team",
        "interfaces": [{"name": "eth0"}],
    },
    ServiceBGPStatusStatus: {
        "node": "node-a",
        "serviceName": "web",
        "serviceNamespace": "team",
        "peers": ["tor-a", "tor-b"],
    },
    ConfigurationStateStatus: {
        "result": "Invalid",
        "errorSummary": "configuration error: x",
        "conditions": [CONDITION],
    },
    AddressReservationSpec: {"pool": "blue", "addresses": ["192.0.2.7", "2001:db8::7"], "services": "web-*"},
    ReservedAddressStatus: RESERVED,
    AddressReservationStatus: {"addresses": [RESERVED], "conditions": [CONDITION]},
    BoundPortSpec: PORT,
    AddressBindingSpec: {
        "service": "team/web",
        "pool": "blue",
        "addresses": ["192.0.2.7", "2001:db8::7"],
        "sharingKey": "dns",
        "backend": "app=dns",
        "ports": [PORT],
        "until": "2026-01-01T00:00:00Z",
    },
}
MODELS = [pytest.param(model, document, id=model.__name__) for model, document in DOCUMENTS.items()]


def public_models(base=Resource):
    for model in base.__subclasses__():
        if model.__module__.startswith("crds."):
            yield model
            yield from public_models(model)


def test_the_table_is_complete():
    assert {model for model in public_models() if not model.__name__.startswith("_")} == set(DOCUMENTS)


@pytest.mark.parametrize(("model", "document"), MODELS)
def test_the_document_has_every_field(model, document):
    assert {field.alias for field in model.model_fields.values()} == document.keys()


@pytest.mark.parametrize(("model", "document"), MODELS)
def test_a_document_comes_back_as_it_was(model, document):
    read = model.model_validate(document)
    assert read.model_dump(by_alias=True, exclude_unset=True) == document


@pytest.mark.parametrize(("model", "document"), MODELS)
def test_no_field_of_the_document_has_its_default(model, document):
    """Else the round trip would not notice a field that is not read."""
    read = model.model_validate(document)
    assert read.model_dump(exclude_defaults=True, by_alias=True).keys() == document.keys()


@pytest.mark.parametrize(("model", "document"), MODELS)
def test_a_field_of_a_newer_version_is_ignored(model, document):
    assert model.model_validate({**document, "ofTomorrow": {"x": 1}}) == model.model_validate(document)


@pytest.mark.parametrize(("model", "document"), MODELS)
def test_python_names_make_the_same(model, document):
    read = model.model_validate(document)
    by_name = {name: getattr(read, name) for name in model.model_fields}
    assert model(**by_name) == read


@pytest.mark.parametrize(("model", "document"), [each for each in MODELS if each.values[1]])
def test_models_are_frozen(model, document):
    read = model.model_validate(document)
    field = next(iter(model.model_fields))
    with pytest.raises(ValidationError, match="frozen"):
        setattr(read, field, getattr(read, field))


@pytest.mark.parametrize(
    ("model", "document", "expected"),
    [
        pytest.param(
            IPAddressPoolSpec,
            {"addresses": ["192.0.2.0/24"]},
            {
                "auto_assign": True,
                "avoid_buggy_ips": False,
                "service_allocation": None,
                "sticky_for": None,
                "quota": None,
                "on_removal": None,
            },
            id="pool",
        ),
        pytest.param(QuotaSpec, {}, {"default": None, "limits": []}, id="quota"),
        pytest.param(
            AddressReservationSpec,
            {"pool": "a", "addresses": ["192.0.2.7"]},
            {"services": ""},
            id="reservation",
        ),
        pytest.param(
            BGPAdvertisementSpec,
            {},
            {"aggregation_length": 32, "aggregation_length_v6": 128, "local_pref": 0, "peers": []},
            id="bgp-advertisement",
        ),
        pytest.param(
            BGPPeerSpec,
            {"myASN": 1},
            {"peer_asn": 0, "peer_port": 179, "hold_time": None, "keepalive_time": None, "vrf": ""},
            id="peer",
        ),
        pytest.param(
            BFDProfileSpec,
            {},
            {"receive_interval": None, "detect_multiplier": None, "minimum_ttl": None, "echo_mode": False},
            id="bfd",
        ),
        pytest.param(ConfigurationStateStatus, {}, {"result": "Unknown", "error_summary": ""}, id="state"),
    ],
)
def test_what_an_absent_field_is(model, document, expected):
    read = model.model_validate(document)
    assert {name: getattr(read, name) for name in expected} == expected


@pytest.mark.parametrize(
    ("model", "document", "field"),
    [
        pytest.param(IPAddressPoolSpec, {}, "addresses", id="required"),
        pytest.param(IPAddressPoolSpec, {"addresses": []}, "addresses", id="empty"),
        pytest.param(
            IPAddressPoolSpec, {"addresses": ["192.0.2.0/24"], "onRemoval": "keep"}, "onRemoval", id="word"
        ),
        pytest.param(QuotaSpec, {"default": -1}, "default", id="quota"),
        pytest.param(
            AddressReservationSpec,
            {"pool": "a", "addresses": ["x"], "services": "Web"},
            "services",
            id="form",
        ),
        pytest.param(BGPAdvertisementSpec, {"localPref": 4294967296}, "localPref", id="over-32-bits"),
        pytest.param(BGPAdvertisementSpec, {"aggregationLength": 0}, "aggregationLength", id="low"),
        pytest.param(BGPPeerSpec, {"myASN": -1}, "myASN", id="negative"),
        pytest.param(BGPPeerSpec, {"myASN": "AS1"}, "myASN", id="no-number"),
    ],
)
def test_a_bad_value_is_named_as_the_api_names_it(model, document, field):
    with pytest.raises(ValidationError) as caught:
        model.model_validate(document)
    assert [error["loc"][0] for error in caught.value.errors()] == [field]
