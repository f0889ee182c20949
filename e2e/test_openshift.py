"""What OpenShift gets: rights by its own kind, and users by its own choice."""

import json

import yaml

from e2e.release import Release


def test_the_speaker_gets_a_constraint_and_no_pod_names_a_user(chart: Release) -> None:
    version = json.loads(chart.site.kubectl("version", "-o", "json").stdout)["serverVersion"]["gitVersion"]
    words = ("--kube-version", version, "--set", "openshift.enabled=true")
    text = chart.helm("template", "ferrite", str(chart.chart), *words).stdout
    found = {(item["kind"], item["metadata"]["name"]): item for item in yaml.safe_load_all(text) if item}
    constraint = found["SecurityContextConstraints", "ferrite-speaker"]
    assert constraint["allowedCapabilities"] == ["NET_RAW", "NET_BIND_SERVICE"]
    assert not constraint["allowPrivilegedContainer"]
    [rule] = found["Role", "ferrite-speaker-scc"]["rules"]
    assert (rule["verbs"], rule["resourceNames"]) == (["use"], ["ferrite-speaker"])
    for workload in (("DaemonSet", "ferrite-speaker"), ("Deployment", "ferrite-controller")):
        assert "runAsUser" not in yaml.safe_dump(found[workload])
