"""What a transport needs of the interpreter."""

from __future__ import annotations

import json
from pathlib import Path

from tests.completions_api import CompletionsAPI
from tests.processes import program

SENDS = """
import json, sys
from log10_trace import redact
from log10_trace.export import Delivery
from log10_trace.export.delivery.responses import OutboundRecord
from log10_trace.export.delivery.server import Server
from log10_trace.export.delivery.transport import Transport
from tests.export.factories import config, keep

made = Delivery(config({url!r}, redact=redact.patterns()))
others = [Server(url=url) for url in ("https://localhost:9", "http://no-such-host.invalid", "http://localhost:9")]
before = set(sys.modules)
keep(made, 3)
assert made.flush(30)
for server in others:
    Transport().send(server, [OutboundRecord("id", b"{{}}")], 5.0)
print(json.dumps(sorted(set(sys.modules) - before)))
"""


def test_our_thread_imports_nothing(private_home: Path) -> None:
    """A child that is forked while our thread imports a module could never import it: it would hang."""
    with CompletionsAPI() as api:
        ended = program(private_home, SENDS.format(url=api.url))

    assert ended.returncode == 0, ended.stderr
    assert json.loads(ended.stdout) == []
