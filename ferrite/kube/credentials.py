"""Who we are to the API server: kr8s reads kubeconfig, exec plugins, service accounts; we keep the result."""

import asyncio
import logging
import ssl
from pathlib import Path

import anyio
from kr8s._auth import KubeAuth

from ferrite.errors import ConfigError
from ferrite.kube.kubeconfig import check_files, check_url, entries, fault_of, plugin_of, tls_context

log = logging.getLogger(__name__)

LOAD_SECONDS = 30.0
"""An exec plugin may ask a server of its own."""
TOKEN_SECONDS = 60.0
"""A service account's token is read again after that: the kubelet replaces the file before it expires."""
RENEW_SECONDS = 5.0
"""Least time between two renewals after a 401: a token that stays refused must not run a plugin each time."""


class Credentials:
    """Server, TLS and token; only the token ever changes."""

    def __init__(self, auth: KubeAuth, context: ssl.SSLContext | bool) -> None:
        self._auth = auth
        self._loading = asyncio.Lock()
        self._not_before = 0.0
        self._read_at = asyncio.get_running_loop().time()
        self.server: str = auth.server
        self.ssl = context
        self.server_hostname: str | None = auth.tls_server_name
        self.proxy: str | None = auth.proxy
        self.token: str | None = _stripped(auth.token)

    async def fresh_token(self) -> str | None:
        """The token, read again from the service account when it was read more than a minute ago.

        Neither a kubeconfig nor its plugins are read again here. Never raises: the old token may be good.
        """
        if self._auth.active_context or not self._is_old():
            return self.token
        async with self._loading:
            if self._is_old():
                await self._load()
        return self.token

    def _is_old(self) -> bool:
        return asyncio.get_running_loop().time() - self._read_at > TOKEN_SECONDS

    async def renew(self, refused: str | None) -> bool:
        """After a 401 for the token `refused`: read everything again; whether there is another token now."""
        async with self._loading:  # calls in flight were refused together: one of them reads
            now = asyncio.get_running_loop().time()
            if self.token == refused and now >= self._not_before:
                self._not_before = now + RENEW_SECONDS
                await self._load()
        return self.token != refused

    async def _load(self) -> None:
        self._read_at = asyncio.get_running_loop().time()
        try:
            await _load(self._auth)
        except ConfigError as error:
            log.warning("credentials not read again", extra={"error": str(error)})
        else:
            self.token = _stripped(self._auth.token)


async def load_credentials(kubeconfig: str | None, context: str | None = None) -> Credentials:
    """Read credentials once.

    Args:
        kubeconfig: path of a file, or several separated by `:`; None is the user's own kubeconfig if there is
            one, else the pod's service account.
        context: of the kubeconfig; None is its current one.

    Raises:
        ConfigError: the file is not there or unusable, it has no such context, its plugin fails, or there are
            no credentials at all.
    """
    found = check_files(kubeconfig)
    # What is asked for explicitly must not fall back to the service account.
    account = "" if kubeconfig or context else None
    # With a namespace kr8s does not look for the one of the current context, which may not be set.
    auth = KubeAuth(kubeconfig=kubeconfig, serviceaccount=account, namespace="default", context=context)
    where = f"kubeconfig {found}" if found else "no kubeconfig given, nor one found that can be used"
    return Credentials(auth, await _load(auth, where))


async def _load(auth: KubeAuth, where: str = "credentials") -> ssl.SSLContext | bool:
    try:
        with anyio.fail_after(LOAD_SECONDS):  # kr8s runs plugins by anyio, which kills only what it cancels
            await auth.reauthenticate()
        check_url("server", auth.server)
        if auth.proxy is not None:
            check_url("proxy-url", auth.proxy)
        return tls_context(auth)
    except TimeoutError:
        plugin = plugin_of(auth)
        what = f"exec plugin {plugin!r}: nothing" if plugin else "not read"
        raise ConfigError(f"{where}: {what} within {LOAD_SECONDS:g} s") from None
    except Exception as error:  # noqa: BLE001 - kr8s raises whatever a malformed file makes it stumble on
        raise ConfigError(f"{where}: {fault_of(error, auth)}") from None
    finally:
        _remove_copies(auth)


def _remove_copies(auth: KubeAuth) -> None:
    """Delete the files that kr8s writes for inline `*-data`, a private key among them, once they are read."""
    user, cluster = entries(auth)
    copies = (
        (user, "client-key-data", auth.client_key_file),
        (user, "client-certificate-data", auth.client_cert_file),
        (cluster, "certificate-authority-data", auth.server_ca_file),
    )
    for entry, name, path in copies:
        if name in entry and path is not None:
            Path(str(path)).unlink(missing_ok=True)


def _stripped(token: str | None) -> str | None:
    return token.strip() if token else None
