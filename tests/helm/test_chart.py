"""What the chart makes of values; no cluster."""

import subprocess
from pathlib import Path
from typing import Any

import pytest
from programs import CHART, ROOT, Object, read, render, rendering
from variants import METALLB, MONITORING, PROMETHEUS, VARIANTS

from controller.settings import read_settings
from speaker.settings import parse

pytestmark = [pytest.mark.requires("helm"), pytest.mark.timeout(60)]
DEPLOYMENT, DAEMON_SET = "Deployment/ferrite-controller", "DaemonSet/ferrite-speaker"


def pod(item: Object) -> Object:
    return item["spec"]["template"]["spec"]


def container(item: Object, name: str) -> Object:
    return next(each for each in pod(item)["containers"] if each["name"] == name)


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
        spec = crd["spec"]
        source = read(ROOT / "crds" / f"{spec['group']}_{spec['names']['plural']}.yaml")
        assert crd["metadata"].pop("annotations") == {"helm.sh/resource-policy": "keep"}
        assert crd == source


def without_rules(schema: Any) -> Any:
    if isinstance(schema, dict):
        return {
            name: without_rules(each) for name, each in schema.items() if name != "x-kubernetes-validations"
        }
    return [without_rules(each) for each in schema] if isinstance(schema, list) else schema


def test_api_servers_that_lack_what_the_rules_ask_get_crds_without_rules():
    """isIP and isCIDR came with 1.30, and may be used in a CRD from 1.31 on."""
    with_rules = {key: item for key, item in render(version="1.31.0").items() if key.startswith("Custom")}
    without = {key: item for key, item in render(version="1.30.14").items() if key.startswith("Custom")}
    assert without == without_rules(with_rules) != with_rules


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
