import pytest

from controller.settings import read_settings


def test_defaults(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("METALLB_NAMESPACE", "METALLB_ML_SECRET_NAME", "METALLB_DEPLOYMENT"):
        monkeypatch.delenv(name, raising=False)
    settings = read_settings([])
    assert settings.common.namespace == "metallb-system"
    assert (settings.secret_name, settings.deployment) == ("", "")
    assert settings.common.ignored == ()


def test_the_environment_is_a_fall_back(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("METALLB_ML_SECRET_NAME", "from-environment")
    assert read_settings([]).secret_name == "from-environment"
    assert read_settings(["--ml-secret-name", "given"]).secret_name == "given"


def test_flags_of_the_webhook_are_accepted_and_known_to_be_ignored() -> None:
    given = ["--webhook-mode=disabled", "--disable-cert-rotation=true", "--cert-dir", "/x", "--webhook-http2"]
    ignored = read_settings(given).common.ignored
    assert set(ignored) == {"--webhook-mode", "--disable-cert-rotation", "--cert-dir", "--webhook-http2"}


def test_a_wrong_flag_is_one_line_and_status_2(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        read_settings(["--port", "x"])
    assert ended.value.code == 2
    assert capsys.readouterr().err == "controller: --port is not a number: 'x'\n"
