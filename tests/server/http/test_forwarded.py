"""Behind a reverse proxy: under a path of its own, over TLS, and what a client may not claim by itself."""

from __future__ import annotations

import re
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from starlette.testclient import TestClient

from log10_trace.domain.keys import Scope, make_key
from log10_trace.errors import SetupError
from log10_trace.server.app import OWN_PATHS, create_app
from log10_trace.server.authentication.auth import Authenticator
from log10_trace.server.http.forwarded import proxy_policy
from log10_trace.server.http.host_policy import host_policy_for
from log10_trace.server.store import open_store
from log10_trace.server.store.protocol import Store
from tests.processes import DEADLINE_S, server
from tests.server.conftest import Server
from tests.server.pages.page_client import ORGANIZATION, PORT, READER, Site, completion

HTML = {"Accept": "text/html"}
PROXY, STRANGER = ("127.0.0.1", 5000), ("203.0.113.7", 5000)
UNDER = {"X-Forwarded-Prefix": "/tools/log10"}
TLS = {"X-Forwarded-Proto": "https"}


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    opened = open_store(tmp_path / "completions.db")
    yield opened
    opened.close()


def client(store: Store, peer: tuple[str, int], root_path: str = "", *, is_open: bool = True) -> TestClient:
    """Somebody who connects from ``peer``."""
    policy = proxy_policy(root_path=root_path, own_paths=OWN_PATHS)
    authenticator = Authenticator(store.keys, anonymous=READER if is_open else None)
    app = create_app(store, host_policy_for("127.0.0.1", PORT), authenticator=authenticator, proxies=policy)
    return TestClient(
        app, base_url=f"http://127.0.0.1:{PORT}", client=peer, follow_redirects=False, headers=HTML
    )


def pages(store: Store, browser: TestClient) -> list[str]:
    """Every kind of page, with something on it."""
    site = Site(store, browser)
    session = {"session_id": "s", "tags": ["t"], "stacktrace": [{"file": "a.py", "lineno": 1, "name": "f"}]}
    ids = [site.keep(completion(**session)) for _ in range(60)]
    call = f"/completions/{ids[0]}"
    found = [
        browser.get(path) for path in ("/", "/?tag=t", "/sessions", call, "/sessions/s", "/login", "/nowhere")
    ]
    return [answer.text for answer in found]


def links(page: str) -> list[str]:
    """The addresses of this server that a page leads to or loads."""
    return re.findall(r'(?:href|src|action|data-copy)="(/[^"]*)"', page)


@pytest.mark.parametrize("how", ["header", "option"])
def test_every_link_of_every_page_is_under_the_path(store: Store, how: str) -> None:
    """Links, forms, files and what scripts fetch carry the path that the proxy strips."""
    browser = client(store, PROXY, "/tools/log10" if how == "option" else "")
    if how == "header":
        browser.headers.update(UNDER)

    for page in pages(store, browser):
        assert links(page)
        assert [link for link in links(page) if not link.startswith("/tools/log10/")] == []


@pytest.mark.parametrize("headers", [{}, UNDER], ids=["option", "header"])
def test_a_proxy_may_strip_the_path_or_not(store: Store, headers: dict[str, str]) -> None:
    """A page and its files are found under both paths."""
    browser = client(store, PROXY, "/tools/log10")

    for path in ("/tools/log10/sessions", "/sessions", "/tools/log10", "/tools/log10/static/any/page.css"):
        assert browser.get(path, headers=headers).status_code == 200
    assert browser.get("/tools/log10x", headers=headers).status_code == 404


def test_redirects_and_the_cookie_stay_under_the_path(store: Store) -> None:
    """Whoever signs in comes back to the page they asked for, with a cookie for this path alone."""
    token, key = make_key(ORGANIZATION, [Scope.READ], now_ms=1)
    store.keys.add(ORGANIZATION, key).result()
    browser = client(store, PROXY, is_open=False)
    browser.headers.update(UNDER)
    led = browser.get("/sessions?cursor=")
    goal = httpx.URL(led.headers["location"]).params["next"]
    entered = browser.post("/login", data={"token": token, "next": goal})
    cookie = entered.headers["set-cookie"]
    left = browser.post("/logout", headers={"Cookie": cookie.partition(";")[0]})

    assert led.headers["location"].startswith("/tools/log10/login?next=")
    assert entered.headers["location"] == "/tools/log10/sessions?cursor="
    assert "Path=/tools/log10;" in f"{cookie};"
    assert left.headers["location"] == "/tools/log10/login"
    assert "Path=/tools/log10;" in f"{left.headers['set-cookie']};"


