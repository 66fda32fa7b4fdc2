"""Failures that a provider reports in a body whose HTTP status is good."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from log10_trace.record import reported_failure
from log10_trace.record.reported_failure import MAX_REASON, Failure, find_failure

CHOICE = {"index": 0, "message": {"role": "assistant", "content": "Half"}, "finish_reason": None}
FAILURES: dict[str, tuple[Any, tuple[str, str]]] = {
    "an error object": ({"error": {"message": "image too large", "code": 400}}, ("400", "image too large")),
    "its type before its code": ({"error": {"type": "t", "code": "c", "message": "m"}}, ("t", "m")),
    "a status of Google's": ({"error": {"status": "UNAVAILABLE", "message": "m"}}, ("UNAVAILABLE", "m")),
    "an array with an error": ([{"error": {"code": 429, "message": "m"}}], ("429", "m")),
    "an error without message": ({"error": {"code": "c"}}, ("c", '{"code": "c"}')),
    "text": ({"error": "model not found"}, ("error", "model not found")),
    "a flag beside a message": ({"error": True, "message": "m"}, ("error", "m")),
    "a list of errors": ({"success": False, "errors": [{"code": 7009, "message": "m"}]}, ("7009", "m")),
    "an object that is an error": (
        {"object": "error", "message": "m", "type": "BadRequestError", "param": None, "code": 400},
        ("BadRequestError", "m"),
    ),
    "a type that is error": ({"type": "error", "message": "m", "code": "c"}, ("c", "m")),
    "code and message alone": ({"code": 50001, "msg": "m", "data": None}, ("50001", "m")),
    "code and message beside no answer": ({"code": "c", "message": "m", "choices": None}, ("c", "m")),
    "error code and message": ({"error_code": 336003, "error_msg": "m"}, ("336003", "m")),
    "a status beside the answer": (
        {"choices": None, "base_resp": {"status_code": 1004, "status_msg": "m"}},
        ("1004", "m"),
    ),
    "beside choices": ({"choices": [CHOICE], "error": {"code": 502, "message": "m"}}, ("502", "m")),
    "in a choice": ({"choices": [{**CHOICE, "error": {"code": 502, "message": "m"}}]}, ("502", "m")),
    "in the second choice": ({"choices": [CHOICE, {**CHOICE, "error": {"message": "m"}}]}, ("error", "m")),
    "a finish reason": (
        {"choices": [{**CHOICE, "finish_reason": "error"}]},
        ("error", "The answer ended with the finish reason error."),
    ),
    "a finish reason of DeepSeek's": (
        {"choices": [{**CHOICE, "finish_reason": "insufficient_system_resource"}]},
        (
            "insufficient_system_resource",
            "The answer ended with the finish reason insufficient_system_resource.",
        ),
    ),
}


@pytest.mark.parametrize(("body", "expected"), FAILURES.values(), ids=FAILURES)
def test_a_failure_is_found_in_the_form_that_a_provider_gives_it(body: Any, expected: Failure) -> None:
    """The kind is the provider's type, code or status, and the reason its message."""
    assert find_failure(body, is_response=False) == expected


RESPONSES: dict[str, tuple[dict[str, Any], tuple[str, str]]] = {
    "failed": (
        {"status": "failed", "error": {"code": "server_error", "message": "m"}},
        ("server_error", "m"),
    ),
    "failed without error": (
        {"status": "failed", "error": None},
        ("response.failed", "The status of the response is failed."),
    ),
    "cancelled": (
        {"status": "cancelled", "incomplete_details": None},
        ("response.cancelled", "The status of the response is cancelled."),
    ),
    "incomplete": (
        {"status": "incomplete", "incomplete_details": {"reason": "max_output_tokens"}, "output": [{}]},
        ("response.incomplete", "max_output_tokens"),
    ),
    "incomplete without details": (
        {"status": "incomplete"},
        ("response.incomplete", "The status of the response is incomplete."),
    ),
}


