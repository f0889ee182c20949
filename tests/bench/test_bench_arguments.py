import sys
from pathlib import Path

import pytest

from bench.__main__ import main


def complaint(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], *words: str) -> str:
    monkeypatch.setattr(sys, "argv", ["bench", *words])
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == 2
    return capsys.readouterr().err


def test_a_name_that_is_none_is_told_which_there_are(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    said = complaint(monkeypatch, capsys, "assgin")
    assert (
        "there is no benchmark 'assgin'; there are assign, burst, failover, start, single, idle, membership"
        in said
    )


def test_on_a_cluster_of_somebody_else_nothing_is_killed(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    said = complaint(monkeypatch, capsys, "assign", "failover", "--kubeconfig", str(tmp_path / "config"))
    assert "--kubeconfig: failover start and end controllers, in a lab of their own only" in said


def test_a_simulation_runs_by_itself(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    said = complaint(monkeypatch, capsys, "assign", "membership")
    assert "membership runs in virtual time, by itself only" in said
