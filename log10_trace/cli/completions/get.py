"""``completions get``: one call, whole."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Annotated, Any, Final

import typer
from rich.text import Text

from log10_trace.cli.call_reference import resolve_id
from log10_trace.cli.completions.group import group
from log10_trace.cli.conversation import ERROR, messages_of
from log10_trace.cli.options import Server, expand_option_groups
from log10_trace.cli.output import (
    count_noun,
    escape_control_characters,
    moment_of,
    print_line,
    relative_time,
    seconds,
    show_bytes,
    show_text,
)
from log10_trace.cli.reference_command import ReferenceCommand
from log10_trace.domain.call_labels import describe_origin
from log10_trace.domain.call_markdown import write_markdown
from log10_trace.domain.charges import read_usage
from log10_trace.domain.json_slices import parse_value
from log10_trace.models.base import Model
from log10_trace.models.components import Completion, Stacktrace

_FRAMES: Final = 6
"""The innermost frames, which are shown; all of them are in the JSON."""
_STYLES: Final = {"user": "bold cyan", "assistant": "bold green", "tool": "bold magenta"}


@group.command("get", cls=ReferenceCommand)
@expand_option_groups
def get(
    completion_id: Annotated[
        str | None,
        typer.Argument(help="The call's id or a part of it, latest, -2.", show_default=False),
    ] = None,
    *,
    server: Server,
    id_: Annotated[str | None, typer.Option("--id", help="The same, as an option.", hidden=True)] = None,
    as_json: Annotated[bool, typer.Option("--json", help="The record as indented JSON.")] = False,
    as_markdown: Annotated[bool, typer.Option("--md", help="The call as Markdown.")] = False,
    raw: Annotated[bool, typer.Option("--raw", help="The record's JSON text, byte for byte.")] = False,
) -> None:
    """Show one call: request, response, call site and stack."""
    wanted = completion_id or id_
    if wanted is None:
        message = "Which call? Give its id, its beginning or end, or: latest. See them: log10-trace ls"
        raise typer.BadParameter(message)
    with server.client() as client:
        answer = client.completions.get(completion_id=resolve_id(client, wanted))
    if raw:
        show_bytes([answer.raw_response.content, b"\n"])
    elif as_json:
        print_line(_indent(answer.raw_response.text))
    elif as_markdown:
        record = parse_value(answer.raw_response.text)
        print_line(write_markdown(record["id"], record).rstrip("\n"))
    else:
        show_call(answer.completion)


def _indent(record: str) -> str:
    try:
        return json.dumps(json.loads(record), indent=2)
    except ValueError:  # it holds an integer of more digits than Python converts
        return record


def show_call(call: Completion) -> None:
    """Show the whole call to a person."""
    for name, value in _labels(call):
        show_text(Text.assemble((f"{name:<10}", "dim"), escape_control_characters(value)))
    for said in messages_of(call):
        if said.role == ERROR and call.failure_kind:
            continue  # the failure below says it in a sentence
        show_text(Text(f"\n{escape_control_characters(said.role)}", style=_STYLES.get(said.role, "bold")))
        show_text(Text(escape_control_characters(said.text)), indent=2)
    if call.failure_kind:
        show_text(
            Text(
                f"\n{escape_control_characters(call.failure_kind)}: "
                f"{escape_control_characters(call.failure_reason or '')}",
                style="red",
            )
        )
    if call.stacktrace:
        _show_stack(call.stacktrace)


def _show_stack(frames: list[Stacktrace]) -> None:
    outer = len(frames) - _FRAMES
    show_text(
        Text(
            "\nfrom" + (f"  ({count_noun(outer, 'outer frame')} left out)" if outer > 0 else ""), style="bold"
        )
    )
    for frame in frames[-_FRAMES:]:
        place = escape_control_characters(f"{frame.file}:{frame.lineno} in {frame.name}")
        origin = describe_origin(frame.origin)
        show_text(Text(place + (f"; the line {origin}" if origin else ""), style="dim"), indent=2)
        if frame.line:
            show_text(Text(escape_control_characters(frame.line)), indent=4)


def _labels(call: Completion) -> Iterator[tuple[str, str]]:
    status = str(getattr(call.status, "value", call.status))
    yield "id", call.id or ""
    yield "status", f"{status}, cut short" if call.interrupted else status
    if call.created_at:
        yield "when", f"{call.created_at}  ({relative_time(moment_of(call.created_at))})"
    if call.duration is not None:
        first = call.time_to_first_token
        yield "took", seconds(call.duration) + (f", first token after {seconds(first)}" if first else "")
    for name, value in (
        ("model", _model(call)),
        ("tokens", _tokens(call)),
        ("tags", ", ".join(call.tags or [])),
        ("session", call.session_id),
        ("endpoint", f"{(call.base_url or '').rstrip('/')}{call.endpoint or ''}"),
        ("trace", f"{call.trace_id}, span {call.span_id}" if call.trace_id else None),
        ("via", call.via),
        ("retries", str(call.retries) if call.retries else None),
        ("metadata", json.dumps(call.metadata) if call.metadata else None),
    ):
        if value:
            yield name, value


def _model(call: Completion) -> str | None:
    asked, answered = getattr(call.request, "model", None), getattr(call.response, "model", None)
    if asked and answered and asked != answered:
        return f"{asked}, answered by {answered}"
    return str(answered or asked or "") or None


def _tokens(call: Completion) -> str | None:
    response: Any = (
        call.response.model_dump(warnings=False) if isinstance(call.response, Model) else call.response
    )
    usage = read_usage(response, call.native_response)
    return None if usage.input is None or usage.output is None else f"{usage.input} in, {usage.output} out"
