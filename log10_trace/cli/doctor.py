"""``log10-trace doctor``: check everything that delivery depends on; each line shows ok or a remedy."""

from __future__ import annotations

import importlib.metadata
import json as json_text
import os
import platform
import shutil
import time
from collections.abc import Iterator
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from typing import Final

import typer

from log10_trace import __version__
from log10_trace.cli import exit_codes
from log10_trace.cli.app import app
from log10_trace.cli.options import Json
from log10_trace.cli.output import print_line, show_json
from log10_trace.cli.spool_flush import delivery_hint
from log10_trace.cli.units import format_bytes
from log10_trace.client import Log10
from log10_trace.config import Config, resolve, set_variables
from log10_trace.errors import AuthenticationError, ConfigError, Log10Error, SDKError
from log10_trace.export.delivery.responses import RecordResult
from log10_trace.export.delivery.retry import Disposition
from log10_trace.export.delivery.server import Server
from log10_trace.export.delivery.server_resolver import ServerResolver
from log10_trace.export.delivery.transport import Transport
from log10_trace.export.http.proxies import ProxyError
from log10_trace.export.http.reply import HttpReply
from log10_trace.export.spool.dead_letters import DeadLetters
from log10_trace.export.spool.destination import fingerprint
from log10_trace.export.spool.inspection import Problem, find_problems, list_pending
from log10_trace.export.spool.spool import Spool
from log10_trace.network import find_tls_problem

CLOCK_S: Final = 30.0
"""A clock that is further from the server's is worth mending: records are sorted by it."""
ROOM_BYTES: Final = 64 * 1024 * 1024
SECONDS: Final = 5.0

_REDIRECTS: Final = 300
_UNAUTHORIZED: Final = 401
_FORBIDDEN: Final = 403
_CLIENT_FAULTS: Final = 400
_SERVER_FAULTS: Final = 500
_BUSY: Final = "Look at the server's log, and at that of a proxy before it: records are kept meanwhile."
_KEY: Final = "Set LOG10_TOKEN to a key of that server that may write: log10-trace keys create"
_BETWEEN: Final = "Something between here and the server refuses requests: look at proxy and firewall."
_ELSEWHERE: Final = "LOG10_URL leads to something else: set it to where the API is."
_REMEDIES: Final = {
    404: _ELSEWHERE,
    405: _ELSEWHERE,
    407: "The proxy asks for a user and a password: write them into https_proxy or http_proxy.",
    421: "Start the server with --allow-host and the host name of LOG10_URL.",
    429: "The server asks for fewer requests: records are kept meanwhile.",
}
"""Remedies for HTTP statuses that identify the problem."""
MAX_PROBLEMS: Final = 10


@dataclass(frozen=True, slots=True)
class CheckResult:
    """What was found of one thing; ``remedy`` is empty when it is in order."""

    what: str
    found: str
    remedy: str = ""


EXAMPLES: Final = """[bold]Example[/bold]

  log10-trace doctor"""


@app.command(epilog=EXAMPLES)
def doctor(*, json: Json = False) -> None:
    """Check configuration, spool, server, token, clock and versions; each line shows ok or a remedy."""
    findings = list(_findings())
    for each in findings:
        if json:
            show_json({"what": each.what, "ok": not each.remedy, "found": each.found, "remedy": each.remedy})
        else:
            print_line(f"{'!!' if each.remedy else 'ok'}  {each.what:<14} {each.found}")
            if each.remedy:
                print_line(f"    {'':<14} {each.remedy}")
    if any(each.remedy for each in findings):
        raise typer.Exit(exit_codes.FAILED)


def _findings() -> Iterator[CheckResult]:
    yield from _versions()
    try:
        settings = resolve()
    except ConfigError as error:
        yield CheckResult("configuration", str(error), f"Set {error.key} to another value, or unset it.")
        return
    yield _configuration()
    yield from _spool(settings)
    resolver = ServerResolver(settings)
    resolver.suppress_notice()
    server = resolver.resolve()
    if server is None:
        yield CheckResult("server", "none is running, and LOG10_URL is not set", "Type: log10-trace serve")
        return
    yield from _server(server)


def _versions() -> Iterator[CheckResult]:
    yield CheckResult("versions", f"log10-trace {__version__}, Python {platform.python_version()}")
    try:
        installed = importlib.metadata.version("openai")
    except importlib.metadata.PackageNotFoundError:
        yield CheckResult("openai", "is not installed", "Type: pip install openai")
        return
    is_known = installed.split(".")[0] in ("1", "2", "3")
    remedy = "" if is_known else "Versions 1 to 3 are supported: pip install 'openai>=1,<4'"
    yield CheckResult("openai", installed, remedy)


def _configuration() -> CheckResult:
    names = set_variables()
    return CheckResult("configuration", f"from {', '.join(names)}" if names else "the defaults")


def _spool(settings: Config) -> Iterator[CheckResult]:
    root = settings.spool_dir
    other = "Make the folder writable for your user, or name another folder in LOG10_SPOOL_DIR."
    try:
        Spool(root).prepare()
        probe = root / f".probe-{os.getpid()}"
        probe.write_bytes(b"")
        probe.unlink()
    except OSError as error:
        yield CheckResult("spool", f"{root}: {error.strerror}", other)
        return
    free = shutil.disk_usage(root).free
    room = f"{root}, {format_bytes(free)} free"
    yield CheckResult("spool", room, "" if free > ROOM_BYTES else "Make room on that disk.")
    found = list_pending(Spool(root))
    yield from _spool_problems(find_problems(Spool(root), found))
    left = [each for each in found if each.deliverable and not each.alive]
    ours = ServerResolver(settings).accepts
    waits = sum(each.deliverable for each in left if ours(each.destination))
    yield CheckResult("waiting", f"{waits} records", "Type: log10-trace spool flush" if waits else "")
    for each in left:
        if not ours(each.destination):
            yield CheckResult(
                "for others", f"{len(each.sequences)} records of {each.source}", delivery_hint(each)
            )
    dead_letters = len(DeadLetters(root))
    yield CheckResult(
        "dead letters", f"{dead_letters}", "Type: log10-trace spool dead-letters" if dead_letters else ""
    )


