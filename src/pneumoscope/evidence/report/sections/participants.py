"""Flow of the films and their demographics, as CLAIM and TRIPOD+AI ask."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pneumoscope.decision.sentences import counted
from pneumoscope.evidence.report.blocks import Heading, Paragraph, Picture, Table
from pneumoscope.evidence.report.plots.flow import flow
from pneumoscope.evidence.report.words import how_to_read, plot_name, share

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pneumoscope.evidence.evaluation.evaluated_films import Demographics
    from pneumoscope.evidence.evaluation.results import BundleResult, Evaluation
    from pneumoscope.evidence.report.blocks import Block


def participants(evaluation: Evaluation) -> Iterator[Block]:
    """A flow figure for each bundle, and a table of age, sex, view and source by class."""
    yield Heading("Flow of the films")
    yield how_to_read(
        "Which films of the data were evaluated, why others were not, and what readers would be shown. Figures are about "
        "the films that were read; many films left out, or refused, make them less representative."
    )
    for bundle in evaluation.bundles:
        yield _flow(evaluation, bundle)
    groups = evaluation.films.demographics
    if not groups:
        yield Paragraph("The data give neither age, sex, view nor source of the films.", soft=True)
        return
    yield Heading("Demographics", 2)
    yield Table(("", *(group.label or "all films" for group in groups)), tuple(_rows(groups)))


def _flow(evaluation: Evaluation, bundle: BundleResult) -> Picture:
    films, verdicts = evaluation.films, bundle.verdicts
    left_out = sum(films.left_out.values())
    reasons = [f"{reason}: {number:,}" for reason, number in films.left_out.items()]
    if left_out:
        reasons.insert(0, f"{counted(left_out, 'film')} left out")
    whole = len(films.films)
    patients = f"\nof {counted(films.patients, 'patient')}" if films.keyed else ""
    plot = flow(
        plot_name(evaluation, bundle, "flow"),
        (f"{counted(whole + left_out, 'film')} in the data", reasons),
        f"{counted(whole, 'film')} read{patients}",
        [
            f"{label.label}\n{counted(label.films, 'film')}\n{share(label.films / verdicts.films)}"
            for label in verdicts.labels
        ],
    )
    return Picture(plot, f"From the films of the data to the verdicts of {bundle.title} as shown.")


def _rows(groups: tuple[Demographics, ...]) -> Iterator[tuple[str, ...]]:
    yield ("films", *(f"{group.films:,}" for group in groups))
    yield ("patients", *(f"{group.patients:,}" for group in groups))
    if any(group.ages.known for group in groups):
        yield ("age in years: median [quartiles]", *map(_ages, groups))
        yield ("age unknown", *(_part(g.films - g.ages.known, g.films) for g in groups))
    for fact, values in groups[0].counts.items():
        for value in values:
            cells = (_part(group.counts[fact][value], group.films) for group in groups)
            yield (f"{fact}: {value}", *cells)


def _ages(group: Demographics) -> str:
    ages = group.ages
    if ages.median is None:
        return "-"
    return f"{ages.median:.3g} [{ages.low:.3g}, {ages.high:.3g}]"


def _part(number: int, whole: int) -> str:
    return f"{number:,} ({share(number / whole)})"
