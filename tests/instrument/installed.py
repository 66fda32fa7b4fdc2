"""Modules that look as if they were installed: what a framework does, written into a folder site-packages."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

FRAMEWORK = '''
import asyncio
import contextvars
import queue
import threading
from concurrent.futures import ThreadPoolExecutor

async def ask(client, **request):
    return await client.chat.completions.create(**request)

async def ask_once(make_client, **request):
    async with make_client() as client:
        return await ask_in_a_task(client, **request)

def ask_sync(client, **request):
    return client.chat.completions.create(**request)

async def ask_all(client, *requests):
    return await asyncio.gather(*(ask(client, **request) for request in requests))

async def ask_in_a_task(client, **request):
    return await asyncio.create_task(ask(client, **request))

async def answers(client, **request):
    yield await asyncio.create_task(ask(client, **request))

class Agent:
    """Makes its call through the SDK's client, as a task that it keeps for later."""

    def __init__(self, client, **request):
        self.task = asyncio.create_task(ask(client, **request))

    def __await__(self):
        return self.task.__await__()

def run_in_a_thread(make):
    found = []
    def run():
        found.append(asyncio.run(make()))
    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
    return found[0]

def run_on_a_loop(make):
    """In another thread, as the synchronous side of an asynchronous framework does."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    try:
        return asyncio.run_coroutine_threadsafe(make(), loop).result()
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()

def submit_all(work, items):
    with ThreadPoolExecutor(2) as pool:
        return list(pool.map(work, items))

class Worker(threading.Thread):
    """A thread of its own class, which runs what is put into its queue in the context of the putter."""

    def __init__(self):
        super().__init__(daemon=True)
        self.queue = queue.Queue()
        self.done = queue.Queue()

    def run(self):
        while True:
            context, work = self.queue.get()
            if work is None:
                return
            self.done.put(context.run(work))

    def do(self, work):
        self.queue.put((contextvars.copy_context(), work))
        return self.done.get() if work else None
'''


@pytest.fixture
def framework(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """A framework that is installed, and makes calls in tasks and threads of its own."""
    folder = tmp_path / "site-packages"
    folder.mkdir()
    (folder / "some_framework.py").write_text(FRAMEWORK)
    monkeypatch.syspath_prepend(str(folder))
    yield importlib.import_module("some_framework")
    del sys.modules["some_framework"]
