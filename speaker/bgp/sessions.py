"""What the log says of BGP sessions: when one comes up and goes down, and why."""

import logging
from collections import Counter
from collections.abc import Iterable
from dataclasses import replace

from speaker.bgp.router import PeerState, SessionState

log = logging.getLogger(__name__)


class SessionLog:
    """Says each change once: a session that is tried again and again in vain is told by a new reason only."""

    def __init__(self) -> None:
        self._told: dict[str, tuple[bool, str]] = {}
        self._flaps: Counter[str] = Counter()

    def tell(
        self, sessions: Iterable[PeerState], gone: str = "the peer was removed"
    ) -> tuple[PeerState, ...]:
        """Compare with what was told last, and return the sessions with their flaps.

        GoBGP counts only those of sessions that were short.

        Args:
            sessions: as they are.
            gone: why one is not there any more.
        """
        states = {state.name: state for state in sessions}
        now = {name: _word(state) for name, state in states.items()}
        for name, (was_up, _) in self._told.items():
            self._flaps[name] += was_up and not now.get(name, (False, ""))[0]
            if was_up and name not in states:
                log.warning("BGP session down", extra={"peer": name, "error": gone})
        for name, state in states.items():
            if now[name] != self._told.get(name, (False, "")):
                _tell(state)
        self._told = now
        return tuple(replace(state, flaps=self._flaps[state.name]) for state in states.values())


def _tell(state: PeerState) -> None:
    peer = {"peer": state.name, "neighbor": state.neighbor}
    if state.session is SessionState.ESTABLISHED:
        log.info("BGP session up", extra={**peer, "peer_asn": state.peer_asn})
    else:
        log.warning("BGP session down", extra={**peer, "error": state.last_error})


def _word(state: PeerState) -> tuple[bool, str]:
    up = state.session is SessionState.ESTABLISHED
    return up, "" if up else state.last_error
