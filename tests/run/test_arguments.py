import json
import logging

import pytest

from ferrite.run.arguments import Parser, add_common, common_settings, ignored
from ferrite.run.logs import JsonLines


def parser() -> Parser:
    made = Parser("controller", "")
    add_common(made)
    ignored(made, "--webhook-mode")
    return made


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        pytest.param(["--port=x"], "controller: --port is not a number: 'x'\n", id="number"),
        pytest.param(["--port", "70000"], "--port is not a port (0 to 65535): '70000'", id="port"),
        pytest.param(["--log-level=loud"], "--log-level is not one of all, debug", id="level"),
        pytest.param(["--tls-min-version=1"], "--tls-min-version is not one of", id="tls"),
        pytest.param(
            ["--tls-cipher-suites=TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256"],
            "--tls-cipher-suites needs",
            id="1.3",
        ),
        pytest.param(["--nonsense"], "controller: unrecognized arguments: --nonsense", id="unknown"),
    ],
)
def test_a_wrong_flag_is_one_line(
    words: list[str], complaint: str, capsys: pytest.CaptureFixture[str]
) -> None:
    made = parser()
    with pytest.raises(SystemExit) as ended:
        common_settings(made, made.parse(words))
    assert ended.value.code == 2
    told = capsys.readouterr().err
    assert complaint in told
    assert told.count("\n") == 1


def test_flags_and_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("METALLB_NAMESPACE", "from-env")
    monkeypatch.delenv("KUBECONFIG", raising=False)
    made = parser()
    found = common_settings(made, made.parse(["-port=0", "--webhook-mode=disabled", "--lb-class", "x"]))
    assert (found.namespace, found.metrics.port, found.lb_class) == ("from-env", 0, "x")
    assert found.ignored == ("--webhook-mode",)
    assert found.kubeconfig is None
    assert found.health_probe_port == 17472
    made = parser()
    assert common_settings(made, made.parse(["--namespace=flag"])).namespace == "flag"


def test_a_log_line_is_json() -> None:
    record = logging.getLogger("x").makeRecord(
        "x",
        logging.WARNING,
        "/a/world.py",
        7,
        "not %s",
        ("applied",),
        None,
        extra={"service": "a/b", "odd": {1}},
    )
    line = json.loads(JsonLines().format(record))
    assert (line["level"], line["caller"], line["msg"]) == ("warn", "world.py:7", "not applied")
    assert line["service"] == "a/b"
    assert line["ts"].endswith("+00:00")
