"""The page of `pneumoscope batch`: counts, reasons of the gate, scores and drift."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from pneumoscope import __version__
from pneumoscope.batch.summary import BINS
from pneumoscope.decision.gate import REASONS
from pneumoscope.decision.sentences import counted
from pneumoscope.evidence.report.blocks import Heading, Note, Paragraph, Picture, Report, Table
from pneumoscope.evidence.report.plots.style import DARK, drawn
from pneumoscope.evidence.report.words import how_to_read

if TYPE_CHECKING:
    from collections import Counter
    from collections.abc import Iterator, Mapping

    from matplotlib.figure import Figure as Drawing

    from pneumoscope.batch.summary import BundleCounts, Summary
    from pneumoscope.evidence.report.blocks import Block, Plot
    from pneumoscope.evidence.site.drift import Drift


def report_of(summary: Summary, drifts: Mapping[str, Drift], source: str, created: str) -> Report:
    """The whole page.

    Args:
        summary: The counts.
        drifts: SHA-256 of a bundle to the test of its films; bundles without a reference are missing.
        source: The folder, manifest or bucket of the films.
        created: Date and time.
    """
    bundles = summary.bundles.values()
    profiles = dict.fromkeys(counts.profile for counts in bundles if counts.profile)
    return Report(
        title="Batch of films",
        subtitle=f"{counted(summary.films, 'film')} of {source} · pneumoscope {__version__} · {created}",
        mark=", ".join(f"{c.title} {c.sha256[:12]}" for c in bundles) or "no film was read",
        blocks=tuple(_blocks(summary, drifts)),
        facts=(
            *(("Model", f"{c.title} ({c.sha256}), {counted(c.films, 'film')}") for c in bundles),
            *(("Site profile", profile) for profile in profiles),
            ("Shards", f"{summary.shards:,}"),
        ),
    )


def _blocks(summary: Summary, drifts: Mapping[str, Drift]) -> Iterator[Block]:
    yield Heading("Verdicts")
    yield _counted("verdict", summary.labels, summary.films, summary.errors.total())
    if summary.errors:
        yield Heading("Films that could not be read")
        yield _counted("error", summary.errors, summary.films)
        yield Paragraph(
            "The columns error and hint of the shards say what is wrong with each film. "
            "`--retry-errors` reads these films again.",
            soft=True,
        )
    yield Heading("Reasons of the gate")
    yield Paragraph(
        f"Refused: {_share(summary.refused, summary.films)}. A film can have several reasons."
    )
    if summary.reasons:
        yield _reasons(summary)
    for counts in summary.bundles.values():
        yield Heading(f"Scores of {counts.title}")
        yield Picture(
            _histogram(counts),
            f"P(positive) of the films that {counts.title} judged, before any correction for prevalence, "
            f"in {BINS} bins; refused films have none.",
        )
    for sha256, drift in drifts.items():
        yield from _drift(summary.bundles[sha256], drift)


def _counted(what: str, counts: Counter[str], films: int, unread: int = 0) -> Table:
    rows = [(name, f"{n:,}", _percent(n, films)) for name, n in counts.most_common()]
    if unread:
        rows.append(("not read", f"{unread:,}", _percent(unread, films)))
    rows.append(("all films", f"{films:,}", ""))
    return Table((what, "films", "share"), tuple(rows), strong=frozenset({len(rows) - 1}))


def _reasons(summary: Summary) -> Table:
    rows = []
    for code, n in summary.reasons.most_common():
        sentence = REASONS[code][0] if code in REASONS else ""
        rows.append((code, sentence, f"{n:,}", _percent(n, summary.films)))
    return Table(
        ("reason", "in words", "films", "share"), tuple(rows), frozenset({1}), widths=(2, 5, 1, 1)
    )


def _histogram(counts: BundleCounts) -> Plot:
    def draw(figure: Drawing) -> None:
        axes = figure.subplots()
        left = np.arange(BINS) / BINS
        axes.bar(
            left, counts.histogram, width=1 / BINS, align="edge", color=DARK, edgecolor="white"
        )
        axes.set(xlabel="P(positive)", ylabel="films", xlim=(0, 1))

    return drawn(f"scores-{counts.sha256[:12]}", 6.9, 2.6, draw)


def _drift(counts: BundleCounts, drift: Drift) -> Iterator[Block]:
    yield Heading(f"Drift of the films of {counts.title}")
    films = f"{counted(drift.films, 'film')}, drawn by their content hash, against {drift.profile}"
    channels = [channel.name for channel in drift.channels if channel.alarm is not None]
    if channels:
        yield Note("Alarm.", f"{films}: they differ in {', '.join(channels)}.", "mind")
    else:
        yield Note("No alarm.", f"{films}: nothing indicates that they differ.")
    rows = tuple(
        (
            c.name, f"{c.reference:,}", f"{c.films:,}", f"{c.before:.3f}", f"{c.after:.3f}",
            f"{c.evidence.max():.3g} of {1 / drift.alpha:g}", "no" if c.alarm is None else "yes",
        )
        for c in drift.channels
    )  # fmt: skip
    head = ("channel", "reference", "films", "mean before", "mean here", "most evidence", "alarm")
    yield Table(head, rows, widths=(2, 1, 1, 1, 1, 1.5, 1))
    yield how_to_read(
        "An alarm says that these films are not like the reference: other patients, another share of "
        f"disease, or other devices. If they were alike, the probability of an alarm would be at most "
        f"{drift.alpha:g}. The reference of a bundle is its validation films, half of them positive for the "
        "shipped ones; that of a site profile (`--profile`) is the site's own films."
    )


def _share(n: int, films: int) -> str:
    return f"{n:,} of {counted(films, 'film')} ({_percent(n, films)})"


def _percent(n: int, films: int) -> str:
    return f"{100 * n / max(1, films):.1f} %"
