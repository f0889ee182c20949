"""The programs these tests run: on the PATH, or built by the lab before. Nothing is built here."""

import json
import os
import shutil
import subprocess
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from lab import build

ROOT = Path(__file__).parents[2]
CHART = ROOT / "helm" / "ferrite"
PROGRAMS = ("helm", "kubectl", "etcd", "kube-apiserver", "kube-controller-manager", "kube-score")
KUBERNETES = "1.34.0"
"""What a rendering without a cluster takes as the cluster's version; the lab's helm knows none of its own."""
NAMESPACE = "metallb-system"
Object = dict[str, Any]
LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # ten times as fast, where libyaml is there


def search_path() -> str:
    """The PATH, and behind it the folders where the lab has built programs."""
    built = (build._found(build.PROGRAMS[name]) for name in PROGRAMS)  # the public function would build them
    folders = dict.fromkeys(str(path.parent) for path in built if path)
    return os.pathsep.join([os.environ.get("PATH", os.defpath), *folders])


def program(name: str) -> str:
    """Where a program is; the mark `requires` has seen to it that it is."""
    found = shutil.which(name)
    assert found, f"{name} is not on the PATH"
    return found


def helm(*arguments: str, check: bool = True, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run helm, without the user's own settings."""
    return subprocess.run(
        [program("helm"), *arguments],
        capture_output=True,
        text=True,
        timeout=60,
        check=check,
        env={"PATH": os.environ["PATH"], "HOME": "/nonexistent", **environment},
    )


def rendering(
    values: Object | None = None,
    *,
    apis: tuple[str, ...] = (),
    version: str = KUBERNETES,
    again: bool = False,
) -> subprocess.CompletedProcess[str]:
    """What `helm template` does with these values, on a cluster of this version with these further APIs.

    The same question is asked once, unless `again`.
    """
    ask = _template.__wrapped__ if again else _template
    return ask(json.dumps(values or {}), apis, version)


@cache
def _template(values: str, apis: tuple[str, ...], version: str) -> subprocess.CompletedProcess[str]:
    command = [program("helm"), "template", "ferrite", str(CHART), "--namespace", NAMESPACE]
    command += ["--kube-version", version, "--values", "-"]
    for api in ("policy/v1", *apis):
        command += ["--api-versions", api]
    return subprocess.run(command, input=values, capture_output=True, text=True, timeout=60, check=False)


def objects(text: str) -> dict[str, Object]:
    """The objects of a stream of YAML, by "Kind/name"."""
    found: dict[str, Object] = {}
    for item in yaml.load_all(text, Loader=LOADER):
        if item is not None:
            key = f"{item['kind']}/{item['metadata']['name']}"
            assert key not in found, f"{key} is there twice"
            found[key] = item
    return found


def render(values: Object | None = None, **how: Any) -> dict[str, Object]:
    """The objects the chart makes of these values."""
    done = rendering(values, **how)
    assert done.returncode == 0, done.stderr
    return objects(done.stdout)


def read(path: Path) -> Any:
    """What a YAML file holds."""
    return yaml.load(path.read_text(), Loader=LOADER)
