"""The flow figure."""

from __future__ import annotations

import drawings
from pneumoscope.evidence.report.plots.flow import flow


def test_every_box_has_its_text() -> None:
    (axes,) = drawings.axes_of(
        lambda: flow("f", ("9 films", ["2 left out", "torn: 2"]), "7 films read", ["NORMAL\n7"])
    )
    texts = {text.get_text() for text in axes.texts} - {""}
    assert texts == {"9 films", "2 left out\ntorn: 2", "7 films read", "NORMAL\n7"}


def test_without_films_left_out_there_is_no_box_for_them() -> None:
    (axes,) = drawings.axes_of(lambda: flow("f", ("7 films", []), "7 films read", ["A", "B"]))
    assert {text.get_text() for text in axes.texts} - {""} == {"7 films", "7 films read", "A", "B"}
