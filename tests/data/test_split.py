"""Which films are held out, on a handful of patients."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

import pytest

from pneumoscope.data.split import check_split, split_films, split_patients, straddling
from pneumoscope.errors import DataError


@dataclass(frozen=True)
class Placed:
    patient: str
    split: str | None


def names(count: int, prefix: str = "p") -> list[str]:
    return [f"{prefix}{i}" for i in range(count)]


@pytest.mark.parametrize(
    ("patients", "share", "held"),
    [
        (10, 0.2, 2),
        (10, 0.24, 2),
        (10, 0.26, 3),
        (10, 0.01, 1),  # at least one, where there are two
        (2, 0.5, 1),
        (1, 0.5, 0),  # nobody is left to train on
        (0, 0.5, 0),
    ],
)
def test_how_many_patients_of_a_class_are_held_out(patients: int, share: float, held: int) -> None:
    splits = split_patients([0] * patients, names(patients), names(patients, "h"), share, 7)
    assert Counter(splits) == Counter({"validation": held, "train": patients - held})


def test_each_class_gives_its_share() -> None:
    labels = [0] * 20 + [1] * 60 + [2] * 4
    splits = split_patients(labels, names(84), names(84, "h"), 0.25, 3)
    held = Counter(label for label, split in zip(labels, splits, strict=True) if split != "train")
    assert held == {0: 5, 1: 15, 2: 1}


def test_all_films_of_a_patient_go_one_way() -> None:
    patients = [f"p{i % 12}" for i in range(60)]
    splits = split_patients([0] * 60, patients, names(60, "h"), 0.3, 1)
    assert straddling([Placed(p, s) for p, s in zip(patients, splits, strict=True)]) == []


def test_a_patient_of_two_classes_is_drawn_once() -> None:
    # The only patient of class 1 is one of class 0 too: if held out there, class 1 has none left.
    for seed in range(20):
        splits = split_patients(
            [0, 0, 0, 0, 1, 1], ["a", "b", "c", "d", "a", "e"], names(6, "h"), 0.25, seed
        )
        assert splits[0] == splits[4]
        assert splits.count("validation") in (2, 3)


def test_a_chain_of_shared_films_is_one_patient() -> None:
    # a and b share film 1, b and c film 2, c and d film 3.
    patients = ["a", "b", "b", "c", "c", "d", "e", "f", "g"]
    hashes = ["1", "1", "2", "2", "3", "3", "4", "5", "6"]
    for seed in range(20):
        splits = split_patients([0] * 9, patients, hashes, 0.25, seed)
        assert len(set(splits[:6])) == 1
        assert splits.count("validation") in (1, 6)  # one of four groups


def test_the_draw_depends_on_its_seed_alone() -> None:
    labels, patients, hashes = [0] * 40, names(40), names(40, "h")
    first = split_patients(labels, patients, hashes, 0.3, 5)
    assert split_patients(labels, patients, hashes, 0.3, 5) == first
    assert split_patients(labels, patients, hashes, 0.3, 6) != first
    # The order of the films changes nothing for a patient.
    turned = split_patients(labels, patients[::-1], hashes[::-1], 0.3, 5)
    assert turned[::-1] == first


def test_films_are_drawn_without_regard_to_patients() -> None:
    splits = split_films([0] * 8 + [1] * 4, 0.25, 2)
    assert splits[:8].count("validation") == 2
    assert splits[8:].count("validation") == 1


def test_patients_on_both_sides_are_found() -> None:
    films = [Placed("b", "train"), Placed("a", "train"), Placed("b", "validation"),
             Placed("a", "train"), Placed("c", None), Placed("c", "test")]  # fmt: skip
    assert straddling(films) == ["b", "c"]
    assert straddling([]) == []


@pytest.mark.parametrize(
    ("number", "words"),
    [(1, "splits: p0"), (3, "splits: p0, p1, p2"), (5, "splits: p0, p1, p2 and 2 more")],
)
def test_the_error_names_up_to_three_patients(number: int, words: str) -> None:
    films = [Placed(p, split) for p in names(number) for split in ("train", "validation")]
    with pytest.raises(DataError, match=f"{words}$") as error:
        check_split(films)
    assert "'given'" in error.value.hint


def test_patients_on_one_side_each_pass() -> None:
    check_split([Placed("a", "train"), Placed("b", "validation"), Placed("a", "train")])
