"""Reads from the store what the settings page shows."""

from __future__ import annotations

import secrets
import time

from log10_trace.domain.keys import ID_BYTES
from log10_trace.server.http.forwarded import FORWARDED_HOST
from log10_trace.server.http.request_context import RequestContext
from log10_trace.server.pages.call_fields import FIELDS, labels
from log10_trace.server.pages.json_access import values_of
from log10_trace.server.pages.settings.keys_view import KeyRow, key_rows
from log10_trace.server.pages.settings.settings_view import DataView, SettingsView, prices_view
from log10_trace.server.store.data_types import CompletionFilter, Order, StatisticsQuery


def read_keys(context: RequestContext) -> tuple[KeyRow, ...]:
    """The keys of the principal's organization."""
    keys = context.store.keys.list(context.organization_id)
    return key_rows(keys, context.principal.key_id, time.time_ns() // 1_000_000)


def read_settings(context: RequestContext) -> SettingsView:
    """The whole page."""
    reports = context.store.reports
    models = reports.statistics(context.organization_id, StatisticsQuery(group_by="model", interval="day"))
    return SettingsView(
        url=own_url(context),
        keys=read_keys(context),
        data=_read_data(context),
        prices=prices_view(reports.prices, models.groups),
        limits=context.service.limits,
        key_id=secrets.token_hex(ID_BYTES),
    )


def own_url(context: RequestContext) -> str:
    """The URL of this server as the browser reaches it; ``Host`` was checked before."""
    scope = context.request.scope
    host = scope[FORWARDED_HOST] or context.request.url.netloc
    return f"{scope['scheme']}://{host}{context.root_path}"


def _read_data(context: RequestContext) -> DataView:
    store, organization_id = context.store, context.organization_id
    totals = store.reports.statistics(organization_id, StatisticsQuery(interval="day")).groups

    def end(order: Order) -> int | None:
        found = store.completions.page(organization_id, CompletionFilter(), limit=1, order=order).items
        return labels(found[0].id, values_of(found[0], FIELDS)).began_ms if found else None

    return DataView(
        store=store.maintenance.describe(),
        health=store.maintenance.health(),
        calls=sum(group.calls for group in totals),
        oldest_ms=end("oldest"),
        newest_ms=end("newest"),
    )
