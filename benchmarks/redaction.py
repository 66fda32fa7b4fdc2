"""How well the detectors of ``log10_trace.redact`` find what they say they find: precision and recall.

    python -m benchmarks.redaction
    python -m benchmarks.redaction --misses    # each value that was missed, and each that was none

Recall: the share of the marked values of which nothing is left. Precision: the share of what was masked
that is a marked value, or a part of one. The texts are in ``benchmarks/labelled_texts.py``.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from benchmarks.labelled_texts import Label, LabelledText, make_texts
from log10_trace.redact import DETECTORS, Detector

DETECTED_BY: Final = {"phonebare": "phones", "token": "keys"}
"""Kinds that a detector finds beside its own."""


@dataclass
class Score:
    """What a detector did with all texts."""

    marked: int = 0
    missed: list[str] = field(default_factory=list)
    found: int = 0
    wrong: list[str] = field(default_factory=list)

    @property
    def recall(self) -> float:
        """Share of the marked values that were masked whole."""
        return 1 - len(self.missed) / self.marked

    @property
    def precision(self) -> float:
        """Share of the masked pieces that lie within marked values."""
        return 1 - len(self.wrong) / self.found


def measure(texts: Sequence[LabelledText]) -> dict[str, Score]:
    """The score of each detector, by the name that settings take."""
    return {name: _measure_one(name, detector, texts) for name, detector in DETECTORS.items()}


def _measure_one(name: str, detector: Detector, texts: Sequence[LabelledText]) -> Score:
    score = Score()
    for text in texts:
        labels = [label for label in text.labels if _name_of(label) == name]
        spans = sorted(set(detector.find(text.text)))
        score.marked += len(labels)
        score.found += len(spans)
        covered = {at for start, end in spans for at in range(start, end)}
        score.missed += [
            text.text[label.start : label.end]
            for label in labels
            if not covered.issuperset(range(label.start, label.end))
        ]
        score.wrong += [
            text.text[start:end]
            for start, end in spans
            if not any(label.start <= start and end <= label.end for label in labels)
        ]
    return score


def _name_of(label: Label) -> str:
    return DETECTED_BY.get(label.kind, f"{label.kind}s")


def write_table(scores: dict[str, Score]) -> str:
    """The scores as a table of Markdown."""
    rows = ["| detector | marked values | precision | recall |", "|---|---|---|---|"]
    rows += [
        f"| `{name}` | {score.marked} | {score.precision:.3f} | {score.recall:.3f} |"
        for name, score in scores.items()
    ]
    return "\n".join(rows)


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument(
        "--misses", action="store_true", help="print what was missed, and what was masked wrongly"
    )
    texts = make_texts()
    scores = measure(texts)
    languages = {text.language for text in texts}
    print(f"{len(texts)} texts in {len(languages)} languages\n")
    print(write_table(scores))
    if parser.parse_args().misses:
        for name, score in scores.items():
            for kind, values in (("missed", score.missed), ("wrong", score.wrong)):
                for value in sorted(set(values)):
                    print(f"{name} {kind}: {value!r}")


if __name__ == "__main__":
    main()
