"""The proxy and the certificates that every client of ours uses."""

from __future__ import annotations

import ssl
from pathlib import Path

import pytest

import log10_trace
from log10_trace.config import resolve
from log10_trace.errors import ConfigError
from log10_trace.network import find_proxy, find_tls_problem, is_loopback, make_tls_context
from tests.certificates import make_authority

PROXY = "http://proxy.example:3128"


@pytest.fixture(autouse=True)
def bare_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "https_proxy", "all_proxy", "no_proxy", "ssl_cert_file", "ssl_cert_dir"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)


@pytest.mark.parametrize(
    ("host", "expected"),
    [
        ("localhost", True), ("LocalHost", True), ("localhost.", True), ("app.localhost", True),
        ("127.0.0.1", True), ("127.8.9.1", True), ("127.1", True), ("[::1]", True),
        ("[::ffff:127.0.0.1]", True), ("0.0.0.0", True), ("[::]", True),
        ("10.0.0.1", False), ("[fe80::1]", False), ("127.example.com", False), ("localhost.example", False),
        ("notlocalhost", False),
    ],
)  # fmt: skip
def test_what_this_machine_is_called(host: str, expected: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """By whatever name or address it is called, no proxy is asked about it."""
    monkeypatch.setenv("all_proxy", PROXY)

    assert is_loopback(f"http://{host}:4680") is expected
    assert find_proxy(f"https://{host}:4680/base") == (None if expected else PROXY)


@pytest.mark.parametrize(
    ("variables", "expected"),
    [
        ({}, None),
        ({"https_proxy": PROXY}, PROXY),
        ({"HTTPS_PROXY": PROXY}, PROXY),
        ({"http_proxy": PROXY}, None),
        ({"ALL_PROXY": PROXY}, PROXY),
        ({"all_proxy": "http://other:1", "https_proxy": PROXY}, PROXY),
        ({"https_proxy": "proxy.example:3128"}, PROXY),
        ({"https_proxy": ""}, None),
    ],
)
def test_the_proxy_of_the_environment(
    monkeypatch: pytest.MonkeyPatch, variables: dict[str, str], expected: str | None
) -> None:
    """The variables that curl, requests and httpx read."""
    for name, value in variables.items():
        monkeypatch.setenv(name, value)

    assert find_proxy("https://log.example.test") == expected


@pytest.mark.parametrize(
    ("url", "no_proxy", "is_asked"),
    [
        ("https://log.example.test", "other.test", True),
        ("https://log.example.test", "log.example.test", False),
        ("https://log.example.test", "example.test", False),
        ("https://log.example.test", ".example.test", False),
        ("https://log.example.test", "other, LOG.example.test ", False),
        ("https://log.example.test", "*", False),
        ("https://log.example.test:8443", "log.example.test:8443", False),
        ("https://log.example.test", "log.example.test:443", False),
        ("https://log.example.test:8443", "log.example.test:443", True),
        ("https://10.1.2.3", "10.0.0.0/8", False),
        ("https://10.1.2.3", "10.1.2.3", False),
        ("https://11.1.2.3", "10.0.0.0/8", True),
        ("https://[fd00::7]:1", "fd00::/8", False),
        ("https://[fd00::7]:1", "[fd00::7]", False),
        ("https://log.example.test", "10.0.0.0/8", True),
    ],
)
def test_whom_no_proxy_is_asked_about(
    monkeypatch: pytest.MonkeyPatch, url: str, no_proxy: str, is_asked: bool
) -> None:
    """Names with their subdomains, ports, addresses, blocks, everything."""
    monkeypatch.setenv("all_proxy", PROXY)
    monkeypatch.setenv("no_proxy", no_proxy)

    assert find_proxy(url) == (PROXY if is_asked else None)


def trusted(context: ssl.SSLContext) -> set[str]:
    """Whose certificates a context trusts."""
    return {
        str(dict(pair[0] for pair in each["subject"]).get("organizationalUnitName"))
        for each in context.get_ca_certs()
    }


def test_the_file_of_the_setting_goes_before_those_of_the_environment(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """LOG10_CA_FILE, else SSL_CERT_FILE, else SSL_CERT_DIR, else certifi: one of them, alone."""
    ours, usual = make_authority(tmp_path), tmp_path / "usual"
    usual.mkdir()
    other = make_authority(usual)
    assert len(make_tls_context().get_ca_certs()) > 20

    monkeypatch.setenv("SSL_CERT_FILE", str(other.file))
    assert trusted(make_tls_context(ours.file)) != trusted(make_tls_context())
    assert len(make_tls_context().get_ca_certs()) == 1

    monkeypatch.delenv("SSL_CERT_FILE")
    monkeypatch.setenv("SSL_CERT_DIR", str(usual))
    assert make_tls_context().get_ca_certs() == []  # they are read when they are needed


@pytest.mark.parametrize("key", ["SSL_CERT_FILE", "SSL_CERT_DIR", "LOG10_CA_FILE"])
@pytest.mark.parametrize("content", [None, "no certificate", ""])
def test_a_file_that_cannot_be_used_is_an_error_that_names_its_key(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, key: str, content: str | None
) -> None:
    """One that is missing, and one that holds no certificate; so does a folder that is missing."""
    file = tmp_path / "authority.pem"
    if content is not None:
        file.write_text(content)
    monkeypatch.setenv(key, str(file))

    with pytest.raises(ConfigError, match=f"^{key}='{file}' cannot be used"):
        make_tls_context(resolve().ca_file)


def test_patch_refuses_a_file_of_certificates_that_cannot_be_used() -> None:
    """At once, by the name of its argument."""
    with pytest.raises(ConfigError, match=r"^ca_file='/no/such.pem' cannot be used: it cannot be read"):
        log10_trace.patch(ca_file="/no/such.pem")


def test_a_file_is_found_again_from_another_folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A program that goes to another folder, as daemons do, still trusts the same authority."""
    make_authority(tmp_path)
    monkeypatch.chdir(tmp_path)
    settings = resolve({"ca_file": "authority.pem"})
    monkeypatch.chdir("/")

    assert len(make_tls_context(settings.ca_file).get_ca_certs()) == 1


def test_an_error_of_another_kind_is_no_problem_of_tls() -> None:
    """A refused connection is not told as a certificate that is not trusted."""
    assert find_tls_problem(None) is None
    assert find_tls_problem(ConnectionRefusedError()) is None


def test_an_error_of_tls_is_found_under_those_that_it_caused() -> None:
    """HTTP libraries raise errors of their own, from it."""
    error = OSError("outer")
    error.__cause__ = ValueError("between")
    error.__cause__.__context__ = ssl.SSLError(1, "[SSL: WRONG_VERSION_NUMBER] wrong version number")

    problem = find_tls_problem(error)

    assert problem is not None
    assert "http://" in problem.remedy
