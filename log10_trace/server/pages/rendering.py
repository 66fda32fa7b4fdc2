"""Pages from templates: every value is escaped, so that a prompt is only ever text."""

from __future__ import annotations

from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from starlette.responses import HTMLResponse, Response

from log10_trace.server.refusal import Refusal

_environment = Environment(loader=PackageLoader(__package__), autoescape=True, undefined=StrictUndefined)


def page(template: str, status: int = 200, **shown: Any) -> Response:
    """A page made from ``template``; ``shown`` is what it may name."""
    return HTMLResponse(_environment.get_template(template).render(**shown), status)


def error_page(refusal: Refusal) -> Response:
    """An error, for people."""
    answer = page("error.html", refusal.status, refusal=refusal)
    answer.headers.update(refusal.headers)
    return answer
