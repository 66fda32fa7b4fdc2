"""What can be searched for: words of every script, symbols, and whatever people type into a search box."""

from __future__ import annotations

import os
import unicodedata

import pytest

from log10_trace.server.store.data_types import CompletionFilter, Neighbors, StatisticsQuery
from log10_trace.server.store.errors import SearchError
from log10_trace.server.store.protocol import Store
from tests.server.store.factories import ORG, answer, asked, completion, ids, page, put, put_all

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
    "mixed": "東京Towerの2号館へ",
    "narrow": "ｶﾞﾗｽ ＦｕｌｌＷｉｄｔｈ１２",  # noqa: RUF001 -- of full width is what it is
    "selected": "葛\U000e0100飾区",
    "extended": "\U00020000\U00020001字 \U00030edd\U00030ede麺",
    "decomposed": unicodedata.normalize("NFD", "각시탈 출판"),
    "wrapped": "机\u200b器、学习",
    "plain": "nothing but words",
}

FOUND = {
    "🎉": ["party"],
    "done 🎉": ["party"],
    "🎉*": ["party"],
    "👨‍👩‍👧": ["family"],
    "👨": ["family", "man"],
    "🇩🇪": ["flag"],
    "1️⃣": ["keycap"],
    "❤️": ["heart"],
    "❤": ["heart"],
    "👍": ["thumb"],
    "👍🏽": ["thumb"],
    "€": ["price"],
    "→": ["price"],
    "5€": ["price"],
    "天气": ["chinese"],
    "天天气": ["chinese"],
    "好": ["chinese"],
    "今天*": ["chinese"],
    "气天": [],
    "今气": [],
    "天 好": ["chinese"],
    "タワー": ["japanese"],
    "ガ": ["japanese", "narrow"],
    "か": [],
    "行き": ["japanese"],
    "ました。ガラ": ["japanese"],
    "하세": ["korean"],
    "세요 세": ["korean"],
    '"세요 세"': ["korean"],
    '"세요 계"': [],
    "ไทย": ["thai"],
    "curacao": ["accents"],
    "resume": ["accents"],
    unicodedata.normalize("NFD", "naïve"): ["accents"],
    "Ångström": ["apart"],
    "cafe": ["apart"],
    "が": ["apart"],
    "שלום": ["hebrew"],
    "C++": ["code"],
    "foo_bar()": ["code"],
    "🎃": [],
    "東京": ["japanese", "mixed"],
    "京Tower": ["mixed"],
    "tower": ["mixed"],
    "towerの2号": ["mixed"],
    "館へ": ["mixed"],
    "ガラス": ["japanese", "narrow"],
    "ﾗｽ": ["japanese", "narrow"],
    "fullwidth12": ["narrow"],
    "葛飾": ["selected"],
    "飾区": ["selected"],
    "\U00020000\U00020001": ["extended"],
    "\U00020001字": ["extended"],
    "\U00030ede麺": ["extended"],
    "\U00030edd": ["extended"],
    "시탈": ["decomposed"],
    "출": ["decomposed"],
    unicodedata.normalize("NFD", "출판"): ["decomposed"],
    "가시": [],
    "机器": ["wrapped"],
    "器学": [],
}
"""What is typed, and whose texts hold it."""


def test_symbols_and_scripts_without_spaces_are_found(store: Store) -> None:
    """An emoji, any two signs of a text without spaces, and letters in another spelling find records."""
    put_all(store, [completion(id=name, request=asked(text)) for name, text in SAID.items()])

    found = {typed: sorted(ids(store, CompletionFilter(text=typed))) for typed in FOUND}

    assert found == FOUND


