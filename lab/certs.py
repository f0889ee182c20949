"""The lab's own certificate authority, the certificates it issues, and the service account key."""

import ipaddress
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from lab.state import API_SERVICE_ADDRESS, address4, address6, write_file

LIFETIME = timedelta(days=30)
SERVER_NAMES = ("localhost", "kubernetes", "kubernetes.default", "kubernetes.default.svc")
SERVER_ADDRESSES = ("127.0.0.1", API_SERVICE_ADDRESS, address4("cp"), address6("cp"))
KUBELET_CLIENT = "kubelet-client"


def make_certificates(folder: Path, kubelets: Iterable[str] = ()) -> None:
    """Write `ca.crt`, `server.crt`, `server.key` and `service-accounts.key` into `folder`.

    Each node of `kubelets` gets `NODE.crt` and `NODE.key`, with which its kubelet calls and is called; the
    API server gets `kubelet-client.crt` and `.key` to call them.
    """
    authority = Authority(folder)
    authority.issue("server", _name("kube-apiserver"), SERVER_NAMES, SERVER_ADDRESSES)
    write_file(folder / "service-accounts.key", _pem(ec.generate_private_key(ec.SECP256R1())))
    for node in kubelets:
        subject = _name(f"system:node:{node}", "system:nodes")
        authority.issue(node, subject, (node,), (address4(node), address6(node)))
    if kubelets:
        authority.issue(KUBELET_CLIENT, _name("kube-apiserver", "system:masters"))


class Authority:
    """Signs certificates for servers and clients; its own key stays in memory."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = _name("ferrite-lab-ca")
        made = self._builder(self._name, self._key.public_key()).add_extension(
            x509.BasicConstraints(ca=True, path_length=0), critical=True
        )
        self._write("ca", made.sign(self._key, hashes.SHA256()))

    def issue(
        self, file: str, subject: x509.Name, names: Iterable[str] = (), addresses: Iterable[str] = ()
    ) -> None:
        """Write `FILE.crt` and `FILE.key`."""
        key = ec.generate_private_key(ec.SECP256R1())
        usages = [ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH]
        builder = self._builder(subject, key.public_key()).add_extension(
            x509.ExtendedKeyUsage(usages), critical=False
        )
        alternatives: list[x509.GeneralName] = [x509.DNSName(name) for name in names]
        alternatives += [x509.IPAddress(ipaddress.ip_address(address)) for address in addresses]
        if alternatives:
            builder = builder.add_extension(x509.SubjectAlternativeName(alternatives), critical=False)
        self._write(file, builder.sign(self._key, hashes.SHA256()))
        write_file(self._folder / f"{file}.key", _pem(key))

    def _builder(self, subject: x509.Name, key: ec.EllipticCurvePublicKey) -> x509.CertificateBuilder:
        now = datetime.now(UTC)
        return (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(self._name)
            .public_key(key)
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - timedelta(hours=1))
            .not_valid_after(now + LIFETIME)
        )

    def _write(self, file: str, certificate: x509.Certificate) -> None:
        text = certificate.public_bytes(serialization.Encoding.PEM).decode()
        write_file(self._folder / f"{file}.crt", text)


def _name(common_name: str, organization: str = "") -> x509.Name:
    attributes = [x509.NameAttribute(NameOID.COMMON_NAME, common_name)]
    if organization:
        attributes.append(x509.NameAttribute(NameOID.ORGANIZATION_NAME, organization))
    return x509.Name(attributes)


def _pem(key: ec.EllipticCurvePrivateKey) -> str:
    return key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.TraditionalOpenSSL,
        serialization.NoEncryption(),
    ).decode()
