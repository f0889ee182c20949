"""What the log says of BGP sessions."""

from dataclasses import replace

import pytest

from speaker.bgp.router import PeerState, SessionState
from speaker.bgp.sessions import SessionLog

IDLE = PeerState("tor", "10.0.0.1:179")
UP = replace(IDLE, session=SessionState.ESTABLISHED, peer_asn=64500)
DOWN = replace(IDLE, last_error="hold timer expired")
REFUSED = replace(IDLE, session=SessionState.ACTIVE, last_error="wrong peer AS")


@pytest.mark.parametrize(
    ("seen", "told", "flaps"),
    [
        pytest.param([[IDLE], [IDLE]], [], 0, id="not-tried-yet"),
        pytest.param([[IDLE], [UP], [UP]], ["up"], 0, id="up-once"),
        pytest.param(
            [[UP], [DOWN], [DOWN], [UP]], ["up", "down: hold timer expired", "up"], 1, id="down-and-up"
        ),
        pytest.param(
            [[REFUSED], [replace(REFUSED, session=SessionState.IDLE)]], ["down: wrong peer AS"], 0, id="vain"
        ),
        pytest.param(
            [[REFUSED], [DOWN]], ["down: wrong peer AS", "down: hold timer expired"], 0, id="new-reason"
        ),
        pytest.param([[UP], [], [UP]], ["up", "down: engine away", "up"], 1, id="engine-away"),
        pytest.param([[DOWN], [], []], ["down: hold timer expired"], 0, id="gone-when-it-was-down"),
    ],
)
def test_each_change_is_told_once(
    seen: list[list[PeerState]], told: list[str], flaps: int, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    sessions = SessionLog()
    for states in seen:
        found = sessions.tell(states, gone="engine away")
    assert sum(state.flaps for state in found) == flaps
    assert {each.__dict__["peer"] for each in caplog.records} <= {"tor"}
    words = [
        (each.message.removeprefix("BGP session "), each.__dict__.get("error")) for each in caplog.records
    ]
    assert [f"{word}: {error}" if error else word for word, error in words] == told
