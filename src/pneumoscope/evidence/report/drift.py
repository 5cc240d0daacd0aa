"""The page of `pneumoscope drift`: the evidence of each channel, film by film."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from pneumoscope import __version__
from pneumoscope.evidence.report.blocks import Heading, Note, Picture, Points, Report, Table
from pneumoscope.evidence.report.plots.style import DARK, GREY, INK, LIGHT, drawn
from pneumoscope.evidence.report.words import read, sentence
from pneumoscope.evidence.site.drift_record import words_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from matplotlib.figure import Figure as Drawing

    from pneumoscope.decision.profile import SiteProfile
    from pneumoscope.evidence.report.blocks import Block, Plot
    from pneumoscope.evidence.site.drift import Drift

_COLOURS, _STROKES = (DARK, LIGHT, INK, GREY), ("-", "--", ":", "-.")


def report_of(result: Drift, profile: SiteProfile) -> Report:
    """The whole page."""
    return Report(
        title=f"Drift at {profile.name}",
        subtitle=f"{result.films:,} predictions against {profile.films:,} films of {profile.created} · "
        f"{profile.bundle} · pneumoscope {__version__} · bundle SHA-256: {profile.bundle_sha256}",
        mark=f"{profile.name}, {profile.bundle} {profile.bundle_sha256[:12]}",
        blocks=tuple(_blocks(result)),
    )


def _blocks(result: Drift) -> Iterator[Block]:
    title, kind = ("Alarm.", "mind") if result.alarm else ("No alarm.", "read")
    yield Note(title, " ".join(map(sentence, words_of(result))), kind)
    yield Heading("Evidence")
    yield Picture(
        _evidence(result),
        "Stake of a player who bets on each film's rank among the films before it, by channel. Above "
        f"{1 / result.alpha:g} (dotted) stands the alarm.",
    )
    yield read(
        f"While nothing changes, the chance that any line of a stretch ever reaches the dotted one is at most "
        f"{result.alpha:g}, however long the stretch is and however often it is looked at. A line that stays "
        "low is what a quiet stretch looks like; it does not prove that nothing has changed."
    )
    yield Heading("Channels")
    rows = tuple(
        (
            c.name, f"{c.reference:,}", f"{c.films:,}", f"{c.before:.3f}", f"{c.after:.3f}",
            f"{c.evidence.max():.3g}", "none" if c.alarm is None else f"film {c.alarm + 1:,}",
        )
        for c in result.channels
    )  # fmt: skip
    head = ("channel", "reference", "films", "mean before", "mean after", "most evidence", "alarm")
    yield Table(head, rows, widths=(2, 1, 1, 1, 1, 1, 1))
    if result.silent:
        yield Points(
            (f"Not compared, for want of values on one side: {', '.join(result.silent)}.",)
        )


def _evidence(result: Drift) -> Plot:
    def draw(figure: Drawing) -> None:
        axes = figure.subplots()
        for i, channel in enumerate(result.channels):
            colour, stroke = _COLOURS[i % 4], _STROKES[(i + i // 4) % 4]
            axes.plot(
                channel.positions + 1, np.maximum(channel.evidence, 1e-6), color=colour,
                linestyle=stroke, label=channel.name,
            )  # fmt: skip
        axes.axhline(1 / result.alpha, color=INK, linestyle=":", linewidth=1.2)
        axes.set_yscale("log")
        axes.set(xlabel="film", ylabel="evidence", xlim=(1, max(2, result.films)))
        axes.legend(loc="upper left", bbox_to_anchor=(1.0, 1.0))

    return drawn("drift-evidence", 6.9, 3.2, draw)
