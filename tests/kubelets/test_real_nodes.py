"""Nodes with a kubelet and containerd: what the end-to-end tests stand on."""

import json

import pytest
from real_nodes import PORT, container

from lab.state import LabError, address4, address6, pod_cidrs

INGRESS = {"IPv4": "192.168.1.240", "IPv6": "fd00:30::240"}
ANY_NODE = {"node-1", "node-2", "node-3"}
REQUESTS = 40
"""kube-proxy chooses at random: one of three nodes is left out once in four million times."""


def test_nodes_register_themselves_with_both_families(nodes):
    found = {node["metadata"]["name"]: node for node in nodes.read("nodes")}
    assert found.keys() == ANY_NODE
    for name, node in found.items():
        addresses = [one["address"] for one in node["status"]["addresses"]]
        assert addresses == [address4(name), address6(name), name]
        assert node["spec"]["podCIDRs"] == pod_cidrs(name)
        assert not node["spec"].get("taints")
        assert node["status"]["nodeInfo"]["containerRuntimeVersion"].startswith("containerd://")


@pytest.mark.parametrize("family", INGRESS)
def test_a_service_reaches_pods_of_every_node_from_every_node(web, family):
    for name in ("cluster", "local"):
        spec = web.read("service", name)["spec"]
        address = dict(zip(spec["ipFamilies"], spec["clusterIPs"], strict=True))[family]
        for node in ANY_NODE:
            web.wait_until(
                f"pods of every node to answer {node} as {name}",
                lambda n=node, a=address: answering(web, n, a)[0] == ANY_NODE,
            )


@pytest.mark.parametrize("family", INGRESS)
def test_a_pod_reaches_other_pods_and_the_api_server_by_its_own_address(web, family):
    which = list(INGRESS).index(family)
    pods = {pod["spec"]["nodeName"]: pod for pod in web.read("pods", "-l", "app=web")}
    own = pods["node-1"]["status"]["podIPs"][which]["ip"]
    for node in ANY_NODE:
        other = pods[node]["status"]["podIPs"][which]["ip"]
        said = in_pod(web, "node-1", "get", other, str(PORT))
        assert said.splitlines()[-1] == f"{node} {own}"
    refusal = "HTTP request to an HTTPS server"
    web.wait_until("the API server", lambda: refusal in in_pod(web, "node-1", "get", "10.96.0.1", "443"))


@pytest.mark.parametrize("family", INGRESS)
def test_outside_traffic_reaches_pods_and_local_keeps_the_client(web, family):
    address = INGRESS[family]
    client = {"IPv4": address4("client"), "IPv6": address6("client")}[family]
    gateway = {"IPv4": address4("node-2"), "IPv6": address6("node-2")}[family]
    web.do(web.lab.exec("client", "ip", "route", "replace", address, "via", gateway, check=True))
    give_ingress(web, "local", address)
    web.wait_until(
        "the node's own pod, and it alone, to see the client",
        lambda: answering(web, "client", address) == ({"node-2"}, {client}),
    )
    give_ingress(web, "local", None)
    give_ingress(web, "cluster", address)

    def any_pod_answers_a_node():
        nodes, seen = answering(web, "client", address)
        return nodes == ANY_NODE and client not in seen

    web.wait_until("pods of every node to see the node as their client", any_pod_answers_a_node)
    give_ingress(web, "cluster", None)


@pytest.mark.parametrize("family", INGRESS)
def test_a_node_port_answers_on_every_node(web, family):
    port = web.read("service", "local")["spec"]["ports"][0]["nodePort"]
    for node in ANY_NODE:
        place = {"IPv4": address4(node), "IPv6": address6(node)}[family]
        client = {"IPv4": address4("client"), "IPv6": address6("client")}[family]
        web.wait_until(
            f"{node}'s own pod", lambda n=node, p=place, c=client: web.get("client", p, port) == (n, c)
        )


def test_volumes_hold_what_they_should(web):
    assert in_pod(web, "node-3", "cat", "/words/word") == "hello"
    assert in_pod(web, "node-3", "cat", "/keys/key") == "secret"
    token = in_pod(web, "node-3", "cat", "/var/run/secrets/kubernetes.io/serviceaccount/token")
    assert token.count(".") == 2
    in_pod(web, "node-3", "write", "/memory/file", "kept")
    assert in_pod(web, "node-3", "cat", "/memory/file") == "kept"
    assert "tmpfs /memory tmpfs" in in_pod(web, "node-3", "cat", "/proc/mounts")


