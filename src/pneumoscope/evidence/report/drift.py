"""The page of `pneumoscope drift`: the evidence of each channel, film by film."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from pneumoscope.decision.sentences import counted
from pneumoscope.evidence.report.blocks import Heading, Note, Picture, Points, Table
from pneumoscope.evidence.report.plots.style import DARK, GREY, INK, LIGHT, drawn
from pneumoscope.evidence.report.profile_page import profile_page
from pneumoscope.evidence.report.words import how_to_read, sentence
from pneumoscope.evidence.site.drift_record import words_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from matplotlib.figure import Figure as Drawing

    from pneumoscope.decision.profile import SiteProfile
    from pneumoscope.evidence.report.blocks import Block, Plot, Report
    from pneumoscope.evidence.site.drift import Drift

_COLOURS, _STROKES = (DARK, LIGHT, INK, GREY), ("-", "--", ":", "-.")


def report_of(result: Drift, profile: SiteProfile) -> Report:
    """The whole page."""
    return profile_page(
        profile,
        f"Drift at {profile.name}",
        f"{counted(result.films, 'prediction')} against {counted(profile.films, 'film')} of the profile",
        _blocks(result),
    )


def _blocks(result: Drift) -> Iterator[Block]:
    title, kind = ("Alarm.", "mind") if result.alarm else ("No alarm.", "read")
    yield Note(title, " ".join(map(sentence, words_of(result))), kind)
    yield Heading("Evidence")
    yield Picture(
        _evidence(result),
        "Stake of a player who bets on the rank of each film among the films before it, for each channel. "
        f"The alarm is raised above {1 / result.alpha:g} (dotted).",
    )
    yield how_to_read(
        f"While nothing changes, the probability that any line ever reaches the dotted one is at most "
        f"{result.alpha:g}, however many predictions there are and however often you look. A line that stays "
        "low is consistent with no change; it does not prove that nothing has changed."
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
            (f"Not compared, because one side has no values: {', '.join(result.silent)}.",)
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
