"""An HTTP/1.1 client over its own sockets, with one deadline for each exchange."""

from __future__ import annotations
