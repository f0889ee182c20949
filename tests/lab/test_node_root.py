"""What a node with a kubelet refuses before it touches the machine."""

import pytest

from lab import node_root
from lab.state import LabError, State


def test_programs_that_a_node_would_not_see_are_named(tmp_path, monkeypatch):
    state = State("x", tmp_path / "labs", tmp_path / "disk")
    state.create()
    hidden, shown = tmp_path / "hidden", tmp_path / "shown"
    for folder in (hidden, shown):
        folder.mkdir()
    (hidden / "kubelet").touch()
    (shown / "kubelet").symlink_to(hidden / "kubelet")
    state.programs_link.symlink_to(shown)
    monkeypatch.setattr(node_root, "HIDDEN", (hidden,))
    with pytest.raises(LabError, match=rf"^{hidden / 'kubelet'}: nodes with a kubelet have a {hidden} of"):
        node_root.create(state, "node-1")
    assert not state.disk.exists()
