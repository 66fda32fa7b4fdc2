"""A delivery that is imported and made with the first call."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from log10_trace.export.deferred_delivery import DeferredDelivery
from log10_trace.export.delivery.delivery import Delivery
from tests.completions_api import CompletionsAPI
from tests.export.factories import begun, call, config
from tests.processes import program


@pytest.fixture
def api() -> Iterator[CompletionsAPI]:
    with CompletionsAPI() as api:
        yield api


@pytest.fixture
def made() -> Iterator[list[Delivery]]:
    """The deliveries that began."""
    deliveries: list[Delivery] = []
    yield deliveries
    for each in deliveries:
        each.close(5.0)


def test_it_begins_with_the_first_call_and_once(api: CompletionsAPI, made: list[Delivery]) -> None:
    """Until then there is none; afterwards calls pass it by."""
    deferred = DeferredDelivery(config(api.url), None, made.append)
    assert (deferred.begun, made) == (None, [])
    first, second = call(), call()

    for each in (first, second):
        deferred.on_start(each)
        deferred.on_end(each)

    (delivery,) = made
    assert deferred.begun is deferred.begin() is delivery
    assert (deferred.on_start, deferred.on_end) == (delivery.sink.on_start, delivery.sink.on_end)
    assert delivery.flush(10.0)
    assert api.ended() == [first.id, second.id]


def test_counts_go_on_from_one_to_the_next(api: CompletionsAPI, made: list[Delivery]) -> None:
    """Whether or not the first has begun when the second takes its place."""
    first = DeferredDelivery(config(api.url), None, made.append)
    first.count_left_out()
    second = DeferredDelivery(config(api.url, tags=["b"]), first.monitor, made.append)
    first.stop_in_background()
    for each, deferred in ((call(), first), (call(), second)):
        deferred.on_end(each)
        assert deferred.begin().flush(10.0)  # type: ignore[union-attr] # it has begun
    third = DeferredDelivery(config(api.url, tags=["c"]), second.monitor, made.append)
    third.count_left_out()

    assert [(each.stats().delivered, each.stats().sampled_out) for each in (second, third)] == [(2, 2)] * 2


def test_a_call_that_outlives_its_patch_is_delivered_by_a_thread_that_ends_with_it(
    api: CompletionsAPI, made: list[Delivery]
) -> None:
    """The delivery had not begun when it was retired, for the call had not."""
    deferred = DeferredDelivery(config(api.url, flush_interval=60.0), None, made.append)
    deferred.stop_in_background()
    late = call()
    deferred.on_end(late)

    api.wait_for(lambda api: late.id in api.ended())


def test_calls_of_a_signal_handler_in_the_middle_of_the_first_one_are_kept(
    api: CompletionsAPI, made: list[Delivery], monkeypatch: pytest.MonkeyPatch
) -> None:
    """They come from the very thread that makes the delivery, as those that the garbage collector ends."""
    deferred, inner = DeferredDelivery(config(api.url), None, made.append), call("inner")
    make = Delivery.__init__

    def interrupted(self: Delivery, *args: Any, **kwargs: Any) -> None:
        assert deferred.begin() is None
        deferred.on_start(inner)
        deferred.on_end(inner)
        make(self, *args, **kwargs)

    monkeypatch.setattr(Delivery, "__init__", interrupted)
    outer = call("outer")
    deferred.on_start(outer)
    deferred.on_end(outer)

    assert made[0].flush(10.0)
    assert sorted(api.ended()) == sorted([inner.id, outer.id])


def test_a_delivery_that_cannot_be_made_is_made_with_the_next_call(
    api: CompletionsAPI, made: list[Delivery], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The fault is the caller's to keep; nothing stays half done."""
    deferred = DeferredDelivery(config(api.url), None, made.append)
    with monkeypatch.context() as patched:
        patched.setattr(Delivery, "__init__", lambda *_, **__: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            deferred.on_start(begun())
    kept = call()
    deferred.on_end(kept)

    assert made[0].flush(10.0)
    assert api.ended() == [kept.id]


def test_the_end_of_a_program_without_calls_makes_none(private_home: Path, made: list[Delivery]) -> None:
    """Unless something waits in the spool: then it is looked whether that is left behind."""
    deferred = DeferredDelivery(config(), None, made.append)
    deferred.exit()
    assert made == []
    (private_home / "spool" / "left").mkdir(parents=True)

    deferred.exit()

    assert len(made) == 1


def test_a_call_after_the_end_is_spooled(api: CompletionsAPI, made: list[Delivery]) -> None:
    """Another handler of the end may make it: its record is on disk, and no thread is begun."""
    deferred = DeferredDelivery(config(api.url), None, made.append)
    deferred.exit()
    deferred.on_end(call())

    stats = deferred.stats()
    assert (stats.captured, stats.spooled, stats.delivered) == (1, 1, 0)
    assert made[0]._worker is None
    assert made[0].flush(10.0)


FORKS = """
import os, signal, sys, threading, time, warnings
from log10_trace.config import resolve
from log10_trace.export import deferred_delivery
from log10_trace.record.call import Call

def call():
    return Call("/chat/completions", created_ns=time.time_ns(), started_ns=time.perf_counter_ns())

# From 3.12 on Python warns of a fork beside any thread.
warnings.simplefilter("ignore", DeprecationWarning)
halfway, go_on, main = threading.Event(), threading.Event(), threading.current_thread()

class Stops:
    @staticmethod
    def find_spec(name, path=None, target=None):
        if name == "log10_trace.export.delivery.worker":
            halfway.set()
            assert go_on.wait(60)

class Telling:
    '''Lets the import go on when the fork waits for it.'''
    def __init__(self, lock):
        self.lock, self.release = lock, lock.release
    def acquire(self, timeout=-1):
        if threading.current_thread() is main:
            go_on.set()
            timeout = 60
        return self.lock.acquire(timeout=timeout)
    __enter__ = acquire
    def __exit__(self, *_):
        self.release()

deferred_delivery._making = Telling(deferred_delivery._making)
sys.meta_path.insert(0, Stops)
settings = resolve({{"url": {url!r}, "flush_interval": 0.02}})
made = deferred_delivery.DeferredDelivery(settings, None, lambda _: None)
first = threading.Thread(target=made.on_end, args=[call()])
first.start()
assert halfway.wait(60)
child = os.fork()
if child == 0:
    signal.alarm(60)  # ends it should it hang
    made.on_end(call())
    os._exit(0 if made.begin().flush(30) and made.stats().captured == 1 else 1)
first.join()
print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), made.begin().flush(30))
os._exit(0)
"""


def test_a_child_that_is_forked_while_another_thread_makes_its_first_call_records(
    api: CompletionsAPI, private_home: Path
) -> None:
    """The fork waits for the import: a child could never import what was half imported."""
    ended = program(private_home, FORKS.format(url=api.url))

    assert (ended.stdout.strip(), ended.stderr) == ("0 True", "")
    assert len(api.rows()) == 2


IMPORTS = """
import builtins, os, sys
from log10_trace.export.deferred_delivery import DeferredDelivery
from tests.export.factories import call, config

made = DeferredDelivery(config({url!r}), None, lambda _: None)
delivery = made.begin()
find, imported = builtins.__import__, []

def note(name, *arguments, **named):
    if name not in sys.modules:
        imported.append(name)
    return find(name, *arguments, **named)

builtins.__import__ = note
made.on_end(call())
print(delivery.flush({wait}), imported, flush=True)
os._exit(0)
"""


def test_nothing_is_imported_after_it_is_made(api: CompletionsAPI, private_home: Path) -> None:
    """A fork does not wait for the threads that deliver: no import may be halfway on one."""
    ended = program(private_home, IMPORTS.format(url=api.url, wait=10))

    assert (ended.stdout.strip(), ended.stderr) == ("True []", "")


def test_nothing_is_imported_after_it_is_made_for_a_server_with_tls(private_home: Path) -> None:
    """Certificates and OpenSSL are prepared where forks wait; that no server is there does not matter."""
    ended = program(private_home, IMPORTS.format(url="https://127.0.0.1:9", wait=0))

    assert (ended.stdout.strip(), ended.stderr) == ("False []", "")


def test_a_forked_child_counts_for_itself(private_home: Path) -> None:
    """What was counted before the first call of the parent is the parent's."""
    source = """
import os
from log10_trace.export.deferred_delivery import DeferredDelivery
from tests.export.factories import config

made = DeferredDelivery(config(), None, lambda _: None)
made.count_left_out()
child = os.fork()
if child == 0:
    made.count_left_out()
    made.count_left_out()
    os._exit(made.stats().sampled_out)
print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), made.stats().sampled_out)
"""
    ended = program(private_home, source)

    assert (ended.stdout.strip(), ended.stderr) == ("2 1", "")
