"""`kubectl ferrite convert` as a command: where it reads, what it prints, what it tells, how it ends."""

import asyncio
import json
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from cli import app
from cli.reading import CONFIG_MAPS
from crds.kinds import KINDS
from tests.fakes.api import ALL_KINDS, FakeApi
from tests.fakes.http import kubeconfig, served

SAMPLES = Path(__file__).parent / "convert"
SPECS = {
    (f"{kind.group}/{version.name}", kind.name): version.spec for kind in KINDS for version in kind.versions
}
NAMES = ["bgp", "full", "layer2"]
POOL = "address-pools: [{name: a, protocol: layer2, addresses: [192.0.2.0/28]}]"


def ran(capsys, *words):
    """Exit status, standard output, lines of stderr."""
    status = app.run(["convert", *words])
    shown = capsys.readouterr()
    return status, shown.out, shown.err.splitlines()


def config_map(config, name="config", namespace="metallb-system"):
    metadata = {"name": name, "namespace": namespace}
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": {"config": config}}


def written(folder, value):
    path = folder / "input.json"
    path.write_text(value if isinstance(value, str) else json.dumps(value))
    return str(path)


@pytest.mark.parametrize("name", NAMES)
def test_a_sample_becomes_what_is_beside_it(name, capsys):
    status, out, told = ran(capsys, str(SAMPLES / f"{name}.yaml"))
    expected = (SAMPLES / f"{name}.out.yaml").read_text()
    assert (status, out) == (0, expected)
    notes = [line.removeprefix("# ") for line in expected.splitlines() if line.startswith("# note: ")]
    assert told == [f"kubectl ferrite: {note}" for note in notes]


@pytest.mark.parametrize("name", NAMES)
def test_a_sample_becomes_objects_of_the_models(name):
    for item in yaml.safe_load_all((SAMPLES / f"{name}.out.yaml").read_text()):
        assert item["metadata"]["namespace"] == "metallb-system"
        if item["kind"] != "Secret":
            model = SPECS[item["apiVersion"], item["kind"]]
            assert (
                model.model_validate(item["spec"]).model_dump(by_alias=True, exclude_unset=True)
                == item["spec"]
            )


@pytest.mark.parametrize(
    "wrapped",
    [
        pytest.param(lambda config: config, id="bare"),
        pytest.param(config_map, id="config-map"),
        pytest.param(
            lambda config: {"kind": "List", "apiVersion": "v1", "items": [config_map(config)]}, id="list"
        ),
        pytest.param(lambda config: yaml.safe_dump(config_map(config)), id="yaml"),
        pytest.param(lambda config: f"---\n{config}\n---\n", id="documents"),
        pytest.param(lambda config: "\ufeff" + config, id="byte-order-mark"),
    ],
)
def test_every_wrapping_of_one_configuration_gives_the_same(wrapped, tmp_path, capsys):
    status, out, told = ran(capsys, written(tmp_path, wrapped(POOL)))
    assert (status, told) == (0, [])
    pool, advertisement = yaml.safe_load_all(out)
    assert pool["spec"] == {"addresses": ["192.0.2.0/28"]}
    assert (advertisement["kind"], advertisement["spec"]) == ("L2Advertisement", {"ipAddressPools": ["a"]})


def test_standard_input_is_a_dash():
    command = [sys.executable, "-m", "cli", "convert", "-"]
    done = subprocess.run(command, input=POOL, capture_output=True, text=True, check=True, timeout=9)
    assert (done.stdout.count("kind: IPAddressPool"), done.stderr) == (1, "")


def test_json_is_a_list_for_kubectl(tmp_path, capsys):
    status, out, _ = ran(capsys, written(tmp_path, POOL), "-o", "json")
    found = json.loads(out)
    assert (status, found["apiVersion"], found["kind"]) == (0, "v1", "List")
    assert [item["kind"] for item in found["items"]] == ["IPAddressPool", "L2Advertisement"]


def test_the_good_is_printed_and_every_problem_told(tmp_path, capsys):
    text = """\
        address-pools:
        - {name: good, protocol: layer2, addresses: [192.0.2.0/28]}
        - {name: bad, protocol: arp, addresses: [192.0.2.999, 192.0.2.9-192.0.2.1]}
        - {name: worse, protocol: layer2}
        """
    status, out, told = ran(capsys, written(tmp_path, text))
    assert status == 2
    assert told == [
        'kubectl ferrite: address-pools[1] "bad": protocol "arp" is unknown: want layer2 or bgp',
        'kubectl ferrite: address-pools[1] "bad": addresses: invalid CIDR "192.0.2.999"',
        'kubectl ferrite: address-pools[1] "bad": addresses: invalid IP range '
        '"192.0.2.9-192.0.2.1": start IP "192.0.2.9" is after the end IP "192.0.2.1"',
        'kubectl ferrite: address-pools[2] "worse": addresses is missing: the pool has no address',
    ]
    assert [line.removeprefix("# left out") for line in out.splitlines()[1:5]] == [
        line.removeprefix("kubectl ferrite") for line in told
    ]
    assert [item["metadata"]["name"] for item in yaml.safe_load_all(out)] == ["good", "good"]


