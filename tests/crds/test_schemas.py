"""The schemas: required fields, defaults, bounds and words of every kind, as MetalLB's CRDs have them."""

import pytest
from crd_files import having, nodes, version
from pydantic import Field

from crds.meta import Resource, crd_default
from crds.schema import object_schema, structural

UINT32_MAX = 4294967295
INT32_MAX = 2147483647
REQUIRED = {
    ("ipaddresspools", "v1beta1"): {
        "": ["spec"],
        "spec": ["addresses"],
        "spec.quota.limits[]": ["limit", "namespaceSelector"],
        "status": ["assignedIPv4", "assignedIPv6", "availableIPv4", "availableIPv6"],
    },
    ("l2advertisements", "v1beta1"): {"spec.preferredNodeSelectors[]": ["preference", "weight"]},
    ("bgpadvertisements", "v1beta1"): {},
    ("bgppeers", "v1beta1"): {
        "spec": ["myASN", "peerASN", "peerAddress"],
        "spec.nodeSelectors[].matchExpressions[]": ["key", "operator", "values"],
    },
    ("bgppeers", "v1beta2"): {"spec": ["myASN"]},
    ("bfdprofiles", "v1beta1"): {},
    ("communities", "v1beta1"): {},
    ("servicel2statuses", "v1beta1"): {},
    ("servicebgpstatuses", "v1beta1"): {},
    ("configurationstates", "v1beta1"): {
        "status.conditions[]": ["lastTransitionTime", "message", "reason", "status", "type"]
    },
    ("addressreservations", "v1alpha1"): {
        "": ["spec"],
        "spec": ["addresses", "pool"],
        "status.addresses[]": ["address"],
        "status.conditions[]": ["lastTransitionTime", "message", "reason", "status", "type"],
    },
    ("addressbindings", "v1alpha1"): {
        "": ["spec"],
        "spec": ["addresses", "pool", "service"],
        "spec.ports[]": ["port", "protocol"],
    },
}
KINDS = list(REQUIRED)
DEFAULTS = {
    ("ipaddresspools", "v1beta1"): {"spec.autoAssign": True, "spec.avoidBuggyIPs": False},
    ("bgpadvertisements", "v1beta1"): {"spec.aggregationLength": 32, "spec.aggregationLengthV6": 128},
    ("communities", "v1beta1"): {"spec.communities[].name": ""},
    ("bgppeers", "v1beta2"): {
        "spec.peerPort": 179,
        "spec.disableMP": False,
        "spec.dualStackAddressFamily": False,
    },
}
ENUMS = {
    ("ipaddresspools", "v1beta1"): {"spec.onRemoval": ["Reassign", "Keep"]},
    ("bgppeers", "v1beta2"): {"spec.dynamicASN": ["internal", "external"]},
    ("configurationstates", "v1beta1"): {
        "status.result": ["Valid", "Invalid", "Unknown"],
        "status.conditions[].status": ["True", "False", "Unknown"],
    },
    ("addressreservations", "v1alpha1"): {"status.conditions[].status": ["True", "False", "Unknown"]},
}
BOUNDS = {
    ("ipaddresspools", "v1beta1"): {
        "spec.quota.default": (0, INT32_MAX),
        "spec.quota.limits[].limit": (0, INT32_MAX),
    },
    ("l2advertisements", "v1beta1"): {"spec.preferredNodeSelectors[].weight": (1, 100)},
    ("bgpadvertisements", "v1beta1"): {
        "spec.aggregationLength": (1, 32),
        "spec.aggregationLengthV6": (0, 128),
        "spec.localPref": (0, UINT32_MAX),
    },
    ("bgppeers", "v1beta1"): {
        "spec.myASN": (0, UINT32_MAX),
        "spec.peerASN": (0, UINT32_MAX),
        "spec.peerPort": (0, 16384),
    },
    ("bgppeers", "v1beta2"): {
        "spec.myASN": (0, UINT32_MAX),
        "spec.peerASN": (0, UINT32_MAX),
        "spec.localASN": (1, UINT32_MAX),
        "spec.peerPort": (1, 16384),
    },
    ("bfdprofiles", "v1beta1"): {
        "spec.receiveInterval": (10, 60000),
        "spec.transmitInterval": (10, 60000),
        "spec.echoInterval": (10, 60000),
        "spec.detectMultiplier": (2, 255),
        "spec.minimumTtl": (1, 254),
    },
    ("configurationstates", "v1beta1"): {"status.conditions[].observedGeneration": (0, None)},
    ("addressreservations", "v1alpha1"): {"status.conditions[].observedGeneration": (0, None)},
    ("addressbindings", "v1alpha1"): {"spec.ports[].port": (1, 65535)},
}
WITHOUT_TWINS = {
    ("ipaddresspools", "v1beta1"): {"spec.serviceAllocation.namespaces": "set"},
    ("l2advertisements", "v1beta1"): {"spec.ipAddressPools": "set"},
    ("bgpadvertisements", "v1beta1"): {
        "spec.ipAddressPools": "set",
        "spec.peers": "set",
        "spec.communities": "set",
    },
    ("communities", "v1beta1"): {"spec.communities": "map"},
    ("configurationstates", "v1beta1"): {"status.conditions": "map"},
    ("addressreservations", "v1alpha1"): {
        "spec.addresses": "set",
        "status.addresses": "map",
        "status.conditions": "map",
    },
}
MAP_KEYS = {
    ("communities", "v1beta1"): {"spec.communities": ["name"]},
    ("configurationstates", "v1beta1"): {"status.conditions": ["type"]},
    ("addressreservations", "v1alpha1"): {"status.addresses": ["address"], "status.conditions": ["type"]},
}
_IMMUTABLE = {
    f"status.{field}": "Value is immutable" for field in ("node", "serviceName", "serviceNamespace")
}
METALLB_RULES = {
    ("bgpadvertisements", "v1beta1"): {
        "spec": "serviceSelectors and aggregationLength are mutually exclusive, can only be used together "
        "with default aggregationLength (32) and aggregationLengthV6 (128)"
    },
    ("bgppeers", "v1beta2"): {
        "spec.connectTime": "connect time should be between 1 seconds to 65535",
        "spec.enableGracefulRestart": "EnableGracefulRestart cannot be changed after creation",
    },
    ("servicel2statuses", "v1beta1"): _IMMUTABLE,
    ("servicebgpstatuses", "v1beta1"): _IMMUTABLE,
}


