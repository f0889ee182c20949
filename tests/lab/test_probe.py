"""The probe's arithmetic and its reading of frames."""

import pytest
from hypothesis import given, strategies as st

from lab.probe import ARP, REPLY, REQUEST, Reply, arp_request, replying_mac, summarise

MINE, OTHER = bytes.fromhex("020000000001"), bytes.fromhex("020000000002")
ME, TARGET = bytes([192, 168, 1, 100]), bytes([192, 168, 1, 240])


def reply_frame(*, to: bytes = MINE, operation: int = REPLY, sender: bytes = TARGET) -> bytes:
    return to + OTHER + b"\x08\x06" + ARP.pack(1, 0x0800, 6, 4, operation, OTHER, sender, to, ME)


@pytest.mark.parametrize(
    ("frame", "mac"),
    [
        pytest.param(reply_frame(), "02:00:00:00:00:02", id="an answer"),
        pytest.param(reply_frame(operation=REQUEST), None, id="somebody asks"),
        pytest.param(reply_frame(sender=ME), None, id="about another address"),
        pytest.param(reply_frame(to=b"\xff" * 6), None, id="gratuitous"),
        pytest.param(reply_frame()[:30], None, id="cut short"),
    ],
)
def test_only_answers_to_us_count(frame: bytes, mac: str | None) -> None:
    assert replying_mac(frame, MINE, TARGET) == mac


@given(st.binary(max_size=80))
def test_any_bytes_are_an_answer_or_none(frame: bytes) -> None:
    assert replying_mac(frame, MINE, TARGET) is None or frame[:6] == MINE


def test_a_request_is_a_broadcast_of_42_bytes() -> None:
    frame = arp_request(MINE, ME, TARGET)
    assert (len(frame), frame[:6]) == (42, b"\xff" * 6)


@pytest.mark.parametrize(
    ("answers", "gap", "macs", "doubles"),
    [
        pytest.param([(0.0, 1, "a"), (1.0, 2, "a"), (2.0, 3, "a")], 1.0, ("a",), (0, 0.0), id="steady"),
        pytest.param([(0.0, 1, "a"), (1.5, 3, "b"), (2.0, 4, "b")], 1.5, ("a", "b"), (0, 0.0), id="moved"),
        pytest.param(
            [(1.0, 1, "a"), (1.1, 1, "b"), (2.0, 2, "b")], 1.0, ("a", "b"), (1, 0.1), id="both at once"
        ),
        pytest.param([], 2.0, (), (0, 0.0), id="nobody"),
        pytest.param([(0.5, 1, "a")], 1.5, ("a",), (0, 0.0), id="never again"),
    ],
)
def test_gaps_and_double_answers(
    answers: list[tuple[float, int, str]], gap: float, macs: tuple[str, ...], doubles: tuple[int, float]
) -> None:
    seen = summarise([Reply(*answer) for answer in answers], requests=4, begin=0.0, end=2.0)
    assert seen.longest_gap == pytest.approx(gap)
    assert seen.macs == macs
    assert (seen.double_requests, seen.double_seconds) == (doubles[0], pytest.approx(doubles[1]))
