"""The table of all operations of the API: method, path, scopes, handler."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from log10_trace.domain.keys import Scope
from log10_trace.server.http.request_context import Handler
from log10_trace.server.routes import (
    batch,
    completions,
    feedback,
    keys,
    legacy,
    listing,
    login,
    lookup,
    reports,
    sessions,
    system,
    tasks,
)

INGEST: Final = (Scope.INGEST,)
READ: Final = (Scope.READ,)
GRADE: Final = (Scope.FEEDBACK,)
READ_OR_GRADE: Final = (Scope.READ, Scope.FEEDBACK)
ADMIN: Final = (Scope.ADMIN,)
ANY_KEY: Final = tuple(Scope)


@dataclass(frozen=True, slots=True)
class Operation:
    """One operation of the API.

    Attributes:
        scopes: A key needs one of them; None: no key is needed.
    """

    method: str
    path: str
    handler: Handler
    scopes: tuple[Scope, ...] | None


SIGN_IN: Final = (
    Operation("GET", "/login", login.login_form, None),
    Operation("POST", "/login", login.login, None),
    Operation("POST", "/logout", login.logout, None),
)
"""What browsers use; not part of the API's document."""

OPERATIONS: Final = (
    Operation("POST", "/api/v1/completions", completions.create, INGEST),
    Operation("GET", "/api/v1/completions", listing.list_completions, READ),
    Operation("DELETE", "/api/v1/completions", completions.delete_many, ADMIN),
    Operation("POST", "/api/v1/completions/batch", batch.create_many, INGEST),
    Operation("GET", "/api/v1/completions/ungraded", listing.list_ungraded, READ_OR_GRADE),
    Operation("GET", "/api/v1/completions/lookup", lookup.look_up_completions, READ),
    Operation("POST", "/api/v1/completions/{id}", completions.update, INGEST),
    Operation("GET", "/api/v1/completions/{id}", completions.get, READ),
    Operation("DELETE", "/api/v1/completions/{id}", completions.delete, ADMIN),
    Operation("POST", "/api/v1/sessions", sessions.create, INGEST),
    Operation("GET", "/api/v1/sessions", sessions.list_sessions, READ),
    Operation("GET", "/api/v1/sessions/{id}", sessions.get, READ),
    Operation("POST", "/api/v1/feedback_task", tasks.create, GRADE),
    Operation("GET", "/api/v1/feedback_task", tasks.list_tasks, READ_OR_GRADE),
    Operation("GET", "/api/v1/feedback_task/{id}", tasks.get, READ_OR_GRADE),
    Operation("POST", "/api/v1/feedback", feedback.upload, GRADE),
    Operation("GET", "/api/v1/feedback", feedback.list_feedback, READ_OR_GRADE),
    Operation("GET", "/api/v1/feedback/{id}", feedback.get, READ_OR_GRADE),
    Operation("GET", "/api/v1/statistics", reports.statistics, READ),
    Operation("GET", "/api/v1/prices", reports.prices, READ),
    Operation("GET", "/api/v1/sources", reports.list_sources, READ),
    Operation("GET", "/api/v1/sources/{source}", reports.get_source, READ),
    Operation("POST", "/api/v1/login_codes", login.create_code, READ_OR_GRADE),
    Operation("GET", "/api/v1/key", keys.get_presented, ANY_KEY),
    Operation("GET", "/api/v1/limits", system.limits, ANY_KEY),
    Operation("POST", "/api/completions", legacy.create, INGEST),
    Operation("GET", "/api/completions", legacy.list_completions, READ),
    Operation("POST", "/api/completions/{id}", legacy.update, INGEST),
    Operation("GET", "/api/completions/{id}", legacy.get, READ),
    Operation("POST", "/api/sessions", legacy.create_session, INGEST),
    Operation("GET", "/api/tags/search", legacy.search_tags, READ),
    Operation("GET", "/metrics", system.metrics, READ),
    Operation("GET", "/healthz", system.healthz, None),
    Operation("GET", "/openapi.json", system.document, None),
)
