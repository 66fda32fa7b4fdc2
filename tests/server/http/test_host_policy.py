"""Host policy: host names, origins, and what browsers say of a request's site."""

from __future__ import annotations

import pytest

from log10_trace.server.http.api_errors import ApiError
from log10_trace.server.http.host_policy import host_policy_for, is_loopback

LOOPBACK = host_policy_for("127.0.0.1", 4680)


@pytest.mark.parametrize("host", ["127.0.0.1:4680", "localhost:4680", "[::1]:4680", "LOCALHOST:4680"])
def test_a_loopback_server_answers_under_its_own_names(host: str) -> None:
    """A server on the loopback answers to the loopback's names, with its own port."""
    LOOPBACK.check({"host": host}, page=False)


@pytest.mark.parametrize(
    "host",
    [
        "evil.example:4680",
        "127.0.0.1.evil.example:4680",
        "localhost.evil.example:4680",
        "localhost:80",
        "localhost",
        "127.0.0.1",
        "127.1:4680",
        "2130706433:4680",
        "0.0.0.0:4680",
        "192.168.1.5:4680",
        "localhost:4680:4680",
        "localhost:4680 evil.example",
        "",
    ],
)
def test_a_name_that_is_not_the_servers_is_refused(host: str) -> None:
    """A page that rebinds its own name to 127.0.0.1 sends that name as Host, and is refused."""
    with pytest.raises(ApiError) as caught:
        LOOPBACK.check({"host": host}, page=False)

    assert caught.value.status == 421


@pytest.mark.parametrize(
    "headers",
    [
        {"origin": "http://evil.example"},
        {"origin": "http://evil.example:4680"},
        {"origin": "null"},
        {"origin": "http://localhost:4680"},
        {"origin": "http://127.0.0.1:80"},
        {"sec-fetch-site": "cross-site"},
        {"sec-fetch-site": "same-site"},
        {"sec-fetch-site": "nonsense"},
    ],
)
def test_a_request_from_another_site_is_refused(headers: dict[str, str]) -> None:
    """An Origin that is not the page's own, or a site that is not the same, is refused."""
    with pytest.raises(ApiError) as caught:
        LOOPBACK.check({"host": "127.0.0.1:4680", **headers}, page=False)

    assert caught.value.status == 403


def test_the_servers_own_page_is_let_in() -> None:
    """The page's own requests carry its own origin and pass."""
    own = {"host": "127.0.0.1:4680", "origin": "http://127.0.0.1:4680", "sec-fetch-site": "same-origin"}

    LOOPBACK.check(own, page=False)


def test_a_link_on_another_site_may_lead_to_a_page_and_not_to_the_api() -> None:
    """Following a link elsewhere opens a page; it never calls the API."""
    followed = {"host": "127.0.0.1:4680", "sec-fetch-site": "cross-site", "sec-fetch-mode": "navigate"}

    LOOPBACK.check(followed, page=True)
    with pytest.raises(ApiError):
        LOOPBACK.check(followed, page=False)


def test_a_server_on_all_addresses_answers_to_addresses_and_to_allowed_names() -> None:
    """Bound to every address, the server takes any address literal, and only the names it was given."""
    host_policy = host_policy_for("0.0.0.0", 4680, ["calls.example"])

    for host in ("10.1.2.3:4680", "[fd00::1]:4680", "localhost:4680", "calls.example", "calls.example:443"):
        host_policy.check({"host": host}, page=False)
    with pytest.raises(ApiError):
        host_policy.check({"host": "evil.example:4680"}, page=False)


@pytest.mark.parametrize(
    ("host", "only_here"),
    [
        ("127.0.0.1", True),
        ("127.8.8.8", True),
        ("::1", True),
        ("localhost", True),
        ("0.0.0.0", False),
        ("::", False),
        ("192.168.0.1", False),
        ("example.org", False),
        ("", False),
    ],
)
def test_loopback_is_recognized(host: str, *, only_here: bool) -> None:
    """Only addresses that no other machine can reach count as loopback."""
    assert is_loopback(host) is only_here
