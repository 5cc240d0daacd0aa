"""Confusion matrices as plots."""

from __future__ import annotations

from matplotlib.axes import Axes

import drawings
from pneumoscope.evidence.report.plots.confusion import confusion
from pneumoscope.evidence.statistics.confusion import Confusion
from pneumoscope.evidence.statistics.intervals import Figure

# 10 normal films, of which 1 is called PNEUMONIA, and 4 ill ones, of which 3 are called so.
TABLE = Confusion(
    labels=("normal", "PNEUMONIA"),
    counts=((9, 1), (1, 3)),
    rows=((Figure(0.9), Figure(0.1)), (Figure(0.25), Figure(0.75))),
)


def cells(axes: Axes) -> dict[tuple[str, str], str]:
    """(label of the row, of the column) to the text of the cell."""
    rows = [text.get_text() for text in axes.get_yticklabels()]
    columns = [text.get_text() for text in axes.get_xticklabels()]
    places = [(text.get_position(), text.get_text()) for text in axes.texts]
    return {(rows[int(y)], columns[int(x)]): text for (x, y), text in places}


def test_films_stand_in_the_row_of_their_label_and_the_column_of_their_call() -> None:
    counts, shares = drawings.axes_of(lambda: confusion("c", TABLE))
    assert cells(counts) == {
        ("normal", "normal"): "9",
        ("normal", "PNEUMONIA"): "1",
        ("PNEUMONIA", "normal"): "1",
        ("PNEUMONIA", "PNEUMONIA"): "3",
    }
    assert cells(shares) == {
        ("normal", "normal"): "0.900",
        ("normal", "PNEUMONIA"): "0.100",
        ("PNEUMONIA", "normal"): "0.250",
        ("PNEUMONIA", "PNEUMONIA"): "0.750",
    }
    assert (counts.get_ylabel(), counts.get_xlabel()) == ("labelled", "called")
    assert (counts.get_title(loc="left"), shares.get_title(loc="left")) == (
        "films", "share of the row",
    )  # fmt: skip


def test_colours_follow_the_shares_from_0_on() -> None:
    counts, _ = drawings.axes_of(lambda: confusion("c", TABLE))
    (image,) = counts.images
    assert image.get_array().tolist() == [[0.9, 0.1], [0.25, 0.75]]
    assert image.norm.vmin == 0
    # White text on the dark cells only.
    assert [text.get_color() == "white" for text in counts.texts] == [True, False, False, False]


def test_a_class_without_films_has_no_share() -> None:
    missing = Figure(None, note="no film of class PNEUMONIA")
    table = Confusion(TABLE.labels, ((9, 1), (0, 0)), (TABLE.rows[0], (missing, missing)))
    _, shares = drawings.axes_of(lambda: confusion("c", table))
    assert cells(shares)["PNEUMONIA", "PNEUMONIA"] == "none"
    assert cells(shares)["PNEUMONIA", "normal"] == "none"
