"""The chart as a user installs, upgrades and removes it."""

import json
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import yaml

from e2e.manifests import Object
from e2e.patience import wait_until
from e2e.site import Site

HELM_SECONDS = 180
READY_SECONDS = 240.0
CLUSTER_WIDE = frozenset(
    {
        "ClusterRole",
        "ClusterRoleBinding",
        "CustomResourceDefinition",
        "ValidatingAdmissionPolicy",
        "ValidatingAdmissionPolicyBinding",
    }
)


@dataclass(frozen=True)
class Release:
    """One release of the chart.

    Attributes:
        chart: folder or archive.
        image: `repository:tag` that the nodes can have.
    """

    site: Site
    image: str
    chart: Path
    helm_program: str = "helm"
    name: str = "ferrite"

    def helm(self, *arguments: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        """Run helm in the release's namespace."""
        command = [self.helm_program, "--kubeconfig", str(self.site.kubeconfig)]
        command += ["--namespace", self.site.namespace, *arguments]
        done = subprocess.run(command, capture_output=True, text=True, timeout=HELM_SECONDS, check=False)
        if check:
            assert done.returncode == 0, f"helm {' '.join(arguments)}: {done.stderr.strip()}"
        return done

    def install(self, *more: str) -> None:
        """Install and wait until every daemon is ready."""
        self.apply("install", *more)
        self.wait()

    def upgrade(self, chart: Path | None = None, *more: str) -> None:
        """Upgrade, to another chart if one is given, and wait until every daemon is ready."""
        self.apply("upgrade", *more, chart=chart)
        self.wait()

    def apply(self, verb: str, *more: str, chart: Path | None = None) -> None:
        """Install or upgrade, and do not wait."""
        repository, _, tag = self.image.rpartition(":")
        values = ("--set", f"image.repository={repository}", "--set-string", f"image.tag={tag}")
        self.helm(verb, self.name, str(chart or self.chart), *values, *more)

    def wait(self) -> None:
        """Wait until every daemon runs as the chart says it should, and is ready."""
        wait_until("both daemons to be ready", self.is_ready, READY_SECONDS)

    def is_ready(self) -> bool:
        """Whether controller and speakers are rolled out and ready."""
        found = self.site.read("deployments,daemonsets", "-n", self.site.namespace, "-l", self.selector())
        assert len(found) == 2, found
        return all(_rolled_out(item) for item in found)

    def uninstall(self) -> None:
        """Remove the release; nothing where there is none."""
        self.helm("uninstall", self.name, "--ignore-not-found", "--wait", f"--timeout={HELM_SECONDS}s")

    def selector(self, component: str = "") -> str:
        """The label selector of the release's objects, or of one component's."""
        own = f"app.kubernetes.io/instance={self.name}"
        return f"{own},app.kubernetes.io/component={component}" if component else own

    def pods(self, component: str, node: str = "") -> list[str]:
        """Names of the running pods of a component, on one node or on all."""
        found = self.site.read("pods", "-n", self.site.namespace, "-l", self.selector(component))
        return [
            pod["metadata"]["name"]
            for pod in found
            if pod["status"]["phase"] == "Running"
            and not pod["metadata"].get("deletionTimestamp")
            and node in ("", pod["spec"]["nodeName"])
        ]

    def python(self, pod: str, container: str, program: str) -> str:
        """What a Python program prints inside a container."""
        words = ("exec", pod, "-n", self.site.namespace, "-c", container, "--", "python3", "-c", program)
        return self.site.kubectl(*words).stdout.strip()

    def objects(self) -> list[Object]:
        """The objects of the release, as helm sent them."""
        text = self.helm("get", "manifest", self.name).stdout
        return [item for item in yaml.safe_load_all(text) if item]

    def versions(self) -> Mapping[str, str]:
        """The resource version of each object of the release, as the cluster has it."""
        return {
            f"{item['kind']}/{item['metadata']['name']}": self._live(item)["metadata"]["resourceVersion"]
            for item in self.objects()
        }

    def _live(self, item: Object) -> Object:
        where = () if item["kind"] in CLUSTER_WIDE else ("-n", self.site.namespace)
        words = ("get", item["kind"], item["metadata"]["name"], *where, "-o", "json")
        found: Object = json.loads(self.site.kubectl(*words).stdout)
        return found


def _rolled_out(item: Object) -> bool:
    status, generation = item.get("status", {}), item["metadata"]["generation"]
    if status.get("observedGeneration") != generation:
        return False
    if item["kind"] == "Deployment":
        wanted = item["spec"]["replicas"]
        counts = [status.get(name, 0) for name in ("replicas", "updatedReplicas", "availableReplicas")]
    else:
        wanted = status.get("desiredNumberScheduled", 0)
        counts = [status.get(name, 0) for name in ("updatedNumberScheduled", "numberAvailable")]
    return wanted > 0 and all(count == wanted for count in counts)
