"""The section on subgroups of a report."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pneumoscope.evidence.evaluation.settings import SUBGROUPS
from pneumoscope.evidence.report.blocks import (
    Heading,
    Paragraph,
    Picture,
    Table,
)
from pneumoscope.evidence.report.plots.forest import forest
from pneumoscope.evidence.report.words import (
    NAMES,
    Footnotes,
    how_to_read,
    plot_name,
    sentence,
    silence,
    slug,
    titled,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from pneumoscope.evidence.evaluation.results import BundleResult, Evaluation
    from pneumoscope.evidence.evaluation.target_results import Subgroup, TargetResult
    from pneumoscope.evidence.report.blocks import Block

_AS_ALL = "as for all films"
"""Instead of the specificity of a class, which is compared with all negative films."""


def subgroups(evaluation: Evaluation, bundle: BundleResult) -> Iterator[Block]:
    """Figures by sub-type and by the values of columns."""
    yield Heading(titled(evaluation, bundle, "Subgroups"))
    yield how_to_read(
        "A group with a lower figure may be served worse if the interval of its difference from the other films "
        "does not include 0. Intervals of small groups are wide: finding no difference there proves nothing. "
        "There is no correction for the number of groups: if no group differs, one interval in twenty still "
        "excludes 0 by chance."
    )
    if not any(target.subgroups for target in bundle.targets):
        yield from silence(evaluation, bundle, SUBGROUPS)
        return
    for target in bundle.targets:
        if target.subgroups:
            if len(bundle.targets) > 1:
                yield Heading(target.name, 2)
            yield from _subgroups(evaluation, bundle, target)


def _subgroups(
    evaluation: Evaluation, bundle: BundleResult, target: TargetResult
) -> Iterator[Block]:
    notes = Footnotes()
    keys = [
        key
        for key in ("roc_auc", "sensitivity", "specificity")
        if any(key in group.figures for group in target.subgroups)
    ]
    rows = [
        (
            f"{group.column}: {group.value}",
            f"{group.films:,} of {group.patients:,}",
            f"{group.positives:,}",
            *(
                notes.cell(group.figures[key]) if key in group.figures else notes.missing(_AS_ALL)
                for key in keys
            ),
        )
        for group in target.subgroups
    ]
    head = ("group", "films of patients", "positive", *(NAMES[key] for key in keys))
    yield Table(head, tuple(rows), widths=(2.6, 2, 1.2, *([3] * len(keys))))
    yield from notes.blocks()
    if any(group.column == "class" for group in target.subgroups):
        yield Paragraph(
            "Each class is compared with all negative films, so specificity is the same for every class.",
            soft=True,
        )
    for key in ("roc_auc", "sensitivity"):
        drawn = [
            (f"{g.column}: {g.value}", g.figures[key]) for g in target.subgroups if key in g.figures
        ]
        if drawn:
            yield Picture(
                forest(
                    f"{plot_name(evaluation, bundle, 'subgroups', target)}-{slug(NAMES[key])}",
                    drawn,
                    label=NAMES[key],
                    zero=_whole(target, key),
                ),
                f"{sentence(NAMES[key])} Groups with 95 % intervals over patients; dashed: all films.",
            )
    yield from _against_rest(target.subgroups)


def _whole(target: TargetResult, key: str) -> float | None:
    if key == "roc_auc":
        return target.ranking.roc_auc.value
    return target.default.figures.sensitivity.value


def _against_rest(groups: Sequence[Subgroup]) -> Iterator[Block]:
    notes = Footnotes()
    rows = [row for group in groups for row in _group_against_rest(group, notes)]
    if rows:
        yield Heading("Groups against all other films", 2)
        yield Table(
            ("group", "figure", "difference", "in words"),
            tuple(rows),
            words=frozenset({1, 3}),
            widths=(2.2, 2, 3, 5),
        )
        yield from notes.blocks()


def _group_against_rest(group: Subgroup, notes: Footnotes) -> list[tuple[str, ...]]:
    """A row for each figure; one for all of them if nothing can be said of any for the same reason."""
    name = f"{group.column}: {group.value}"
    rows: list[tuple[str, ...]] = [
        (name, NAMES.get(key, key), notes.cell(comparison.difference), comparison.verdict)
        for key, comparison in group.against_rest.items()
    ]
    known = any(c.difference.value is not None for c in group.against_rest.values())
    if known or len({row[2:] for row in rows}) != 1:
        return rows
    return [(name, "all figures", *rows[0][2:])]
