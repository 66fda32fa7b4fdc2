"""Certificates of an authority that nobody else trusts, for tests."""

from __future__ import annotations

import ssl
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest


@dataclass
class Authority:
    """An authority, and the file with its certificate."""

    made: Any
    file: Path

    def context(self, *names: str, **more: Any) -> ssl.SSLContext:
        """What a server of these names needs, with a certificate of this authority."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.made.issue_cert(*names, **more).configure_cert(context)
        return context


def make_authority(folder: Path) -> Authority:
    """A new authority whose certificate lies in ``folder``."""
    trustme = pytest.importorskip("trustme")
    made = trustme.CA()
    file = folder / "authority.pem"
    made.cert_pem.write_to_path(str(file))
    return Authority(made, file)
