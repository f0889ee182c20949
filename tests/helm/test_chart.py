"""What the chart makes of values; no cluster."""

import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml
from programs import CHART, ROOT, Object, helm, read, render, rendering
from variants import METALLB, MONITORING, PROMETHEUS, VARIANTS

from controller.settings import read_settings
from speaker.settings import parse

pytestmark = [pytest.mark.requires("helm"), pytest.mark.timeout(60)]
DEPLOYMENT, DAEMON_SET = "Deployment/ferrite-controller", "DaemonSet/ferrite-speaker"


def pod(item: Object) -> Object:
    return item["spec"]["template"]["spec"]


def container(item: Object, name: str) -> Object:
    return next(each for each in pod(item)["containers"] if each["name"] == name)


def test_lint_has_nothing_to_say():
    done = helm("lint", "--strict", str(CHART))
    assert "0 chart(s) failed" in done.stdout
    assert "[WARNING]" not in done.stdout


@pytest.mark.parametrize("name", VARIANTS)
def test_the_same_values_make_the_same_objects(name: str):
    values, apis = VARIANTS[name]
    first = rendering(values, apis=apis)
    assert first.returncode == 0, first.stderr
    assert first.stdout == rendering(values, apis=apis, again=True).stdout


@pytest.mark.parametrize("name", VARIANTS)
def test_every_workload_is_selected_and_has_its_account(name: str):
    values, apis = VARIANTS[name]
    found = render(values, apis=apis)
    for item in found.values():
        if item["kind"] not in ("Deployment", "DaemonSet"):
            continue
        labels = item["spec"]["template"]["metadata"]["labels"]
        assert item["spec"]["selector"]["matchLabels"].items() <= labels.items()
        account = pod(item)["serviceAccountName"]
        assert account == "default" or f"ServiceAccount/{account}" in found
        volumes = {volume["name"] for volume in pod(item)["volumes"]}
        for each in pod(item)["containers"]:
            assert {mount["name"] for mount in each["volumeMounts"]} <= volumes


@pytest.mark.parametrize("name", VARIANTS)
def test_no_container_may_more_than_it_needs(name: str):
    values, apis = VARIANTS[name]
    needed = {"controller": [], "speaker": ["NET_RAW"], "gobgpd": ["NET_BIND_SERVICE"]}
    for item in render(values, apis=apis).values():
        if item["kind"] not in ("Deployment", "DaemonSet"):
            continue
        for each in pod(item)["containers"]:
            security = each["securityContext"]
            assert security["capabilities"].get("add", []) == needed[each["name"]]
            assert security["capabilities"]["drop"] == ["ALL"]
            assert security["readOnlyRootFilesystem"] is True
            assert security["allowPrivilegeEscalation"] is False
            assert each["resources"]["requests"]
            assert "cpu" not in each["resources"].get("limits", {})


def test_no_hooks_and_nothing_by_chance():
    for path in (CHART / "templates").iterdir():
        text = path.read_text()
        assert "helm.sh/hook" not in text
        assert not any(word in text for word in ("randAlpha", "randBytes", "genCA", "uuidv4", " now "))


def test_the_crds_survive_an_uninstall():
    crds = [item for item in render().values() if item["kind"] == "CustomResourceDefinition"]
    assert len(crds) == len(list((ROOT / "crds").glob("*.yaml")))
    for crd in crds:
        source = read(ROOT / "crds" / f"metallb.io_{crd['spec']['names']['plural']}.yaml")
        assert crd["metadata"].pop("annotations") == {"helm.sh/resource-policy": "keep"}
        assert crd == source


@pytest.mark.parametrize("component", ["controller", "speaker"])
@pytest.mark.parametrize(("kind", "file"), [("ClusterRole", "cluster"), ("Role", "namespace")])
def test_rights_are_those_of_the_files(component: str, kind: str, file: str):
    rules = read(CHART / "files" / "rbac" / f"{component}-{file}.yaml")
    found = render()
    assert found[f"{kind}/ferrite-{component}"]["rules"] == rules
    binding = found[f"{kind}Binding/ferrite-{component}"]
    assert binding["roleRef"]["name"] == f"ferrite-{component}"
    assert [subject["name"] for subject in binding["subjects"]] == [f"ferrite-{component}"]


