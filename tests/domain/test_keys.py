"""Keys: their text, their validity, what they allow."""

from __future__ import annotations

from dataclasses import replace

import pytest

from log10_trace.domain.keys import Scope, make_key, split_token

ORG = "acme"


@pytest.mark.parametrize("token", ["", "l10", "l10_", "l10_a", "l10_a_", "x_a_b", "_a_b"])
def test_what_is_no_key_of_ours_has_no_parts(token: str) -> None:
    """Text of another form is not taken apart."""
    assert split_token(token) is None


def test_a_key_is_valid_until_it_expires_or_is_revoked() -> None:
    """Expiry is exclusive: at the moment itself the key is over."""
    _, key = make_key(ORG, {Scope.READ}, now_ms=1, expires_at_ms=10)

    assert key.is_valid(9)
    assert not key.is_valid(10)
    assert not replace(key, revoked_at_ms=5).is_valid(6)


@pytest.mark.parametrize("scope", list(Scope))
def test_admin_may_do_everything_and_the_others_only_their_own(scope: Scope) -> None:
    """A scope allows itself; admin allows all."""
    _, admin = make_key(ORG, {Scope.ADMIN}, now_ms=1)
    _, ingest = make_key(ORG, {Scope.INGEST}, now_ms=1)

    assert admin.allows(scope)
    assert ingest.allows(scope) is (scope is Scope.INGEST)
