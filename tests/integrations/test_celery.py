"""Sessions of Celery tasks: run eagerly in this process, and by real workers of the prefork pool."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import celery
import openai
import pytest
from celery import signals

import log10_trace
from log10_trace import session
from log10_trace.context import current
from log10_trace.integrations import celery as integration
from log10_trace.testing import capture
from tests.completions_api import CompletionsAPI
from tests.model_endpoint import Endpoint
from tests.processes import DEADLINE_S, environment, until

QUESTION: Any = [{"role": "user", "content": "hi"}]


@pytest.fixture
def app(client: openai.OpenAI) -> Iterator[celery.Celery]:
    """An application whose tasks run where they are sent."""
    app = celery.Celery("shop", broker="memory://", set_as_current=False)
    app.conf.task_always_eager = True

    @app.task(shared=False, name="ask")
    def ask() -> str:
        client.chat.completions.create(model="m", messages=QUESTION)
        return current().session.id  # type: ignore[union-attr]

    @app.task(shared=False, name="ask-twice")
    def ask_twice() -> list[str]:
        return [ask(), ask.delay().result, ask()]

    @app.task(shared=False, name="fail")
    def fail() -> None:
        ask()
        raise ZeroDivisionError

    @app.task(shared=False, name="retry", bind=True)
    def retry(self: Any) -> str:
        if self.request.retries == 0:
            raise self.retry(countdown=0)
        return str(ask())

    yield app
    integration.uninstall()


def test_each_task_is_a_session(app: celery.Celery) -> None:
    """The calls of a task have its session and its name as tag, and no session is left behind it."""
    integration.install()
    with capture() as calls:
        ids = [app.tasks["ask"].delay().result for _ in range(2)]

    assert [call.session_id for call in calls] == ids
    assert len(set(ids)) == 2
    assert calls[0].tags == ["ask"]
    assert current().session is None


def test_a_task_in_a_task_has_a_session_of_its_own(app: celery.Celery) -> None:
    """Behind it the session of the outer task holds again."""
    integration.install()
    with capture() as calls:
        before, inner, behind = app.tasks["ask-twice"].delay().result

    assert before == behind != inner
    assert calls[2].tags == ["ask-twice"]


def test_a_task_joins_the_session_where_it_is_sent(app: celery.Celery) -> None:
    """With ``carry_session`` the task and the tasks in it have the session of the program."""
    integration.install(carry_session=True)
    with session(id="chat-7"):
        assert app.tasks["ask-twice"].delay().result == ["chat-7"] * 3
    assert app.tasks["ask"].delay().result != "chat-7"


@pytest.mark.parametrize(("name", "state"), [("fail", "FAILURE"), ("retry", "SUCCESS")])
def test_a_task_that_fails_or_is_tried_again_leaves_no_session(
    app: celery.Celery, name: str, state: str
) -> None:
    """Exceptions and retries are Celery's own, and the scope before the task comes back."""
    integration.install()
    with capture() as calls, session(id="outside"):
        assert app.tasks[name].delay().state == state
        assert current().session.id == "outside"  # type: ignore[union-attr]

    assert len(calls) == 1
    assert calls[0].session_id != "outside"


def test_installing_again_replaces_the_settings() -> None:
    """Each signal is heard once, and none after ``uninstall``."""
    heard = (signals.task_prerun, signals.task_postrun, signals.before_task_publish)
    before = [len(signal.receivers) for signal in heard]
    integration.install(carry_session=True)
    integration.install()
    installed = [len(signal.receivers) for signal in heard]
    integration.uninstall()

    assert [now - then for now, then in zip(installed, before, strict=True)] == [1, 1, 0]
    assert [len(signal.receivers) for signal in heard] == before


def test_the_end_of_a_worker_process_delivers(client: openai.OpenAI) -> None:
    """What waits is delivered then, since such a process ends without Python's own exit."""
    with CompletionsAPI() as api:
        log10_trace.patch(url=api.url, flush_interval=600)
        integration.install(flush_timeout=DEADLINE_S)
        try:
            client.chat.completions.create(model="m", messages=QUESTION)
            signals.worker_process_shutdown.send(sender=None, pid=1, exitcode=0)
            delivered = api.ended()
        finally:
            integration.uninstall()
            log10_trace.shutdown()

    assert len(delivered) == 1


TASKS = """
import os
import celery
import openai
import log10_trace
from log10_trace.integrations.celery import install

log10_trace.patch()
install(carry_session=True)
folder = os.environ["QUEUE"]
app = celery.Celery("tasks", broker="filesystem://")
app.conf.broker_transport_options = {
    "data_folder_in": folder, "data_folder_out": folder, "polling_interval": 0.05
}

@app.task
def ask(name):
    openai.OpenAI().chat.completions.create(model="m", messages=[{"role": "user", "content": name}])
    open(os.path.join(os.environ["DONE"], name), "x").close()
"""
SEND = """
import log10_trace
from tasks import ask
with log10_trace.session(id="chat-7"):
    ask.delay("joined")
    ask.delay("joined-too")
ask.delay("alone")
"""


@pytest.mark.slow
def test_a_prefork_worker(endpoint: Endpoint, private_home: Path, tmp_path: Path) -> None:
    """The session goes along in the message, and a worker process delivers before it ends."""
    (tmp_path / "tasks.py").write_text(TASKS)
    folders = {"QUEUE": tmp_path / "queue", "DONE": tmp_path / "done"}
    for folder in folders.values():
        folder.mkdir()
    with CompletionsAPI() as api, (tmp_path / "log").open("wb") as log:
        settings = {
            "OPENAI_BASE_URL": endpoint.url,
            "OPENAI_API_KEY": "k",
            "PYTHONPATH": str(Path.cwd()),
            "LOG10_URL": api.url,
            # So long that only the end of the worker process delivers.
            "LOG10_FLUSH_INTERVAL": "600",
            "C_FORCE_ROOT": "1",
            **{name: str(folder) for name, folder in folders.items()},
        }
        env = environment(private_home, **settings)
        alone = ["--without-gossip", "--without-mingle", "--without-heartbeat"]
        command = [
            sys.executable,
            "-m",
            "celery",
            "-A",
            "tasks",
            "worker",
            "-c",
            "1",
            "-P",
            "prefork",
            *alone,
        ]
        subprocess.run([sys.executable, "-c", SEND], cwd=tmp_path, env=env, check=True, timeout=DEADLINE_S)
        worker = subprocess.Popen(command, cwd=tmp_path, env=env, stdout=log, stderr=log)
        try:
            until(lambda: len(list(folders["DONE"].iterdir())) == 3, "the tasks are done")
        finally:
            worker.terminate()
            worker.wait(DEADLINE_S)
        rows = api.rows()

    assert len(rows) == 3
    sessions = {row["request"]["messages"][0]["content"]: row["session_id"] for row in rows.values()}
    assert sessions["joined"] == sessions["joined-too"] == "chat-7" != sessions["alone"]
    assert all(row["tags"] == ["tasks.ask"] for row in rows.values())
