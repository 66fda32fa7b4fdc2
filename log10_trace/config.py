"""Settings: one table of options, resolved once, argument before environment before default.

A value that cannot be used is a ``ConfigError`` that names its key. No other module resolves these options.
The environment has other readers: ``cli`` for the options of its commands (LOG10_DATABASE, LOG10_PRICES,
LOG10_ORG_ID, FORWARDED_ALLOW_IPS), for what the SDK reads and for what a shell asks when it completes a
command; ``network`` for what other programs read too: proxies and SSL_CERT_FILE. ``server.validation`` hands
it on to a process of its own.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final, NamedTuple
from urllib.parse import urlsplit

from log10_trace import redact
from log10_trace.domain.labels import check_label, unite_tags
from log10_trace.domain.metadata import check_metadata
from log10_trace.domain.sdk_names import SDK_NAMES
from log10_trace.errors import ConfigError

MIB: Final = 1024 * 1024


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise ValueError(f"it is {type(value).__name__}, not text")  # noqa: TRY004 -- every parser answers with ValueError, resolve() names the key
    return value


def _header(value: Any) -> str:
    """Text that travels in a header; a key read from a file comes with a line break."""
    text = _text(value).strip()
    if not text:
        raise ValueError("it is empty; leave it out instead")
    if not (text.isascii() and text.isprintable()):
        raise ValueError("it holds characters that do not go into an HTTP header")
    return text


def _url(value: Any) -> str:
    parts = urlsplit(_text(value).strip())
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ValueError("it is not an address such as http://127.0.0.1:4680")
    if parts.username or parts.password:
        raise ValueError("it holds a user name or a password; give the key as token")
    if parts.query or parts.fragment:
        raise ValueError("it must not have a query or fragment")
    _ = parts.port  # raises ValueError for a port that is not a number
    return parts.geturl().rstrip("/")


def _otlp_url(value: Any) -> str:
    from log10_trace.otlp.endpoint import parse_url  # noqa: PLC0415 -- seldom needed

    return parse_url(value)


def _otlp_headers(value: Any) -> dict[str, str]:
    from log10_trace.otlp.endpoint import parse_headers  # noqa: PLC0415 -- seldom needed

    return parse_headers(value)


def _tags(value: Any) -> tuple[str, ...]:
    items = value.split(",") if isinstance(value, str) else value
    if not isinstance(items, list | tuple | set | frozenset):
        raise ValueError("tags are a list of strings, or text with commas between")  # noqa: TRY004
    for item in items:
        if not isinstance(item, str):
            raise ValueError(f"{item!r} is {type(item).__name__}, and a tag is a string")  # noqa: TRY004
        check_label("a tag", item.strip())
    return unite_tags(item.strip() for item in items if item.strip())


def _app(value: Any) -> tuple[str, ...]:
    items = value.split(",") if isinstance(value, str) else value
    if not isinstance(items, list | tuple | set | frozenset) or not all(
        isinstance(item, str) for item in items
    ):
        raise ValueError("it is not a list of modules and paths, nor text with commas between")
    return tuple(dict.fromkeys(_app_item(item.strip()) for item in items if item.strip()))


def _app_item(item: str) -> str:
    """One item of ``app``: a dotted name as it is, a path made absolute."""
    mark = "!" if item.startswith("!") else ""
    name = item.removeprefix(mark).strip()
    if all(part.isidentifier() for part in name.split(".")):
        return mark + name
    path = _path(name)
    if not path.exists():
        raise ValueError(f"{name!r} is neither the name of a module nor a path that exists")
    return mark + os.path.realpath(path)


def _sdks(value: Any) -> tuple[str, ...]:
    items = value.split(",") if isinstance(value, str) else value
    if not isinstance(items, list | tuple | set | frozenset):
        raise ValueError("SDKs are a list of names, or text with commas between")  # noqa: TRY004
    known = ", ".join(SDK_NAMES)
    names = [item.strip().lower() if isinstance(item, str) else item for item in items if item != ""]
    for name in names:
        if name not in SDK_NAMES:
            raise ValueError(f"{name!r} is no SDK whose calls can be recorded; known are {known}")
    if not names:
        raise ValueError(f"it names no SDK; known are {known}")
    return tuple(name for name in SDK_NAMES if name in names)


def _metadata(value: Any) -> dict[str, Any]:
    if isinstance(value, str):
        pairs = [pair.partition("=") for pair in value.split(",") if pair.strip()]
        if not all(equals for _, equals, _ in pairs):
            raise ValueError("metadata is text such as team=search,stage=test")
        value = {key.strip(): item.strip() for key, _, item in pairs}
    try:
        return check_metadata(value)
    except TypeError as error:
        raise ValueError(str(error)) from None


def _flag(value: Any) -> bool:
    if isinstance(value, bool):
        return value
    word = str(value).strip().lower()
    if word in ("1", "true", "yes", "on"):
        return True
    if word in ("0", "false", "no", "off", ""):
        return False
    raise ValueError("it is not a boolean (yes/no)")


def _number(least: float, most: float, unit: str) -> Callable[[Any], float]:
    def parse(value: Any) -> float:
        if isinstance(value, bool):
            raise ValueError(f"a number of {unit} is needed")  # noqa: TRY004
        try:
            number = float(value)
        except (TypeError, ValueError):
            raise ValueError(f"a number of {unit} is needed") from None
        if not least <= number <= most:
            raise ValueError(f"it must lie between {least:g} and {most:g} {unit}")
        return number

    return parse


def _integer(least: int, most: int, unit: str) -> Callable[[Any], int]:
    parse_number = _number(least, most, unit)

    def parse(value: Any) -> int:
        number = parse_number(value)
        if number != int(number):
            raise ValueError(f"a whole number of {unit} is needed")
        return int(number)

    return parse


def _path(value: Any) -> Path:
    if not isinstance(value, str | os.PathLike) or not str(value).strip():
        raise ValueError("it is not a path")
    try:
        # Absolute, because it is used wherever the program may have gone by then.
        return Path(value).expanduser().absolute()
    except RuntimeError as error:
        raise ValueError(f"it begins with ~, and {error}") from None


def _ca_file(value: Any) -> Path:
    from log10_trace.network import check_ca_file  # noqa: PLC0415 -- few programs name a file

    path = _path(value)
    check_ca_file(path)
    return path


def _spool_dir(value: Any) -> Path:
    from log10_trace.folders import check_folder  # noqa: PLC0415 -- as above

    path = _path(value)
    check_folder(path)
    return path


def _redactor(value: Any) -> Callable[..., Any]:
    return redact.read_redactor(value)


class Option(NamedTuple):
    """One setting: the name of its argument, its environment variable, its default, how it is read."""

    name: str
    env: str | None
    default: Any
    parse: Callable[[Any], Any]
    meaning: str


OPTIONS: Final = (
    Option(
        name="url",
        env="LOG10_URL",
        default=None,
        parse=_url,
        meaning="URL of the completions API; default: this user's own `log10-trace serve`",
    ),
    Option(
        name="token",
        env="LOG10_TOKEN",
        default=None,
        parse=_header,
        meaning="API key of the completions API",
    ),
    Option(
        name="organization_id",
        env="LOG10_ORG_ID",
        default=None,
        parse=_header,
        meaning="organization of the records; default: the token's",
    ),
    Option(
        name="ca_file",
        env="LOG10_CA_FILE",
        default=None,
        parse=_ca_file,
        meaning="a PEM file with the authorities that the API's certificate is verified with; "
        "without it, SSL_CERT_FILE, else SSL_CERT_DIR, else those of certifi",
    ),
    Option(
        name="tags", env="LOG10_TAGS", default=(), parse=_tags, meaning="tags on every record of the program"
    ),
    Option(
        name="metadata",
        env="LOG10_METADATA",
        default={},
        parse=_metadata,
        meaning="a flat map stored with every record: team=search,stage=test",
    ),
    Option(
        name="redact",
        env="LOG10_REDACT",
        default=None,
        parse=_redactor,
        meaning="Completion to Completion function, called on the delivery thread before a record is stored; "
        "or detectors of `log10_trace.redact`, also by name: keys,emails,phones,cards,ibans,ssns,ips",
    ),
    Option(
        name="capture_content",
        env="LOG10_CAPTURE_CONTENT",
        default=True,
        parse=_flag,
        meaning="when no, records have models, parameters, roles, usage and sizes, but no words",
    ),
    Option(
        name="max_content_bytes",
        env="LOG10_MAX_CONTENT_BYTES",
        default=None,
        parse=_integer(0, 2**40, "bytes"),
        meaning="larger images, audio and files are replaced by type, size and SHA-256, longer texts are "
        "cut; default: nothing is",
    ),
    Option(
        name="sample_rate",
        env="LOG10_SAMPLE_RATE",
        default=1.0,
        parse=_number(0, 1, "(share of sessions)"),
        meaning="share of sessions to record, all of their calls; outside of any session, of calls; 0 to 1",
    ),
    Option(
        name="keep_failures",
        env="LOG10_KEEP_FAILURES",
        default=False,
        parse=_flag,
        meaning="when yes, calls that fail are recorded whatever sample_rate says",
    ),
    Option(
        name="sdks",
        env="LOG10_SDKS",
        default=SDK_NAMES,
        parse=_sdks,
        meaning=f"SDKs whose calls are recorded, each once the program imports it; default: "
        f"{','.join(SDK_NAMES)}",
    ),
    Option(
        name="app",
        env="LOG10_APP",
        default=(),
        parse=_app,
        meaning="modules, packages or paths that are your own code although they are installed; "
        "behind a `!`, ones that are not",
    ),
    Option(
        name="threads",
        env="LOG10_THREADS",
        default=True,
        parse=_flag,
        meaning="when yes, threads and executors begin with the session and tags of what starts them",
    ),
    Option(
        name="disabled",
        env="LOG10_DISABLED",
        default=False,
        parse=_flag,
        meaning="when yes, `patch()` does nothing",
    ),
    Option(
        name="spool_dir",
        env="LOG10_SPOOL_DIR",
        default=None,
        parse=_spool_dir,
        meaning="where records wait for delivery; default: the folder `spool` in LOG10_HOME",
    ),
    Option(
        name="spool_max_bytes",
        env="LOG10_SPOOL_MAX_BYTES",
        default=1024 * MIB,
        parse=_integer(MIB, 2**50, "bytes"),
        meaning="maximum size of the spool; the oldest records are dropped first",
    ),
    Option(
        name="memory_max_bytes",
        env="LOG10_MEMORY_MAX_BYTES",
        default=64 * MIB,
        parse=_integer(MIB, 2**50, "bytes"),
        meaning="maximum memory for waiting records, all stages",
    ),
    Option(
        name="flush_interval",
        env="LOG10_FLUSH_INTERVAL",
        default=1.0,
        parse=_number(0.01, 3600, "seconds"),
        meaning="seconds to wait for a batch to fill before sending",
    ),
    Option(
        name="timeout",
        env="LOG10_TIMEOUT",
        default=10.0,
        parse=_number(0.05, 600, "seconds"),
        meaning="maximum seconds for one request to the completions API, from first to last byte",
    ),
    Option(
        name="exit_timeout",
        env="LOG10_EXIT_TIMEOUT",
        default=2.0,
        parse=_number(0, 600, "seconds"),
        meaning="seconds that program exit may be delayed to deliver",
    ),
    Option(
        name="otlp_url",
        env="LOG10_OTLP_URL",
        default=None,
        parse=_otlp_url,
        meaning="URL of an OTLP endpoint (HTTP), with or without /v1/traces: every call is sent there as a "
        "span as well",
    ),
    Option(
        name="otlp_headers",
        env="LOG10_OTLP_HEADERS",
        default={},
        parse=_otlp_headers,
        meaning="headers of every request to otlp_url, such as a key: api-key=secret,tenant=acme",
    ),
    Option(
        name="otlp_content",
        env="LOG10_OTLP_CONTENT",
        default=False,
        parse=_flag,
        meaning="when yes, spans hold requests, responses and tools as well",
    ),
    Option(
        name="otlp_traced",
        env="LOG10_OTLP_TRACED",
        default=False,
        parse=_flag,
        meaning="when yes, calls that another instrumentation has a span of are sent to otlp_url as well",
    ),
    Option(
        name="otlp_metrics",
        env="LOG10_OTLP_METRICS",
        default=True,
        parse=_flag,
        meaning="when no, otlp_url is sent spans alone, and no metrics to /v1/metrics beside it",
    ),
)


class Config(NamedTuple):
    """Every setting, resolved; one field for each row of ``OPTIONS``, which says what it means."""

    url: str | None
    token: str | None
    organization_id: str | None
    ca_file: Path | None
    tags: tuple[str, ...]
    metadata: dict[str, Any]
    redact: Callable[..., Any] | None
    capture_content: bool
    max_content_bytes: int | None
    sample_rate: float
    keep_failures: bool
    sdks: tuple[str, ...]
    app: tuple[str, ...]
    threads: bool
    disabled: bool
    spool_dir: Path
    spool_max_bytes: int
    memory_max_bytes: int
    flush_interval: float
    timeout: float
    exit_timeout: float
    otlp_url: str | None
    otlp_headers: dict[str, str]
    otlp_content: bool
    otlp_traced: bool
    otlp_metrics: bool


def resolve(arguments: Mapping[str, Any] | None = None, environ: Mapping[str, str] | None = None) -> Config:
    """Resolve every option: argument, else environment, else default.

    An argument that is ``None``, or a variable that is empty, is not given.

    Raises:
        ConfigError: a value cannot be used, or an argument names no option.
    """
    arguments = arguments or {}
    environ = os.environ if environ is None else environ
    for key in arguments:
        if key not in _NAMES:
            raise ConfigError(key, arguments[key], "unknown setting")
    settled = {option.name: _resolve_option(option, arguments, environ) for option in OPTIONS}
    own = log10_home(environ)
    if settled["spool_dir"] is None:
        settled["spool_dir"] = own / "spool"
    return Config(**settled)


def set_variables(environ: Mapping[str, str] | None = None) -> list[str]:
    """The environment variables of options that are set and not empty, in the order of ``OPTIONS``."""
    environ = os.environ if environ is None else environ
    return [option.env for option in OPTIONS if option.env and environ.get(option.env)]


_NAMES: Final = {option.name for option in OPTIONS}


def _resolve_option(option: Option, arguments: Mapping[str, Any], environ: Mapping[str, str]) -> Any:
    key, value = option.name, arguments.get(option.name)
    if value is None and option.env is not None:
        key, value = option.env, environ.get(option.env) or None
    if value is None:
        return option.default
    try:
        return option.parse(value)
    except ValueError as error:
        raise ConfigError(key, _mask_secrets(option.name, value), str(error)) from None


def _mask_secrets(name: str, value: Any) -> Any:
    """The value of a setting as an error may show it: without the secrets in it."""
    if name in ("token", "otlp_headers"):
        return "***"
    is_url = name in ("url", "otlp_url") and isinstance(value, str)
    return _SECRETS.sub("***", value) if is_url else value


_SECRETS: Final = re.compile(r"(?<=//).*(?=@)|(?<=[?#]).*", re.DOTALL)
"""The parts of an address that may be one's key: user and password, and what follows the path."""


def log10_home(environ: Mapping[str, str] | None = None) -> Path:
    """The folder of this user's own things: spool, database, key. ``LOG10_HOME``, else ``~/.log10``.

    A user without a home folder gets one of their own in the folder for temporary files.

    Raises:
        ConfigError: LOG10_HOME is no path.
    """
    environ = os.environ if environ is None else environ
    if named := environ.get("LOG10_HOME"):
        try:
            return _path(named)
        except ValueError as error:
            raise ConfigError("LOG10_HOME", named, str(error)) from None
    try:
        return Path.home() / ".log10"
    except RuntimeError:
        return Path(environ.get("TMPDIR") or "/tmp") / f"log10-{os.getuid()}"  # noqa: S108 -- the owner is checked where it is used


assert set(Config._fields) == _NAMES  # noqa: S101 -- the table and the class are one
