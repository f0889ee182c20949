"""/metrics over HTTPS, for callers that the API server lets read it."""

import asyncio
import hashlib
import logging
import ssl
import tempfile
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import NoReturn

from aiohttp import web
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric, UnknownMetricFamily

from ferrite.errors import ClusterError, ConfigError
from ferrite.run.health import forever, listen

TLS_VERSIONS = {
    "VersionTLS10": ssl.TLSVersion.TLSv1,
    "VersionTLS11": ssl.TLSVersion.TLSv1_1,
    "VersionTLS12": ssl.TLSVersion.TLSv1_2,
    "VersionTLS13": ssl.TLSVersion.TLSv1_3,
}
CIPHERS = {
    "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256": "ECDHE-ECDSA-AES128-GCM-SHA256",
    "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256": "ECDHE-RSA-AES128-GCM-SHA256",
    "TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384": "ECDHE-ECDSA-AES256-GCM-SHA384",
    "TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384": "ECDHE-RSA-AES256-GCM-SHA384",
    "TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256": "ECDHE-ECDSA-CHACHA20-POLY1305",
    "TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256": "ECDHE-RSA-CHACHA20-POLY1305",
}
"""Go's names, which MetalLB's flags take, to OpenSSL's."""
CURVES = {"X25519": "X25519", "CurveP256": "prime256v1", "CurveP384": "secp384r1", "CurveP521": "secp521r1"}
CERTIFICATE_DAYS = 3650
REMEMBERED_SECONDS = 60.0
REMEMBERED_TOKENS = 256
AUTHORISE_SECONDS = 10.0
CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class MetricsServerSettings:
    """Of the metrics server.

    Attributes:
        port: TCP; 0 is off.
        host: address to listen on; empty is every address.
        cert_dir: directory of `tls.crt` and `tls.key`; empty makes a certificate in memory.
        tls_min_version: a key of `TLS_VERSIONS`.
        cipher_suites: keys of `CIPHERS`; empty is OpenSSL's choice.
        curves: keys of `CURVES`; only the first counts, empty is OpenSSL's choice.
    """

    port: int = 9120
    host: str = ""
    cert_dir: str = ""
    tls_min_version: str = "VersionTLS13"
    cipher_suites: tuple[str, ...] = ()
    curves: tuple[str, ...] = ()


def untyped(
    name: str,
    help: str,  # noqa: A002 - the exposition format's word
    samples: Iterable[tuple[Mapping[str, str], float]],
) -> UnknownMetricFamily:
    """A compatible counter whose name does not end in `_total`; samples are pairs of labels and value."""
    family = UnknownMetricFamily(name, help)
    for labels, value in samples:
        family.add_sample(name, dict(labels), value)
    return family


@dataclass(frozen=True, slots=True)
class ClientCounts:
    """What both daemons count of their work with the API server.

    Attributes:
        updates: decisions or turns since the start.
        errors: those that failed.
        loaded: whether a configuration was read.
        stale: whether a part of the configuration does not count because it is wrong.
    """

    updates: int = 0
    errors: int = 0
    loaded: bool = False
    stale: bool = False


def client_families(counts: ClientCounts) -> Iterable[Metric]:
    """The compatible `metallb_k8s_client_...` metrics of a daemon."""
    prefix = "metallb_k8s_client_"
    yield CounterMetricFamily(prefix + "updates", "Updates worked on", counts.updates)
    yield CounterMetricFamily(prefix + "update_errors", "Updates that failed", counts.errors)
    yield GaugeMetricFamily(
        prefix + "config_loaded_bool", "1 once a configuration was loaded", int(counts.loaded)
    )
    yield GaugeMetricFamily(
        prefix + "config_stale_bool", "1 while a part of the configuration does not count", int(counts.stale)
    )


async def serve_metrics(
    registry: CollectorRegistry,
    settings: MetricsServerSettings,
    authorise: Callable[[str], Awaitable[bool]],
) -> NoReturn:
    """Answer GET /metrics forever.

    Args:
        registry: what is shown.
        settings: port 0 is off.
        authorise: whether the bearer of a token may read it; asked once a minute and token.

    Raises:
        ConfigError: the certificate directory is unusable.
    """
    allowed = _Remembered(authorise)

    async def metrics(request: web.Request) -> web.Response:
        scheme, _, token = request.headers.get("Authorization", "").partition(" ")
        if scheme.lower() != "bearer" or not token.strip():
            return web.Response(status=401, text="Unauthorized\n")
        try:
            if not await allowed(token.strip()):
                return web.Response(status=403, text="Forbidden\n")
        except (ClusterError, TimeoutError) as error:
            log.warning("metrics caller not checked", extra={"error": str(error)})
            return web.Response(status=503, text="the API server did not check the token\n")
        return web.Response(body=generate_latest(registry), headers={"Content-Type": CONTENT_TYPE})

    if settings.port:
        app = web.Application()
        app.router.add_get("/metrics", metrics)
        await listen(app, settings.host, settings.port, server_tls(settings), "metrics")
    await forever()


class _Remembered:
    """Answers of `authorise` for a minute, by the hash of the token; one question at a time."""

    def __init__(self, authorise: Callable[[str], Awaitable[bool]]) -> None:
        self._authorise = authorise
        self._known: dict[bytes, tuple[float, bool]] = {}
        self._asking = asyncio.Lock()

    async def __call__(self, token: str) -> bool:
        mark = hashlib.sha256(token.encode(errors="surrogateescape")).digest()
        async with self._asking:
            now = asyncio.get_running_loop().time()
            asked, allowed = self._known.get(mark, (-REMEMBERED_SECONDS, False))
            if now - asked < REMEMBERED_SECONDS:
                return allowed
            async with asyncio.timeout(AUTHORISE_SECONDS):
                allowed = await self._authorise(token)
            self._known.pop(mark, None)
            if len(self._known) >= REMEMBERED_TOKENS:
                del self._known[next(iter(self._known))]
            self._known[mark] = (now, allowed)
            return allowed


def server_tls(settings: MetricsServerSettings) -> ssl.SSLContext:
    """TLS as the settings say.

    Raises:
        ConfigError: the certificate directory is unusable.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = TLS_VERSIONS[settings.tls_min_version]
    if settings.cipher_suites:
        context.set_ciphers(":".join(CIPHERS[name] for name in settings.cipher_suites))
    if settings.curves:
        context.set_ecdh_curve(CURVES[settings.curves[0]])
    if settings.cert_dir:
        _load(context, Path(settings.cert_dir))
        return context
    with tempfile.TemporaryDirectory() as directory:  # ssl reads files only; they are gone at once
        _write_certificate(Path(directory))
        _load(context, Path(directory))
    return context


def _load(context: ssl.SSLContext, directory: Path) -> None:
    try:
        context.load_cert_chain(directory / "tls.crt", directory / "tls.key")
    except (OSError, ssl.SSLError) as error:
        raise ConfigError(f"--metrics-cert-dir {directory}: {error}") from None


def _write_certificate(directory: Path) -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "ferrite-metrics")])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(days=CERTIFICATE_DAYS))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .sign(key, hashes.SHA256())
    )
    (directory / "tls.crt").write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    (directory / "tls.key").write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
