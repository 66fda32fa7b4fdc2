"""Keys in the store: hashed, found, revoked."""

from __future__ import annotations

from dataclasses import replace

from log10_trace.domain.keys import Scope, make_key, matches, split_token
from log10_trace.server.store.protocol import Store
from tests.server.store.factories import ORG, OTHER


def test_a_key_is_found_by_its_id_and_keeps_no_secret(store: Store) -> None:
    """The store keeps what is needed to check a key, and never the secret itself."""
    token, key = make_key(ORG, {Scope.INGEST, Scope.READ}, name="laptop", now_ms=5, expires_at_ms=9)
    store.keys.add(ORG, key).result()
    parts = split_token(token)
    assert parts is not None
    key_id, secret = parts

    found = store.keys.find(key_id)

    assert found == key
    assert matches(secret, key)
    assert not matches(secret + "x", key)
    assert secret not in repr(found)


def test_an_unknown_key_is_none(store: Store) -> None:
    """There is nothing to find for an id that was never made."""
    assert store.keys.find("nothing") is None


def test_keys_are_listed_by_organization_or_all(store: Store) -> None:
    """The command line may list every key, an organization only its own."""
    mine, theirs = make_key(ORG, {Scope.READ}, now_ms=1)[1], make_key(OTHER, {Scope.READ}, now_ms=2)[1]
    store.keys.add(ORG, mine).result()
    store.keys.add(OTHER, theirs).result()

    assert store.keys.list(ORG) == [mine]
    assert store.keys.list() == [mine, theirs]


def test_a_key_is_revoked_once_and_by_its_organization(store: Store) -> None:
    """Revoking ends a key at a moment; another organization cannot do it."""
    _, key = make_key(ORG, {Scope.READ}, now_ms=1)
    store.keys.add(ORG, key).result()

    assert store.keys.revoke(OTHER, key.id, now_ms=5).result() is False
    assert store.keys.revoke(ORG, key.id, now_ms=5).result() is True
    assert store.keys.revoke(ORG, key.id, now_ms=6).result() is False

    assert store.keys.find(key.id) == replace(key, revoked_at_ms=5)


def test_a_keys_last_use_is_noted_about_once_a_minute(store: Store) -> None:
    """Uses within a minute of the noted one are not written again."""
    _, key = make_key(ORG, {Scope.READ}, now_ms=1)
    store.keys.add(ORG, key).result()

    def last_use_ms() -> int | None:
        # Writes about keys are made in order, so a note that was to be written stands before this one.
        store.keys.revoke(ORG, "nothing", now_ms=1).result()
        found = store.keys.find(key.id)
        assert found is not None
        return found.last_used_at_ms

    noted = []
    for now_ms in (100_000, 130_000, 159_999, 160_000, 170_000):
        store.keys.touch(ORG, key.id, now_ms=now_ms)
        noted.append(last_use_ms())

    assert noted == [100_000, 100_000, 100_000, 160_000, 160_000]


def test_a_page_session_that_signed_out_is_remembered_by_organization(store: Store) -> None:
    """A revoked session is revoked for its own organization alone; revoking it again changes nothing."""
    for _ in range(2):
        store.keys.revoke_page_session(ORG, "one", expires_at_ms=1000, now_ms=1).result()

    assert store.keys.is_page_session_revoked(ORG, "one")
    assert not store.keys.is_page_session_revoked(ORG, "another")
    assert not store.keys.is_page_session_revoked(OTHER, "one")


def test_a_page_session_is_forgotten_once_its_cookie_has_expired(store: Store) -> None:
    """Signing out leaves nothing behind for longer than the cookie would have been valid."""
    store.keys.revoke_page_session(ORG, "old", expires_at_ms=1000, now_ms=1).result()
    store.keys.revoke_page_session(ORG, "new", expires_at_ms=3000, now_ms=2000).result()

    assert not store.keys.is_page_session_revoked(ORG, "old")
    assert store.keys.is_page_session_revoked(ORG, "new")
