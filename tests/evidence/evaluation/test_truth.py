"""What labels mean to a bundle."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

for module in ("cv2", "scipy", "sklearn"):
    pytest.importorskip(module)

from pneumoscope.bundle import Bundle
from pneumoscope.data.listing import Entry, Listing
from pneumoscope.errors import DataError
from pneumoscope.evidence.evaluation.truth import UNKNOWN, Truth, film_answers, truth_of
from tiny import findings_meta, tiny_meta

YES, NO, UNSAID = 1.0, 0.0, None


def listed(names: tuple[str, ...], *rows: tuple[float | None, ...], findings: bool) -> Listing:
    entries = tuple(
        Entry(
            path=Path(f"{i}.png"),
            name=f"{i}.png",
            values=row,
            patient=f"p{i}",
            keyed=True,
            split=None,
        )
        for i, row in enumerate(rows)
    )
    return Listing(
        layout="manifest", findings=findings, names=names, entries=entries, source="drawn"
    )


def truth(listing: Listing, **meta: object) -> tuple[list[float], list[int]]:
    bundle = Bundle(Path(), tiny_meta(**meta), "")
    answers = truth_of(listing.entries, listing, bundle)
    assert answers.classes is not None
    return answers.targets[:, 0].tolist(), answers.classes.tolist()


def same(values: list[float], wanted: list[float]) -> bool:
    return np.array_equal(values, wanted, equal_nan=True)


def test_sub_types_and_any_capitals_are_known() -> None:
    listing = listed(
        ("Normal", "Virus", "BACTERIAL", "Pneumonia", "Covid"),
        (YES, NO, NO, NO, NO), (NO, YES, NO, NO, NO), (NO, NO, YES, NO, NO),
        (NO, NO, NO, YES, NO), (NO, NO, NO, NO, YES), (UNSAID,) * 5,
        findings=False,
    )  # fmt: skip
    targets, classes = truth(listing)
    assert same(targets, [0, 1, 1, 1, np.nan, np.nan])
    assert classes == [0, 2, 1, UNKNOWN, UNKNOWN, UNKNOWN]


def test_of_findings_only_pneumonia_and_no_finding_count() -> None:
    listing = listed(
        ("No Finding", "Pneumonia", "Mass"),
        (YES, NO, NO), (NO, YES, YES), (NO, NO, YES), (NO, UNSAID, NO),
        findings=True,
    )  # fmt: skip
    targets, classes = truth(listing, task="binary", labels=("normal", "pneumonia"), kinds=())
    assert same(targets, [0, 1, np.nan, np.nan])
    assert classes == [0, 1, UNKNOWN, UNKNOWN]
    # To a bundle for anything abnormal a mass counts.
    targets, _ = truth(
        listing, task="binary", labels=("normal", "abnormal"), positive="ABNORMAL", kinds=()
    )
    assert same(targets, [0, 1, 1, np.nan])


def test_a_single_column_of_ones_and_zeros_is_enough() -> None:
    listing = listed(("pneumonia",), (YES,), (NO,), (UNSAID,), findings=True)
    targets, classes = truth(listing)
    assert same(targets, [1, 0, np.nan])
    assert classes == [UNKNOWN, 0, UNKNOWN]


def test_findings_of_folders_are_not_denied_by_other_folders() -> None:
    listing = listed(
        ("NORMAL", "mass", "Hernia"), (YES, NO, NO), (NO, YES, NO), (NO, NO, YES), findings=False
    )
    answers = truth_of(listing.entries, listing, Bundle(Path(), findings_meta(), ""))
    # Device, Mass, Nodule: a normal film has none, a film of a mass may have nodules too.
    assert same(answers.targets[0].tolist(), [0, 0, 0])
    assert same(answers.targets[1].tolist(), [np.nan, 1, np.nan])
    assert same(answers.targets[2].tolist(), [np.nan] * 3)


def test_strange_labels_are_an_error_that_names_both_sides() -> None:
    listing = listed(("NORMAL", "TUBERCULOSIS"), (NO, YES), findings=False)
    with pytest.raises(DataError, match="TUBERCULOSIS, which says nothing to the bundle tiny 1"):
        truth_of(listing.entries, listing, Bundle(Path(), tiny_meta(), ""))


def test_a_film_is_positive_if_one_finding_is_present() -> None:
    values = [[1, 0, np.nan], [0, 0, 0], [0, np.nan, 0], [np.nan, np.nan, 1]]
    answers = film_answers(Truth(np.array(values), None, {}))
    assert np.array_equal(answers, [1, 0, np.nan, 1], equal_nan=True)
