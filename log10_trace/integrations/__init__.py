"""Sessions for what serves requests and runs jobs: one module a framework, imported by its own name.

* ``log10_trace.integrations.asgi``: middleware for FastAPI, Starlette, Django (ASGI) and others.
* ``log10_trace.integrations.wsgi``: middleware for Flask, Django (WSGI) and others.
* ``log10_trace.integrations.logging``: a filter that names the session and its last call on log records.
* ``log10_trace.integrations.celery``: a session for each task, by Celery's signals.
* ``log10_trace.integrations.aws_lambda``: a decorator that delivers before the handler returns.

None of them calls ``patch()``: the program does, once in each process.
"""