@pytest.mark.parametrize(("body", "expected"), RESPONSES.values(), ids=RESPONSES)
def test_a_response_fails_by_its_status(body: dict[str, Any], expected: Failure) -> None:
    """A response that failed, was cancelled or is incomplete says so, with an error, details or neither."""
    assert find_failure({"object": "response", **body}, is_response=True) == expected


@pytest.mark.parametrize("status", ["queued", "in_progress", "completed", None, "of tomorrow", 7])
def test_a_response_with_another_status_has_not_failed(status: Any) -> None:
    """A background response that is still going on is no failure."""
    assert find_failure({"status": status, "error": None, "output": []}, is_response=True) is None


@pytest.mark.parametrize(
    "body",
    [
        None, 7, "error", [], [1, 2], [{}, {"error": "x"}], {},
        {"choices": [CHOICE]}, {"choices": [CHOICE], "error": None}, {"choices": [CHOICE], "error": {}},
        {"choices": [CHOICE], "error": {"code": None, "message": ""}}, {"choices": [CHOICE], "error": ""},
        {"choices": [CHOICE], "error": False}, {"choices": [CHOICE], "code": 7, "message": "m"},
        {"choices": [CHOICE], "base_resp": {"status_code": 0, "status_msg": ""}},
        {"code": 0, "message": "success", "data": {}}, {"code": 200, "message": "ok"},
        {"code": "Success", "msg": "x"},
        {"message": "no code"}, {"code": 7}, {"detail": "no code"}, {"errors": []}, {"status": "failed"},
        {"choices": "error"}, {"choices": ["error", None]}, {"object": ["error"], "type": {"error": 1}},
        {"choices": [{**CHOICE, "finish_reason": "content_filter"}]},
        {"choices": [{**CHOICE, "finish_reason": ["error"]}]},
        {"choices": [{**CHOICE, "error": None, "finish_reason": "length"}]},
    ],
)  # fmt: skip
def test_what_reports_no_failure_is_none(body: Any) -> None:
    """An empty error, a good code and an answer that was cut at its length are no failures."""
    assert find_failure(body, is_response=False) is None


def test_what_is_reported_fits_the_api() -> None:
    """A kind is one short line and a reason is bounded, whatever a provider writes there."""
    error = {"type": "a\nb\ud800" + "c" * 1000, "message": "m" * (MAX_REASON + 1)}

    failure = find_failure({"error": error}, is_response=False)

    assert failure is not None
    assert failure.kind == "a b " + "c" * 196
    assert len(failure.reason) == MAX_REASON


@pytest.mark.parametrize("kind", [True, None, "", "error", [], {}, 1.5])
def test_a_kind_that_is_no_label_is_passed_over(kind: Any) -> None:
    """The next of type, code and status is taken."""
    assert find_failure({"error": {"type": kind, "code": "c", "message": "m"}}, is_response=False) == (
        "c",
        "m",
    )


ODD_FIELDS = ("error", "type", "base_resp", "status", "errors", "code", "message")
ODD_VALUES = st.sampled_from(
    [None, "", "error", "failed", 0, 500, {}, {"status_code": 1}, {"message": "m"}, ["e"]]
)
FINISHES = st.sampled_from([None, "stop", "length", "tool_calls", "error", "abort", "other", 1, ["stop"]])
CHOICES = st.dictionaries(st.just("error"), ODD_VALUES) | st.fixed_dictionaries({"finish_reason": FINISHES})
ANSWERS = st.builds(
    dict,
    st.dictionaries(st.sampled_from(ODD_FIELDS), ODD_VALUES, max_size=2),
    object=st.sampled_from(["chat.completion", "error", None]),
    choices=st.lists(CHOICES | st.just("text"), max_size=2) | st.none(),
)


@given(ANSWERS, st.booleans())
def test_an_answer_that_is_passed_over_reports_no_failure(body: dict[str, Any], is_response: bool) -> None:
    """The quick look at an answer says nothing else than the whole search."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(reported_failure, "_is_plain_answer", lambda _: False)
        expected = find_failure(body, is_response=is_response)

    assert find_failure(body, is_response=is_response) == expected
