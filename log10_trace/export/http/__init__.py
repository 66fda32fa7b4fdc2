"""An HTTP/1.1 client over sockets of our own, with one deadline for each exchange."""

from __future__ import annotations
