"""Messages: what goes out comes back, and every field number is upstream's."""

import json
import re
import shutil
import subprocess
from ipaddress import ip_address, ip_network
from pathlib import Path

import pytest
from hypothesis import given, strategies as st

from ferrite.model import Community
from speaker.bgp import wire
from speaker.bgp.pb import gobgp_pb2 as pb
from speaker.bgp.peers import Bfd, PeerSettings, Session, Timers
from speaker.bgp.router import present
from speaker.bgp.routes import Route

ROOT = Path(__file__).parents[3]
small, large = st.integers(0, 0xFFFF), st.integers(0, 0xFFFFFFFF)
communities = st.sets(
    st.one_of(st.tuples(small, small), st.tuples(large, large, large)).map(Community), max_size=5
).map(lambda found: tuple(sorted(found)))


@given(
    prefix=st.one_of(st.ip_addresses(v=4), st.ip_addresses(v=6)).map(ip_network),
    route=st.builds(
        Route, communities, large, st.sampled_from([None, ip_address("2001:db8::1"), ip_address("192.0.2.1")])
    ),
    number=st.integers(1, 9),
)
def test_a_route_comes_back(prefix, route: Route, number: int) -> None:
    path = wire.path_message(prefix, route)
    answer = pb.Destination(prefix=f"1:{number}:{prefix}", paths=[path])
    read = pb.Destination.FromString(answer.SerializeToString())
    assert wire.routes_of([read]) == {prefix: route}


@given(text=st.text(max_size=40))
def test_an_odd_destination_is_left_out(text: str) -> None:
    wire.routes_of([pb.Destination(prefix=text, paths=[pb.Path()])])


def test_learned_routes_are_not_ours() -> None:
    path = pb.Path(neighbor_ip="10.0.0.1")
    assert wire.routes_of([pb.Destination(prefix="1:1:192.0.2.1/32", paths=[path])]) == {}


@pytest.mark.parametrize("bfd", [None, Bfd(300, 250, 4)])
def test_a_peer_comes_back(bfd: Bfd | None) -> None:
    session = Session(address="10.0.0.1", password="secret", graceful_restart=True)
    peer = PeerSettings("a", session, Timers(9, 3, 7), bfd)
    assert wire.present_peer(wire.peer_message(peer)) == present(peer)
    assert "secret" not in repr(peer)


def numbers(text: str) -> dict[tuple[str, str], int]:
    """(message, field) to number; nested messages count by their own name."""
    found, stack = {}, []
    for line in (
        re.sub(r"//[^\n]*|/\*.*?\*/", "", text, flags=re.S)
        .replace("{", "{\n")
        .replace("}", "\n}\n")
        .replace(";", ";\n")
        .splitlines()
    ):
        words = line.split()
        if line.strip().endswith("{"):
            stack.append((words[0], words[1]) if len(words) > 1 else ("", ""))
        elif line.strip() == "}":
            stack.pop()
        elif field := re.match(r"\s*(?:repeated\s+|optional\s+)?[\w.<>, ]+?\s+(\w+)\s*=\s*(\d+)", line):
            message = next((name for kind, name in reversed(stack) if kind == "message"), None)
            if message is not None and stack[-1][0] in ("message", "oneof"):
                found[message, field[1]] = int(field[2])
    return found


def test_field_numbers_are_upstreams() -> None:
    go = shutil.which("go")
    folder = ROOT / "lab" / "programs" / "gobgp"
    if go is None:
        pytest.skip("no go program to find GoBGP's own .proto with")
    found = subprocess.run(
        [go, "mod", "download", "-json", "github.com/osrg/gobgp/v4"],
        cwd=folder,
        env={"GOPROXY": "off", "GOFLAGS": "-mod=mod", "HOME": str(Path.home()), "PATH": "/usr/bin:/bin"},
        capture_output=True,
        text=True,
        check=False,
    )
    if found.returncode != 0:
        pytest.skip("GoBGP's module is not in the Go module cache")
    upstream: dict[tuple[str, str], int] = {}
    for path in (Path(json.loads(found.stdout)["Dir"]) / "proto" / "api").glob("*.proto"):
        upstream.update(numbers(path.read_text()))
    ours = numbers((ROOT / "speaker/bgp/pb/gobgp.proto").read_text())
    assert len(ours) > 150
    wrong = {key: (number, upstream.get(key)) for key, number in ours.items() if upstream.get(key) != number}
    assert wrong == {}


@pytest.mark.parametrize(
    ("received", "sent", "words"),
    [
        pytest.param(pb.Message(), pb.Message(open=1), "", id="no-answer"),
        pytest.param(
            pb.Message(notification=1), pb.Message(open=1), "the peer refuses our OPEN", id="by-peer"
        ),
        pytest.param(
            pb.Message(open=2),
            pb.Message(open=2, notification=2),
            "the peer's OPEN was refused: is its AS number 64500?",
            id="by-us",
        ),
        pytest.param(pb.Message(open=1, keepalive=1), pb.Message(notification=1), "", id="was-up"),
    ],
)
def test_why_a_session_never_came_up(received: pb.Message, sent: pb.Message, words: str) -> None:
    state = pb.PeerState(messages=pb.Messages(received=received, sent=sent))
    assert wire.peer_state(pb.Peer(conf=pb.PeerConf(peer_asn=64500), state=state)).last_error == words
    assert wire.peer_state(pb.Peer(state=state), "hold timer expired").last_error == "hold timer expired"
