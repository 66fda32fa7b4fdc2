"""URLs of servers and proxies, taken apart as httpx takes them apart."""

from __future__ import annotations

import httpx
import pytest

from log10_trace.export.http.address import Address

URLS = (
    "http://127.0.0.1:4680",
    "http://example.com",
    "http://EXAMPLE.com:80/a b/",
    "https://log.example.test:443/base/path",
    "https://log.example.test:8443/%41/ä",
    "https://[::1]:8443/x",
    "http://[2001:db8::1]",
    "http://127.1:99/",
    "http://h_x.y:1/a,b;c=d@e",
    "http://exämple.de/",
    "http://bücher.example:8080",
    "socks5://us%40er:p%3Aw@proxy:1",
    "http://user@proxy",
    "https://user:@proxy:8443",
)


@pytest.mark.parametrize("url", URLS)
def test_a_url_has_the_parts_that_httpx_finds(url: str) -> None:
    """Scheme, host in ASCII, port, place, path, and the user and password without their quotes."""
    address, expected = Address(url), httpx.URL(url)

    assert (address.scheme, address.host) == (expected.scheme, expected.raw_host.decode())
    assert (address.username, address.password) == (expected.username, expected.password)
    assert (address.netloc, address.path) == (expected.netloc.decode(), expected.raw_path.decode())
    assert str(address) == f"{expected.scheme}://{expected.netloc.decode()}"


@pytest.mark.parametrize(
    ("url", "port", "authority"),
    [
        ("http://a", 80, "a:80"),
        ("https://a", 443, "a:443"),
        ("https://a:80", 80, "a:80"),
        ("socks5h://a", 1080, "a:1080"),
        ("http://[::1]:5", 5, "[::1]:5"),
    ],
)
def test_the_port_is_the_one_of_the_url_or_of_the_scheme(url: str, port: int, authority: str) -> None:
    """What is connected to is always known."""
    address = Address(url)

    assert (address.port, address.authority, address.is_known) == (port, authority, True)


def test_a_scheme_that_connections_do_not_know() -> None:
    """It is told, and not connected to."""
    assert not Address("ftp://a").is_known


@pytest.mark.parametrize("url", ["http://a:70000", "http://a:b", "http://ä..b"])
def test_what_cannot_be_connected_to_is_an_error_of_the_network(url: str) -> None:
    """A proxy in the environment may be anything; what failed is said without user and password."""
    with pytest.raises(OSError) as failed:  # noqa: PT011 -- each has a message of its own
        Address(url.replace("//", "//user:secret@"))

    assert "secret" not in str(failed.value)


@pytest.mark.parametrize("password", ["x9#y", "x9/y", "x9?y", "x9\N{DOUBLE QUESTION MARK}y", "x9]y", "x9[y"])
def test_a_password_that_is_not_quoted_is_not_shown(password: str) -> None:
    """It is taken for a port or breaks the URL; what Python says of that quotes it."""
    with pytest.raises(OSError) as failed:  # noqa: PT011 -- each has a message of its own
        Address(f"http://user:{password}@proxy.example.test:3128")

    assert "x9" not in str(failed.value)