@pytest.mark.parametrize("kind", KINDS, ids="-".join)
def test_required_fields(kind):
    found = {path: sorted(names) for path, names in having("required", *kind).items()}
    assert found == REQUIRED[kind]


@pytest.mark.parametrize("kind", KINDS, ids="-".join)
def test_defaults(kind):
    assert having("default", *kind) == DEFAULTS.get(kind, {})


@pytest.mark.parametrize("kind", KINDS, ids="-".join)
def test_enums(kind):
    assert having("enum", *kind) == ENUMS.get(kind, {})


@pytest.mark.parametrize("kind", KINDS, ids="-".join)
def test_bounds(kind):
    lowest, highest = having("minimum", *kind), having("maximum", *kind)
    found = {path: (lowest.get(path), highest.get(path)) for path in lowest | highest}
    assert found == BOUNDS.get(kind, {})


@pytest.mark.parametrize("kind", KINDS, ids="-".join)
def test_an_integer_is_wide_enough_for_its_bound(kind):
    highest = having("maximum", *kind)
    for path, width in having("format", *kind).items():
        assert width != "int32" or highest.get(path, 0) < 2**31, path


@pytest.mark.parametrize("kind", METALLB_RULES, ids="-".join)
def test_rules_that_metallb_has_keep_its_words(kind):
    found = having("x-kubernetes-validations", *kind)
    for path, message in METALLB_RULES[kind].items():
        assert message in [rule.get("message") for rule in found[path]]


@pytest.mark.parametrize("kind", KINDS, ids="-".join)
def test_a_rule_says_what_is_wrong(kind):
    for rules in having("x-kubernetes-validations", *kind).values():
        for rule in rules:
            assert rule.keys() in ({"rule", "message"}, {"rule", "messageExpression"})


@pytest.mark.parametrize("kind", KINDS, ids="-".join)
def test_label_selectors_are_replaced_as_a_whole(kind):
    selectors = [
        (path, node)
        for path, node in nodes(version(*kind)["schema"]["openAPIV3Schema"])
        if "matchLabels" in node.get("properties", {})
    ]
    for path, node in selectors:
        legacy = kind == ("bgppeers", "v1beta1")
        assert legacy or node["x-kubernetes-map-type"] == "atomic", path


@pytest.mark.parametrize("kind", KINDS, ids="-".join)
def test_lists_whose_entries_differ(kind):
    """MetalLB refuses an entry that comes twice in these lists; `interfaces` may repeat."""
    assert having("x-kubernetes-list-type", *kind) == WITHOUT_TWINS.get(kind, {})
    assert having("x-kubernetes-list-map-keys", *kind) == MAP_KEYS.get(kind, {})


@pytest.mark.parametrize("kind", KINDS, ids="-".join)
def test_nothing_is_empty(kind):
    """The API server drops what is empty, so that `kubectl apply` would never say `unchanged`."""
    assert [path for path, fields in having("properties", *kind).items() if not fields] == []


class _Optional(Resource):
    """What a schema must resolve: null, a reference, a default."""

    port: int | None = Field(default=None, description="A port.", json_schema_extra=crd_default(179))
    inner: "_Inner | None" = Field(default=None, description="Wins over the model's own words.")


class _Inner(Resource):
    """The model's own words."""

    name: str = "absent"


class _Choice(Resource):
    """Has no structural form."""

    value: int | str = 0


class _Anything(Resource):
    """Has no structural form either: no type."""

    value: object = None


def test_a_structural_schema_has_no_null_reference_or_unmarked_default():
    assert structural(_Optional)["properties"] == {
        "port": {"type": "integer", "description": "A port.", "default": 179},
        "inner": {
            "type": "object",
            "description": "Wins over the model's own words.",
            "properties": {"name": {"type": "string"}},
        },
    }


@pytest.mark.parametrize("model", [_Choice, _Anything])
def test_what_has_no_structural_form_is_refused(model):
    with pytest.raises(ValueError, match="no structural form"):
        structural(model)


def test_an_object_without_status():
    schema = object_schema("Only asks.", _Inner, None, spec_required=True)
    assert schema["properties"].keys() == {"apiVersion", "kind", "metadata", "spec"}
    assert schema["required"] == ["spec"]


def test_an_object_without_spec():
    schema = object_schema("Only reports.", None, _Inner, spec_required=False)
    assert schema["properties"].keys() == {"apiVersion", "kind", "metadata", "status"}
    assert "required" not in schema
