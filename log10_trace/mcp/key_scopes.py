"""What a key may do beyond reading: the tools need no more, and an agent should hold no more."""

from __future__ import annotations

from log10_trace.client import Log10
from log10_trace.domain.keys import Scope
from log10_trace.errors import Log10Error


def describe_wide_scopes(client: Log10) -> str | None:
    """A warning that names the scopes of the client's key besides ``read``.

    None for a key that may only read, and where the server does not say what the key may do: it is away, it
    refuses the key, or it is of an earlier version. The first question then tells what is wrong.
    """
    try:
        key = client.key.get().key
    except Log10Error:
        return None
    wider = [scope for scope in key.scopes if scope != Scope.READ.value]
    if not wider:
        return None
    named = f"{key.id} ({key.name})" if key.name else key.id
    return (
        f"The key {named} may do more than read ({', '.join(wider)}), which the tools never do. "
        "One that may only read goes into LOG10_TOKEN: log10-trace keys create --scope read"
    )
