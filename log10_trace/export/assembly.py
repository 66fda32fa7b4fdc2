"""How the parts of delivery are put together into a worker; nothing is begun here."""

from __future__ import annotations

from collections.abc import Callable

from log10_trace.config import Config
from log10_trace.export.addressing import Addressing
from log10_trace.export.backlog import Lose
from log10_trace.export.journal import Journal
from log10_trace.export.keeper import Keeper
from log10_trace.export.letters import DeadLetters
from log10_trace.export.recorder import Recorder
from log10_trace.export.sender import BATCH_BYTES, Sender
from log10_trace.export.spool import Spool
from log10_trace.export.transport import Transport
from log10_trace.export.worker import Worker


def assemble(
    *,
    config: Config,
    addressing: Addressing,
    spool: Spool,
    recorder: Recorder,
    journal: Journal | None,
    lose: Lose,
    progress: Callable[[], None],
) -> Worker:
    """A worker for ``journal``, if there is one, and for what dead processes left.

    ``progress`` is called whenever the network has moved.
    """
    letters = DeadLetters(config.spool_dir)
    keeper = Keeper(
        config=config, addressing=addressing, spool=spool, letters=letters, recorder=recorder, lose=lose
    )
    # What is being sent is neither given up nor counted against the bounds: it is small beside them.
    batch_bytes = min(BATCH_BYTES, config.spool_max_bytes // 8, config.memory_max_bytes // 8)
    sender = Sender(Transport(progress), letters, recorder.gate, batch_bytes=batch_bytes)
    return Worker(
        config=config,
        addressing=addressing,
        recorder=recorder,
        journal=journal,
        keeper=keeper,
        sender=sender,
    )
