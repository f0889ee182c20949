"""The difference between wanted and present."""

from ipaddress import IPv4Network

from hypothesis import given, strategies as st

from speaker.bgp.peers import Bfd, GlobalSettings, PeerSettings, Session, Timers
from speaker.bgp.router import Changes, RouterState, Wanted, after, changes
from speaker.bgp.routes import Route

ENGINE = GlobalSettings(64501, "10.0.0.2")
names = st.sampled_from(["a", "b", "c"])
routes = st.dictionaries(
    st.integers(0, 3).map(lambda n: IPv4Network((0xC0000200 + n, 32))),
    st.builds(Route, local_pref=st.integers(0, 1)),
    max_size=4,
)


@st.composite
def wanted(draw: st.DrawFn) -> Wanted:
    peers = tuple(
        PeerSettings(
            name,
            Session(address=f"10.0.0.{ord(name)}", password=draw(st.sampled_from(["", "x"]))),
            Timers(hold=draw(st.sampled_from([9, 90]))),
            draw(st.sampled_from([None, Bfd()])),
        )
        for name in sorted(draw(st.sets(names)))
    )
    return Wanted(ENGINE, peers, {peer.name: draw(routes) for peer in peers})


@given(first=wanted(), second=wanted())
def test_a_difference_applied_leaves_none(first: Wanted, second: Wanted) -> None:
    have = after(RouterState(), changes(first, RouterState()))
    assert not changes(first, have)
    then = after(have, changes(second, have))
    assert changes(second, then) == Changes()
    assert then.routes == {peer.name: second.routes[peer.name] for peer in second.peers}
    assert len(set(then.tables.values())) == len(then.tables)


@given(first=wanted(), other=st.data())
def test_routes_never_touch_a_session(first: Wanted, other: st.DataObject) -> None:
    have = after(RouterState(), changes(first, RouterState()))
    todo = changes(Wanted(ENGINE, first.peers, {p.name: other.draw(routes) for p in first.peers}), have)
    assert todo.add_peers == todo.update_peers == ()
    assert not todo.remove_peers
    assert not todo.add_tables
    assert not todo.remove_tables


def test_a_table_that_goes_keeps_its_number_until_it_is_gone() -> None:
    have = RouterState(ENGINE, tables={"old": 1}, guarded=True)
    todo = changes(Wanted(ENGINE, (PeerSettings("new", Session(address="10.0.0.1")),)), have)
    assert (todo.remove_tables, todo.add_tables) == (("old",), {"new": 2})


def test_timers_update_and_a_password_adds_anew() -> None:
    peer = PeerSettings("a", Session(address="10.0.0.1"))
    have = after(RouterState(), changes(Wanted(ENGINE, (peer,)), RouterState()))
    slower = PeerSettings("a", peer.session, Timers(hold=9, keepalive=3))
    assert changes(Wanted(ENGINE, (slower,)), have) == Changes(update_peers=(slower,))
    secret = PeerSettings("a", Session(address="10.0.0.1", password="x"))
    todo = changes(Wanted(ENGINE, (secret,)), have)
    assert (len(todo.remove_peers), todo.add_peers) == (1, (secret,))
