"""What a transport needs of the interpreter, and how records of all sizes are put on the wire."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from log10_trace.export.delivery import transport as transport_module
from log10_trace.export.delivery.server import Server
from log10_trace.export.delivery.transport import Transport
from log10_trace.export.http.streams import PIECE_BYTES
from log10_trace.export.spool.outbound_record import OutboundRecord
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
    Transport().send(server, [OutboundRecord("id", (b"{{}}",))], 5.0)
print(json.dumps(sorted(set(sys.modules) - before)))
"""


def test_our_thread_imports_nothing(private_home: Path) -> None:
    """A child that is forked while our thread imports a module could never import it: it would hang."""
    with CompletionsAPI() as api:
        ended = program(private_home, SENDS.format(url=api.url))

    assert ended.returncode == 0, ended.stderr
    assert json.loads(ended.stdout) == []


@pytest.mark.parametrize("is_remote", [False, True])
def test_records_in_pieces_arrive_as_lines(is_remote: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """Small ones and large ones in turns, compressed for a remote server and as they are for this machine."""
    monkeypatch.setattr(transport_module, "is_loopback", lambda _: not is_remote)
    long = b'"%b"' % (b"x" * (PIECE_BYTES + 1))
    sent = [
        OutboundRecord("a", (b'{"id":"a","status":"finished"}',)),
        OutboundRecord("b", (b'{"id":"b","status":"finished","request":', long, b',"response":1}')),
        OutboundRecord("c", (b'{"id":"c","status":"finished"}',)),
        OutboundRecord("d", (b'{"id":"d","status":"finished","request":', long, b',"response":', long, b"}")),
        OutboundRecord("e", (b'{"id":"e","status":"finished","long":' + long + b"}",)),
    ]
    with CompletionsAPI() as api:
        transport = Transport()
        answers = transport.send(Server(url=api.url), sent, 5.0).answers
        transport.close()

        assert [each.status for each in answers] == [201] * 5
        assert {id_: api.rows()[id_] for id_ in "abcde"} == {each.id: json.loads(each.body) for each in sent}
