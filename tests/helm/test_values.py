"""Values that are wrong, contradict each other or are missing end with one sentence that names them."""

import json
from collections.abc import Iterator

import pytest
from programs import CHART, KUBERNETES, Object, helm, read, rendering
from variants import PROMETHEUS, VARIANTS

pytestmark = [pytest.mark.requires("helm"), pytest.mark.timeout(60)]
NO_ACCOUNT = {"serviceAccount": {"create": False}}


@pytest.mark.parametrize("name", VARIANTS)
def test_lint_has_nothing_to_say(name: str, tmp_path):
    values, _ = VARIANTS[name]
    (tmp_path / "values.json").write_text(json.dumps(values))
    words = ("--strict", f"--kube-version={KUBERNETES}", f"--values={tmp_path / 'values.json'}")
    done = helm("lint", *words, str(CHART), check=False)
    assert done.returncode == 0, done.stdout
    assert "0 chart(s) failed" in done.stdout
    assert "[WARNING]" not in done.stdout


BOTH = {"podMonitor": {"enabled": True}, "serviceMonitor": {"enabled": True}, **PROMETHEUS}


@pytest.mark.parametrize(
    ("values", "complaint"),
    [
        pytest.param(
            {"speaker": {"nodeSelector": {"a": "b"}, "memberlist": {"enabled": False}}},
            "speaker.nodeSelector needs speaker.memberlist.enabled",
            id="some-nodes-without-membership",
        ),
        pytest.param({"prometheus": BOTH}, "exclude each other", id="two-monitors"),
        pytest.param(
            {"prometheus": {"podMonitor": {"enabled": True}}},
            "prometheus.namespace is missing",
            id="monitors-for-whom",
        ),
        pytest.param(
            {"configInline": {"peers": []}}, "configInline is no longer a value", id="config-inline"
        ),
        pytest.param(
            {"tls": {"cipherSuites": "x"}}, "needs a tls.minVersion below", id="ciphers-with-tls-1.3"
        ),
        pytest.param(
            {"speaker": {"livenessProbe": {"port": 1}}}, "one port serves both", id="two-ports-of-probes"
        ),
        pytest.param(
            {"controller": {"image": {"repository": "example.com/metallb/controller"}}},
            "controller.image.repository is MetalLB's",
            id="metallbs-image",
        ),
        pytest.param(
            {"speaker": {"command": "/speaker"}}, "speaker.command is MetalLB's", id="metallbs-program"
        ),
        pytest.param(
            {"controller": {"enabled": False}, "speaker": {"enabled": False}},
            "controller.enabled and speaker.enabled are both false",
            id="nothing-to-run",
        ),
        pytest.param(
            {"controller": NO_ACCOUNT, "speaker": NO_ACCOUNT},
            "controller and speaker share the service account default",
            id="one-account-under-the-policy",
        ),
        pytest.param(
            {"prometheus": {"metricsPort": 17472}},
            "prometheus.metricsPort and the port of controller's probes are both 17472",
            id="one-port-for-metrics-and-probes",
        ),
        pytest.param({"loadBalancerClass": "my class"}, "loadBalancerClass", id="class-that-is-none"),
        pytest.param({"speker": {}}, "speker", id="unknown-part"),
        pytest.param({"speaker": {"logLvel": "info"}}, "logLvel", id="unknown-value"),
        pytest.param({"speaker": {"logLevel": "loud"}}, "logLevel", id="level-that-is-none"),
        pytest.param({"prometheus": {"metricsPort": 70000}}, "metricsPort", id="port-that-is-none"),
        pytest.param({"controller": {"replicas": "2"}}, "replicas", id="text-for-a-number"),
    ],
)
def test_wrong_values_are_named(values: Object, complaint: str):
    done = rendering(values)
    assert done.returncode != 0
    assert complaint in done.stderr
    assert "nil pointer" not in done.stderr


def test_one_account_will_do_without_the_policy():
    values = {"controller": NO_ACCOUNT, "speaker": NO_ACCOUNT, "admissionPolicy": {"enabled": False}}
    assert rendering(values).returncode == 0


SCHEMA: Object = json.loads((CHART / "values.schema.json").read_text())


def parts(schema: Object, path: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    """The path of every value that holds others with names of their own."""
    for name, each in schema.get("properties", {}).items():
        reference = each.get("$ref", "").removeprefix("#/definitions/")
        part = SCHEMA["definitions"][reference] if reference else each
        if "properties" in part:
            yield (*path, name)
            yield from parts(part, (*path, name))


@pytest.mark.parametrize("path", list(parts(SCHEMA)), ids=".".join)
def test_a_part_that_was_emptied_is_named(path: tuple[str, ...]):
    """`speaker:` with nothing below it takes the chart's own values away."""
    *outer, last = path
    values: Object = {last: None}
    for name in reversed(outer):
        values = {name: values}
    done = rendering(values)
    assert done.returncode != 0
    assert f"missing property '{last}'" in done.stderr


def test_every_value_has_a_place_in_the_schema():
    assert set(read(CHART / "values.yaml")) <= set(SCHEMA["properties"])
