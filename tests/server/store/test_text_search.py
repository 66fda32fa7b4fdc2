"""What can be searched for: words of every script, symbols, and whatever people type into a search box."""

from __future__ import annotations

import unicodedata

import pytest

from log10_trace.server.store.data_types import CompletionFilter
from log10_trace.server.store.errors import SearchError
from log10_trace.server.store.protocol import Store
from tests.server.store.factories import ORG, asked, completion, ids, put, put_all

SAID = {
    "party": "well done 🎉🎉",
    "family": "they are 👨‍👩‍👧 now",
    "man": "a 👨 alone, and a 👧 elsewhere",
    "flag": "made in 🇩🇪",
    "keycap": "press 1️⃣ now",
    "heart": "with ❤️ from us",
    "thumb": "fine 👍🏽",
    "price": "it costs 5€ → cheap",
    "chinese": "今天天气很好",
    "japanese": "東京タワーへ行きました。ガラス",
    "korean": "안녕하세요 세계",
    "thai": "ภาษาไทยง่าย",
    "accents": "Curaçao naïve résumé",
    "apart": unicodedata.normalize("NFD", "Ångström café が"),
    "hebrew": "שָׁלוֹם עולם",
    "code": "call foo_bar() in C++ or C#",
    "plain": "nothing but words",
}


@pytest.mark.parametrize(
    ("typed", "found"),
    [
        ("🎉", ["party"]),
        ("done 🎉", ["party"]),
        ("🎉*", ["party"]),
        ("👨‍👩‍👧", ["family"]),
        ("👨", ["family", "man"]),
        ("🇩🇪", ["flag"]),
        ("1️⃣", ["keycap"]),
        ("❤️", ["heart"]),
        ("❤", ["heart"]),
        ("👍", ["thumb"]),
        ("👍🏽", ["thumb"]),
        ("€", ["price"]),
        ("→", ["price"]),
        ("5€", ["price"]),
        ("天气", ["chinese"]),
        ("好", ["chinese"]),
        ("今天*", ["chinese"]),
        ("气天", []),
        ("タワー", ["japanese"]),
        ("ガ", ["japanese"]),
        ("か", []),
        ("하세", ["korean"]),
        ("ไทย", ["thai"]),
        ("curacao", ["accents"]),
        ("resume", ["accents"]),
        (unicodedata.normalize("NFD", "naïve"), ["accents"]),
        ("Ångström", ["apart"]),
        ("cafe", ["apart"]),
        ("が", ["apart"]),
        ("שלום", ["hebrew"]),
        ("C++", ["code"]),
        ("foo_bar()", ["code"]),
        ("🎃", []),
    ],
)
def test_symbols_and_scripts_without_spaces_are_found(store: Store, typed: str, found: list[str]) -> None:
    """An emoji, a part of a text without spaces and a letter in another spelling find their records."""
    put_all(store, [completion(id=name, request=asked(text)) for name, text in SAID.items()])

    assert sorted(ids(store, CompletionFilter(text=typed))) == sorted(found)


@pytest.mark.parametrize("typed", ["", ".", "->", "\u0301", "\u200d", "\ufe0f"])
def test_text_without_anything_to_search_for_is_refused(store: Store, typed: str) -> None:
    """Marks, joiners and punctuation alone are no word."""
    with pytest.raises(SearchError):
        store.completions.page(ORG, CompletionFilter(text=typed), limit=1)


def test_a_record_with_symbols_is_changed_and_deleted_in_the_index(store: Store) -> None:
    """The index forgets exactly what it was told, however the words are spelled for it."""
    put(store, completion(id="a", status="started", request=asked("今天 🎉")))
    put(store, completion(id="a", request=asked("明天 🎃")))
    assert (ids(store, CompletionFilter(text="🎉")), ids(store, CompletionFilter(text="明"))) == ([], ["a"])

    store.completions.delete_one(ORG, "a").result()

    assert ids(store, CompletionFilter(text="🎃")) == []
