"""The API over HTTP on PostgreSQL: tests that promise the same whatever is behind it, once more."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.server.conftest import Server, running
from tests.server.test_completions import (
    test_a_batch_answers_for_each_record,
    test_a_batch_sent_again_is_harmless,
    test_a_deleted_record_is_gone,
    test_a_full_page_holds_whole_records,
    test_a_key_that_only_writes_reads_nothing_back,
    test_a_record_comes_back_as_it_was_sent,
    test_a_session_is_made_by_asking,
    test_an_export_streams_whole_records,
    test_an_update_merges_by_field_and_makes_what_is_not_there,
    test_creating_again_leaves_one_record,
    test_deleting_many_needs_a_session_or_a_tag,
    test_pages_hold_every_record_once_while_more_arrive,
    test_sessions_statistics_and_sources_count_what_came,
)
from tests.server.test_original_clients import (
    hooks,
    python,
    test_a_chat_call_of_the_python_client,
    test_the_python_clients_feedback,
)

__all__ = [
    "hooks",
    "python",
    "test_a_batch_answers_for_each_record",
    "test_a_batch_sent_again_is_harmless",
    "test_a_chat_call_of_the_python_client",
    "test_a_deleted_record_is_gone",
    "test_a_full_page_holds_whole_records",
    "test_a_key_that_only_writes_reads_nothing_back",
    "test_a_record_comes_back_as_it_was_sent",
    "test_a_session_is_made_by_asking",
    "test_an_export_streams_whole_records",
    "test_an_update_merges_by_field_and_makes_what_is_not_there",
    "test_creating_again_leaves_one_record",
    "test_deleting_many_needs_a_session_or_a_tag",
    "test_pages_hold_every_record_once_while_more_arrive",
    "test_sessions_statistics_and_sources_count_what_came",
    "test_the_python_clients_feedback",
]


@pytest.fixture(scope="session")
def server(shared_postgres_url: str) -> Iterator[Server]:
    """A server on PostgreSQL that these tests share; each looks at an organization of its own."""
    with running(shared_postgres_url) as shared:
        yield shared
