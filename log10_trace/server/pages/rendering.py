"""Rendering of views with autoescaped templates, and the static files of the pages."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Iterator, MutableMapping
from importlib import resources
from typing import Any, Final

from jinja2 import Environment, PackageLoader, StrictUndefined
from jinja2.runtime import Context
from starlette.responses import Response

from log10_trace.domain import formatting
from log10_trace.server.http.api_errors import ApiError
from log10_trace.server.http.unsent_form import UnsentFormError
from log10_trace.server.pages import sanitize
from log10_trace.server.pages.calls.row_drawing import draw_rows
from log10_trace.server.pages.chart_drawing import draw_steps, draw_table_rows
from log10_trace.server.pages.compare.compare_drawing import draw_sides, draw_text
from log10_trace.server.pages.navigation import PLACES
from log10_trace.server.pages.overview.group_drawing import draw_groups
from log10_trace.server.pages.urls import (
    call_path,
    compare_path,
    feedback_path,
    grading_path,
    list_path,
    overview_path,
    session_path,
    task_path,
)

_TYPES: Final = {"css": "text/css", "js": "text/javascript", "svg": "image/svg+xml"}
_TITLES: Final[dict[int, str]] = {
    403: "This key may not do that",
    404: "Not found",
    422: "The address cannot be used",
    500: "The server made a mistake",
    503: "Not right now",
}
_IMMUTABLE_CACHE: Final = "public, max-age=31536000, immutable"

STATIC: Final = {
    file.name: file.read_bytes()
    for file in (resources.files(__package__) / "static").iterdir()
    if file.is_file()
}
"""The files that pages load, held in memory: no path is ever made from what a browser asks for."""
_VERSION: Final = hashlib.sha256(repr(sorted(STATIC.items())).encode()).hexdigest()[:12]
"""Part of every file's path, so that browsers may cache the files without limit."""


def page(template: str, code: int = 200, /, *, root: str, **shown: Any) -> Response:
    """A page made from a template.

    Args:
        template: The name of its file.
        code: The HTTP status.
        root: The root path, which templates write before every path of this server.
        shown: What the template may name.
    """
    now_ms = time.time_ns() // 1_000_000
    contexts: list[Context] = []
    try:
        text = _environment.get_template(template).render(
            now_ms=now_ms, root=root, contexts=contexts, **shown
        )
    finally:
        for context in contexts:
            context.vars.clear()
            context.parent.clear()
    headers = {"Cache-Control": "no-store"}
    return Response(text.encode(), code, headers, media_type="text/html")


class _PageContext(Context):
    """What a template may name. Those of a page stand in its ``contexts``, so that it can empty them.

    A context and the macros of its template refer to each other. Left to Python's search for cycles, what was
    shown fills the memory until then, and the search stops the server for some 50 ms.
    """

    def __init__(
        self,
        environment: Environment,
        parent: dict[str, Any],
        name: str | None,
        blocks: dict[str, Callable[[Context], Iterator[str]]],
        globals: MutableMapping[str, Any] | None = None,  # noqa: A002 -- Jinja's name
    ) -> None:
        super().__init__(environment, parent, name, blocks, globals)
        parent.get("contexts", []).append(self)


def error_page(refusal: ApiError, root: str) -> Response:
    """What went wrong, for people; the sign-in form where that is missing for a form that was sent."""
    if isinstance(refusal, UnsentFormError):
        return page("login.html", refusal.status, root=root, fault="", next=refusal.path, unsent=refusal.body)
    title = _TITLES.get(refusal.status, "That did not work")
    shown = {"status": refusal.status, "title": title, "message": refusal.message, "code": refusal.code}
    answer = page("error.html", refusal.status, root=root, **shown)
    answer.headers.update(refusal.headers)
    return answer


def static_file(version: str, name: str) -> Response | None:
    """One of ``STATIC``; None for any other name.

    Browsers keep it under the path of its own version only: during an upgrade a page of one server may ask
    another server for its files.
    """
    content = STATIC.get(name)
    if content is None:
        return None
    headers = {"Cache-Control": _IMMUTABLE_CACHE if version == _VERSION else "no-store"}
    return Response(content, headers=headers, media_type=_TYPES[name.rpartition(".")[2]])


def _static_path(name: str) -> str:
    """The path of a file. A module that imports ``./other.js`` stays in the same version of all files."""
    return f"/static/{_VERSION}/{name}"


def _sanitize(value: Any) -> Any:
    """Finalizes values in templates: untrusted text is sanitized here, for all templates."""
    return (
        sanitize.escape_control_characters(value)
        if isinstance(value, str) and not hasattr(value, "__html__")
        else value
    )


def make_environment() -> Environment:
    """What templates are rendered with: everything is escaped, and untrusted text sanitized."""
    environment = Environment(
        loader=PackageLoader(__package__),
        autoescape=True,
        finalize=_sanitize,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.context_class = _PageContext
    environment.globals.update(
        call_path=call_path,
        draw_groups=draw_groups,
        draw_rows=draw_rows,
        draw_sides=draw_sides,
        draw_steps=draw_steps,
        draw_table_rows=draw_table_rows,
        draw_text=draw_text,
        compare_path=compare_path,
        truncate=sanitize.truncate,
        formatting=formatting,
        grading_path=grading_path,
        list_path=list_path,
        overview_path=overview_path,
        places=PLACES,
        session_path=session_path,
        static=_static_path,
        feedback_path=feedback_path,
        task_path=task_path,
    )
    return environment


_environment: Final = make_environment()
