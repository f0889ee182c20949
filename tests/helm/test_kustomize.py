"""The plain manifests as a base of somebody's kustomization: the overlay that their README shows."""

import json
import re
import shutil
import subprocess
from pathlib import Path

import pytest
from programs import NAMESPACE, ROOT, Object, objects, program

pytestmark = [pytest.mark.requires("kubectl"), pytest.mark.timeout(60)]
MANIFESTS = ROOT / "manifests"


def kustomize(folder: Path) -> dict[str, Object]:
    """What kubectl would apply."""
    words = [program("kubectl"), "kustomize", str(folder)]
    done = subprocess.run(words, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    return objects(done.stdout)


@pytest.fixture(scope="module")
def overlaid(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Object]:
    (overlay,) = re.findall(r"```yaml\n(.*?)```", (MANIFESTS / "README.md").read_text(), re.DOTALL)
    folder = tmp_path_factory.mktemp("kustomize")
    shutil.copytree(MANIFESTS, folder / "manifests")
    (folder / "mine").mkdir()
    (folder / "mine" / "kustomization.yaml").write_text(overlay)
    return kustomize(folder / "mine")


def test_the_base_is_the_plain_manifests():
    assert kustomize(MANIFESTS) == objects((MANIFESTS / "ferrite.yaml").read_text())


def test_the_namespace_changes_everywhere(overlaid: dict[str, Object]):
    assert "Namespace/load-balancing" in overlaid
    assert NAMESPACE not in json.dumps(overlaid)
    for key, item in overlaid.items():
        if key.split("/")[0].endswith("RoleBinding"):
            assert {subject["namespace"] for subject in item["subjects"]} == {"load-balancing"}


def test_the_policy_is_about_the_account_wherever_it_is(overlaid: dict[str, Object]):
    policy = overlaid["ValidatingAdmissionPolicy/ferrite-speaker-writes-own-status"]
    (condition,) = [each for each in policy["spec"]["matchConditions"] if each["name"] == "is-a-speaker"]
    assert "request.namespace" in condition["expression"]
    account = overlaid["DaemonSet/ferrite-speaker"]["spec"]["template"]["spec"]["serviceAccountName"]
    assert f":{account}'" in condition["expression"]
    assert f"ServiceAccount/{account}" in overlaid


def test_image_and_patch_arrive(overlaid: dict[str, Object]):
    workloads = [overlaid["DaemonSet/ferrite-speaker"], overlaid["Deployment/ferrite-controller"]]
    pods = [each["spec"]["template"]["spec"] for each in workloads]
    images = {container["image"] for pod in pods for container in pod["containers"]}
    assert images == {"registry.example.com/ferrite:0.1.0"}
    assert pods[0]["priorityClassName"] == "system-node-critical"
