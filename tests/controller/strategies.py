"""What may be asked of the controller: Services and pools small enough to be in each other's way."""

from typing import Any

from hypothesis import strategies as st

from ferrite.model import (
    LabelSelector,
    Operator,
    Pool,
    Quota,
    QuotaLimit,
    Removal,
    Requirement,
    ServiceAllocation,
)
from ferrite.net import parse_range
from tests.controller.naive import listed

SERVICE_KEYS = ("a/x", "a/y", "a/z", "b/x", "b/y")
POOL_NAMES = ("blue", "green", "red")
BLOCKS = (
    "192.0.2.254-192.0.2.255",
    "192.0.3.0-192.0.3.1",
    "192.0.3.2-192.0.3.2",
    "2001:db8::1-2001:db8::2",
    "2001:db8::3-2001:db8::3",
)
ADDRESSES = tuple(str(one) for block in BLOCKS for one in listed(Pool("all", (parse_range(block),))))
FOREIGN = "203.0.113.9"
GOLD = LabelSelector((Requirement("tier", Operator.IN, ("gold",)),))
WEB = LabelSelector((Requirement("app", Operator.IN, ("web",)),))
V4, V6 = "10.96.0.1", "fd00::1"


@st.composite
def specs(draw: st.DrawFn) -> dict[str, Any]:
    """What the owner of a Service writes, as a part of the document."""
    annotations: dict[str, str | None] = dict.fromkeys(
        ("metallb.io/loadBalancerIPs", "metallb.io/address-pool", "metallb.io/allow-shared-ip")
    )
    cluster, policy = draw(
        st.sampled_from(
            [([V4], "SingleStack")] * 4
            + [([V6], "SingleStack"), ([V4, V6], "PreferDualStack"), ([V6, V4], "PreferDualStack")]
            + [([V4, V6], "RequireDualStack"), ([V4], "RequireDualStack"), ([], "SingleStack")]
        )
    )
    wish = draw(st.sampled_from(["", "", "", "address", "pool", "wrong"]))
    if wish == "address":
        asked = draw(st.lists(st.sampled_from(ADDRESSES), min_size=1, max_size=2, unique=True))
        annotations["metallb.io/loadBalancerIPs"] = ",".join(asked)
    elif wish == "pool":
        annotations["metallb.io/address-pool"] = draw(st.sampled_from(POOL_NAMES))
    elif wish == "wrong":
        annotations["metallb.io/loadBalancerIPs"] = "x"
    annotations["metallb.io/allow-shared-ip"] = draw(st.sampled_from([None, None, "k", "k", "j"]))
    local = draw(st.sampled_from([False, False, False, True]))
    ports = draw(st.sampled_from([[80], [443], [80, 443]]))
    return {
        "metadata": {"annotations": annotations, "labels": draw(st.sampled_from([{}, {"app": "web"}]))},
        "spec": {
            "type": draw(st.sampled_from(["LoadBalancer"] * 5 + ["ClusterIP"])),
            "clusterIPs": cluster,
            "clusterIP": cluster[0] if cluster else None,
            "ipFamilies": ["IPv4" if one == V4 else "IPv6" for one in cluster],
            "ipFamilyPolicy": policy,
            "externalTrafficPolicy": "Local" if local else "Cluster",
            "selector": {"app": "web"} if local else None,
            "ports": [{"port": port} for port in ports],
        },
    }


allocations = st.sampled_from(
    [
        None,
        None,
        None,
        ServiceAllocation(namespaces=frozenset({"a"}), priority=1),
        ServiceAllocation(namespace_selectors=(GOLD,), priority=2),
        ServiceAllocation(service_selectors=(WEB,)),
        ServiceAllocation(priority=1, service_selectors=(LabelSelector(),)),
    ]
)
quotas = st.sampled_from(
    [
        None,
        None,
        None,
        Quota(1),
        Quota(2),
        Quota(0),
        Quota(2, (QuotaLimit(GOLD, 1),)),
        Quota(None, (QuotaLimit(GOLD, 1),)),
    ]
)
options = st.fixed_dictionaries(
    {
        "auto_assign": st.sampled_from([True, True, True, False]),
        "avoid_buggy_ips": st.sampled_from([False, False, True]),
        "allocation": allocations,
        "sticky_seconds": st.sampled_from([0.0, 0.0, 60.0, 3600.0]),
        "quota": quotas,
        "removal": st.sampled_from([None, None, Removal()]),
    }
)
blocks = st.sets(st.integers(0, len(BLOCKS) - 1), min_size=1)


def pool_of(name: str, chosen: set[int], **rest: Any) -> Pool:
    return Pool(name, tuple(parse_range(BLOCKS[number]) for number in sorted(chosen)), **rest)
