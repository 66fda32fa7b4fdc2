"""How the parts of delivery are put together into a worker; nothing is begun here."""

from __future__ import annotations

from collections.abc import Callable

from log10_trace.config import Config
from log10_trace.export.delivery.maintenance import SpoolMaintenance
from log10_trace.export.delivery.sender import BATCH_BYTES, Sender
from log10_trace.export.delivery.server_resolver import ServerResolver
from log10_trace.export.delivery.transport import Transport
from log10_trace.export.delivery.worker import Worker
from log10_trace.export.journal_sink import JournalSink
from log10_trace.export.spool.backlog import OnLoss
from log10_trace.export.spool.dead_letters import DeadLetters
from log10_trace.export.spool.journal import Journal
from log10_trace.export.spool.spool import Spool


def build_worker(
    *,
    config: Config,
    addressing: ServerResolver,
    spool: Spool,
    recorder: JournalSink,
    journal: Journal | None,
    lose: OnLoss,
    progress: Callable[[], None],
) -> Worker:
    """A worker for ``journal``, if there is one, and for what dead processes left.

    ``progress`` is called whenever the network has moved.
    """
    letters = DeadLetters(config.spool_dir)
    keeper = SpoolMaintenance(
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
