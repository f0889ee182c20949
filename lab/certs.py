"""The lab's own certificate authority, the API server's certificate and the service account key."""

import ipaddress
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from lab.state import API_SERVICE_ADDRESS, address4, address6, write_file

LIFETIME = timedelta(days=30)
SERVER_NAMES = ("localhost", "kubernetes", "kubernetes.default", "kubernetes.default.svc")


def make_certificates(folder: Path) -> None:
    """Write `ca.crt`, `server.crt`, `server.key` and `service-accounts.key` into `folder`."""
    authority_key, server_key, account_key = (ec.generate_private_key(ec.SECP256R1()) for _ in range(3))
    authority_name = _name("ferrite-lab-ca")
    authority = (
        _builder(authority_name, authority_name, authority_key.public_key())
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(authority_key, hashes.SHA256())
    )
    server = (
        _builder(_name("kube-apiserver"), authority_name, server_key.public_key())
        .add_extension(x509.SubjectAlternativeName(_server_names()), critical=False)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .sign(authority_key, hashes.SHA256())
    )
    write_file(folder / "ca.crt", authority.public_bytes(serialization.Encoding.PEM).decode())
    write_file(folder / "server.crt", server.public_bytes(serialization.Encoding.PEM).decode())
    write_file(folder / "server.key", _pem(server_key))
    write_file(folder / "service-accounts.key", _pem(account_key))


def _builder(
    subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePublicKey
) -> x509.CertificateBuilder:
    now = datetime.now(UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + LIFETIME)
    )


def _server_names() -> list[x509.GeneralName]:
    addresses = ("127.0.0.1", API_SERVICE_ADDRESS, address4("cp"), address6("cp"))
    names: list[x509.GeneralName] = [x509.DNSName(name) for name in SERVER_NAMES]
    return names + [x509.IPAddress(ipaddress.ip_address(address)) for address in addresses]


def _name(text: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])


def _pem(key: ec.EllipticCurvePrivateKey) -> str:
    return key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.TraditionalOpenSSL,
        serialization.NoEncryption(),
    ).decode()
