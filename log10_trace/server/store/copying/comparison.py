"""Counts what two stores hold of an organization, and says in words where they differ."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass

from log10_trace.server.store.data_types import StatisticsQuery
from log10_trace.server.store.protocol import Store


@dataclass(frozen=True, slots=True, kw_only=True)
class Holdings:
    """How much a store holds of an organization."""

    calls: int
    failed_calls: int
    input_tokens: int
    output_tokens: int
    keys: int
    feedback_tasks: int
    feedback: int


def count_holdings(store: Store, organization_id: str) -> Holdings:
    """Count what the store holds, by its roll-ups where there are some."""
    groups = store.reports.statistics(
        organization_id, StatisticsQuery(interval="day", series_groups=0)
    ).groups
    return Holdings(
        calls=sum(group.calls for group in groups),
        failed_calls=sum(group.failed for group in groups),
        input_tokens=sum(group.input_tokens for group in groups),
        output_tokens=sum(group.output_tokens for group in groups),
        keys=len(store.keys.list(organization_id)),
        feedback_tasks=len(store.feedback.tasks(organization_id)),
        feedback=store.feedback.list(organization_id, limit=1).total,
    )


def describe_differences(
    organization_id: str, source: Holdings, target: Holdings, *, may_have_more: bool
) -> Iterator[str]:
    """A sentence for each count that differs; one that is higher in the target counts unless it may be.

    Of keys the target may always have more: its server's own.
    """
    for (name, there), here in zip(asdict(source).items(), asdict(target).values(), strict=True):
        if here < there or (here > there and not may_have_more and name != "keys"):
            noun = name.replace("_", " ")
            yield f"{organization_id}: {there:,} {noun} in the source, {here:,} in the target."
