"""Resolves the server that records are sent to."""

from __future__ import annotations

import logging

from log10_trace import local_server
from log10_trace.config import Config
from log10_trace.export.delivery.server import Server
from log10_trace.export.spool.destination import Destination, fingerprint

_logger = logging.getLogger("log10_trace")


class ServerResolver:
    """Finds the server: the one that was named, else this user's own, wherever it listens now."""

    def __init__(self, config: Config, *, any_key: bool = False, unknown_destination: bool = False) -> None:
        """With ``any_key``, records that were captured with another key are ours to send as well.

        With ``unknown_destination``, so are records of which it is not known where they are to go.
        """
        self._config = config
        self._any_key = any_key
        self._unknown_destination = unknown_destination
        self._said = False

    def resolve(self) -> Server | None:
        """Where to send to; None while no server was named and none of this user's is running."""
        config = self._config
        if config.url is not None:
            return Server(
                url=config.url,
                token=config.token,
                organization_id=config.organization_id,
                ca_file=config.ca_file,
            )
        server = local_server.discover()
        if server is not None:
            return Server(url=server.url, token=server.token, organization_id=config.organization_id)
        self.log_no_server()
        return None

    def accepts(self, destination: Destination | None) -> bool:
        """Whether records with this destination (None: not known) are ours to send, with our key."""
        config = self._config
        if destination is None:
            return self._unknown_destination
        if destination.organization_id != config.organization_id:
            return False
        if destination.url is None:
            return config.url is None
        own = local_server.discover() if config.url is None else None
        url, token = (own.url, own.token) if own is not None else (config.url, config.token)
        key_fits = self._any_key or destination.key in (None, fingerprint(token))
        return destination.url == url and key_fits

    def suppress_notice(self) -> None:
        """Say nothing when no server runs: it is about to."""
        self._said = True

    def log_no_server(self) -> None:
        """Say once that no server runs, and what to type."""
        if not self._said:
            self._said = True
            where = self._config.spool_dir
            _logger.info(
                "log10_trace: no server is running; records are spooled in %s. Run: log10-trace serve", where
            )
