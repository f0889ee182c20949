"""What OpenShift gets: constraints that admit the speaker and nothing more, and a page that is true."""

import json
import re
from collections.abc import Iterator

import pytest
import yaml
from programs import CHART, ROOT, Object, objects, read, render
from variants import OPENSHIFT, VARIANTS

pytestmark = [pytest.mark.requires("helm"), pytest.mark.timeout(60)]
DEPLOYMENT, DAEMON_SET = "Deployment/ferrite-controller", "DaemonSet/ferrite-speaker"
CONSTRAINT = "SecurityContextConstraints/ferrite-speaker"
PAGE = (ROOT / "docs" / "openshift.md").read_text()
TOLD: Object = {"openshift": {"enabled": True}}


def pod(item: Object) -> Object:
    return item["spec"]["template"]["spec"]


@pytest.mark.parametrize("values", [TOLD, {}], ids=["told", "found"])
def test_it_gets_a_constraint_of_its_own(values: Object):
    found = render(values, apis=(OPENSHIFT,))
    assert found["Role/ferrite-speaker-scc"]["rules"][0]["resourceNames"] == ["ferrite-speaker"]
    assert found["Role/ferrite-speaker-scc"]["rules"][0]["verbs"] == ["use"]
    subjects = found["RoleBinding/ferrite-speaker-scc"]["subjects"]
    assert subjects == [{"kind": "ServiceAccount", "name": "ferrite-speaker", "namespace": "metallb-system"}]
    for key in (DEPLOYMENT, DAEMON_SET):
        assert not {"runAsUser", "runAsGroup", "fsGroup"} & set(
            re.findall(r"\w+", json.dumps(pod(found[key])))
        )
    assert pod(found[DEPLOYMENT])["securityContext"] == {"runAsNonRoot": True}


def test_the_constraint_allows_nothing_that_the_speaker_does_not_need():
    constraint = render(TOLD)[CONSTRAINT]
    allowed = {name for name, value in constraint.items() if name.startswith("allow") and value is True}
    assert allowed == {"allowHostNetwork", "allowHostPorts"}
    assert constraint["allowedCapabilities"] == ["NET_RAW", "NET_BIND_SERVICE"]
    assert constraint["requiredDropCapabilities"] == ["ALL"]
    assert constraint["readOnlyRootFilesystem"] is True
    assert constraint["runAsUser"] == {"type": "MustRunAs", "uid": 0}
    assert constraint["seccompProfiles"] == ["runtime/default"]
    assert constraint["users"] == constraint["groups"] == []


@pytest.mark.parametrize("name", VARIANTS)
def test_the_constraint_admits_the_speaker(name: str):
    values, apis = VARIANTS[name]
    items = list(render({**values, **TOLD}, apis=apis).values())
    constraints = [item for item in items if item["kind"] == "SecurityContextConstraints"]
    speakers = [pod(item) for item in items if item["kind"] == "DaemonSet"]
    for constraint, speaker in zip(constraints, speakers, strict=True):
        kinds = {next(iter(set(volume) - {"name"})) for volume in speaker["volumes"]}
        assert kinds <= set(constraint["volumes"])
        for container in speaker["containers"]:
            security = container["securityContext"]
            assert set(security["capabilities"]["add"]) <= set(constraint["allowedCapabilities"])
            assert set(security["capabilities"]["drop"]) >= set(constraint["requiredDropCapabilities"])
            assert security["seccompProfile"] == {"type": "RuntimeDefault"}


def test_monitoring_finds_the_namespace():
    labels = render({**TOLD, "namespace": {"create": True}})["Namespace/metallb-system"]["metadata"]["labels"]
    assert labels["openshift.io/cluster-monitoring"] == "true"
    assert labels["pod-security.kubernetes.io/enforce"] == "privileged"


def named() -> Iterator[tuple[str, str]]:
    """Kind and name of the objects of the chart that the page's commands ask for."""
    kinds = {
        "deployment": "Deployment",
        "daemonset": "DaemonSet",
        "scc": "SecurityContextConstraints",
        "role": "Role",
        "rolebinding": "RoleBinding",
    }
    for some, name in re.findall(
        r"oc (?:get|rollout status -n metallb-system) ([a-z,]+)[ /](ferrite-[\w-]+)", PAGE
    ):
        yield from ((kinds[kind], name) for kind in some.split(","))
    yield from (("ServiceAccount", name) for name in re.findall(r"-z (ferrite-[\w-]+)", PAGE))


def test_what_the_page_shows_is_what_the_chart_makes():
    asked = [f"{kind}/{name}" for kind, name in named()]
    assert len(asked) == 7
    assert set(asked) <= set(render(TOLD))


def test_the_pages_values_are_the_charts():
    defaults, found = read(CHART / "values.yaml"), re.findall(r"([a-z][\w.]+\.\w+)=", PAGE)
    assert len(found) >= 8
    for path in found:
        inner = defaults
        for name in path.split("."):
            assert name in inner, path
            inner = inner[name]


def test_the_pages_objects_are_of_served_kinds():
    (text,) = re.findall(r"<<EOF\n(.*?)EOF", PAGE, re.DOTALL)
    served = {crd["spec"]["names"]["kind"] for crd in map(read, (ROOT / "crds").glob("*.yaml"))}
    assert {item["kind"] for item in objects(text).values()} <= served
    assert yaml.safe_load(text.split("---")[0])["spec"]["addresses"] == ["192.168.1.240-192.168.1.250"]
