"""The HTTP library of the client: httpx2 where it is installed, else httpx.

openai 3 brings httpx2, earlier versions bring httpx, and a program is not to load the other one for us. What
the client uses of both is alike. An HTTP client of the user's may be of either.
"""

from __future__ import annotations

import sys
from types import ModuleType
from typing import TYPE_CHECKING, Final, TypeAlias

if TYPE_CHECKING:
    import httpx
    import httpx2

    HttpClient: TypeAlias = httpx.Client | httpx2.Client
    AsyncHttpClient: TypeAlias = httpx.AsyncClient | httpx2.AsyncClient
else:
    try:
        import httpx2 as httpx
    except ImportError:
        import httpx

    HttpClient = httpx.Client
    AsyncHttpClient = httpx.AsyncClient

__all__ = ["AsyncHttpClient", "HttpClient", "httpx", "is_error", "library_of"]

_LIBRARIES: Final = ("httpx", "httpx2")


def library_of(client: HttpClient | AsyncHttpClient) -> ModuleType:
    """The library whose client this is; the one that is used otherwise where it is of neither."""
    for each in type(client).__mro__:
        name = each.__module__.partition(".")[0]
        if name in _LIBRARIES:
            return sys.modules[name]
    return sys.modules[httpx.__name__]


def is_error(value: object, *names: str) -> bool:
    """Whether a value is an exception of one of these names, of either library."""
    return any(
        each.__name__ in names and each.__module__.partition(".")[0] in _LIBRARIES
        for each in type(value).__mro__
    )
