"""The names of groups, and the filters that mean them. Pure."""

from __future__ import annotations

from log10_trace.domain.call_labels import FAILED
from log10_trace.server.store.common.metadata_labels import is_dimension, key_of_dimension
from log10_trace.server.store.data_types import GroupBy

_NAMELESS: dict[GroupBy, str] = {"model": "no model", "failure": "no kind stated"}


def group_title(group_by: GroupBy, key: str) -> str:
    """The name that a row shows."""
    return key or _NAMELESS.get(group_by, "none")


def group_params(group_by: GroupBy, key: str) -> tuple[tuple[str, str], ...] | None:
    """The filters of a list of the group's calls; None where no filter means them."""
    if not key:
        return None
    if group_by == "call_site":
        file, _, function = key.rpartition(":")  # no function's name holds a colon
        return (("file", file), ("function", function))
    if group_by == "failure":
        return (("status", FAILED), ("failure_kind", key))
    if is_dimension(group_by):
        return (("metadata", f"{key_of_dimension(group_by)}={key}"),)
    name = {"model": "model", "tag": "tag", "session": "session_id"}[group_by]
    return ((name, key),)
