"""A small HTTP endpoint over the engine in this process, so that the driver's network path runs."""

from __future__ import annotations

import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from email.parser import BytesParser
from email.policy import HTTP
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from tempfile import NamedTemporaryFile
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import chdb
import lz4.frame
from clickhouse_connect.driver.exceptions import error_name_from_body

WRONG_PASSWORD = "Code: 516. DB::Exception: default: Authentication failed. (AUTHENTICATION_FAILED)"
TOO_LONG = "Poco::Exception. Code: 1000, e.code() = 0, HTML Form Exception: Field value too long"
_MAX_FIELD_BYTES = 131_072
"""Of a value in a form, as a server takes it at most unless it is told otherwise."""
_MAX_URI_BYTES = 16_384
"""Less than a server takes: what many load balancers before one take."""
_NATIVE = b" FORMAT Native\n"
_CODE = re.compile(r"Code: (\d+)")


class Endpoint:
    """What the requests are answered with."""

    def __init__(self, folder: str, password: str) -> None:
        self.password = password
        self.url = ""
        self.failing: dict[str, str] = {}
        """The beginning of a statement -> the error it is answered with, as the engine words it."""
        self.broken: set[str] = set()
        """Beginnings of statements at which the connection is cut, once each."""
        self.answers = threading.Event()
        """While it is not set, requests are accepted and get no answer."""
        self.answers.set()
        self.paths: list[str] = []
        self._folder = folder
        self._lock = threading.Lock()

    def answer(self, statement: bytes, database: str, values: dict[str, str], form: str) -> bytes:
        """Run a statement.

        Raises:
            RuntimeError: the engine refuses it.
        """
        for beginning, error in self.failing.items():
            if statement.lstrip().startswith(beginning.encode()):
                raise RuntimeError(error)
        insert, native, rows = statement.partition(_NATIVE)
        with self._lock, NamedTemporaryFile() as file:
            if native and rows:  # the engine in this process takes rows from files alone
                file.write(rows)
                file.flush()
                statement = insert + f" FROM INFILE '{file.name}' FORMAT Native".encode()
            connection = chdb.connect(self._folder)
            try:
                connection.query(f"USE `{database}`", "Null")
                result: bytes = connection.query(statement, form, params=values).bytes()
            finally:
                connection.close()
        return result


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    endpoint: Endpoint

    def do_GET(self) -> None:
        self._answer(b"")

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        if self.headers.get("Transfer-Encoding") == "chunked":
            body = b"".join(self._chunks())
        self._answer(body)

    def _chunks(self) -> Iterator[bytes]:
        while size := int(self.rfile.readline(), 16):
            yield self.rfile.read(size)
            self.rfile.readline()
        self.rfile.readline()

    def _answer(self, body: bytes) -> None:
        given = dict(parse_qsl(urlsplit(self.path).query, keep_blank_values=True))
        self.endpoint.paths.append(self.path)
        if len(self.path) > _MAX_URI_BYTES:
            self._send(414, b"", None)
            return
        if "multipart/form-data" in self.headers.get("Content-Type", ""):
            given |= _parts(self.headers["Content-Type"], body)
            body = b""
        if self.headers.get("Content-Encoding") == "lz4":
            body = lz4.frame.decompress(body)
        statement = b"\n".join(filter(None, (given.get("query", "").encode(), body)))
        if self._is_cut(statement):
            return
        try:
            result = self._run(statement, given)
        except Exception as error:  # noqa: BLE001 -- the server's border: each error is an answer
            self._send(500, str(error).encode(), error_code(str(error)))
        else:
            self._send(200, result, None)

    def _is_cut(self, statement: bytes) -> bool:
        if not self.endpoint.answers.is_set():
            self.endpoint.answers.wait()
            self.close_connection = True
            return True
        cut = [each for each in self.endpoint.broken if statement.lstrip().startswith(each.encode())]
        self.endpoint.broken.difference_update(cut)
        self.close_connection = bool(cut) or self.close_connection
        return bool(cut)

    def _run(self, statement: bytes, given: dict[str, str]) -> bytes:
        if self.headers.get("Authorization", "") != self.endpoint.password:
            raise RuntimeError(WRONG_PASSWORD)
        if any(len(text.encode()) > _MAX_FIELD_BYTES for text in given.values()):
            raise RuntimeError(TOO_LONG)
        values = {name[6:]: text for name, text in given.items() if name.startswith("param_")}
        form = given.get("default_format") or "TabSeparated"
        return self.endpoint.answer(statement, given.get("database", "default"), values, form)

    def _send(self, status: int, body: bytes, code: str | None) -> None:
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("X-ClickHouse-Format", "Native")
        self.send_header("X-ClickHouse-Timezone", "UTC")
        if code:
            self.send_header("X-ClickHouse-Exception-Code", code)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: Any) -> None:
        """Nothing."""


def error_code(text: str) -> str:
    """The number in an error's text."""
    found = _CODE.search(text)
    assert found or not error_name_from_body(text)
    return found[1] if found else "1"


def _parts(content_type: str, body: bytes) -> dict[str, str]:
    head = f"Content-Type: {content_type}\r\n\r\n".encode()
    message = BytesParser(policy=HTTP).parsebytes(head + body)
    return {
        str(part.get_param("name", header="content-disposition")): part.get_payload(decode=True).decode()
        for part in message.iter_parts()
    }


@contextmanager
def serving(folder: str, database: str, password: str = "Basic ZGVmYXVsdDpzZWNyZXQ=") -> Iterator[Endpoint]:
    """An endpoint for user ``default`` and password ``secret``, while the block runs."""
    endpoint = Endpoint(folder, password)
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("Handler", (_Handler,), {"endpoint": endpoint}))
    server.daemon_threads = True
    endpoint.url = f"clickhouse://default:secret@127.0.0.1:{server.server_port}/{database}"
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield endpoint
    finally:
        endpoint.answers.set()
        server.shutdown()
        thread.join()
        server.server_close()
