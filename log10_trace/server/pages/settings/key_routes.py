"""The routes that make and revoke keys. A new key's secret stands in one response and nowhere else."""

from __future__ import annotations

import asyncio
import time
from typing import Any, Final

from starlette.responses import RedirectResponse, Response

from log10_trace.domain.keys import Scope, make_key
from log10_trace.server.http.api_errors import not_found
from log10_trace.server.http.forms import read_form
from log10_trace.server.http.request_context import RequestContext
from log10_trace.server.pages.rendering import page
from log10_trace.server.pages.settings.key_form import LIFETIMES, MAX_NAME, KeyForm, read_key_form
from log10_trace.server.pages.settings.keys_view import SCOPES, KeyRow
from log10_trace.server.pages.settings.reading import read_keys, read_settings
from log10_trace.server.pages.urls import SETTINGS
from log10_trace.server.store.errors import StoreError

_CREATED: Final = 201
_CONFLICT: Final = 409
_UNUSABLE: Final = 422
_MADE_ALREADY: Final = "This key was made already, and its secret was shown once. Revoke it if nobody has it."


async def create(context: RequestContext) -> Response:
    """Make a key and show it, in this response alone.

    The form brings the id of the key, so that a response that is asked for again makes no second key.
    """
    form = read_key_form(await read_form(context))
    fault = form.find_fault()
    if fault:
        return await show_settings(context, _UNUSABLE, form=form, fault=fault)
    if await _is_made(context, form):
        return await show_settings(context, _CONFLICT, fault=_MADE_ALREADY)
    now_ms = time.time_ns() // 1_000_000
    token, key = make_key(
        context.organization_id,
        [Scope(scope) for scope in form.scopes],
        name=form.name,
        now_ms=now_ms,
        expires_at_ms=form.expires_at_ms(now_ms),
        key_id=form.key_id,
    )
    try:
        await asyncio.wrap_future(context.store.keys.add(context.organization_id, key))
    except StoreError:
        if await _is_made(context, form):  # by the same form, sent twice at once
            return await show_settings(context, _CONFLICT, fault=_MADE_ALREADY)
        raise
    return await show_settings(context, _CREATED, token=token)


async def confirm_revocation(context: RequestContext) -> Response:
    """Ask whether a key is to be revoked, and say what stops then."""
    return _confirm(context, await _find_valid(context))


async def revoke(context: RequestContext) -> Response:
    """Revoke a key; the key that the reader is signed in with only after a second look."""
    form = await read_form(context)
    key = await _find_valid(context)
    if (key.is_own or key.is_last_admin) and form.text("understood") != "yes":
        return _confirm(context, key, "Tick the box first: this closes the settings for you.")
    now_ms = time.time_ns() // 1_000_000
    pending = context.store.keys.revoke(context.organization_id, key.id, now_ms=now_ms)
    if not await asyncio.wrap_future(pending):
        raise not_found("key")
    context.service.authenticator.clear_cache()
    return RedirectResponse(f"{context.root_path}{SETTINGS}?revoked={key.id}#keys-of-organization", 303)


async def show_settings(context: RequestContext, status: int = 200, **shown: Any) -> Response:
    """The page, with what was just done."""
    view = await context.read(read_settings, context)
    shown = {"form": KeyForm(), "fault": "", "token": "", "revoked": None, **shown}
    lists = {"scopes": SCOPES, "lifetimes": LIFETIMES, "max_name": MAX_NAME}
    return page("settings.html", status, root=context.root_path, view=view, **lists, **shown)


async def _is_made(context: RequestContext, form: KeyForm) -> bool:
    return await context.read(context.store.keys.find, form.key_id) is not None


async def _find_valid(context: RequestContext) -> KeyRow:
    key_id = context.request.path_params["id"]
    keys = await context.read(read_keys, context)
    key = next((key for key in keys if key.id == key_id and key.state == "valid"), None)
    if key is None:
        raise not_found("valid key")
    return key


def _confirm(context: RequestContext, key: KeyRow, fault: str = "") -> Response:
    status = _UNUSABLE if fault else 200
    return page("revoke.html", status, root=context.root_path, key=key, fault=fault)