def test_logs_come_from_every_kubelet(web):
    for node, pod in web.pods().items():
        assert web.get(node, address(web, pod), PORT)
        web.wait_until(f"the log of {pod}", lambda p=pod: "answered " in web.kubectl("logs", p))


def test_only_a_labelled_namespace_has_pods_in_the_nodes_network(nodes):
    with pytest.raises(LabError, match=r"violates PodSecurity \"baseline:latest\": host namespaces"):
        nodes.apply(host_pod("default"))
    labels = {"pod-security.kubernetes.io/enforce": "privileged"}
    nodes.apply({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "system", "labels": labels}})
    nodes.wait_until("the namespace's account", lambda: has_account(nodes, "system"))
    nodes.apply(host_pod("system"))
    answer = ("node-2", address4("client"))
    nodes.wait_until("the pod", lambda: nodes.get("client", address4("node-2"), 9000) == answer)


def test_a_missing_image_is_not_looked_for_elsewhere_and_a_bad_archive_is_named(nodes, tmp_path):
    bad = tmp_path / "image.tar"
    bad.write_text("no archive")
    with pytest.raises(LabError, match=f"image archive {bad}"):
        nodes.do(nodes.lab.load_image(bad))


def test_a_killed_node_takes_its_pods_with_it_and_comes_back(web):
    lab, pod = web.lab, web.pods()["node-3"]
    before = address(web, pod)
    web.do(lab.revive_node("node-3"))  # it runs: nothing happens
    assert web.get("node-1", before, PORT)[0] == "node-3"
    web.do(lab.kill_node("node-3"))
    assert web.do(lab.exec("node-3", "true")).returncode != 0
    assert not web.get("node-1", before, PORT)
    web.do(lab.revive_node("node-3"))
    web.wait_until("the pod to run again", lambda: restarts(web, pod) == 1 and is_ready(web, pod))
    web.wait_until("its answer", lambda: web.get("node-1", address(web, pod), PORT)[:1] == ("node-3",))
    assert all(unit.wanted for unit in web.do(lab.units()))


def test_a_killed_kubelet_comes_back_and_its_pods_never_stopped(web):
    pod = web.pods()["node-1"]
    first = web.do(web.lab.unit("kubelet-node-1").status())
    web.do(web.lab.unit("kubelet-node-1").kill())
    web.wait_until(
        "a kubelet", lambda: web.do(web.lab.unit("kubelet-node-1").status()).pid not in (None, first.pid)
    )
    web.wait_until("its answer", lambda: web.do(says(web, pod)))
    assert restarts(web, pod) == 0


def answering(web, where, address):
    """The nodes whose pods answer many requests, and the clients that they see; neither if one is lost."""
    answers = web.answers(where, address, count=REQUESTS)
    if len(answers) < REQUESTS:
        return set(), set()
    return tuple(map(set, zip(*answers, strict=True)))


async def says(web, pod):
    """Whether the kubelet of a pod lets commands run in it."""
    try:
        return bool(await web.lab.kubectl("exec", pod, "--", "/pod", "cat", "/words/word"))
    except LabError:
        return False


def in_pod(web, node, *words):
    """What the program in the pod of a node prints when it is run once more, with other words."""
    return web.kubectl("exec", web.pods()[node], "--", "/pod", *words)


def address(web, pod):
    return web.read("pod", pod)["status"]["podIP"]


def restarts(web, pod):
    return web.read("pod", pod)["status"]["containerStatuses"][0]["restartCount"]


def is_ready(web, pod):
    return web.read("pod", pod)["status"]["containerStatuses"][0]["ready"]


def give_ingress(web, service, address):
    """Write a Service's status as a load balancer does."""
    ingress = [{"ip": address}] if address else []
    patch = json.dumps({"status": {"loadBalancer": {"ingress": ingress}}})
    web.kubectl("patch", "service", service, "--subresource=status", "--type=merge", "--patch", patch)


def has_account(nodes, namespace):
    return any(one["metadata"]["namespace"] == namespace for one in nodes.read("serviceaccounts", "-A"))


def host_pod(namespace):
    """A pod in the network of node-2."""
    spec = {"hostNetwork": True, "nodeName": "node-2", "containers": [container("serve", "9000")]}
    metadata = {"name": "host", "namespace": namespace}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": spec}
