"""The section on perturbed films of a report."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pneumoscope.evidence.evaluation.robustness import REALISTIC, worst_of
from pneumoscope.evidence.evaluation.settings import ROBUSTNESS
from pneumoscope.evidence.report.blocks import Heading, Picture, Table
from pneumoscope.evidence.report.plots.robustness import robustness as robustness_plot
from pneumoscope.evidence.report.words import (
    NAMES,
    Footnotes,
    how_to_read,
    plot_name,
    silence,
    titled,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pneumoscope.evidence.evaluation.results import BundleResult, Evaluation
    from pneumoscope.evidence.evaluation.section_results import Robustness
    from pneumoscope.evidence.report.blocks import Block

_ORDER = ("balanced_accuracy", "sensitivity", "specificity", "roc_auc")


def robustness(evaluation: Evaluation, bundle: BundleResult) -> Iterator[Block]:
    """Perturbed films at the fixed operating point."""
    yield Heading(titled(evaluation, bundle, "Robustness"))
    yield how_to_read(
        "Each panel shows one kind of change to the films at five severities (0: unchanged), with a fixed "
        "threshold. A falling line shows which films need more care. How often such films occur in your "
        "department is for you to judge."
    )
    result = bundle.robustness
    if result is None:
        yield from silence(evaluation, bundle, ROBUSTNESS)
        return
    yield from _worst(result)
    yield Picture(
        robustness_plot(plot_name(evaluation, bundle, "robustness"), result),
        f"Figures by severity at the fixed threshold of {result.point}. Whiskers: 95 % intervals of balanced "
        "accuracy; the table contains the intervals of all figures.",
    )
    notes = Footnotes()
    keys = [key for key in _ORDER if key in result.plain]
    rows = [("unchanged", "0", *(notes.cell(result.plain[key]) for key in keys))]
    rows += [
        (c.words, str(c.severity), *(notes.cell(c.figures[key]) for key in keys))
        for c in result.conditions
    ]
    bad = {result.worst[key] for key in keys if key in result.worst}
    strong = frozenset(i for i, c in enumerate(result.conditions, 1) if (c.kind, c.severity) in bad)
    yield Heading("Every perturbation", 2)
    yield Table(
        ("films", "severity", *(NAMES[key] for key in keys)),
        tuple(rows),
        strong=strong,
        widths=(3.2, 1.5, *([3.3] * len(keys))),
    )
    yield from notes.blocks()


def _worst(result: Robustness) -> Iterator[Block]:
    notes = Footnotes()
    rows = []
    for key in (key for key in _ORDER if key in result.plain):
        for name, realistic in (("any severity", False), (f"severity 1 to {REALISTIC}", True)):
            condition = worst_of(result, key, realistic=realistic)
            if condition is None:
                continue
            change = condition.change.get(key)
            rows.append(
                (
                    f"{NAMES[key]}, {name}",
                    f"{condition.words} ({condition.severity})",
                    notes.cell(result.plain[key]),
                    notes.cell(condition.figures[key]),
                    notes.cell(change.difference if change is not None else None),
                )
            )
    if rows:
        head = ("worst case of", "films", "unchanged", "worst", "change")
        yield Table(head, tuple(rows), words=frozenset({1}), widths=(3.6, 3.2, 3, 3, 3.2))
        yield from notes.blocks()
