import pytest
from scapy.layers.inet6 import ICMPv6ND_NA
from scapy.layers.l2 import ARP, Ether

from tests.netns.namespaces import Runner, Veth, wait_until

pytestmark = [pytest.mark.netns, pytest.mark.timeout(120)]
V4, V6 = "10.99.0.50", "fd99:0::50"


@pytest.fixture
def runner(veth: Veth) -> Runner:
    runner = veth.start(veth.speaker, "run_responder.py")
    wait_until(lambda: "eth0" in runner.tell()["usable"], what="eth0 usable")
    return runner


@pytest.mark.parametrize("address", [V4, V6])
def test_a_kernel_resolves_an_announced_address(veth: Veth, runner: Runner, address: str) -> None:
    runner.tell(announce={address: None})
    assert veth.client.resolve(address) == veth.speaker.mac("eth0")
    wait_until(lambda: next(iter(runner.tell()["counters"].values()))[1] >= 1, what="a response counted")


@pytest.mark.parametrize("address", [V4, V6])
def test_nobody_answers_while_not_fresh(veth: Veth, runner: Runner, address: str) -> None:
    runner.tell(announce={address: None}, fresh=False)
    assert veth.client.is_silent(address)


def test_a_take_over_is_announced_to_all(veth: Veth, runner: Runner) -> None:
    with veth.client.packet_socket("eth0") as capture:
        runner.tell(announce={V4: None, V6: None})
        frames: list[Ether] = []

        def all_came() -> bool:
            frame = Ether(capture.recv(2048))
            if (ARP in frame and frame[ARP].psrc == V4) or ICMPv6ND_NA in frame:
                frames.append(frame)
            return len(frames) == 3

        wait_until(all_came, what="two gratuitous ARP frames and an advertisement")
    mac = veth.speaker.mac("eth0")
    arps = [frame[ARP] for frame in frames if ARP in frame]
    assert sorted(arp.op for arp in arps) == [1, 2]
    assert all((arp.hwsrc, arp.pdst, arp.hwdst) == (mac, V4, "ff:ff:ff:ff:ff:ff") for arp in arps)
    (advertisement,) = [frame[ICMPv6ND_NA] for frame in frames if ICMPv6ND_NA in frame]
    assert (advertisement.O, advertisement.S, advertisement.R) == (1, 0, 0)


@pytest.mark.parametrize("kind", [4, 6])
def test_a_link_that_comes_later_answers(veth: Veth, runner: Runner, kind: int) -> None:
    address = "10.99.7.50" if kind == 4 else "fd99:7::50"
    runner.tell(announce={address: None})
    veth.cable("late0", 7)
    assert veth.client.resolve(address) == veth.speaker.mac("late0")


@pytest.mark.parametrize("address", [V4, V6])
def test_a_new_mac_is_told_and_used(veth: Veth, runner: Runner, address: str) -> None:
    runner.tell(announce={address: None})
    veth.client.resolve(address)
    veth.speaker.ip("link", "set", "eth0", "address", "02:00:00:00:77:01")
    wait_until(lambda: veth.client.neighbor(address) == "02:00:00:00:77:01", what="new MAC told")
    veth.client.ip("neigh", "flush", "all")
    assert veth.client.resolve(address) == "02:00:00:00:77:01"


def test_only_listed_interfaces_answer(veth: Veth, runner: Runner) -> None:
    runner.tell(announce={V4: ["other0"]})
    assert veth.client.is_silent(V4)
    assert runner.tell()["refused"]["otherInterface"] >= 1


def test_hostile_frames_change_nothing(veth: Veth, runner: Runner) -> None:
    runner.tell(announce={V4: None, V6: None})
    with veth.client.packet_socket("eth0") as sender:
        for length in range(200):
            body = bytes((length * 7 + at) % 256 for at in range(length))
            for ethertype in (b"\x08\x06", b"\x86\xdd"):
                sender.send(b"\xff" * 6 + b"\x02\0\0\0\0\x09" + ethertype + body)
        sender.send(bytes(Ether(dst="ff:ff:ff:ff:ff:ff") / ARP(op=1, hwsrc="ff:ff:ff:ff:ff:ff", pdst=V4)))
    assert veth.client.resolve(V4) == veth.speaker.mac("eth0")
    assert runner.tell()["refused"]["badSender"] == 1
