"""The data sheet answers from the record, or says that it does not."""

from __future__ import annotations

from typing import Any

import pytest

from pneumoscope.records import Population
from pneumoscope.render.card.data_sheet import NOT_RECORDED, data_sheet
from tiny import tiny_meta


def answers(**changes: Any) -> dict[str, str]:
    rows = [line for line in data_sheet(tiny_meta(**changes)).splitlines() if line.startswith("| ")]
    return dict(row.strip("| ").split(" | ", 1) for row in rows)


def test_every_section_of_the_questionnaire_is_there() -> None:
    text = data_sheet(tiny_meta())
    headings = [line[4:] for line in text.splitlines() if line.startswith("### ")]
    assert headings == [
        "Motivation", "Composition", "Collection", "Preprocessing", "Uses",
        "Distribution and upkeep",
    ]  # fmt: skip
    assert text.startswith("## Data sheet of the training films\n")
    assert text.endswith("|\n")


def test_what_no_record_holds_is_not_invented() -> None:
    made = answers()
    for question in (
        "For what purpose was the data set made, by whom, who paid?",
        "Who labelled, and how sure is it?",
        "Was there ethical review, did people consent?",
        "Where does it come from?",
        "How many are there?",
        "Known errors, doubts",
        "How are exactly these films identified?",
    ):
        assert made[question] == NOT_RECORDED, question


def test_answers_from_the_record() -> None:
    made = answers(
        data={
            "source": "drawn films",
            "films": {"train": {"normal": 1200, "viral": 3}, "validation": {"normal": 7}},
            "manifest_sha256": "ab12",
            "split": "patient",
            "split_seed": 5,
            "warnings": ["few films", "one patient twice"],
        }
    )
    assert made["Where does it come from?"] == "drawn films."
    assert made["How many are there?"] == (
        "Films by label. train: normal 1,200, viral 3; validation: normal 7."
    )
    assert made["How are exactly these films identified?"] == "Manifest SHA-256 `ab12`."
    assert made["Known errors, doubts"] == "Few films. One patient twice."
    assert made["Are there recommended splits?"] == (
        "Split here by patient: all films of a patient are on one side, exact duplicates too, "
        "seed 5."
    )


@pytest.mark.parametrize(
    ("data", "words"),
    [
        ({"split": "film"}, "by film: one patient may be on both sides"),
        ({"split": "given"}, "as the data set gives it"),
        ({"split": "odd"}, "Split here odd."),
        ({"split": "patient", "left_out": ["a", "b"]}, "too. The films of a, b were left out."),
        # Without keys, patients cannot have been kept apart.
        ({"split": "patient", "warnings": ["no patient keys for 7 of 7 films"]}, "by film"),
        ({}, NOT_RECORDED),
    ],
)
def test_how_films_were_split(data: dict[str, Any], words: str) -> None:
    assert words in answers(data=data)["Are there recommended splits?"]


def test_checks_that_found_nothing_are_not_checks_that_were_not_made() -> None:
    assert answers(data={"warnings": []})["Known errors, doubts"] == (
        "The checks before training recorded none."
    )


def test_whom_the_films_show() -> None:
    made = answers(population=Population("children of one hospital", (1.0, 5.5), ("AP", "PA")))
    assert made["Whom does it show?"] == "children of one hospital."
    assert (made["Ages in years"], made["Views"]) == ("1 to 5.5.", "AP, PA")
    unknown = answers(population=Population("somebody", None, ()))
    assert unknown["Ages in years"] == unknown["Views"] == NOT_RECORDED


def test_preprocessing_tells_of_augmentation_where_there_was_some() -> None:
    question = "What was done to the films before training?"
    assert answers()[question].endswith("then to 32 x 32.")
    assert "Augmented" in answers(recipe={"augment": {"blur": 1.0}})[question]


def test_what_would_break_the_table_does_not() -> None:
    made = data_sheet(tiny_meta(intended_use="One | two\nthree"))
    assert "One \\| two three |" in made
