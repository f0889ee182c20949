"""Installed by helm: ready, with no more rights than needed, and at rest."""

import json

import pytest

from e2e.manifests import Object
from e2e.patience import wait_until
from e2e.release import Release
from e2e.site import Site

NET_BIND_SERVICE, NET_RAW = 1 << 10, 1 << 13
STATUS = """
import os
status = dict(line.split(":", 1) for line in open("/proc/1/status"))
try:
    os.close(os.open("/probe", os.O_CREAT | os.O_WRONLY))
    writable = True
except OSError:
    writable = False
print(*(status[name].split()[0] for name in ("CapEff", "CapBnd", "NoNewPrivs", "Seccomp", "Uid")), writable)
"""


@pytest.mark.parametrize(
    ("component", "container", "capabilities", "user"),
    [
        ("speaker", "speaker", NET_RAW, "0"),
        ("speaker", "gobgpd", NET_BIND_SERVICE, "0"),
        ("controller", "controller", 0, "65534"),
    ],
)
def test_a_container_has_one_capability_at_most_and_a_read_only_root(
    release: Release, component: str, container: str, capabilities: int, user: str
) -> None:
    [pod, *_] = release.pods(component)
    effective, bounding, no_new_rights, filtered, uid, writable = release.python(
        pod, container, STATUS
    ).split()
    assert int(effective, 16) == int(bounding, 16) == capabilities
    assert (no_new_rights, filtered, uid, writable) == ("1", "2", user, "False")


def test_every_node_has_a_speaker_and_the_controllers_stand_apart(
    release: Release, nodes: dict[str, dict[int, str]]
) -> None:
    assert len(release.pods("speaker")) == len(release.site.read("nodes"))
    assert all(len(release.pods("speaker", node)) == 1 for node in nodes)
    assert len(release.pods("controller")) == 2
    if len(nodes) > 1:
        assert all(len(release.pods("controller", node)) <= 1 for node in nodes)


def test_an_upgrade_with_the_same_values_changes_nothing(release: Release) -> None:
    wait_until("the policy to be checked", lambda: is_checked(release))
    before = release.versions()
    pods = {*release.pods("speaker"), *release.pods("controller")}
    release.upgrade()
    after = release.versions()
    # A workload's version moves with its status, so what it is told is compared by its generation.
    still = {
        key for key in before if not key.startswith(("Deployment/", "DaemonSet/", "PodDisruptionBudget/"))
    }
    assert {key: after[key] for key in still} == {key: before[key] for key in still}
    assert {*release.pods("speaker"), *release.pods("controller")} == pods


def is_checked(release: Release) -> bool:
    """Whether the cluster has written what it thinks of the release's admission policy."""
    policies = release.site.read("validatingadmissionpolicies", "-l", release.selector())
    return all(
        policy.get("status", {}).get("observedGeneration") == policy["metadata"]["generation"]
        for policy in policies
    )


def test_a_second_release_is_refused(release: Release) -> None:
    done = release.helm("install", "another", str(release.chart), "--dry-run=server", check=False)
    assert done.returncode != 0
    assert "ferrite-controller assigns addresses to the same Services" in done.stderr


def test_a_pod_of_a_user_may_not_do_what_a_speaker_may(site: Site, release: Release) -> None:
    container = {"name": "web", "image": "example.com/web", "securityContext": {}}
    pod: Object = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "on-the-node"},
        "spec": {"hostNetwork": True, "containers": [container]},
    }
    words = ("apply", "--dry-run=server", "-n", "default", "-f", "-")
    done = site.kubectl(*words, input=json.dumps(pod), check=False)
    assert "violates PodSecurity" in done.stderr


def test_a_speaker_may_not_write_the_status_of_another_node(
    site: Site, release: Release, nodes: dict[str, dict[int, str]]
) -> None:
    """The token of a speaker's pod says which node it is for; the admission policy holds it to that."""
    [node, *others] = nodes
    if not others:
        pytest.skip("needs two nodes")
    [pod] = release.pods("speaker", node)
    foreign = {
        "apiVersion": "metallb.io/v1beta1",
        "kind": "ServiceL2Status",
        "metadata": {
            "name": "l2-forged",
            "namespace": site.namespace,
            "labels": {"metallb.io/node": others[0]},
        },
        "spec": {},
    }
    program = CREATE.format(namespace=site.namespace, body=json.dumps(foreign))
    status, reason = release.python(pod, "speaker", program).split(maxsplit=1)
    assert status == "403"
    assert f"a speaker on node {node}" in reason
    foreign["metadata"]["labels"]["metallb.io/node"] = node
    program = CREATE.format(namespace=site.namespace, body=json.dumps(foreign))
    assert release.python(pod, "speaker", program).split(maxsplit=1)[0] == "201"
    site.kubectl("delete", "servicel2status", "l2-forged", "-n", site.namespace, "--ignore-not-found")


CREATE = '''
import json, os, ssl, urllib.error, urllib.request
folder = "/var/run/secrets/kubernetes.io/serviceaccount"
host = os.environ["KUBERNETES_SERVICE_HOST"]
host = f"[{{host}}]" if ":" in host else host
url = f"https://{{host}}:{{os.environ['KUBERNETES_SERVICE_PORT']}}"
url += "/apis/metallb.io/v1beta1/namespaces/{namespace}/servicel2statuses?dryRun=All"
token = open(f"{{folder}}/token").read()
headers = {{"Authorization": f"Bearer {{token}}", "Content-Type": "application/json"}}
body = json.dumps(json.loads(r"""{body}""")).encode()
try:
    context = ssl.create_default_context(cafile=f"{{folder}}/ca.crt")
    answer = urllib.request.urlopen(urllib.request.Request(url, body, headers), context=context)
    print(answer.status, "created")
except urllib.error.HTTPError as error:
    print(error.code, json.load(error)["message"])
'''
