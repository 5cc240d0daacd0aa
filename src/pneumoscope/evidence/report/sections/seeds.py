"""The section on the spread over seeds of a report."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pneumoscope.evidence.report.blocks import Heading, Table
from pneumoscope.evidence.report.words import NAMES, how_to_read

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pneumoscope.evidence.evaluation.results import Evaluation
    from pneumoscope.evidence.report.blocks import Block

_NAMES = NAMES | {"ece": "ECE", "brier": "Brier score"}


def seeds(evaluation: Evaluation) -> Iterator[Block]:
    """Mean, standard deviation, lowest and highest figure; nothing without several seeds."""
    if not evaluation.seeds:
        return
    yield Heading("Spread over seeds")
    yield how_to_read(
        "The same recipe was trained several times, each time with another seed. The spread between these trainings "
        "is not part of the intervals, which are about other patients: a single bundle may be lucky."
    )
    for spread in evaluation.seeds:
        yield Heading(f"{spread.recipe}: {spread.target}, {len(spread.seeds)} seeds", 2)
        rows = tuple(
            (
                _NAMES[name],
                *(f"{x:.3f}" for x in (f.mean, f.sd, f.lowest, f.highest)),
            )
            for name, f in spread.figures.items()
        )
        yield Table(("figure", "mean", "standard deviation", "lowest", "highest"), rows)