@pytest.mark.parametrize(
    ("peer", "headers", "is_secure"),
    [
        (PROXY, {}, False),
        (PROXY, TLS, True),
        (PROXY, {"X-Forwarded-Proto": "https, http"}, True),
        (PROXY, {"X-Forwarded-Proto": "http"}, False),
        (PROXY, {"X-Forwarded-Proto": "gopher"}, False),
        (STRANGER, TLS, False),
    ],
)
def test_a_cookie_set_over_tls_is_sent_over_tls_alone(
    store: Store, peer: tuple[str, int], headers: dict[str, str], *, is_secure: bool
) -> None:
    """The cookie is Secure when a trusted proxy says that the browser came over TLS."""
    token, key = make_key(ORGANIZATION, [Scope.READ], now_ms=1)
    store.keys.add(ORGANIZATION, key).result()
    browser = client(store, peer, is_open=False)
    entered = browser.post("/login", data={"token": token}, headers=headers)
    cookie = entered.headers["set-cookie"]
    left = browser.post("/logout", headers={**headers, "Cookie": cookie.partition(";")[0]})

    assert ("; secure" in cookie.lower()) is is_secure
    assert ("; secure" in left.headers["set-cookie"].lower()) is is_secure


def test_a_stranger_names_no_path(store: Store) -> None:
    """The headers of an address that is no trusted proxy change nothing."""
    browser = client(store, STRANGER)

    for page in pages(store, browser):
        assert "/tools/log10" not in page
    assert "/tools/log10" not in browser.get("/", headers=UNDER).text
    assert browser.get("/tools/log10/sessions", headers=UNDER).status_code == 404


@pytest.mark.parametrize(
    "prefix",
    [
        "//evil.example",
        "/a//b",
        "evil.example",
        "https://evil.example",
        '/"><script>',
        "/../x",
        "/a/..",
        "/\\e",
        "/a b",
        "/a;b=c",
        "/%2e%2e",
        "/a,/b",
        "/é".encode(),
    ],
)
def test_a_path_that_could_lead_elsewhere_is_none(store: Store, prefix: str | bytes) -> None:
    """A prefix that is more than names and slashes is not written into any page or redirect."""
    browser = client(store, PROXY, is_open=False)
    headers: Any = {"X-Forwarded-Prefix": prefix}

    assert browser.get("/", headers=headers).headers["location"] == "/login?next=%2F"
    assert all(
        link.startswith(("/static/", "/login")) or link == "/"
        for link in links(browser.get("/login", headers=headers).text)
    )


def test_a_path_that_looks_like_the_servers_own_is_never_stripped(store: Store) -> None:
    """Under /sessions, a request for /sessions is one for the sessions: the proxy has stripped its part."""
    browser = client(store, PROXY)
    answer = browser.get("/sessions", headers={"X-Forwarded-Prefix": "/sessions"})

    assert "<h1>Sessions</h1>" in answer.text
    assert 'href="/sessions/sessions"' in answer.text


def test_a_form_comes_through_a_proxy_that_changes_host(store: Store) -> None:
    """The browser's origin is the proxy's name, which the proxy hands on; no other origin is let in."""
    browser = client(store, PROXY, is_open=False)
    named = {"X-Forwarded-Host": "tools.example"}

    def post(origin: str, headers: dict[str, str], who: TestClient = browser) -> str:
        answer = who.post("/login", data={"token": "x"}, headers={"Origin": origin, **headers})
        return "wrong key" if "That key is unknown" in answer.text else str(answer.status_code)

    assert post("https://tools.example", named) == "wrong key"
    assert post("https://evil.example", named) == "403"
    assert post("https://tools.example", {}) == "403"
    assert post("https://tools.example", named, client(store, STRANGER, is_open=False)) == "403"
    assert post("https://tools.example", {**named, "Host": "tools.example"}) == "421"
    assert post("https://tools.example", {**named, "Sec-Fetch-Site": "cross-site"}) == "403"


