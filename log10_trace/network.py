"""How every client of ours reaches a server: the proxy in between, and the certificates that are trusted.

Proxies are those of the environment: ``http_proxy``, ``https_proxy``, ``all_proxy``, except for the hosts of
``no_proxy``: names (with their subdomains), ``name:port``, IP addresses, blocks such as ``10.0.0.0/8``, or
``*``. As in Go's standard library, and other than in curl, a proxy is never asked about this machine itself.

Certificates are those of ``LOG10_CA_FILE``, else ``SSL_CERT_FILE``, else ``SSL_CERT_DIR``, else certifi's.
The first that is set is used alone, as in httpx, psql and the exporters of OpenTelemetry.

Nothing here connects.
"""

from __future__ import annotations

import os
import socket
import ssl
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

from log10_trace.errors import ConfigError

_PORTS: Final = {"http": 80, "https": 443}
_EXPIRED: Final = frozenset({9, 10})
"""OpenSSL's numbers for a certificate that is not valid yet, or no longer."""
_OTHER_NAME: Final = frozenset({62, 64})
"""OpenSSL's numbers for a certificate of another host name or IP address."""


def prepare_tls() -> None:
    """Import and set up what ``make_tls_context`` needs, on a thread of the program's.

    A child that is forked while a thread of ours imports a module, or while OpenSSL prepares itself, which it
    does with the first context, would wait for that for ever.
    """
    ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    _certificates_of_certifi()


def is_loopback(url: str) -> bool:
    """Whether ``url`` leads to this machine itself, by its name or its address."""
    host = (urlsplit(url).hostname or "").rstrip(".")
    address = parse_address(host)
    if address is None:
        return host == "localhost" or host.endswith(".localhost")
    mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    return (mapped or address).is_loopback or address.is_unspecified


def find_proxy(url: str) -> str | None:
    """The URL of the proxy that the environment names for ``url``."""
    parts = urlsplit(url)
    proxies = getproxies()
    proxy = proxies.get(parts.scheme) or proxies.get("all")
    if not proxy or is_loopback(url):
        return None
    host = parts.hostname or ""
    place = f"{host}:{parts.port or _PORTS.get(parts.scheme)}"
    if proxy_bypass(place) or _is_listed(host, proxies.get("no", "")):
        return None
    return proxy if "://" in proxy else f"http://{proxy}"


def _is_listed(host: str, no_proxy: str) -> bool:
    """Whether ``host`` is an IP address that ``no_proxy`` names, by itself or in a block."""
    address = parse_address(host)
    return address is not None and any(_holds(entry, address) for entry in no_proxy.split(","))


def _holds(entry: str, address: IPv4Address | IPv6Address) -> bool:
    try:
        return address in ip_network(entry.strip().strip("[]"), strict=False)
    except ValueError:  # a name
        return False


def parse_address(host: str) -> IPv4Address | IPv6Address | None:
    """The IP address that ``host`` is written as; None for a name."""
    try:
        return ip_address(host)
    except ValueError:
        pass
    try:
        return ip_address(socket.inet_aton(host))  # 127.1 is 127.0.0.1
    except OSError:
        return None


def make_tls_context(ca_file: Path | None = None) -> ssl.SSLContext:
    """What verifies a server's certificate; ``ca_file`` is the setting of that name.

    Raises:
        ConfigError: the certificates to be trusted cannot be read.
    """
    key, value = _find_certificates(ca_file)
    if key == "SSL_CERT_DIR":
        if not Path(value).is_dir():
            raise ConfigError(key, value, "there is no such folder")
        return ssl.create_default_context(capath=value)
    try:
        return ssl.create_default_context(cafile=value)
    except OSError as error:
        raise ConfigError(key, value, _describe_unreadable(error)) from error


def _find_certificates(ca_file: Path | None) -> tuple[str, str]:
    """The setting that names the certificates, and its value."""
    if ca_file is not None:
        return "LOG10_CA_FILE", str(ca_file)
    for key in ("SSL_CERT_FILE", "SSL_CERT_DIR"):
        if value := os.environ.get(key):
            return key, value
    return "certifi", _certificates_of_certifi()


def _certificates_of_certifi() -> str:
    import certifi  # noqa: PLC0415 -- a program that speaks plain HTTP to its own server does not need it

    return certifi.where()


def check_ca_file(path: Path) -> None:
    """Read the certificates of a file.

    Raises:
        ValueError: it cannot be read, or holds no certificate.
    """
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_verify_locations(path)
    except OSError as error:
        raise ValueError(_describe_unreadable(error)) from None


def _describe_unreadable(error: OSError) -> str:
    if isinstance(error, ssl.SSLError):
        return "it holds no certificates in PEM form"
    return f"it cannot be read ({error.strerror})"


@dataclass(frozen=True, slots=True)
class TlsProblem:
    """Why no encrypted connection came about, and what to do."""

    found: str
    remedy: str

    def __str__(self) -> str:
        return f"{self.found}. {self.remedy}"


def find_tls_problem(error: BaseException | None) -> TlsProblem | None:
    """What was wrong with certificate or encryption, in ``error`` or its causes; None when neither was."""
    while error is not None and not isinstance(error, ssl.SSLError):
        error = error.__cause__ or error.__context__
    if error is None:
        return None
    if not isinstance(error, ssl.SSLCertVerificationError):
        reason = (getattr(error, "reason", None) or str(error)).replace("_", " ").lower()
        remedy = "If the server speaks plain HTTP, write http:// in LOG10_URL"
        return TlsProblem(f"no TLS connection came about ({reason})", remedy)
    found = f"the server's certificate cannot be verified ({error.verify_message.rstrip('.')})"
    if error.verify_code in _EXPIRED:
        return TlsProblem(found, "Renew the server's certificate, or set this machine's clock")
    if error.verify_code in _OTHER_NAME:
        return TlsProblem(found, "Set LOG10_URL to a name that the certificate is for")
    return TlsProblem(found, "Name the file with your authority's certificates in LOG10_CA_FILE")
