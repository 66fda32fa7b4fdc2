"""The tools of the MCP server, in the order in which agents are shown them."""

from __future__ import annotations

from typing import Final

from log10_trace.mcp.call import GET_CALL
from log10_trace.mcp.comparison import COMPARE_CALLS
from log10_trace.mcp.search import LIST_RUNNING_CALLS, SEARCH_CALLS
from log10_trace.mcp.sessions import GET_SESSION, LIST_SESSIONS
from log10_trace.mcp.statistics import GET_STATISTICS

TOOLS: Final = {
    tool.name: tool
    for tool in (
        SEARCH_CALLS,
        GET_CALL,
        COMPARE_CALLS,
        GET_STATISTICS,
        LIST_SESSIONS,
        GET_SESSION,
        LIST_RUNNING_CALLS,
    )
}
"""By name."""
