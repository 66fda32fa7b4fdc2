"""Programs whose tests stop the clock, as freezegun does: nothing of ours waits for it to go on."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from pathlib import Path

from tests import completions_api as does
from tests.completions_api import CompletionsAPI
from tests.model_endpoint import model_endpoint
from tests.processes import program

HEAD = """
import datetime, os, time
CLOCKS = {name: getattr(time, name) for name in dir(time) if name.startswith(("monotonic", "perf_", "time"))}
CLOCKS = {name: clock for name, clock in CLOCKS.items() if callable(clock)}
is_stopped = True
def stopped_clock(of):
    def tell():
        # As freezegun's, which have no time to tell once it has ended.
        if not is_stopped:
            raise IndexError("the clock is not stopped any more")
        return 5_000_000_000 if of.endswith("_ns") else 5.0
    return tell
def stop_clock():
    for name in CLOCKS:
        setattr(time, name, stopped_clock(name))
def start_clock():
    global is_stopped
    is_stopped = False
    for name, clock in CLOCKS.items():
        setattr(time, name, clock)
def call():
    with openai.OpenAI(base_url=os.environ["MODEL"], api_key="k", max_retries=0) as client:
        client.chat.completions.create(model="m", messages=[{"role": "user", "content": "hello"}])
"""


def test_a_stopped_clock_delays_neither_flush_nor_the_end_of_the_program(private_home: Path) -> None:
    """The server never answers: ``flush`` gives up after its time, and so does the end of the program."""
    source = """
import log10_trace, openai
log10_trace.patch(url=os.environ["API"], timeout=300)
stop_clock()
call()
print(log10_trace.flush(0.1))
"""
    with CompletionsAPI() as api, model_endpoint() as model:
        api.behave(does.hang)
        ended = program(private_home, HEAD + source, API=api.url, MODEL=model.url)

    assert (ended.stderr, ended.stdout, ended.returncode) == ("", "False\n", 0)


def test_calls_are_delivered_with_their_own_times_while_the_clock_stands_and_afterwards(
    private_home: Path,
) -> None:
    """What was imported with the clock stopped does not use it, neither then nor when it goes again."""
    source = """
stop_clock()
import log10_trace, openai
log10_trace.patch(url=os.environ["API"])
call()
start_clock()
call()
print(log10_trace.flush(60), log10_trace.stats().faults)
"""
    begun = datetime.now(timezone.utc)
    with CompletionsAPI() as api, model_endpoint() as model:
        ended = program(private_home, HEAD + source, API=api.url, MODEL=model.url)
        records = list(api.rows().values())

    assert (ended.stderr, ended.stdout, ended.returncode) == ("", "True {}\n", 0)
    moments = [datetime.fromisoformat(each["created_at"].replace("Z", "+00:00")) for each in records]
    assert [abs(each - begun) < timedelta(days=1) for each in moments] == [True, True]
    assert all(each["duration"] > 0 for each in records)


def test_all_public_names_are_had_where_another_class_stands_for_datetime(private_home: Path) -> None:
    """Freezegun asks every loaded module for all its names, with its own ``datetime`` already in place."""
    source = """
import pydantic, log10_trace
class Model(pydantic.BaseModel):
    moment: datetime.datetime
class Stopped(datetime.datetime):
    pass
datetime.datetime = Stopped
assert all(getattr(log10_trace, name) for name in dir(log10_trace))
print(log10_trace.Completion(created_at=Stopped(2012, 1, 14)).model_dump_json(include={"created_at"}))
"""
    ended = program(private_home, HEAD + source)

    assert (ended.stderr, ended.stdout, ended.returncode) == ("", '{"created_at":"2012-01-14T00:00:00"}\n', 0)
