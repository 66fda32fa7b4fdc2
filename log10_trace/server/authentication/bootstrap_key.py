"""The API key of this machine's own user: created at the first start, in a file only that user can read."""

from __future__ import annotations

import hashlib
import time
from pathlib import Path

from log10_trace.config import log10_home
from log10_trace.domain.keys import OWN_USER, Scope, make_key, matches, split_token
from log10_trace.errors import SetupError
from log10_trace.private_file import write_private_file
from log10_trace.server.store.protocol import Keys


def bootstrap_key_path(database: str) -> Path:
    """Where the key for a database lies: each database has keys of its own."""
    digest = hashlib.sha256(database.encode("utf-8", "surrogateescape")).hexdigest()[:12]
    return log10_home() / f"key-{digest}"


def ensure_bootstrap_key(keys: Keys, file: Path, organization_id: str) -> str:
    """The key in the file; a new one, kept in the store and the file, when that is none or no longer good.

    Raises:
        SetupError: the file cannot be written.
    """
    now_ms = time.time_ns() // 1_000_000
    token = _read(file)
    parts = split_token(token)
    key = keys.find(parts[0]) if parts else None
    is_good = parts and key and matches(parts[1], key) and key.is_valid(now_ms)
    if is_good and key and key.organization_id == organization_id:
        return token
    token, key = make_key(organization_id, [Scope.ADMIN], name=OWN_USER, now_ms=now_ms)
    try:
        _write(file, token)
    except OSError as error:
        message = (
            f"The folder {file.parent} cannot be written ({error.strerror}). Name another in LOG10_HOME."
        )
        raise SetupError(message) from None
    keys.add(organization_id, key).result()
    return token


def _read(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8").strip()
    except (OSError, ValueError):
        return ""


def _write(file: Path, token: str) -> None:
    file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    write_private_file(file, f"{token}\n".encode())
