"""Nothing is lost: real SDK calls in the worker processes of gunicorn, uvicorn and Celery, killed or not."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import pytest

from log10_trace.cli.simulated_model import MODEL
from tests.completions_api import CompletionsAPI
from tests.processes import DEADLINE_S, environment, until
from tests.web_servers import is_up, reserved_port, running

pytestmark = [pytest.mark.promises, pytest.mark.slow]

APP = f"""
import os
import openai
import log10_trace

log10_trace.patch()
client = openai.OpenAI()

def ask():
    client.chat.completions.create(model={MODEL!r}, messages=[{{"role": "user", "content": "hello"}}])
    return str(os.getpid()).encode()

def wsgi(environ, start_response):
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [ask()]

async def asgi(scope, receive, send):
    if scope["type"] == "http":
        body = ask()
        await send({{"type": "http.response.start", "status": 200, "headers": []}})
        await send({{"type": "http.response.body", "body": body}})
"""

CELERY = f"""
import os
import celery
import openai
import log10_trace

log10_trace.patch()
folder = os.environ["QUEUE"]
app = celery.Celery("tasks", broker="filesystem://")
app.conf.broker_transport_options = {{"data_folder_in": folder, "data_folder_out": folder}}

@app.task
def ask():
    client = openai.OpenAI()
    client.chat.completions.create(model={MODEL!r}, messages=[{{"role": "user", "content": "hello"}}])
    with open(os.path.join(os.environ["DONE"], str(os.getpid())), "a") as file:
        file.write("x")
"""


@pytest.fixture
def api() -> Iterator[CompletionsAPI]:
    with CompletionsAPI() as api:
        yield api


@pytest.mark.parametrize(
    "command",
    [
        ("gunicorn", "app:wsgi", "--workers", "3", "--bind"),
        ("gunicorn", "app:wsgi", "--workers", "3", "--preload", "--bind"),
        ("uvicorn", "app:asgi", "--workers", "2", "--port"),
    ],
    ids=["gunicorn", "gunicorn --preload", "uvicorn"],
)
def test_web_servers_with_workers(
    api: CompletionsAPI, private_home: Path, tmp_path: Path, command: tuple[str, ...]
) -> None:
    """Every request that a worker answered has its record, once; a worker that is killed loses none."""
    (tmp_path / "app.py").write_text(APP)
    settings = {"LOG10_URL": api.url, "LOG10_FLUSH_INTERVAL": "0.1"}
    with reserved_port() as port:
        address = str(port) if command[0] == "uvicorn" else f"127.0.0.1:{port}"
        url = f"http://127.0.0.1:{port}"
        with running(private_home, tmp_path, *command, address, **settings):
            until(lambda: is_up(url), "the server is up")
            with ThreadPoolExecutor(4) as pool:
                answers = list(pool.map(lambda _: httpx.get(url, timeout=DEADLINE_S).text, range(40)))
            os.kill(int(answers[-1]), signal.SIGKILL)
            until(lambda: is_up(url), "the server is up again")
            api.wait_for(lambda api: len(api.times()) >= 42, DEADLINE_S)

    assert len(api.rows()) == 42
    # Of what the killed worker was just sending, nobody knows that it arrived.
    assert len({each["source"] for each in api.stored if api.times()[each["id"]] > 1}) <= 1
    for sequences in api.sequences().values():
        assert sequences == list(range(1, len(sequences) + 1))


def test_celery_prefork(api: CompletionsAPI, private_home: Path, tmp_path: Path) -> None:
    """Every task that was done by a Celery worker has its record, once."""
    (tmp_path / "tasks.py").write_text(CELERY)
    variables = {"QUEUE": str(tmp_path / "queue"), "DONE": str(tmp_path / "done"), "C_FORCE_ROOT": "1"}
    for folder in ("queue", "done"):
        (tmp_path / folder).mkdir()
    command = ("celery", "-A", "tasks", "worker", "--concurrency", "3", "--pool", "prefork")
    settings = {"LOG10_URL": api.url, "LOG10_FLUSH_INTERVAL": "0.1", **variables}
    with running(private_home, tmp_path, *command, **settings):
        send = "from tasks import ask\nfor _ in range(20): ask.delay()"
        env = environment(private_home, OPENAI_API_KEY="k", PYTHONPATH=str(Path.cwd()), **variables)
        subprocess.run([sys.executable, "-c", send], cwd=tmp_path, env=env, check=True)

        def done() -> int:
            return sum(each.stat().st_size for each in (tmp_path / "done").iterdir())

        until(lambda: done() == 20, "the tasks are done")
        api.wait_for(lambda api: len(api.times()) >= 20, DEADLINE_S)

    assert set(api.times().values()) == {1}
    assert len(api.rows()) == 20