@pytest.mark.parametrize(
    ("more", "in_secret"),
    [
        ("password: hunter2", True),
        ("password: hunter2, hold-time: 1s", False),
        ("password: hunter2, peer-port: 70000", False),
        ("password: {a: hunter2}", False),
        ("password: [hunter2]", False),
    ],
)
def test_a_password_is_in_its_secret_and_nowhere_else(more, in_secret, tmp_path, capsys):
    peer = f"{{peer-address: 192.0.2.1, my-asn: 64500, peer-asn: 64500, {more}}}"
    _, out, told = ran(capsys, written(tmp_path, f"peers: [{peer}]"))
    assert "hunter2" not in out + "".join(told)
    assert ("aHVudGVyMg==" in out) == in_secret
    assert len(told) > 0


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        pytest.param("a: [", "line 1: expected the node content, but found '<stream end>'", id="no-yaml"),
        pytest.param("peers: []\npeers: []", "line 2: key 'peers' is there twice", id="twice"),
        pytest.param("", "nothing to convert: want a ConfigMap of MetalLB with the key config", id="empty"),
        pytest.param("kind: Pod\napiVersion: v1\nmetadata: {name: x}", "there is Pod x", id="stranger"),
        pytest.param(
            "kind: ConfigMap\napiVersion: v1\nmetadata: {name: x}", "there is ConfigMap x", id="no-key"
        ),
        pytest.param("pools: []", "config: has none of the keys address-pools, peers", id="other-keys"),
        pytest.param("42", "'42' is neither an object nor a configuration", id="number"),
        pytest.param(config_map("a: ["), "ConfigMap metallb-system/config: config: line 1", id="inner"),
        pytest.param(config_map(""), "ConfigMap metallb-system/config: config holds 0 documents", id="blank"),
        pytest.param(config_map("a: 1\n---\nb: 1"), "config holds 2 documents, not one", id="two"),
    ],
)
def test_what_cannot_be_read_is_status_2_and_says_why(text, complaint, tmp_path, capsys):
    status, _, told = ran(capsys, written(tmp_path, text))
    assert status == 2
    assert any(complaint in line for line in told), told


def test_a_file_that_cannot_be_read_is_named(tmp_path, capsys):
    assert ran(capsys, str(tmp_path)) == (
        2,
        "",
        [f"kubectl ferrite: {tmp_path} cannot be read: Is a directory"],
    )
    (tmp_path / "latin").write_bytes(b"\xe4")
    assert ran(capsys, str(tmp_path / "latin"))[2] == [f"kubectl ferrite: {tmp_path}/latin is not UTF-8 text"]


def test_a_file_and_a_name_exclude_each_other(capsys):
    with pytest.raises(SystemExit) as ended:
        app.run(["convert", "x.yaml", "--from-configmap", "x"])
    assert ended.value.code == 2
    assert "not allowed with argument" in capsys.readouterr().err


def test_everything_is_for_the_namespace_that_is_named(tmp_path, capsys):
    status, out, told = ran(capsys, written(tmp_path, config_map(POOL, namespace="old")), "-n", "new")
    assert {item["metadata"]["namespace"] for item in yaml.safe_load_all(out)} == {"new"}
    assert status == 0
    assert "what was in namespace old is for namespace new now" in told[0]


def cluster_with(*names):
    api = FakeApi(kinds=(*ALL_KINDS, CONFIG_MAPS))
    for name in names:
        api.seed(CONFIG_MAPS, f"metallb-system/{name}", data={"config": POOL, "other": "x"})
    return api


@pytest.mark.looptime(False)  # real sockets
@pytest.mark.parametrize(
    ("words", "status", "told"),
    [
        ([], 0, "note: ConfigMap metallb-system/config: data.other is not a key of this format, left out"),
        (["--from-configmap", "metallb"], 1, "there is no ConfigMap metallb-system/metallb; see kubectl get"),
        (["-n", "x"], 1, "there is no ConfigMap x/config"),
    ],
)
def test_the_cluster_is_read_without_a_file(words, status, told, tmp_path, capsys):
    async def main():
        async with served(cluster_with("config")) as url:
            path = tmp_path / "kubeconfig"
            path.write_text(kubeconfig(url, "token"))
            return await asyncio.to_thread(ran, capsys, "--kubeconfig", str(path), *words)

    ended, out, lines = asyncio.run(main())
    assert ended == status
    assert lines[0].startswith(f"kubectl ferrite: {told}")
    assert ("kind: IPAddressPool" in out) == (status == 0)
