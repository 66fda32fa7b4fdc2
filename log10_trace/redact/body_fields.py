"""Which fields of the API's bodies hold no contents: parameters, labels, usage. Pure data.

Every field that does not stand here holds contents.
"""

from __future__ import annotations

import re
from typing import Final


def _words(*lines: str) -> frozenset[str]:
    return frozenset(" ".join(lines).split())


LABELS: Final = _words(
    # what was asked of which model
    "model object type role mode id index status service_tier system_fingerprint provider reasoning_effort",
    "effort verbosity tool_choice function_call modalities include search_context_size quality size",
    "background moderation output_format voice encoding_format mime_type media_type syntax phase ttl",
    "prompt_cache_retention",
    # how it ended
    "finish_reason native_finish_reason stop_reason severity",
    # what belongs together
    "tool_call_id tool_use_id call_id item_id response_id previous_response_id conversation conversation_id",
    "file_id",
    "vector_store_ids vector_store_id container_id approval_request_id server_label version allowed_tools",
    "connector_id",
)
"""Fields whose text is a label, or a list of labels, and stays when it looks like one."""

LABEL: Final = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.:/@+\[\]-]{0,199}")
"""What a label looks like: one word of an identifier's characters."""

ERROR_LABELS: Final = _words("code param")
ERRORS: Final = _words("error errors")
"""Objects under these names have ``ERROR_LABELS`` too."""

_SUMMARIES: Final = _words("auto concise detailed")
WORDS: Final = {
    "detail": _words("auto low high original"),
    "format": _words("wav mp3 flac opus aac pcm pcm16 ogg m4a webm"),
    "summary": _SUMMARIES,
    "generate_summary": _SUMMARIES,
    "reason": _words("max_output_tokens max_tokens content_filter"),
    "truncation": _words("auto disabled"),
}
"""Fields that are labels with these values, and contents with others."""

CONTAINERS: Final = _words(
    "messages choices message delta content tool_calls function custom function_call functions tools",
    "tool_choice usage response_format json_schema output input logprobs top_logprobs reasoning text format",
    "audio item items image_url input_audio video_url audio_url file source prediction stream_options",
    "thinking web_search_options error errors incomplete_details prompt prompt_filter_results",
    "content_filter_results content_filter_result annotations url_citation file_citation summary refusal",
    "action conversation cache_control context_management system content_block citations output_config",
    "output_format mcp_servers tool_configuration stop_details",
)
"""Fields whose object, or list of objects, is the API's own: the names in it are the API's too."""

DEEP_CONTAINERS: Final = _words(
    "usage content_filter_results content_filter_result prompt_filter_results content_filter_offsets"
)
"""Containers in which every object, however deep, is the API's."""

NAMED: Final = _words(
    "function custom json_schema function_call functions tools custom_tool_call mcp_call",
    "mcp_approval_request tool tool_use server_tool_use mcp_tool_use",
)
"""Objects under these names, or of these types, have the name of a tool or a schema in ``name``."""
TOOL_USES: Final = _words("tool_use server_tool_use mcp_tool_use")
"""Objects of these types have the arguments of a tool in ``input``, under names of the user."""
TOOL_ROLES: Final = _words("tool function")
"""Messages of these roles have the name of a tool in ``name``; others that of a person."""

NUMBER_LISTS: Final = _words("token_logprobs text_offset")
"""Lists of numbers that say nothing of the words, as lists of tokens and of bytes do."""

FIELD_NAME: Final = re.compile(r"[a-z][A-Za-z0-9_]{0,63}")
"""What the name of a field looks like that a provider has added to the API's."""

SCHEMAS: Final = _words("schema parameters input_schema output_schema")
"""Fields that hold a JSON schema."""
SCHEMA_TYPES: Final = _words("object array string number integer boolean null")
SCHEMA_BOUNDS: Final = re.compile("min|max|exclusive|multipleOf")
INNER_SCHEMAS: Final = _words(
    "items prefixItems anyOf oneOf allOf not additionalProperties if then else contains propertyNames"
)
"""Keywords with a schema, or a list of them."""
NAMED_SCHEMAS: Final = _words("properties patternProperties $defs definitions dependentSchemas")
"""Keywords with schemas under names of the user."""
SCHEMA_TEXTS: Final = _words(
    "title description default const enum examples pattern format strict nullable deprecated",
    "$ref $schema $id $comment uniqueItems readOnly writeOnly",
)
"""Other keywords: the word stays, its text does not."""