def _spool_problems(broken: list[Problem]) -> Iterator[CheckResult]:
    for each in broken[:MAX_PROBLEMS]:
        yield CheckResult("spool file", f"{each.path} {each.what}", each.remedy)
    if (more := len(broken) - MAX_PROBLEMS) > 0:
        yield CheckResult("spool file", f"{more} more problems", "Type: log10-trace spool status")


def _server(server: Server) -> Iterator[CheckResult]:
    """What delivery meets at the server: it is asked over a connection of the same kind."""
    transport = Transport()
    begun = time.time()
    answer = transport.get(server, "/healthz", SECONDS)
    transport.close()
    if isinstance(answer, RecordResult):
        yield _unreachable(server, answer)
        return
    yield CheckResult("server", f"{server.url} answers {answer.status}", _health_remedy(answer))
    yield from _api(server)
    yield _clock(answer, (begun + time.time()) / 2)


def _unreachable(server: Server, answer: RecordResult) -> CheckResult:
    problem = find_tls_problem(answer.cause)
    if problem is not None:
        return CheckResult("server", f"{server.url}: {problem.found}", f"{problem.remedy}.")
    if isinstance(answer.cause, ConfigError):
        return CheckResult(
            "certificates", str(answer.cause), f"Set {answer.cause.key} to another value, or unset it."
        )
    if isinstance(answer.cause, ProxyError):
        remedy = "Correct the proxy in https_proxy, http_proxy or all_proxy, or name the server in no_proxy."
        return CheckResult("proxy", answer.message, remedy)
    remedy = "Start it (log10-trace serve), or set LOG10_URL to where it is."
    return CheckResult("server", f"{server.url} does not answer ({answer.message})", remedy)


def _health_remedy(answer: HttpReply) -> str:
    if answer.status >= _SERVER_FAULTS:
        return _BUSY
    if location := answer.headers.get("location"):
        return (
            f"It sends us on to {location.partition('?')[0]}: set LOG10_URL to where the completions API is."
        )
    return ""


def _api(server: Server) -> Iterator[CheckResult]:
    """Whether the API takes the key, and then whether it takes records: something may let only reads pass."""
    try:
        with Log10(
            log10_token=server.token,
            server_url=server.url,
            x_log10_organization=server.organization_id,
            timeout=SECONDS,
        ) as client:
            client.completions.limits()
    except Log10Error as error:
        yield _explain_rejection(error)
        return
    taken = f"the server takes it (fingerprint {fingerprint(server.token)})"
    yield CheckResult("token", taken if server.token else "the server asks for none")
    transport = Transport()
    answer = transport.probe(server, SECONDS)
    transport.close()
    yield _delivery(server, answer)


def _delivery(server: Server, answer: RecordResult) -> CheckResult:
    """Whether records can be delivered."""
    if answer.disposition is Disposition.DONE:
        return CheckResult("delivery", "the server takes records")
    if not answer.status:
        return CheckResult("delivery", f"a POST brings no answer ({answer.message})", _BETWEEN)
    if answer.status < _REDIRECTS:
        found = f"{server.url} answers, but is no completions API (POST: HTTP {answer.status})"
        return CheckResult("delivery", found, _ELSEWHERE)
    found = f"a POST is answered with {answer.status} {answer.message}".rstrip()
    return CheckResult("delivery", found, _remedy(answer.status, is_of_api=bool(answer.code)))


def _explain_rejection(error: Log10Error) -> CheckResult:
    """Whose fault it is that the API refuses: the key's, the address's, or that of something in between."""
    if not isinstance(error, SDKError):
        return CheckResult("API", str(error), "Look at what stands between here and the server.")
    is_of_api = isinstance(error, AuthenticationError) and _is_object(error.body)
    remedy = _remedy(error.status_code, is_of_api=is_of_api)
    return CheckResult("token" if remedy == _KEY else "API", str(error), remedy)


def _remedy(status: int, *, is_of_api: bool) -> str:
    """What to do about a status other than success; ``is_of_api``: the API itself gave it."""
    if status == _UNAUTHORIZED or (status == _FORBIDDEN and is_of_api):
        return _KEY
    if status in _REMEDIES:
        return _REMEDIES[status]
    if status < _CLIENT_FAULTS:
        return _ELSEWHERE
    return _BUSY if status >= _SERVER_FAULTS else _BETWEEN


def _is_object(body: str) -> bool:
    """Whether a body is a JSON object, as every answer of the API is."""
    try:
        return isinstance(json_text.loads(body), dict)
    except ValueError:
        return False


def _clock(answer: HttpReply, now: float) -> CheckResult:
    try:
        apart = abs(parsedate_to_datetime(answer.headers["date"]).timestamp() - now)
    except (KeyError, ValueError):
        return CheckResult("clock", "the server does not say what time it is")
    remedy = "" if apart < CLOCK_S else "Set this machine's clock, or the server's: records are sorted by it."
    return CheckResult("clock", f"{apart:.0f} s from the server's", remedy)
