"""The contents of a data set in numbers."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

pytest.importorskip("sklearn", reason="needs the [evidence] extra")

from audits import audit_of, listed
from pneumoscope.data.check import UNSPLIT
from pneumoscope.data.listing import Entry, Listing
from pneumoscope.evidence.audit.contents import counts, sizes


def relabelled(films: Listing, position: int, **changes: object) -> Listing:
    entries = list(films.entries)
    entries[position] = replace(entries[position], **changes)  # type: ignore[arg-type]
    return replace(films, entries=tuple(entries))


FILMS = listed(
    ("a", "normal", "train"), ("b", "viral", "train"), ("c", "viral", "test"),
    ("d", "normal", "train"),
)  # fmt: skip


def test_splits_keep_the_order_in_which_they_occur() -> None:
    assert counts(FILMS) == {
        "train": {"normal": 2, "bacterial": 0, "viral": 1},
        "test": {"normal": 0, "bacterial": 0, "viral": 1},
    }


def test_films_without_a_split_have_a_name_of_their_own() -> None:
    assert list(counts(relabelled(FILMS, 3, split=None))) == ["train", "test", UNSPLIT]


def test_an_unknown_label_is_counted_apart() -> None:
    tally = counts(relabelled(FILMS, 0, values=(None, None, None)))
    assert tally["train"] == {"normal": 1, "bacterial": 0, "viral": 1, "": 1}
    assert tally["test"][""] == 0
    # Where every film has a label nothing is said of others.
    assert "" not in counts(FILMS)["train"]


def test_a_film_with_two_findings_counts_for_both() -> None:
    entry: Entry = replace(FILMS.entries[0], values=(1.0, 0.0, 1.0))
    assert counts(replace(FILMS, entries=(entry,)))["train"] == {
        "normal": 1, "bacterial": 0, "viral": 1,
    }  # fmt: skip


def test_numbers_of_files_have_their_range_and_middle() -> None:
    reading = audit_of().reading
    files = tuple(
        replace(file, numbers=(float(length), *file.numbers[1:-1], np.nan))
        for file, length in zip(reading.files, (80, 10, 20, 30, 40, 50, 60, 70), strict=True)
    )
    made = sizes(replace(reading, files=files))
    assert made["bytes"] == [10.0, 45.0, 80.0]
    assert made["width"] == [224.0, 224.0, 224.0]
    # No file has a table: nothing is said of its step.
    assert "mean quantisation step" not in made