def test_requests_and_responses_are_searched_apart(store: Store) -> None:
    """``in:`` says where the words stand; of two, each holds for the words behind it."""
    put_all(
        store,
        [
            completion(
                id="a", request=asked("I want a refund, 退款"), response=answer("I am sorry to refuse")
            ),
            completion(id="b", request=asked("are you sorry"), response=answer("you get a refund 退款")),
            completion(id="c", request=asked("sorry"), response=None, failure_reason="refund limit reached"),
        ],
    )
    expected = {
        "refund": "abc",
        "in:request refund": "a",
        "refund IN:Request": "a",
        "in:response refund": "bc",
        "in:request 退款": "a",
        "in:response 款": "b",
        "in:response ref* li*": "c",
        '"a refund" in:response': "b",
        "refund sorry": "abc",
        "refund sorry in:request": "",
        "in:request refund in:response sorry": "a",
        "sorry in:request are in:response get": "b",
        "refund in:request in:response": "abc",
        "in:request in:response refund": "bc",
        '"in:request" refund': "",
        "in: refund": "",
    }

    found = {typed: "".join(sorted(ids(store, CompletionFilter(text=typed)))) for typed in expected}

    assert found == expected


def test_a_word_that_nobody_said_is_a_beginning(store: Store) -> None:
    """A word without a match finds the words that begin with it; a deletion takes it as it is."""
    put_all(
        store,
        [
            completion(id="a", request=asked("timeouts of gpt-4o"), response=answer("time is up")),
            completion(id="b", request=asked("a timeout"), tags=["t"], response=answer("resumed 天气好")),
        ],
    )
    put(store, completion(request=asked("timeou timeo")), "another")
    expected = {
        "timeout": "b",
        "timeouts": "a",
        "timeou": "ab",
        "time": "a",
        "TIMEO up": "a",
        "gpt-4": "a",
        "in:request tim": "ab",
        "in:response tim": "a",
        "in:request time": "ab",
        "résum": "b",
        '"a timeou"': "",
        "tomeou": "",
        "气天": "",
        "天气很": "",
        "t": "",
    }

    found = {typed: "".join(sorted(ids(store, CompletionFilter(text=typed)))) for typed in expected}

    assert found == expected
    beginning = CompletionFilter(text="timeou")
    assert store.completions.count(ORG, beginning).calls == 2
    (total,) = store.reports.statistics(ORG, StatisticsQuery(wanted=beginning)).groups
    assert total.calls == 2
    assert len(list(store.completions.stream(ORG, beginning))) == 2
    assert ids(store, CompletionFilter(text="timeou", tags=("t",))) == ["b"]
    assert store.completions.find_neighbors(ORG, "a", beginning) != Neighbors()
    assert store.completions.delete(ORG, beginning).result() == 0


def test_a_page_has_the_passages_of_its_records(store: Store) -> None:
    """Each record has the places where the words stand, a long one its first; others have none."""
    put_all(
        store,
        [
            completion(id="a", request=asked("a heron"), response=answer("two Herons, one heron")),
            completion(id="b", request=asked(f"heron {os.urandom(600_000).hex()}")),
        ],
    )

    def marked(typed: str) -> list[tuple[str, str, tuple[tuple[int, int], ...]]]:
        found = page(store, CompletionFilter(text=typed), with_passages=True).items
        return sorted((item.id, each.field, each.ranges) for item in found for each in item.passages or ())

    assert marked("heron") == [
        ("a", "request", ((2, 7),)),
        ("a", "response", ((16, 21),)),
        ("b", "request", ((0, 5),)),
    ]
    assert marked("her in:response") == [("a", "response", ((4, 10), (16, 21)))]
    assert page(store, CompletionFilter(text="heron")).items[0].passages is None
    assert page(store, with_passages=True).items[0].passages is None


@pytest.mark.parametrize("typed", ["refund in:answer", "in:Prompts", "in:request:"])
def test_an_unknown_place_is_named(store: Store, typed: str) -> None:
    """An ``in:`` of anything else is refused, by its name."""
    with pytest.raises(SearchError, match=typed.partition("in:")[2]):
        store.completions.page(ORG, CompletionFilter(text=typed), limit=1)


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
