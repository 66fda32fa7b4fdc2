"""The middleware where it is used: Django under gunicorn and under uvicorn, as real servers."""

from __future__ import annotations

from pathlib import Path

import httpx
import pytest

from log10_trace.cli.simulated_model import MODEL
from tests.completions_api import CompletionsAPI
from tests.processes import DEADLINE_S, until
from tests.web_servers import is_up, reserved_port, running

SITE = f"""
import django
import log10_trace
import openai
from django.conf import settings
from django.core.asgi import get_asgi_application
from django.core.wsgi import get_wsgi_application
from django.http import HttpResponse, StreamingHttpResponse
from django.urls import path
from log10_trace.integrations import asgi, wsgi

log10_trace.patch()
settings.configure(ROOT_URLCONF=__name__, ALLOWED_HOSTS=["*"], SECRET_KEY="none", MIDDLEWARE=[])
django.setup()
QUESTION = [{{"role": "user", "content": "hello"}}]

def up(request):
    return HttpResponse("up")

def ask(request):
    openai.OpenAI().chat.completions.create(model={MODEL!r}, messages=QUESTION)
    return HttpResponse("asked")

async def ask_async(request):
    await openai.AsyncOpenAI().chat.completions.create(model={MODEL!r}, messages=QUESTION)
    return HttpResponse("asked")

def ask_streamed(request):
    def pieces():
        for number in range(2):
            openai.OpenAI().chat.completions.create(model={MODEL!r}, messages=QUESTION)
            yield str(number)
    return StreamingHttpResponse(pieces())

urlpatterns = [path("", up), path("ask", ask), path("ask-async", ask_async)]
urlpatterns.append(path("ask-streamed", ask_streamed))
wsgi_application = wsgi.Log10Middleware(
    get_wsgi_application(), tags=lambda environ: [environ["PATH_INFO"]], response_header="X-Session-Id"
)
asgi_application = asgi.Log10Middleware(
    get_asgi_application(), tags=lambda scope: [scope["path"]], response_header="X-Session-Id"
)
"""


@pytest.mark.parametrize(
    "command",
    [
        ("gunicorn", "site_of_tests:wsgi_application", "--workers", "2", "--bind"),
        ("uvicorn", "site_of_tests:asgi_application", "--lifespan", "off", "--port"),
    ],
    ids=["gunicorn", "uvicorn"],
)
def test_each_request_of_a_django_site_is_a_session(
    private_home: Path, tmp_path: Path, command: tuple[str, ...]
) -> None:
    """Plain, asynchronous and streamed views: the calls have the id that the response names."""
    (tmp_path / "site_of_tests.py").write_text(SITE)
    with reserved_port() as port, CompletionsAPI() as api:
        address = str(port) if command[0] == "uvicorn" else f"127.0.0.1:{port}"
        url = f"http://127.0.0.1:{port}"
        settings = {"LOG10_URL": api.url, "LOG10_FLUSH_INTERVAL": "0.1"}
        with running(private_home, tmp_path, *command, address, **settings):
            until(lambda: is_up(url), "the server is up")
            sessions = {}
            for path in ("/ask", "/ask-async", "/ask-streamed"):
                response = httpx.get(url + path, timeout=DEADLINE_S).raise_for_status()
                sessions[path] = response.headers["x-session-id"]
            httpx.get(f"{url}/ask", timeout=DEADLINE_S, headers={"X-Session-Id": sessions["/ask"]})
            api.wait_for(lambda api: len(api.rows()) >= 5, DEADLINE_S)

    found = sorted((record["tags"][0], record["session_id"]) for record in api.rows().values())
    assert found == sorted([*sessions.items(), ("/ask", sessions["/ask"]), list(sessions.items())[2]])
