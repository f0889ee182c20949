"""What kube-score finds critical in the workloads, and why it stays as it is."""

import json
import subprocess
from functools import cache

import pytest
from programs import KUBERNETES, program, rendering
from variants import VARIANTS

pytestmark = [pytest.mark.requires("helm"), pytest.mark.requires("kube-score"), pytest.mark.timeout(60)]
CRITICAL = 1
# A container throttled by a CPU limit misses its Lease or its heartbeats. How much memory is too much depends
# on the number of Services, and a limit that is too low takes their addresses away. Requests are looked at.
LIMITS = ("--ignore-container-cpu-limit", "--ignore-container-memory-limit")
STORAGE = (
    "Nothing is written but the log, which the kubelet rotates; a limit would evict a speaker for its log."
)
PULL = (
    "A tag is a release and never moves; Always would keep a node from starting while the registry is away."
)
POLICY = "Off unless asked for, as MetalLB's: networkpolicies.enabled. None reaches the node's network."
ROOT = "Only root has NET_RAW and NET_BIND_SERVICE while privilege escalation is off; all else is dropped."
RANGE = "On OpenShift the SecurityContextConstraints set the user, from the namespace's range."
Finding = tuple[str, str]
ACCEPTED: dict[Finding, str] = {
    ("Deployment", "container-ephemeral-storage-request-and-limit"): STORAGE,
    ("DaemonSet", "container-ephemeral-storage-request-and-limit"): STORAGE,
    ("Deployment", "container-image-pull-policy"): PULL,
    ("DaemonSet", "container-image-pull-policy"): PULL,
    ("Deployment", "pod-networkpolicy"): POLICY,
    ("DaemonSet", "pod-networkpolicy"): POLICY,
    ("DaemonSet", "container-security-context-user-group-id"): ROOT,
    ("Deployment", "container-security-context-user-group-id"): RANGE,
}
ON_OPENSHIFT_ONLY = ("Deployment", "container-security-context-user-group-id")


@cache
def findings(variant: str) -> frozenset[Finding]:
    """Kind and check of everything critical in the objects of a variant."""
    values, apis = VARIANTS[variant]
    words = ["score", "--output-format=json", f"--kubernetes-version=v{KUBERNETES[:4]}", *LIMITS, "-"]
    text = rendering(values, apis=apis).stdout
    done = subprocess.run(
        [program("kube-score"), *words], input=text, capture_output=True, text=True, timeout=60, check=False
    )
    scored = json.loads(done.stdout)
    assert {"Deployment", "DaemonSet"} & {each["type_meta"]["kind"] for each in scored}
    return frozenset(
        (each["type_meta"]["kind"], check["check"]["id"])
        for each in scored
        for check in each["checks"] or ()
        if check["grade"] == CRITICAL and not check["skipped"]
    )


@pytest.mark.parametrize("variant", VARIANTS)
def test_nothing_critical_without_a_reason(variant: str):
    found = findings(variant)
    assert not found - set(ACCEPTED)
    assert ON_OPENSHIFT_ONLY not in found or variant.startswith("openshift")


def test_every_reason_is_still_needed():
    assert frozenset().union(*map(findings, VARIANTS)) == set(ACCEPTED)
