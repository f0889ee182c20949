"""`kubectl ferrite convert`: MetalLB's ConfigMap, of v0.8 to v0.12, as objects of `metallb.io`."""

import sys
from argparse import ArgumentParser, Namespace
from collections.abc import Iterator
from pathlib import Path

from cli.arguments import DONE, FILE, MISUSED, Outcome, Verb
from cli.convert_check import checked
from cli.convert_fields import Fields, Findings
from cli.convert_input import Found, Read, find, read
from cli.convert_names import Converted, Maker
from cli.convert_peers import convert_communities, convert_peers, convert_profiles
from cli.convert_pools import CONFIG_MAP, convert_pools, read_pool, without_namesakes
from cli.convert_yaml import yaml_text
from cli.reading import read_config_map
from cli.text import json_text
from ferrite.errors import ConfigError
from ferrite.kube.cluster import open_cluster

STDIN = "-"
NAME = "config"
"""What MetalLB's manifests call the ConfigMap; its Helm chart calls it as the release, usually metallb."""
KEYS = ("address-pools", "peers", "bgp-communities", "bfd-profiles")
AUTODISCOVERY = "peer-autodiscovery"
_ORDER = (
    "IPAddressPool",
    "L2Advertisement",
    "BFDProfile",
    "Community",
    "Secret",
    "BGPPeer",
    "BGPAdvertisement",
)


async def show(parsed: Namespace) -> Outcome:
    """The manifests; what there is to know stands at their head and on stderr.

    Raises:
        ConfigError: the file or the kubeconfig cannot be read, or there is nothing to convert.
        ClusterError: the API server did not answer or refused, or has no such ConfigMap.
    """
    if parsed.file:
        documents = _documents(parsed.file)
    else:
        async with open_cluster(parsed.kubeconfig, "cli", parsed.context) as cluster:
            found = await read_config_map(cluster, parsed.namespace, parsed.from_configmap)
        metadata = {"name": found.metadata.name, "namespace": found.metadata.namespace}
        plain = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": found.data}
        documents = ((plain, plain),)
    findings = Findings()
    manifests = [item.manifest for item in converted(documents, parsed.namespace, findings)]
    if parsed.output == "json":
        text = json_text({"apiVersion": "v1", "kind": "List", "items": manifests})
    else:
        text = _comments(findings) + yaml_text(manifests)
    told = (*findings.problems, *(f"note: {line}" for line in findings.notes))
    return Outcome(text, told, MISUSED if findings.problems else DONE)


def converted(documents: Read, namespace: str, findings: Findings) -> list[Converted]:
    """The objects that Ferrite can use, in the order in which they are printed.

    Raises:
        ConfigError: there is nothing to convert.
    """
    maker = Maker(namespace)
    found = find(documents, maker, findings)
    _note_origin(found, namespace, findings)
    objects = checked([*found.objects, *_made(found, maker, findings)], findings)
    return sorted(objects, key=lambda item: _ORDER.index(item.key[0]))


def _documents(file: str) -> Read:
    what = "standard input" if file == STDIN else file
    try:
        content = sys.stdin.buffer.read() if file == STDIN else Path(file).read_bytes()
        return read(content.decode("utf-8-sig"))
    except OSError as error:
        raise ConfigError(f"{what} cannot be read: {error.strerror}") from None
    except UnicodeDecodeError:
        raise ConfigError(f"{what} is not UTF-8 text") from None
    except ConfigError as error:
        raise ConfigError(f"{what}: {error}") from None


def _note_origin(found: Found, namespace: str, findings: Findings) -> None:
    if found.objects:
        count = len(found.objects)
        findings.note(f"objects of metallb.io need no conversion, they are printed as they are ({count})")
    for other in sorted(found.namespaces - {"", namespace}):
        findings.note(
            f"what was in namespace {other} is for namespace {namespace} now, where Ferrite is to run "
            "(-n chooses another); Secrets that it names are needed there, too"
        )


def _made(found: Found, maker: Maker, findings: Findings) -> Iterator[Converted]:
    """What becomes of the ConfigMap's content and of AddressPools."""
    pools, literals = list(found.pools), dict[str, str]()
    made: list[Converted] = []
    for name, value in found.configs:
        prefix = f"{name}: " if len(found.configs) > 1 else ""
        config = Fields(value, name, findings)
        if not any(key in config for key in KEYS):
            findings.problem(f"{name}: has none of the keys {', '.join(KEYS)}")
        for fields in _entries(config, "address-pools", "name", prefix):
            pool = read_pool(fields, fields.text("name"), CONFIG_MAP)
            pools += [pool] if pool else []
        communities, own_literals = convert_communities(config, maker)
        literals |= own_literals
        profiles, names = convert_profiles(_entries(config, "bfd-profiles", "name", prefix), maker)
        made += [*communities, *profiles]
        made += convert_peers(_entries(config, "peers", "peer-address", prefix), names, maker, findings)
        if config.ask(AUTODISCOVERY) is not None:
            config.note(
                AUTODISCOVERY, "has no equal: make a BGPPeer with nodeSelectors for each group of nodes"
            )
        config.left_over()
    present = {item.key[1]: item.where for item in found.objects if item.key[0] == "IPAddressPool"}
    yield from convert_pools(without_namesakes(pools, present, findings), literals, maker, findings)
    yield from made


def _entries(config: Fields, key: str, called: str, prefix: str) -> list[Fields]:
    """The mappings of a list; complaints call each by its place and by the value of one of its keys."""
    entries = [
        Fields(value, f"{prefix}{key}[{index}]", config.findings)
        for index, value in enumerate(config.items(key))
    ]
    for fields in entries:
        name = fields.text(called)
        fields.where += f' "{name}"' if name else ""
    return entries


def _comments(findings: Findings) -> str:
    lines = ["made by kubectl ferrite convert"]
    lines += [f"left out: {line}" for line in findings.problems]
    lines += [f"note: {line}" for line in findings.notes]
    return "".join(f"# {line}\n" for line in lines)


def _add(parser: ArgumentParser) -> None:
    source = parser.add_mutually_exclusive_group()
    source.add_argument(
        "file",
        nargs="?",
        metavar=FILE,
        help="a ConfigMap, the content of its key config, or objects of metallb.io; YAML or JSON; - is stdin",
    )
    source.add_argument(
        "--from-configmap",
        metavar="NAME",
        default=NAME,
        help=f"without a file: the ConfigMap to read in the cluster, in the namespace of -n ({NAME})",
    )


VERB = Verb(
    "convert",
    "Turn MetalLB's ConfigMap (v0.8 to v0.12) into manifests for Ferrite, as YAML or JSON",
    (
        "kubectl ferrite convert > ferrite.yaml",
        "kubectl ferrite convert --from-configmap metallb > ferrite.yaml",
        "kubectl ferrite convert config.yaml | kubectl apply -f -",
        "kubectl get addresspools -n metallb-system -o yaml | kubectl ferrite convert -",
    ),
    show,
    _add,
)
