from dataclasses import replace

import pytest
from hypothesis import given, strategies as st

from ferrite.net import NodeName
from speaker.members.heartbeat import Heartbeat, Kind, Unreadable, name_hash, seal, unseal

KEY, OLD = b"k" * 32, b"o" * 32
BEAT = Heartbeat(NodeName("a"), NodeName("b"), 7, 8, 9, 10, Kind.ALIVE, {name_hash(NodeName("c")): 12})
numbers = st.integers(0, 2**64 - 1)
names = st.text(max_size=60).map(NodeName)


@given(st.builds(Heartbeat, names, names, numbers, numbers, numbers, numbers, st.sampled_from(Kind)))
def test_what_is_sealed_reads_back(beat: Heartbeat) -> None:
    assert unseal(seal(beat, (KEY,)), (KEY,)) == beat


@pytest.mark.parametrize(
    ("sent_with", "read_with", "readable"),
    [
        pytest.param((KEY,), (OLD,), False, id="wrong"),
        pytest.param((KEY, OLD), (OLD,), True, id="old-reader"),
        pytest.param((KEY, OLD), (KEY,), True, id="new-reader"),
        pytest.param((OLD,), (KEY, OLD), True, id="old-sender"),
        pytest.param((KEY,), (), False, id="no-key"),
    ],
)
def test_a_key_change_has_no_gap(
    sent_with: tuple[bytes, ...], read_with: tuple[bytes, ...], readable: bool
) -> None:
    assert unseal(seal(BEAT, sent_with), read_with) == (BEAT if readable else Unreadable.WRONG_KEY)


@given(st.integers(0), st.integers(1, 255))
def test_one_changed_byte_is_noticed(at: int, change: int) -> None:
    data = bytearray(seal(BEAT, (KEY,)))
    data[at % len(data)] ^= change
    assert isinstance(unseal(bytes(data), (KEY,)), Unreadable)


@given(st.binary(max_size=300))
def test_any_bytes_give_a_reason(data: bytes) -> None:
    assert isinstance(unseal(data, (KEY,)), Unreadable)
    assert isinstance(unseal(b"Fe\x01\x01\x01" + data, (KEY,)), Unreadable)


def test_a_kind_says_leaving() -> None:
    beat = replace(BEAT, kind=Kind.LEAVING)
    assert unseal(seal(beat, (KEY,)), (KEY,)) == beat
