"""Two network namespaces joined by a veth pair, taken down whatever happens."""

import itertools
import os
from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from tests.netns.namespaces import Namespace, Veth, ip

_numbers = itertools.count()


@pytest.fixture
def veth() -> Iterator[Veth]:
    tag = f"fl2-{os.getpid()}-{next(_numbers)}"
    with ExitStack() as stack:
        both = []
        for role in ("s", "c"):
            name = f"{tag}-{role}"
            ip("netns", "add", name)
            stack.callback(ip, "netns", "del", name)
            for key in ("all", "default"):
                for setting in (f"net.ipv6.conf.{key}.accept_dad=0", f"net.ipv6.conf.{key}.dad_transmits=0"):
                    ip("netns", "exec", name, "sysctl", "-qw", setting)
            ip("-n", name, "link", "set", "lo", "up")
            both.append(Namespace(name))
        made = Veth(both[0], both[1], stack)
        made.cable("eth0", 0)
        yield made
