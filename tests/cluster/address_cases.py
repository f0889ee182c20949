"""What keeps addresses for Services: good objects, and bad ones with the field and the complaint to name."""

from typing import Any

import pytest
from crd_cases import Spec, pool

FERRITE = "ferrite.io/v1alpha1"
WIDE = "2001:1db8:ffff:ffff:"


def quota(**spec: Any) -> tuple[str, str, Spec]:
    return pool("192.0.2.0/24", quota=spec)


def reservation(*addresses: str, **changes: Any) -> tuple[str, str, Spec]:
    """A reservation with these changes; None takes a field away."""
    spec = {"pool": "office", "addresses": list(addresses), **changes}
    return "AddressReservation", FERRITE, {name: value for name, value in spec.items() if value is not None}


def binding(**changes: Any) -> tuple[str, str, Spec]:
    """A binding with these changes; None takes a field away."""
    spec = {"service": "team/web", "pool": "office", "addresses": ["192.0.2.7"], **changes}
    return "AddressBinding", FERRITE, {name: value for name, value in spec.items() if value is not None}


GOOD = [
    *(
        pytest.param(pool("192.0.2.0/24", stickyFor=text), id=f"sticky-{text}")
        for text in ("1s", "90s", "1h30m", "24h0m0s", "87600h", "5256000m", "315360000s")
    ),
    pytest.param(pool("192.0.2.0/24", onRemoval="Keep"), id="keep"),
    pytest.param(pool("192.0.2.0/24", onRemoval="Reassign"), id="reassign"),
    pytest.param(quota(), id="empty-quota"),
    pytest.param(quota(default=0), id="no-address-for-anyone"),
    pytest.param(
        quota(
            default=2147483647, limits=[{"namespaceSelector": {"matchLabels": {"a": "b"}}, "limit": 0}] * 64
        ),
        id="most-limits",
    ),
    pytest.param(reservation("192.0.2.7"), id="reservation"),
    pytest.param(reservation("192.0.2.7", "2001:db8::7", services=""), id="reservation-of-both-families"),
    pytest.param(reservation("::", "ffff::", services="web-?*"), id="reservation-by-name"),
    pytest.param(
        reservation(
            *(f"{WIDE}{number:x}:ffff:ffff:ffff" for number in range(0x1000, 0x1100)),
            pool="p" * 253,
            services="*" * 63,
        ),
        id="most-addresses-of-most-length",
    ),
    pytest.param(binding(), id="binding"),
    pytest.param(
        binding(
            addresses=["192.0.2.7", "2001:db8::7"],
            sharingKey="dns",
            backend="app=dns",
            ports=[{"protocol": "UDP", "port": port} for port in range(1, 1025)],
            until="2036-01-01T00:00:00Z",
        ),
        id="binding-with-everything",
    ),
]

BAD = [
    *(
        pytest.param(
            pool("192.0.2.0/24", stickyFor=text),
            "spec.stickyFor",
            f'invalid stickyFor "{text}": want 1s to 87600h',
            id=f"sticky-{text}",
        )
        for text in (
            "",
            "0s",
            "24",
            "1.5h",
            "-1h",
            "500ms",
            "1d",
            "30m1h",
            "87600h1s",
            "99999h",
            "9999999999h",
        )
    ),
    pytest.param(
        pool("192.0.2.0/24", stickyFor="1" * 65),
        "spec.stickyFor",
        "may not be more than 64",
        id="sticky-long",
    ),
    pytest.param(
        pool("192.0.2.0/24", onRemoval="keep"),
        "spec.onRemoval",
        'Unsupported value: "keep": supported values: "Reassign", "Keep"',
        id="on-removal",
    ),
    pytest.param(quota(default=-1), "spec.quota.default", "Invalid value: -1", id="quota-below-0"),
    pytest.param(
        quota(default=2147483648), "spec.quota.default", "equal to 2147483647", id="quota-over-31-bits"
    ),
    pytest.param(
        quota(limits=[{"limit": 1}]),
        "spec.quota.limits[0].namespaceSelector",
        "Required value",
        id="limit-of-nobody",
    ),
    pytest.param(
        quota(limits=[{"namespaceSelector": {}}]),
        "spec.quota.limits[0].limit",
        "Required value",
        id="no-limit",
    ),
    pytest.param(
        quota(limits=[{"namespaceSelector": {}, "limit": -1}]),
        "spec.quota.limits[0].limit",
        "Invalid value: -1",
        id="limit-below-0",
    ),
    pytest.param(
        quota(limits=[{"namespaceSelector": {}, "limit": 1}] * 65),
        "spec.quota.limits",
        "at most 64 items",
        id="limits",
    ),
    *(
        pytest.param(
            reservation("192.0.2.7", text),
            "spec.addresses[1]",
            f'invalid address "{text}": want one such as 192.0.2.7',
            id=f"reserved-{text}",
        )
        for text in (
            "",
            "x",
            "192.0.2.0/24",
            "192.0.2.1-192.0.2.9",
            "192.0.2.07",
            "::ffff:192.0.2.1",
            "fe80::1%0",
        )
    ),
    *(
        pytest.param(
            reservation(text),
            "spec.addresses[0]",
            f'invalid address "{text}": write it short, in small letters',
            id=f"reserved-{text}",
        )
        for text in ("2001:DB8::7", "2001:0db8::7", "2001:db8:0:0::7")
    ),
    pytest.param(
        reservation("192.0.2.7", "192.0.2.7"),
        "spec.addresses[1]",
        'Duplicate value: "192.0.2.7"',
        id="reserved-twice",
    ),
    pytest.param(reservation(), "spec.addresses", "at least 1 items", id="nothing-reserved"),
    pytest.param(
        reservation(*(f"192.0.2.{number}" for number in range(256)), "192.0.3.0"),
        "spec.addresses",
        "at most 256 items",
        id="reserved-many",
    ),
    pytest.param(
        reservation("192.0.2.7", pool=None), "spec.pool", "Required value", id="reserved-of-nothing"
    ),
    pytest.param(
        reservation("192.0.2.7", pool=""), "spec.pool", "at least 1 chars", id="reserved-of-no-name"
    ),
    pytest.param(
        reservation("192.0.2.7", services="Web"), "spec.services", 'Invalid value: "Web"', id="capital-letter"
    ),
    pytest.param(
        reservation("192.0.2.7", services="a" * 64),
        "spec.services",
        "may not be more than 63",
        id="long-name",
    ),
    pytest.param(binding(service=None), "spec.service", "Required value", id="binding-of-nobody"),
    pytest.param(
        binding(addresses=["a", "b", "c"]), "spec.addresses", "at most 2 items", id="binding-of-three"
    ),
    pytest.param(binding(addresses=[]), "spec.addresses", "at least 1 items", id="binding-of-nothing"),
    pytest.param(binding(until="soon"), "spec.until", 'Invalid value: "soon"', id="until"),
    pytest.param(
        binding(ports=[{"protocol": "TCP", "port": 0}]), "spec.ports[0].port", "equal to 1", id="port-0"
    ),
]
