"""Signing in on the page: one-time codes, and cookies that a key seals."""

from __future__ import annotations

from log10_trace.domain.keys import Scope, make_key
from log10_trace.server.authentication.auth import Principal
from log10_trace.server.authentication.login_codes import CODE_LIFETIME_S, LoginCodes
from log10_trace.server.authentication.session_cookie import make_cookie, read_cookie

ACCESS = Principal("id", "default", frozenset({Scope.READ}))


def test_a_code_is_good_once() -> None:
    """Redeemed, a code is worth nothing."""
    codes = LoginCodes()
    code = codes.issue(ACCESS)

    assert codes.redeem(code) is ACCESS
    assert codes.redeem(code) is None


def test_a_code_grows_old() -> None:
    """A code in an old log opens nothing."""
    now = [0.0]
    codes = LoginCodes(lambda: now[0])
    code = codes.issue(ACCESS)
    now[0] = CODE_LIFETIME_S

    assert codes.redeem(code) is None


def test_a_code_nobody_gave_is_worth_nothing() -> None:
    """Guessing does not help."""
    assert LoginCodes().redeem("guess\ud800") is None


def test_a_cookie_is_sealed_by_its_key_alone() -> None:
    """A cookie changed in any part, or sealed with another key, is not taken."""
    _, key = make_key("default", [Scope.READ], now_ms=0)
    _, other = make_key("default", [Scope.READ], now_ms=0)
    cookie = make_cookie(key, 5000)

    session = read_cookie(cookie)
    later = read_cookie(cookie.replace(".5000.", ".6000."))
    another = read_cookie(cookie.replace(cookie.split(".")[1], "0" * 32))

    assert session is not None
    assert later is not None
    assert (session.key_id, session.expires_ms) == (key.id, 5000)
    assert session.is_signed_by(key)
    assert not session.is_signed_by(other)
    assert another is not None
    assert not later.is_signed_by(key)
    assert not another.is_signed_by(key)


def test_each_session_has_an_id_of_its_own() -> None:
    """Two sessions of one key can be told apart, so that one can end without the other."""
    _, key = make_key("default", [Scope.READ], now_ms=0)

    assert make_cookie(key, 5000) != make_cookie(key, 5000)


def test_a_cookie_holds_no_key() -> None:
    """Whoever reads a cookie learns nothing that opens the API."""
    token, key = make_key("default", [Scope.READ], now_ms=0)

    assert token.split("_", 2)[2] not in make_cookie(key, 5000)


def test_what_is_no_cookie_is_none() -> None:
    """Other text in the cookie's place is no session."""
    _, key = make_key("default", [Scope.READ], now_ms=0)
    session, seal = "0" * 32, "0" * 64
    parts = (
        f"{key.id}.1.{seal}",
        f"a.{session}.-1.{seal}",
        f"a.{session}.\u0661.{seal}",
        f"a.{session}.1.\ud800",
    )
    for text in ("", "a.b", "a.b.c", "a.1.c.d", "\ud800", *parts, f"{make_cookie(key, 5000)}\n"):
        assert read_cookie(text) is None
