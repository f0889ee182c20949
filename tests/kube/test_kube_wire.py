from contextlib import suppress

import pytest
from hypothesis import given, strategies as st

from ferrite.errors import ClusterError, Conflict, Gone
from ferrite.kube.wire import Lines, error_of, event_of, page_of
from ferrite.objects import Service


@given(
    lines=st.lists(st.binary(min_size=1).filter(lambda line: b"\n" not in line)),
    cuts=st.lists(st.integers(0, 200)),
)
def test_lines_do_not_depend_on_where_chunks_end(lines: list[bytes], cuts: list[int]) -> None:
    stream, cutter, found, at = b"".join(line + b"\n" for line in lines), Lines(), list[bytes](), 0
    for end in [*sorted(min(cut, len(stream)) for cut in cuts), len(stream)]:
        found.extend(cutter.feed(stream[at:end]))
        at = end
    cutter.close()
    assert found == lines


@given(st.binary())
def test_any_bytes_are_an_event_or_the_one_error(line: bytes) -> None:
    for read in (lambda: event_of(line, Service), lambda: page_of(line, Service)):
        with suppress(ClusterError):
            read()
    assert isinstance(error_of(500, line), ClusterError)


@pytest.mark.parametrize(
    ("status", "kind"), [(409, Conflict), (410, Gone), (403, ClusterError), (503, ClusterError)]
)
def test_errors_by_status(status: int, kind: type[ClusterError]) -> None:
    error = error_of(status, b'{"message":"m","reason":"R","details":{"retryAfterSeconds":3}}', None)
    assert type(error) is kind
    assert (str(error), error.reason, error.status, error.retry_after) == ("m", "R", status, 3)
    assert error_of(status, b"<html>", "7").retry_after == 7


def test_no_server_puts_a_client_off_for_longer_than_a_minute() -> None:
    assert error_of(503, b"<html>", "86400").retry_after == 60
    assert error_of(429, b'{"details":{"retryAfterSeconds":86400}}').retry_after == 60