def test_two_controllers_that_are_never_evicted_together():
    found = render()
    deployment, budget = found[DEPLOYMENT], found["PodDisruptionBudget/ferrite-controller"]
    assert deployment["spec"]["replicas"] == 2
    assert pod(deployment)["topologySpreadConstraints"][0]["topologyKey"] == "kubernetes.io/hostname"
    assert budget["spec"]["selector"] == deployment["spec"]["selector"]
    assert budget["spec"]["maxUnavailable"] == 1


def test_the_speaker_waits_for_its_key_and_shares_only_a_socket():
    item = render()[DAEMON_SET]
    volumes = {volume["name"]: volume for volume in pod(item)["volumes"]}
    assert volumes["memberlist"]["secret"]["optional"] is True
    assert volumes["memberlist"]["secret"]["secretName"] == "ferrite-memberlist"
    assert item["spec"]["updateStrategy"]["rollingUpdate"] == {"maxUnavailable": 1}
    assert pod(item)["hostNetwork"] is True
    probe = container(item, "speaker")["readinessProbe"]
    assert probe["httpGet"] == {"host": "127.0.0.1", "path": "/readyz", "port": 17472}
    assert [each["name"] for each in container(item, "gobgpd")["volumeMounts"]] == ["run"]
    assert container(item, "gobgpd")["command"][-1] == ""  # --metrics-path: nothing listens but the socket


def test_a_values_file_of_metallb_carries_over():
    found = render(METALLB)
    speaker, controller = container(found[DAEMON_SET], "speaker"), container(found[DEPLOYMENT], "controller")
    environment = {each["name"]: each.get("value") for each in speaker["env"]}
    assert environment["METALLB_ML_BIND_ADDR"] == "192.0.2.1"
    assert environment["METALLB_ML_BIND_PORT"] == "7947"
    assert "--port=7472" in speaker["args"]
    assert "--ignore-exclude-lb" in speaker["args"]
    assert "--log-level=debug" in controller["args"]
    assert controller["resources"]["limits"] == {"memory": "200Mi"}
    assert "tolerations" not in pod(found[DAEMON_SET])
    assert pod(found[DAEMON_SET])["priorityClassName"] == "system-node-critical"
    labels = found[DEPLOYMENT]["spec"]["template"]["metadata"]
    assert labels["labels"]["team"] == "net"
    assert labels["annotations"]["prometheus.io/port"] == "7472"


def test_every_flag_is_one_the_daemons_know():
    # pytest's environment has none of their variables, so what is wrong here ends with status 2.

    for values, apis in VARIANTS.values():
        found = render(values, apis=apis)
        for item in found.values():
            if item["kind"] == "Deployment":
                read_settings(container(item, "controller")["args"])
            if item["kind"] == "DaemonSet":
                settings = parse(["--node-name=node-1", *container(item, "speaker")["args"]])
                assert settings.common.ignored == ()


MONITORS: dict[str, Any] = {
    "prometheus": {**PROMETHEUS, "serviceMonitor": {"enabled": True}, "prometheusRule": {"enabled": True}}
}


def test_alerts_are_metallbs():
    found = render(MONITORS, apis=(MONITORING,))
    (group,) = found["PrometheusRule/ferrite"]["spec"]["groups"]
    alerts = {rule["alert"]: rule for rule in group["rules"]}
    assert group["name"] == "ferrite.rules"
    assert {name: rule["labels"]["severity"] for name, rule in alerts.items()} == {
        "MetalLBStaleConfig": "warning",
        "MetalLBConfigNotLoaded": "warning",
        "MetalLBAddressPoolExhausted": "critical",
        "MetalLBAddressPoolUsage75Percent": "warning",
        "MetalLBAddressPoolUsage85Percent": "warning",
        "MetalLBAddressPoolUsage95Percent": "critical",
        "MetalLBBGPSessionDown": "critical",
    }
    assert (
        alerts["MetalLBStaleConfig"]["expr"] == 'metallb_k8s_client_config_stale_bool{job=~"ferrite.*"} == 1'
    )


