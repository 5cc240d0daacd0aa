"""Labels of a folder in the terms of a task."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest

from pneumoscope.data.listing import (
    KERMANY,
    LABELS,
    Entry,
    Labelled,
    Listing,
    for_task,
    negative_first,
    negative_of,
    one_hot,
    without,
)
from pneumoscope.errors import DataError

Values = tuple[float | None, ...]


def listing(
    names: Sequence[str], *films: Values, findings: bool = False, layout: str = "class folders"
) -> Listing:
    entries = tuple(
        Entry(
            path=Path(f"{i}.png"), name=f"{i}.png", values=values, patient=f"p{i}", keyed=True,
            split=None,
        )
        for i, values in enumerate(films)
    )  # fmt: skip
    return Listing(
        layout=layout, findings=findings, names=tuple(names), entries=entries, source="by hand"
    )


def films_of(labelled: Labelled) -> list[str]:
    return [entry.name for entry in labelled.entries]


@pytest.mark.parametrize(
    ("names", "negative"),
    [
        (("tb", "Normal"), "Normal"),
        (("No Finding", "Mass"), "No Finding"),
        (("a", "NO_FINDING"), "NO_FINDING"),
        (("healthy", "normal"), "healthy"),  # the first
        (("abnormal", "sick"), None),
        ((), None),
    ],
)
def test_which_name_means_nothing_found(names: tuple[str, ...], negative: str | None) -> None:
    assert negative_of(names) == negative


def test_the_negative_name_comes_first() -> None:
    assert negative_first(["b", "a", "normal", "c"]) == ("normal", "b", "a", "c")
    assert negative_first(["b", "a"]) == ("b", "a")


def test_one_hot_by_hand() -> None:
    assert one_hot(1, 3) == (0.0, 1.0, 0.0)


def test_classes_keep_their_names_and_the_negative_one_is_first() -> None:
    made = for_task(
        listing(("covid", "normal", "tb"), one_hot(0, 3), one_hot(1, 3), one_hot(2, 3)),
        "multiclass",
    )
    assert (made.names, made.negative) == (("normal", "covid", "tb"), "normal")
    assert made.targets == (one_hot(1, 3), one_hot(0, 3), one_hot(2, 3))
    # Strata are the listing's own classes, so that every task draws the same patients.
    assert made.strata == (0, 1, 2)
    assert made.warnings == ()


def test_a_class_without_films_is_no_class() -> None:
    made = for_task(listing(("a", "b", "c"), one_hot(0, 3), one_hot(2, 3)), "multiclass")
    assert (made.names, made.negative, made.targets) == (
        ("a", "c"), None, ((1.0, 0.0), (0.0, 1.0)),
    )  # fmt: skip


def test_binary_puts_all_diseases_together() -> None:
    films = (one_hot(0, 3), one_hot(1, 3), one_hot(2, 3))
    made = for_task(listing(("covid", "normal", "tb"), *films), "binary")
    assert (made.names, made.negative) == (("normal", "abnormal"), "normal")
    assert made.targets == ((0.0, 1.0), (1.0, 0.0), (0.0, 1.0))
    assert made.strata == (0, 1, 2)


def test_two_classes_keep_their_names_in_a_binary_task() -> None:
    made = for_task(listing(("tb", "Normal"), (1.0, 0.0), (0.0, 1.0)), "binary")
    assert (made.names, made.targets) == (("Normal", "tb"), ((0.0, 1.0), (1.0, 0.0)))
    # Without a negative one too: then their order is the listing's.
    made = for_task(listing(("cat", "dog"), (1.0, 0.0), (0.0, 1.0)), "binary")
    assert (made.names, made.negative, made.targets) == (
        ("cat", "dog"), None, ((1.0, 0.0), (0.0, 1.0)),
    )  # fmt: skip


def test_films_without_a_label_are_left_out_and_counted() -> None:
    made = for_task(
        listing(("a", "b"), (1.0, 0.0), (None, None), (0.0, 1.0), (0.0, 0.0)), "multiclass"
    )
    assert films_of(made) == ["0.png", "2.png"]
    assert made.warnings == ("films without a known label, left out: 2",)


def test_the_kermany_set_has_its_own_names() -> None:
    films = (one_hot(0, 3), one_hot(1, 3), one_hot(2, 3))
    made = for_task(listing(LABELS, *films, layout=KERMANY), "multiclass")
    assert made.names == LABELS
    made = for_task(listing(LABELS, *films, layout=KERMANY), "binary")
    assert (made.names, made.targets) == (
        ("normal", "pneumonia"), ((1.0, 0.0), (0.0, 1.0), (0.0, 1.0)),
    )  # fmt: skip
    assert made.strata == (0, 1, 2)


def test_a_kermany_film_without_subtype_does_for_a_binary_task_only() -> None:
    names = (*LABELS, "pneumonia")
    given = listing(names, one_hot(0, 4), one_hot(3, 4), layout=KERMANY)
    assert for_task(given, "binary").targets == ((1.0, 0.0), (0.0, 1.0))
    with pytest.raises(DataError, match=r"1\.png: the name tells neither bacteria nor virus"):
        for_task(given, "multiclass")


FINDINGS = ("No Finding", "Mass", "Support Devices")


def test_several_findings_leave_the_negative_name_out() -> None:
    made = for_task(
        listing(
            FINDINGS,
            (0.0, 1.0, 0.0),
            (1.0, None, None),  # nothing found: no mass, but devices remain unknown
            (0.0, None, 1.0),
            (None, None, None),
            findings=True,
        ),
        "multilabel",
    )
    assert (made.names, made.negative) == (("Mass", "Support Devices"), None)
    assert made.targets == ((1.0, 0.0), (0.0, None), (None, 1.0), (None, None))
    assert made.strata == (0, 0, 0, 0)
    assert made.warnings == ("films without any known finding: 1",)


def test_no_finding_against_any() -> None:
    made = for_task(
        listing(
            FINDINGS,
            (0.0, 1.0, 0.0),  # a mass
            (1.0, 0.0, 1.0),  # nothing, though there are devices
            (0.0, 0.0, 1.0),  # devices alone are no disease: every disease is denied
            (None, None, None),
            findings=True,
        ),
        "binary",
    )
    assert (made.names, made.negative) == (("No Finding", "abnormal"), "No Finding")
    assert films_of(made) == ["0.png", "1.png", "2.png"]
    assert made.targets == ((0.0, 1.0), (1.0, 0.0), (1.0, 0.0))
    assert made.warnings == ("films without a known label, left out: 1",)


def test_a_film_with_no_name_at_all_shows_something_else() -> None:
    """As where columns of other findings are missing: it was taken for healthy, though No Finding is 0."""
    films = ((1.0, 0.0, 0.0), (0.0, 1.0, 1.0), (0.0, 0.0, 0.0), (None, 0.0, 0.0))
    made = for_task(listing(FINDINGS, *films, findings=True), "binary")
    assert films_of(made) == ["0.png", "1.png", "3.png"]
    assert made.targets == ((1.0, 0.0), (0.0, 1.0), (1.0, 0.0))


def test_the_negative_name_alone_tells_two_classes() -> None:
    made = for_task(listing(("normal",), (1.0,), (0.0,), (None,), findings=True), "binary")
    assert made.names == ("normal", "abnormal")
    assert made.targets == ((1.0, 0.0), (0.0, 1.0))


def test_findings_that_exclude_one_another_are_classes() -> None:
    films = ((1.0, 0.0, 0.0), (0.0, 1.0, 0.0), (0.0, 0.0, 1.0), (None, None, None))
    made = for_task(listing(("normal", "a", "b"), *films, findings=True), "multiclass")
    assert made.names == ("normal", "a", "b")
    assert len(made.entries) == 3


@pytest.mark.parametrize(
    ("given", "task", "words"),
    [
        (listing(("a", "b"), (1.0, 0.0), (0.0, 1.0)), "regression", "'regression' is unknown"),
        (listing(("a", "b"), (1.0, 0.0)), "multiclass", "only one class has films: a"),
        (listing(("a", "b")), "multiclass", "only one class has films: none"),
        (
            listing(("a", "b", "c"), *(one_hot(i, 3) for i in range(3))),
            "binary",
            "which of a, b, c is the negative class",
        ),
        (listing(("a", "b"), (1.0, 0.0)), "multilabel", "does not tell several findings"),
        (
            listing(("a", "b"), (1.0, 1.0), findings=True),
            "multiclass",
            "a film has several findings or none",
        ),
        (listing(("No Finding",), (1.0,), findings=True), "multilabel", "no findings are named"),
        (
            listing(FINDINGS, (0.0, 1.0, 0.0), (0.0, 1.0, 1.0), findings=True),
            "binary",
            "all films have a finding, or none has",
        ),
    ],
)
def test_labels_that_do_not_suit_the_task(given: Listing, task: str, words: str) -> None:
    with pytest.raises(DataError, match=words) as error:
        for_task(given, task)
    assert error.value.hint


def test_films_of_some_splits_can_be_left_out() -> None:
    entries = [
        Entry(path=Path(name), name=name, values=(1.0,), patient=name, keyed=True, split=split)
        for name, split in (("a", "train"), ("b", "test"), ("c", None), ("d", "validation"))
    ]
    given = Listing(
        layout="manifest", findings=False, names=("x",), entries=tuple(entries), source="by hand"
    )
    assert [e.name for e in without(given, "test").entries] == ["a", "c", "d"]
    assert [e.name for e in without(given, "test", "validation").entries] == ["a", "c"]
    assert without(given) == given
