"""Sign-in on the page: with a one-time code, which the server prints or gives to a key, or with a key."""

from __future__ import annotations

from typing import Final, TypedDict
from urllib.parse import parse_qsl

from starlette.responses import RedirectResponse, Response

from log10_trace.domain.keys import Scope
from log10_trace.server.authentication.auth import COOKIE, SESSION_S, Principal
from log10_trace.server.authentication.login_codes import CODE_LIFETIME_S
from log10_trace.server.http.api_errors import forbidden
from log10_trace.server.http.forms import read_form
from log10_trace.server.http.request_context import RequestContext
from log10_trace.server.http.responses import json_response
from log10_trace.server.pages.rendering import page
from log10_trace.server.pages.urls import GRADE, HOME

_USED: Final = (
    "That address was used already, or has expired. `log10-trace open` opens another, and `kill -USR1` with "
    "the server's pid prints one. Or:"
)
_WRONG: Final = "That key is unknown, revoked or expired, or may neither read nor grade."


class _Where(TypedDict):
    path: str
    secure: bool


async def login_form(context: RequestContext) -> Response:
    """The form; or, with a good one-time code, the way in."""
    code, goal = (context.request.query_params.get(name) for name in ("code", "next"))
    if code is None or context.request.method == "HEAD":
        return _form(context, goal)
    principal = context.service.codes.redeem(code)
    if principal is None:
        return _form(context, goal, _USED)
    return await _start_session(context, principal, _landing_path(principal, goal))


async def create_code(context: RequestContext) -> Response:
    """A one-time code that signs a browser in with what the key may do.

    Raises:
        ApiError: 403, it is asked for with the cookie of a page.
    """
    if context.principal.is_page_session:
        # Else whoever copied a cookie would have sessions that outlive it and are not signed out with it.
        raise forbidden(
            "key_required", "Only a key makes codes to sign in with, and a page session does not."
        )
    await context.json_object(optional=True)
    code = context.service.codes.issue(context.principal)
    return json_response({"code": code, "expires_in_s": CODE_LIFETIME_S}, 201)


async def login(context: RequestContext) -> Response:
    """Take the key that was typed, and let its holder in."""
    fields = await read_form(context)
    goal, unsent = fields.text("next"), fields.text("unsent")
    principal = await context.service.authenticator.authenticate_token(fields.text("token").strip())
    if principal is None or not principal.has_scope(Scope.READ, Scope.FEEDBACK):
        return _form(context, goal, _WRONG, unsent)
    return await _start_session(context, principal, _landing_path(principal, goal), unsent)


async def logout(context: RequestContext) -> Response:
    """End the sessions of this browser, on every server of the database."""
    answer = RedirectResponse(f"{context.root_path}/login", 303)
    for name, cookie in context.request.cookies.items():
        if name.startswith(COOKIE):
            await context.service.authenticator.sign_out(cookie)
            answer.delete_cookie(name, httponly=True, samesite="strict", **_build_cookie_scope(context))
    return answer


def _landing_path(principal: Principal, goal: str | None) -> str:
    """Where a browser that signed in is led: the goal, or the first page that the key may see."""
    path = safe_redirect_path(goal)
    return GRADE if path == HOME and not principal.has_scope(Scope.READ) else path


def safe_redirect_path(goal: str | None) -> str:
    """The goal, if it is a path of this server; no other site is ever led to."""
    is_own = goal is not None and goal.isascii() and goal.isprintable() and goal.startswith("/")
    return goal if goal and is_own and not goal.startswith(("//", "/\\")) else "/"


async def _start_session(
    context: RequestContext, principal: Principal, goal: str, unsent: str = ""
) -> Response:
    cookie = await context.service.authenticator.session_cookie(principal)
    if cookie is None:
        return _form(context, goal, _WRONG, unsent)
    answer: Response = RedirectResponse(f"{context.root_path}{goal}", 303)
    if unsent:
        fields = parse_qsl(unsent, keep_blank_values=True)
        answer = page("resume.html", root=context.root_path, path=goal, fields=fields)
    # The key's id in the name: servers on other ports of this machine share the browser's cookies.
    name = f"{COOKIE}_{principal.key_id}"
    answer.set_cookie(
        name, cookie, max_age=SESSION_S, httponly=True, samesite="strict", **_build_cookie_scope(context)
    )
    return answer


def _build_cookie_scope(context: RequestContext) -> _Where:
    """Where browsers send the cookie: under this server's path, and only over TLS if it was set over TLS."""
    return {"path": context.root_path or "/", "secure": context.request.scope["scheme"] == "https"}


def _form(context: RequestContext, goal: str | None, fault: str | None = None, unsent: str = "") -> Response:
    code = 200 if fault is None else 403
    goal = safe_redirect_path(goal)
    return page("login.html", code, root=context.root_path, fault=fault, next=goal, unsent=unsent)
