"""What can be wrong with a kubeconfig, in words: file, field and value, but never a secret."""

import binascii
import json
import os
import ssl
from pathlib import Path
from typing import Any

import yaml
from kr8s._auth import KubeAuth
from yarl import URL

from ferrite.errors import ConfigError

INLINE = ("certificate-authority-data", "client-certificate-data", "client-key-data")


def check_files(kubeconfig: str | None) -> str:
    """The file that is read, or several separated by `:`; empty when there is none and none was asked for.

    Raises:
        ConfigError: one that was asked for is not there, or one is no mapping in YAML.
    """
    found = []
    for path in (kubeconfig or os.environ.get("KUBECONFIG") or "~/.kube/config").split(":"):
        if Path(path).expanduser().is_file():
            found.append(path)
            _check_mapping(path)
        elif kubeconfig:
            raise ConfigError(f"kubeconfig {path} is not there")
    return ":".join(found)


def _check_mapping(path: str) -> None:
    try:
        content = yaml.safe_load(Path(path).expanduser().read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigError(f"kubeconfig {path} cannot be read: {error.strerror}") from None
    except UnicodeDecodeError:
        raise ConfigError(f"kubeconfig {path} is not UTF-8 text") from None
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        where = f" at line {mark.line + 1}" if mark else ""
        raise ConfigError(f"kubeconfig {path} is not YAML{where}") from None
    if content is None:
        raise ConfigError(f"kubeconfig {path} is empty")
    if not isinstance(content, dict):
        raise ConfigError(f"kubeconfig {path} is no kubeconfig: it has no fields")


def check_url(field: str, value: object) -> None:
    """Refuse what no request can be made of; a password in it is not shown.

    Raises:
        ConfigError: the text names field and value.
    """
    text = str(value).rpartition("@")[2]
    try:
        url = URL(str(value))
        good = url.scheme in ("http", "https") and bool(url.host) and " " not in (url.host or "")
    except ValueError as error:
        raise ConfigError(f"{field} {text!r} is no URL: {error}") from None
    if not good:
        raise ConfigError(f"{field} {text!r} is no URL of the kind https://host:port")
    if field == "server" and (url.user or url.password):
        raise ConfigError(f"{field} {text!r} has a user before its host, which the API server does not take")


def tls_context(auth: KubeAuth) -> ssl.SSLContext | bool:
    """TLS as the kubeconfig or the service account says; True is the system's own authorities.

    Raises:
        ConfigError: a certificate or a key is not there or unusable; the text names field and file.
    """
    authority, certificate, key = (
        _there(field, path)
        for field, path in (
            ("certificate-authority", auth.server_ca_file),
            ("client-certificate", auth.client_cert_file),
            ("client-key", auth.client_key_file),
        )
    )
    insecure = bool(entries(auth)[1].get("insecure-skip-tls-verify"))
    if not (authority or certificate or key or insecure):
        return True
    context = ssl.create_default_context()
    if insecure:
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    elif authority:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)  # that authority alone, not the system's too
        try:
            context.load_verify_locations(authority)
        except (OSError, ssl.SSLError) as error:
            raise _unusable("certificate-authority", authority, auth, error) from None
    if certificate and key:
        try:
            context.load_cert_chain(
                certificate, key, password=""
            )  # an encrypted key must not ask at a terminal
        except (OSError, ssl.SSLError) as error:
            raise _unusable("client-certificate", certificate, auth, error, " with its client-key") from None
    return context


def _there(field: str, path: object) -> str | None:
    if path is None:
        return None
    if not Path(str(path)).is_file():
        raise ConfigError(f"{field} {path} is not there")
    return str(path)


def _unusable(field: str, path: str, auth: KubeAuth, error: OSError, pair: str = "") -> ConfigError:
    inline = any(f"{field}-data" in entry for entry in entries(auth))
    name = f"{field}-data" if inline else f"{field} {path}"
    reason = getattr(error, "reason", None) or error.strerror
    return ConfigError(f"{name} cannot be used{pair}: {reason}")


def fault_of(error: Exception, auth: KubeAuth) -> str:
    """An error of reading in words, without the text of the file or what a plugin said: both hold secrets."""
    if isinstance(error, ConfigError):
        return str(error)
    if isinstance(error, binascii.Error):
        return f"{', '.join(sorted(_inline(auth)))}: not base64"
    if type(error) is ValueError:
        return str(error) if entries(auth)[1].get("server", "absent") else "server is empty"
    if plugin := plugin_of(auth):
        return f"exec plugin {plugin!r} {_plugin_fault(error)}"
    if isinstance(error, OSError):
        return str(error)
    if isinstance(error, KeyError):
        return f"{error} is missing"
    return f"unusable: a field is empty or of the wrong type ({type(error).__name__})"


def _inline(auth: KubeAuth) -> set[str]:
    return {field for entry in entries(auth) for field in INLINE if field in entry}


def _plugin_fault(error: Exception) -> str:
    if isinstance(error, OSError):
        return f"cannot be run: {error.strerror}"
    if isinstance(error, json.JSONDecodeError | UnicodeDecodeError):
        return "printed no JSON"
    if isinstance(error, RuntimeError):
        first = str(error).partition("\n")[0]  # its exit status; what it said comes after
        return f"failed: {first.rstrip(':').lower()}"
    return "printed no credentials"


def plugin_of(auth: KubeAuth) -> str | None:
    """The command of the exec plugin that is to give credentials."""
    plugin = entries(auth)[0].get("exec")
    return str(plugin.get("command")) if isinstance(plugin, dict) else None


def entries(auth: KubeAuth) -> tuple[dict[str, Any], dict[str, Any]]:
    """The user's entry of the kubeconfig and the cluster's; empty when they have no fields."""
    user, cluster = (entry if isinstance(entry, dict) else {} for entry in (auth._user, auth._cluster))
    return user, cluster
