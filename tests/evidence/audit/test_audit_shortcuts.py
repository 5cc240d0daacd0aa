"""Scores of features that show no chest."""

from __future__ import annotations

import pytest

from pneumoscope.evidence.audit.shortcuts import (
    ALL,
    FILE,
    PICTURE,
    THUMBNAIL,
    Score,
    Shortcuts,
    number_text,
    source_note,
)
from pneumoscope.metrics import Interval


def score(name: str, low: float, *, constant: bool = False, source: str = FILE) -> Score:
    return Score(source, name, Interval(0.9, low, 0.95), "", constant)


@pytest.mark.parametrize(("low", "notable"), [(0.59, False), (0.6, False), (0.6001, True)])
def test_a_score_is_notable_by_its_lower_end(low: float, notable: bool) -> None:
    assert score("bytes", low).notable is notable


def test_the_best_score_is_the_one_that_is_surely_high() -> None:
    scores = (
        score("bytes", 0.7),
        score("width", 0.8),
        score("mode", 0.99, constant=True),
        score("brightness", 0.9, source=PICTURE),
    )
    shortcuts = Shortcuts("ill against well", "ill", "well", 50, 50, 0.5, scores)
    best = shortcuts.best(FILE)
    assert best is not None
    assert best.feature == "width"
    assert shortcuts.best(THUMBNAIL) is None
    only = Shortcuts("ill against well", "ill", "well", 50, 50, 0.5, scores[2:3])
    assert only.best(FILE) is None


@pytest.mark.parametrize(
    ("value", "text"),
    [(0.0, "0"), (0.12345, "0.1235"), (224.0, "224"), (999.96, "1000"), (123456.7, "123,457"),
     (-1500.0, "-1,500")],
)  # fmt: skip
def test_numbers_are_short_and_without_powers_of_ten(value: float, text: str) -> None:
    assert number_text(value) == text


def test_every_source_says_what_it_contains() -> None:
    notes = [source_note(source) for source in (FILE, PICTURE, THUMBNAIL, ALL)]
    assert len(set(notes)) == 4
    assert "no pixel" in notes[0]
    assert "not purely a shortcut" in notes[2]
