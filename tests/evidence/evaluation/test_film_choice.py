"""Which films an evaluation takes, and what it says of them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

for module in ("cv2", "scipy", "sklearn"):
    pytest.importorskip(module)

from pneumoscope.bundle import Bundle
from pneumoscope.errors import DataError, UsageError
from pneumoscope.evidence.evaluation.films import choose, label_of


def table(root: Path, *rows: str, header: str = "path,label,split,Sex") -> Path:
    """A manifest of grey films; the first cell of a row is the film's name."""
    root.mkdir(parents=True, exist_ok=True)
    for i, row in enumerate(rows):
        Image.fromarray(np.full((64, 64), 20 * i, np.uint8)).save(root / row.split(",")[0])
    (root / "manifest.csv").write_text("\n".join([header, *rows]) + "\n")
    return root


ROWS = (
    "a.png,normal,train,F", "b.png,viral,train,M", "c.png,normal,validation,F",
    "d.png,viral,test,", "e.png,normal,test,M",
)  # fmt: skip


def names(root: Path, bundle: Bundle, split: str) -> list[str]:
    return [entry.name for entry in choose(root, [bundle], split).entries]


@pytest.mark.parametrize(
    ("split", "expected"),
    [
        ("auto", ["d.png", "e.png"]),
        ("test", ["d.png", "e.png"]),
        ("validation", ["c.png"]),
        ("train", ["a.png", "b.png"]),
        ("all", ["a.png", "b.png", "c.png", "d.png", "e.png"]),
    ],
)
def test_the_split_that_was_asked_for_is_taken(
    tmp_path: Path, tiny_bundle: Bundle, split: str, expected: list[str]
) -> None:
    assert names(table(tmp_path, *ROWS), tiny_bundle, split) == expected


def test_the_reason_says_whose_films_they_are(tmp_path: Path, tiny_bundle: Bundle) -> None:
    root = table(tmp_path, *ROWS)
    assert choose(root, [tiny_bundle]).words == "the data's own films for testing"
    assert choose(root, [tiny_bundle], "train").words == "the data's own films for training"
    assert choose(root, [tiny_bundle], "all").words == "all films"
    unsplit = table(tmp_path / "plain", "a.png,normal", "b.png,viral", header="path,label")
    assert choose(unsplit, [tiny_bundle]).words == "all films, since the data reserve none for this"


def test_films_for_training_and_testing_are_told_apart(tmp_path: Path, tiny_bundle: Bundle) -> None:
    root = table(tmp_path, *ROWS)
    everything = choose(root, [tiny_bundle], "all")
    assert everything.warnings == (
        "films for testing that were not taken: 2 (--split test)",
        "films that the data keep for training are among them: 2",
    )
    assert choose(root, [tiny_bundle], "test").warnings == ()


def test_an_unknown_split_is_an_error(tmp_path: Path, tiny_bundle: Bundle) -> None:
    with pytest.raises(UsageError, match="split 'most' is unknown") as error:
        choose(table(tmp_path, *ROWS), [tiny_bundle], "most")
    assert error.value.hint == "One of auto, validation, test, train, all."


def test_a_split_without_films_names_those_that_have_some(
    tmp_path: Path, tiny_bundle: Bundle
) -> None:
    root = table(tmp_path, *ROWS[:2])
    with pytest.raises(DataError, match="no film for test") as error:
        choose(root, [tiny_bundle], "test")
    assert error.value.hint == "The data have films for train."


def test_films_without_any_label_cannot_be_measured(tmp_path: Path, tiny_bundle: Bundle) -> None:
    Image.fromarray(np.zeros((64, 64), np.uint8)).save(tmp_path / "a.png")
    with pytest.raises(DataError, match="no film has a label, so nothing can be measured") as error:
        choose(tmp_path, [tiny_bundle])
    assert "a folder per class, or a CSV manifest" in error.value.hint


def test_an_empty_folder_is_an_error(tmp_path: Path, tiny_bundle: Bundle) -> None:
    with pytest.raises(DataError, match="holds no films"):
        choose(tmp_path, [tiny_bundle])


def test_columns_keep_the_name_that_was_asked_for(tmp_path: Path, tiny_bundle: Bundle) -> None:
    columns = choose(table(tmp_path, *ROWS), [tiny_bundle], by=("SEX",)).columns
    assert columns["a.png"] == {"SEX": "F"}
    assert columns["d.png"] == {"SEX": ""}
    assert choose(table(tmp_path, *ROWS), [tiny_bundle]).columns == {}


def test_a_column_that_does_not_exist_is_named_with_those_that_do(
    tmp_path: Path, tiny_bundle: Bundle
) -> None:
    with pytest.raises(UsageError, match=r"--by age: manifest\.csv has no such column") as error:
        choose(table(tmp_path, *ROWS), [tiny_bundle], by=("sex", "age"))
    assert error.value.hint == "It has path, label, split, Sex."


def test_folders_have_no_columns(tmp_path: Path, tiny_bundle: Bundle) -> None:
    for name in ("normal", "viral"):
        (tmp_path / name).mkdir()
        Image.fromarray(np.zeros((64, 64), np.uint8)).save(tmp_path / name / "a.png")
    with pytest.raises(UsageError, match=r"--by sex: .* has no table with columns") as error:
        choose(tmp_path, [tiny_bundle], by=("sex",))
    assert error.value.hint == "Subgroups need a CSV manifest."


@pytest.mark.parametrize(
    ("patients", "limit"),
    [
        (("p1", "p2", "p3"), ""),
        (("p1", "", "p3"), "the patients of 1 of 3 films are not known"),
        (("", "", ""), "the patients are not known"),
    ],
)
def test_unknown_patients_limit_the_intervals(
    tmp_path: Path, tiny_bundle: Bundle, patients: tuple[str, ...], limit: str
) -> None:
    rows = [f"{name}.png,{label},{key}" for name, label, key in
            zip("abc", ("normal", "viral", "viral"), patients, strict=True)]  # fmt: skip
    root = table(tmp_path, *rows, header="path,label,patient")
    limits = choose(root, [tiny_bundle]).limits
    assert len(limits) == bool(limit)
    assert all(text.startswith(limit) for text in limits)


def test_sub_types_come_from_the_names_of_the_kermany_set(
    tmp_path: Path, tiny_bundle: Bundle
) -> None:
    for name in ("NORMAL/IM-0001-0001.jpeg", "PNEUMONIA/person1_virus_1.jpeg",
                 "PNEUMONIA/person2_bacteria_2.jpeg"):  # fmt: skip
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        Image.fromarray(np.full((64, 64), len(name), np.uint8)).save(path)
    choice = choose(tmp_path, [tiny_bundle])
    assert {entry.name: label_of(entry, choice.listing) for entry in choice.entries} == {
        "NORMAL/IM-0001-0001.jpeg": "normal",
        "PNEUMONIA/person1_virus_1.jpeg": "viral",
        "PNEUMONIA/person2_bacteria_2.jpeg": "bacterial",
    }


def test_a_film_without_any_finding_has_a_label(tmp_path: Path, tiny_bundle: Bundle) -> None:
    root = table(tmp_path, "a.png,1,0", "b.png,0,0", "c.png,1,1", header="path,Pneumonia,Mass")
    choice = choose(root, [tiny_bundle])
    labels = [label_of(entry, choice.listing) for entry in choice.entries]
    assert labels == ["Pneumonia", "no finding", "Pneumonia | Mass"]