def test_a_pool_can_be_left_out_of_the_alerts():
    values, apis = VARIANTS["service-monitors"]
    (group,) = render(values, apis=apis)["PrometheusRule/ferrite"]["spec"]["groups"]
    alerts = {rule["alert"]: rule for rule in group["rules"]}
    assert alerts["MetalLBAddressPoolExhausted"]["expr"].count('pool!~"lab|spare"') == 2
    assert "pool!~" not in alerts["MetalLBAddressPoolUsage75Percent"]["expr"]
    assert alerts["Mine"] == {"alert": "Mine", "expr": "vector(1)"}


@pytest.mark.parametrize(
    ("values", "how", "absent"),
    [
        pytest.param(MONITORS, {}, ("ServiceMonitor", "PrometheusRule"), id="no-monitoring"),
        pytest.param({}, {"version": "1.29.0"}, ("ValidatingAdmissionPolicy",), id="old-kubernetes"),
        pytest.param({}, {}, ("SecurityContextConstraints",), id="no-openshift"),
        pytest.param(
            {"openshift": {"enabled": False}},
            {"apis": ("security.openshift.io/v1",)},
            ("SecurityContextConstraints",),
            id="openshift-switched-off",
        ),
        pytest.param({"rbac": {"create": False}}, {}, ("ClusterRole", "Role", "RoleBinding"), id="no-rights"),
        pytest.param({}, {}, ("NetworkPolicy", "Namespace", "PodMonitor"), id="not-asked-for"),
    ],
)
def test_what_is_missing_is_left_out(values: Object, how: Object, absent: tuple[str, ...]):
    kinds = {item["kind"] for item in render(values, **how).values()}
    assert not kinds & set(absent)
    assert "DaemonSet" in kinds


@pytest.mark.parametrize("values", [{"openshift": {"enabled": True}}, {}], ids=["told", "found"])
def test_openshift_gets_a_constraint_of_its_own(values: Object):
    found = render(values, apis=("security.openshift.io/v1",))
    constraint = found["SecurityContextConstraints/ferrite-speaker"]
    assert constraint["allowedCapabilities"] == ["NET_RAW", "NET_BIND_SERVICE"]
    assert constraint["allowPrivilegedContainer"] is False
    assert found["Role/ferrite-speaker-scc"]["rules"][0]["resourceNames"] == ["ferrite-speaker"]
    subjects = found["RoleBinding/ferrite-speaker-scc"]["subjects"]
    assert subjects == [{"kind": "ServiceAccount", "name": "ferrite-speaker", "namespace": "metallb-system"}]
    for key in (DEPLOYMENT, DAEMON_SET):
        assert "runAsUser" not in yaml.safe_dump(pod(found[key]))
    assert "fsGroup" not in yaml.safe_dump(pod(found[DEPLOYMENT]))
    assert pod(found[DEPLOYMENT])["securityContext"] == {"runAsNonRoot": True}


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


def test_gobgpd_starts_without_the_socket_a_killed_one_left(tmp_path: Path):
    command = container(render()[DAEMON_SET], "gobgpd")["command"]
    socket = tmp_path / "gobgp.sock"
    here = [word.replace("/run/ferrite/gobgp.sock", str(socket)) for word in command]
    here[here.index("gobgpd")] = "echo"
    socket.touch()
    for _ in range(2):  # the second finds none
        done = subprocess.run(here, capture_output=True, text=True, timeout=20, check=True)
        assert done.stdout.split() == ["--api-hosts", f"unix://{socket}", "--pprof-disable", "--metrics-path"]
        assert not socket.exists()
