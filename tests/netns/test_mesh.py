from pathlib import Path

import pytest

from tests.netns.namespaces import Runner, Veth, wait_until

pytestmark = [pytest.mark.netns, pytest.mark.timeout(120)]
NODES = {"a": "10.99.0.1", "b": "10.99.0.2"}


def start(veth: Veth, folder: Path, name: str, key: str | None, **timings: float) -> Runner:
    keys = folder / name
    keys.mkdir()
    if key is not None:
        (keys / "secretkey").write_text(key)
    where = veth.speaker if name == "a" else veth.client
    settings = {"me": name, "bind": NODES[name], "keys": str(keys), "nodes": NODES, "timings": timings}
    return veth.start(where, "run_mesh.py", **settings)


def answers_with(runner: Runner, *live: str) -> bool:
    """Whether these are alive for it, and it may answer."""
    said = runner.tell()
    return said["live"] == list(live) and bool(said["fresh"])


def test_two_hear_each_other_and_a_killed_one_is_missed_in_a_second(veth: Veth, tmp_path: Path) -> None:
    a, b = start(veth, tmp_path, "a", "secret"), start(veth, tmp_path, "b", "secret")
    for each in (a, b):
        wait_until(lambda each=each: answers_with(each, "a", "b"), what="both alive")
    b.process.kill()
    wait_until(lambda: a.tell()["live"] == ["a"], seconds=1.0, what="b missed")


def test_one_that_leaves_is_missed_by_its_word(veth: Veth, tmp_path: Path) -> None:
    patient = {"silence": 300.0, "detection": 600.0}  # its silence tells nobody while this test runs
    a, b = (start(veth, tmp_path, name, "secret", **patient) for name in NODES)
    wait_until(lambda: a.tell()["live"] == b.tell()["live"] == ["a", "b"], what="both alive")
    b.process.terminate()
    wait_until(lambda: a.tell()["live"] == ["a"], what="b left")


def test_one_whose_node_comes_back_answers_only_when_it_was_heard(veth: Veth, tmp_path: Path) -> None:
    a, b = start(veth, tmp_path, "a", "secret"), start(veth, tmp_path, "b", "secret")
    wait_until(lambda: a.tell()["live"] == b.tell()["live"] == ["a", "b"], what="both alive")
    without_b = {"a": NODES["a"]}
    assert a.tell(nodes=without_b)["live"] == ["a"]
    assert not b.tell(nodes=without_b)["fresh"]
    assert not b.tell(nodes=NODES)["fresh"]  # a does not know of b's Node yet
    a.tell(nodes=NODES)
    wait_until(lambda: a.tell()["live"] == ["a", "b"], what="b alive again")
    wait_until(lambda: answers_with(b, "a", "b"), what="b may answer")


def test_a_wrong_key_is_refused_until_the_key_changes(veth: Veth, tmp_path: Path) -> None:
    a, b = start(veth, tmp_path, "a", "secret"), start(veth, tmp_path, "b", "other")
    wait_until(lambda: a.tell()["refused"].get("wrongKey"), what="wrong key refused")
    assert a.tell()["live"] == ["a"]
    (tmp_path / "b" / "secretkey").write_text("secret")
    wait_until(lambda: b.tell()["live"] == ["a", "b"], what="both alive with the same key")


def test_without_a_key_it_waits_and_says_so(veth: Veth, tmp_path: Path) -> None:
    a = start(veth, tmp_path, "a", None)
    wait_until(lambda: a.tell()["waiting"] == "membership key", what="says it waits")
    assert not a.tell()["fresh"]
