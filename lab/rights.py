"""The objects the daemons need in the cluster: namespace, accounts, roles by the chart's rules, Pods."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import yaml

from lab.state import REPOSITORY, LabError

Object = dict[str, Any]
RULES = REPOSITORY / "helm" / "ferrite" / "files" / "rbac"
ACCOUNTS = ("controller", "speaker")
AUTHORIZATION = "rbac.authorization.k8s.io"


def objects(namespace: str, rules: Path = RULES, accounts: Sequence[str] = ACCOUNTS) -> list[Object]:
    """Return the namespace, and for each of `accounts` its roles and bindings.

    Raises:
        LabError: a file of rules is missing or is no list.
    """
    labels = {f"pod-security.kubernetes.io/{mode}": "privileged" for mode in ("enforce", "audit", "warn")}
    items: list[Object] = [
        {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": namespace, "labels": labels}}
    ]
    for account in accounts:
        items.append(
            {
                "apiVersion": "v1",
                "kind": "ServiceAccount",
                "metadata": {"name": account, "namespace": namespace},
            }
        )
        items += _role("ClusterRole", account, namespace, read_rules(rules / f"{account}-cluster.yaml"))
        items += _role("Role", account, namespace, read_rules(rules / f"{account}-namespace.yaml"))
    return items


def read_rules(path: Path) -> list[Object]:
    """Read a YAML list of RBAC rules."""
    try:
        rules = yaml.safe_load(path.read_text())
    except (OSError, yaml.YAMLError) as error:
        raise LabError(f"rules {path}: {error}") from None
    if not isinstance(rules, list) or not all(isinstance(rule, dict) for rule in rules):
        raise LabError(f"rules {path}: this is not a list of RBAC rules")
    return rules


def pod_name(component: str, node: str) -> str:
    """Return the name of a daemon's Pod object."""
    return f"{component}-{node}" if node and component == "speaker" else f"{component}-0"


def pod(namespace: str, component: str, node: str) -> Object:
    """Return a Pod bound to `node`; no kubelet runs it, status objects are owned by it."""
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {
            "name": pod_name(component, node),
            "namespace": namespace,
            "labels": {"app": "metallb", "component": component},
        },
        "spec": {
            "nodeName": node,
            "serviceAccountName": component,
            "hostNetwork": component == "speaker",
            "automountServiceAccountToken": False,
            "tolerations": [{"operator": "Exists"}],
            "containers": [{"name": component, "image": "ferrite.lab/none"}],
        },
    }


def cluster_role_name(namespace: str, account: str) -> str:
    """Return the name of an account's ClusterRole and of its binding."""
    return f"ferrite-{namespace}-{account}"


def _role(kind: str, account: str, namespace: str, rules: list[Object]) -> list[Object]:
    name = f"ferrite-{account}" if kind == "Role" else cluster_role_name(namespace, account)
    metadata = {"name": name} | ({"namespace": namespace} if kind == "Role" else {})
    api = f"{AUTHORIZATION}/v1"
    return [
        {"apiVersion": api, "kind": kind, "metadata": metadata, "rules": rules},
        {
            "apiVersion": api,
            "kind": f"{kind}Binding",
            "metadata": metadata,
            "roleRef": {"apiGroup": AUTHORIZATION, "kind": kind, "name": name},
            "subjects": [{"kind": "ServiceAccount", "name": account, "namespace": namespace}],
        },
    ]