def test_the_client_is_the_last_one_that_no_trusted_proxy_names() -> None:
    """What a client puts into X-Forwarded-For by itself stands before what the proxies add."""
    policy = proxy_policy("10.0.0.0/8, ::1")

    def seen(peer: str, *forwarded: bytes) -> str:
        headers = [(b"x-forwarded-for", value) for value in forwarded]
        scope = policy.resolve({"type": "http", "path": "/", "headers": headers, "client": (peer, 1)})
        return str(scope["client"][0])

    assert seen("10.0.0.1", b"6.6.6.6, 203.0.113.7, 10.0.0.2") == "203.0.113.7"
    assert seen("10.0.0.1", b"6.6.6.6", b"203.0.113.7") == "203.0.113.7"
    assert seen("::ffff:10.0.0.1", b"203.0.113.7") == "203.0.113.7"
    assert seen("10.0.0.1") == "10.0.0.1"
    assert seen("203.0.113.9", b"6.6.6.6") == "203.0.113.9"


@pytest.mark.parametrize(
    ("settings", "named"),
    [
        ({"root_path": "log10"}, "--root-path 'log10'"),
        ({"root_path": "/a b"}, "--root-path '/a b'"),
        ({"root_path": "//evil.example"}, "--root-path"),
        ({"root_path": "/api/log10"}, "--root-path '/api/log10'"),
        ({"trusted": "proxy.example"}, "--forwarded-allow-ips 'proxy.example'"),
        ({"trusted": "127.0.0.1,10.0.0.0/99"}, "--forwarded-allow-ips '10.0.0.0/99'"),
    ],
)
def test_a_setting_that_cannot_be_used_is_named(settings: dict[str, str], named: str) -> None:
    """The message says which option, and its value."""
    with pytest.raises(SetupError, match=re.escape(named)):
        proxy_policy(own_paths=OWN_PATHS, **settings)


def test_serve_takes_the_options(private_home: Path) -> None:
    """A server under a path serves its page there; the API answers with and without it."""
    with server(private_home, "--root-path", "/log10/", "--forwarded-allow-ips", "10.0.0.0/8") as running:
        page = httpx.get(f"{running.url}/log10/login", headers={**HTML, **UNDER}, timeout=DEADLINE_S).text
        healthy = [
            httpx.get(f"{running.url}{path}/healthz", timeout=DEADLINE_S).status_code
            for path in ("", "/log10")
        ]

    assert {link.split("/")[1] for link in links(page)} == {"log10"}
    assert healthy == [200, 200]


@pytest.mark.parametrize(
    "repeated",
    [
        ["Host: {host}", "Host: evil.example"],
        ["Host: {host}", "Host: {host}"],
        ["Host: {host}", "Origin: http://{host}", "Origin: http://evil.example"],
        ["Host: {host}", "X-Log10-Token: a", "X-Log10-Token: b"],
        ["Host: {host}", "Sec-Fetch-Site: cross-site", "Sec-Fetch-Site: same-origin"],
        [],
    ],
)
def test_a_header_that_decides_and_stands_twice_is_refused(server: Server, repeated: list[str]) -> None:
    """Two Host headers, none, or two of another header that decides who is let in are answered with 400."""
    host = server.url.removeprefix("http://")
    name, _, port = host.partition(":")
    lines = ["GET /healthz HTTP/1.1", *repeated, "Connection: close", "", ""]
    with socket.create_connection((name, int(port)), timeout=DEADLINE_S) as connection:
        connection.sendall("\r\n".join(lines).format(host=host).encode())
        answer = b"".join(iter(lambda: connection.recv(65536), b""))

    assert answer.startswith(b"HTTP/1.1 400 ")


@pytest.mark.parametrize(
    ("target", "status"),
    [
        ("http://{host}/healthz", 200),
        ("http://evil.example/healthz", 421),
        ("http://{host}@evil.example/healthz", 421),
    ],
)
def test_the_host_of_the_target_counts_before_the_header(server: Server, target: str, status: int) -> None:
    """A request whose target names another host than its Host header is one for that other host."""
    host = server.url.removeprefix("http://")
    name, _, port = host.partition(":")
    request = f"GET {target} HTTP/1.1\r\nHost: {{host}}\r\nConnection: close\r\n\r\n".format(host=host)
    with socket.create_connection((name, int(port)), timeout=DEADLINE_S) as connection:
        connection.sendall(request.encode())
        answer = b"".join(iter(lambda: connection.recv(65536), b""))

    assert answer.startswith(f"HTTP/1.1 {status} ".encode())
