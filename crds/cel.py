"""CEL rules of the CRDs: what one object can show to be wrong, refused by the API server itself.

A rule refuses what MetalLB refuses too, in a text close to MetalLB's where it has one. Narrower than MetalLB
on purpose are only: the lengths of lists and texts that a rule reads, which the API server's limit on the
cost of rules makes necessary (the bounds stand at the fields); a range whose ends differ in family, which
holds no address; a negative aggregation length; and a router ID that is not IPv4. An IPv4 address mapped into
IPv6 (`::ffff:192.0.2.1`), which CEL refuses, is left to the status. That no entry of a list comes twice is no
rule but the type of the list (`SET` in `meta.py`): comparing each pair would cost too much for long lists.
"""

from crds.meta import DURATION_PATTERN

Check = tuple[str, str]

_MAPPED = "^[0:]*:[fF]{4}:"
_COMMUNITY = "^[0-9]+:[0-9]+$|^large:[0-9]+:[0-9]+:[0-9]+$"
_16_BITS = "0*([0-9]{1,4}|[1-5][0-9]{4}|6[0-4][0-9]{3}|65[0-4][0-9]{2}|655[0-2][0-9]|6553[0-5])"
_32_BITS = (
    "0*([0-9]{1,9}|[1-3][0-9]{9}|4[01][0-9]{8}|42[0-8][0-9]{7}|429[0-3][0-9]{6}|4294[0-8][0-9]{5}|"
    "42949[0-5][0-9]{4}|429496[0-6][0-9]{3}|4294967[01][0-9]{2}|42949672[0-8][0-9]|429496729[0-5])"
)
_COMMUNITY_FITS = f"^{_16_BITS}:{_16_BITS}$|^large:{_32_BITS}:{_32_BITS}:{_32_BITS}$"

_HOURS_TO_SECONDS = "^([0-9]{1,5}h)?([0-9]{1,7}m)?([0-9]{1,9}s)?$"
LONGEST_STICKY = "87600h"
"""Ten years."""

_START = "self.split('-', 2)[0].trim()"
_END = "self.split('-', 2)[1].trim()"
_BACKWARDS = (
    "='invalid IP range \"' + self + '\": start IP \"' + self.split('-', 2)[0].trim() + "
    "'\" is after the end IP \"' + self.split('-', 2)[1].trim() + '\"'"
)


def address(field: str) -> str:
    """CEL: `field` is an IP address, or one whose form is left to the status."""
    return f"(isIP({field}) || {field}.matches('{_MAPPED}'))"


def address_entry_rules() -> tuple[Check, ...]:
    """Rules of one entry of `IPAddressPool.spec.addresses`: a prefix, or a range that runs upwards.

    They name both ends instead of iterating, which keeps a thousand entries within the cost limit;
    that a range of IPv6 addresses runs backwards is left to the status for the same reason.
    """
    prefix_only = "!self.contains('-')"
    unread = f"{prefix_only} || !isIP({_START}) || !isIP({_END})"
    families = f"ip({_START}).family() == 4", f"ip({_END}).family() == 4"
    return (
        (
            f"self.contains('-') || isCIDR(self) || self.matches('{_MAPPED}.*/')",
            "='invalid CIDR \"' + self + '\": want a prefix such as 192.0.2.0/24 or 192.0.2.7/32, "
            "or a range such as 192.0.2.10-192.0.2.20'",
        ),
        (
            f"{prefix_only} || ({address(_START)} && {address(_END)})",
            "='invalid IP range \"' + self + '\": start and end must be IP addresses'",
        ),
        (
            f"{unread} || ({families[0]}) == ({families[1]})",
            "='invalid IP range \"' + self + '\": start and end differ in family'",
        ),
        (
            f"{unread} || !({families[0]}) || !({families[1]}) || {_number(_START)} <= {_number(_END)}",
            _BACKWARDS,
        ),
    )


def _number(address: str) -> str:
    octets = (f"int({address}.split('.')[{place}]) * {256 ** (3 - place)}" for place in range(4))
    return "(" + " + ".join(octets) + ")"


def community_rules(*, alias: bool) -> tuple[Check, ...]:
    """Rules of a community: two 16-bit numbers, or `large:` and three 32-bit ones.

    Args:
        alias: a text without a colon is a name, and not looked at.
    """
    guard = "!self.contains(':') || " if alias else ""
    fits = f"!self.matches('{_COMMUNITY}') || self.matches('{_COMMUNITY_FITS}')"
    return (
        (
            f"{guard}self.matches('{_COMMUNITY}')",
            "='invalid community format: ' + self + ': want 65000:100 or large:65000:1:2'",
        ),
        (
            fits,
            "='invalid community value: a number of community \"' + self + '\" does not fit "
            "(16 bits; 32 bits in a large community)'",
        ),
    )


def is_duration(field: str) -> str:
    """CEL: `field` is a Go duration."""
    return f"{field}.matches('{DURATION_PATTERN}')"


def duration_rules(name: str) -> tuple[Check, ...]:
    """Rule of a duration field."""
    return (
        (
            is_duration("self"),
            f"='invalid {name} \"' + self + '\": want a duration such as 90s or 1m30s'",
        ),
    )


def connect_time_rules() -> tuple[Check, ...]:
    """Rules of `BGPPeer.spec.connectTime`; the last two are MetalLB's."""
    guard = f"!{is_duration('self')} || "
    return (
        *duration_rules("connectTime"),
        (
            f"{guard}duration(self).getSeconds() >= 1 && duration(self).getSeconds() <= 65535",
            "connect time should be between 1 seconds to 65535",
        ),
        (
            f"{guard}duration(self).getMilliseconds() % 1000 == 0",
            "connect time should contain a whole number of seconds",
        ),
    )


def sticky_rules() -> tuple[Check, ...]:
    """Rules of `IPAddressPool.spec.stickyFor`: hours, minutes and seconds, from one second to ten years.

    That is less than Go's durations are, and no text of that form is too large for CEL to read.
    """
    within = f"duration(self) >= duration('1s') && duration(self) <= duration('{LONGEST_STICKY}')"
    return (
        (
            f"self != '' && self.matches('{_HOURS_TO_SECONDS}') && {within}",
            f"='invalid stickyFor \"' + self + '\": want 1s to {LONGEST_STICKY}, such as 24h or 1h30m'",
        ),
    )


def reserved_address_rules() -> tuple[Check, ...]:
    """Rules of an address of an `AddressReservation`: one way to write each, so that none comes twice."""
    return (
        ("isIP(self)", "='invalid address \"' + self + '\": want one such as 192.0.2.7 or 2001:db8::7'"),
        (
            "!isIP(self) || ip.isCanonical(self)",
            "='invalid address \"' + self + '\": write it short, in small letters, such as 2001:db8::7'",
        ),
    )
