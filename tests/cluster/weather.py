"""Trouble with a real API server, each for some seconds; where it leaves a proof, it returns that."""

import base64
import json
import signal
import time

from audit import is_up
from users import burst

from e2e.manifests import NAMESPACE
from e2e.patience import wait_until

API_SERVER = "kube-apiserver"
ETCD = "http://127.0.0.1:2379/v3/kv"
FLOW = {"apiVersion": "flowcontrol.apiserver.k8s.io/v1"}
JAIL = "fault-jail"
SPELL_SECONDS = 3.0
KILLS, BETWEEN_SECONDS = 2, 0.3
NOT_LEADING = '"msg":"not leading"'


def slow(cluster) -> None:
    """The API server is stopped until the leader has lost its Lease, and answers then what it was asked."""
    before = len(cluster.log("controller"))
    cluster.kill(API_SERVER, signal.SIGSTOP)
    try:
        wait_until("the term to end", lambda: NOT_LEADING in cluster.log("controller")[before:])
    finally:
        cluster.kill(API_SERVER, signal.SIGCONT)


def away_past_compaction(cluster) -> float:
    """The API server is away, and what it could tell of the time before is gone when it comes back.

    Returns:
        A moment at which it was away, as of the epoch.
    """
    cluster.do(cluster.lab.unit(API_SERVER).stop())
    try:
        put = {name: base64.b64encode(name.encode()).decode() for name in ("key", "value")}
        revision = _etcd(cluster, "put", put)["header"]["revision"]
        _etcd(cluster, "compaction", {"revision": revision, "physical": True})
        time.sleep(SPELL_SECONDS)
        return time.time()
    finally:
        cluster.do(cluster.lab.unit(API_SERVER).start())


def killed(cluster) -> None:
    """The API server is killed, and again while it starts: watches break without a word."""
    for _ in range(KILLS):
        before = cluster.units()[API_SERVER]
        cluster.kill(API_SERVER, signal.SIGKILL)
        wait_until("it to be started", lambda before=before: _is_another(cluster, before))
        time.sleep(BETWEEN_SECONDS)


def throttled(cluster) -> None:
    """API Priority and Fairness rejects what the daemons ask, but for one request of all at a time."""
    jail = {**FLOW, "kind": "PriorityLevelConfiguration", "metadata": {"name": JAIL}}
    jail["spec"] = {
        "type": "Limited",
        "limited": {"nominalConcurrencyShares": 0, "lendablePercent": 0, "borrowingLimitPercent": 0}
        | {"limitResponse": {"type": "Reject"}},
    }
    subjects = [
        {"kind": "ServiceAccount", "serviceAccount": {"name": name, "namespace": NAMESPACE}}
        for name in ("controller", "speaker")
    ]
    anything = {"verbs": ["*"], "apiGroups": ["*"], "resources": ["*"], "namespaces": ["*"]}
    rule = {"subjects": subjects, "resourceRules": [anything | {"clusterScope": True}]}
    flow = {**FLOW, "kind": "FlowSchema", "metadata": {"name": JAIL}}
    flow["spec"] = {
        "priorityLevelConfiguration": {"name": JAIL},
        "matchingPrecedence": 2,
        "rules": [rule],
    }
    try:
        cluster.apply(json.dumps({"apiVersion": "v1", "kind": "List", "items": [jail, flow]}))
        burst(cluster, JAIL)
        time.sleep(SPELL_SECONDS)
    finally:
        cluster.kubectl("delete", "flowschema,prioritylevelconfiguration", JAIL, "--ignore-not-found")


def without_etcd(cluster) -> None:
    """The API server is there and cannot read or write anything: 500, 503, 504, or no answer in time."""
    cluster.do(cluster.lab.unit("etcd").stop())
    try:
        time.sleep(SPELL_SECONDS)
    finally:
        cluster.do(cluster.lab.unit("etcd").start())


def over(cluster) -> None:
    """Wait until the API server serves administrators."""
    wait_until("the API server", lambda: is_up(cluster))


def _is_another(cluster, before) -> bool:
    process, restarts = cluster.units()[API_SERVER]
    return process is not None and restarts > before[1]


def _etcd(cluster, what, body):
    argv = ("curl", "-sf", "-m", "5", "--data", json.dumps(body), f"{ETCD}/{what}")
    done = cluster.exec("cp", *argv)
    assert done.returncode == 0, done.stdout + done.stderr
    return json.loads(done.stdout)
