from __future__ import annotations

from pathlib import Path

import pytest

from drawn import name_films
from pneumoscope.data.column_roles import (
    film_columns,
    is_lateral,
    label_columns,
    lateral_views,
    manifest_names,
    may_be_finding,
    may_be_label,
    path_column,
    split_columns,
    split_flags,
    view_column,
)
from pneumoscope.data.table_files import Row


def rows(header: list[str], *cells: str) -> list[Row]:
    return [
        Row(dict(zip(header, row.split(","), strict=True)), 2 + i) for i, row in enumerate(cells)
    ]


def test_names_of_a_manifest_for_columns() -> None:
    assert manifest_names(["Image_ID", "PatientID", "Label", "Edema"]) == {
        "Image_ID": "path", "PatientID": "patient", "Label": "label", "Edema": "Edema",
    }  # fmt: skip
    both = manifest_names(["path", "deid_patient_id", "subject_id"])
    assert both == {"path": "path", "deid_patient_id": "deid_patient_id", "subject_id": "patient"}
    assert manifest_names(["subject_id", "patient"])["subject_id"] == "subject_id"
    assert path_column(["image", "File_Path"]) == "File_Path"
    assert path_column(["case"]) is None


def test_a_column_of_classes_by_its_name_and_its_words() -> None:
    header = ["Class", "diagnosis", "report"]
    table = rows(header, "0,normal,a", "1,tb,b", "1,,c")
    assert label_columns(header, table) == ["diagnosis"]  # Class has numbers only
    assert label_columns(["report"], table) == []
    reports = rows(["finding"], "normal", *(f"report {i}" for i in range(20)))  # one for each film
    assert label_columns(["finding"], reports) == []
    assert label_columns(["finding"], reports * 2) == ["finding"]
    pair = rows(["disease"], "non-COVID", "COVID")
    assert label_columns(["disease"], pair) == ["disease"]


@pytest.mark.parametrize(("name", "words"), [("condition", "supine erect"), ("category", "inpatient outpatient"), ("class", "film film"), ("class", "Normal normal"), ("result", "read unread")])  # fmt: skip
def test_words_that_are_no_diagnoses(name: str, words: str) -> None:
    assert label_columns([name], rows([name], *words.split())) == []


def test_columns_of_classes_that_differ() -> None:
    header = ["class", "diagnosis", "finding"]
    table = rows(header, "normal,Normal,none", "tb,TB,none", "tb,TB,mass")
    assert label_columns(header, table) == ["class", "finding"]


def test_a_column_of_splits_by_its_cells() -> None:
    header = ["kind", "Dataset_type"]
    assert split_columns(header, rows(header, "a,TRAIN", "b,TEST")) == ["Dataset_type"]
    assert split_columns(header, rows(header, "a,TRAIN", "b,")) == []
    assert split_columns(header, rows(header, "a,test", "b,val")) == []  # nothing for training
    assert split_columns(header, rows(header, "a,train", "b,train")) == []  # nothing else
    assert split_columns(header, []) == []


def test_the_column_with_the_most_splits() -> None:
    header = ["set", "group", "phase"]
    table = rows(header, "train,train,train", "train,test,test", "train,test,val")
    assert split_columns(header, table) == ["phase"]
    assert split_columns(header[:2], table) == ["group"]
    folds = rows(["fold1", "fold2", "same"], "train,test,training", "test,train,TEST")
    assert split_columns(["fold1", "fold2", "same"], folds) == ["fold1", "fold2"]


def test_a_hospital_called_training_is_no_split() -> None:
    header = ["site", "group"]
    table = rows(header, "Training,train", "Development,test", "Training,train")
    assert split_columns(header, table) == ["group"]


def test_a_column_of_films_by_its_cells(tmp_path: Path) -> None:
    name_films(tmp_path, "x/a.png", "x/b.png", "masks/c.png")
    header = ["case", "film"]
    assert film_columns(header, rows(header, "1,a", "2,D:\\x\\b.png", "3,c"), tmp_path) == ["film"]
    assert film_columns(header, rows(header, "1,a", "2,c", "3,d"), tmp_path) == []  # a third
    assert film_columns(header, [], tmp_path) == []
    assert film_columns([], [], tmp_path) == []


def test_films_with_numbers_for_names(tmp_path: Path) -> None:
    name_films(tmp_path, "0.png", "1.png", "2.png")
    header = ["row", "age", "target", "file_no", "film"]
    table = rows(header, "2,0,0,0,0.png", "1,2,2,1,1.png", "0,1,1,2,2.png")
    assert film_columns(header, table, tmp_path) == ["film"]  # with endings
    assert film_columns(header[:4], table, tmp_path) == ["row", "file_no"]
    assert film_columns(header[1:4], table, tmp_path) == ["file_no"]
    # Also if one of them names a few films less.
    missing = rows(header[::3], "0,2", "1,1", "2,7")
    assert film_columns(header[::3], missing, tmp_path) == ["row", "file_no"]
    repeated = rows(["visits", "case"], "1,0", "1,1", "2,2", "2,2")
    assert film_columns(["visits", "case"], repeated, tmp_path) == ["case"]
    index = rows(["", "id"], "0,1", "1,0", "2,2")  # as pandas writes it
    assert film_columns(["", "id"], index, tmp_path) == ["id"]
    alike = rows(["case", "film"], "0,0", "1,x/1", "2,2")
    assert film_columns(["case", "film"], alike, tmp_path) == ["case"]


def test_a_column_of_views() -> None:
    assert view_column(["path", "ViewPosition"]) == "ViewPosition"
    assert view_column(["path", "View", "Frontal/Lateral"]) == "Frontal/Lateral"
    assert view_column(["path"]) is None


@pytest.mark.parametrize("view", ["Lateral", "LL", "Lateral view", "LAT", "left_lateral", "LLAT", "XTABLE LATERAL", "Lat."])  # fmt: skip
def test_views_from_the_side(view: str) -> None:
    assert is_lateral(view)


@pytest.mark.parametrize("view", ["L", "PA", "", "AP Supine", "PA and lateral", "non-lateral", "left lateral decubitus", "bilateral"])  # fmt: skip
def test_views_not_from_the_side(view: str) -> None:
    assert not is_lateral(view)


@pytest.mark.parametrize(
    ("column", "views", "lateral"),
    [
        ("Projection", {"L", "PA", "AP_horizontal"}, {"L"}),
        ("ViewPosition", {"L", "F", "ll"}, {"L", "ll"}),
        ("Frontal/Lateral", {"L"}, {"L"}),
        ("view", {"L", "R"}, set()),
        ("view", {"L", "R", "PA"}, set()),
        ("view", {"L"}, set()),
    ],
)
def test_a_letter_is_a_view_beside_frontal_ones(
    column: str, views: set[str], lateral: set[str]
) -> None:
    assert lateral_views(column, views) == lateral


@pytest.mark.parametrize(
    "name", ["male", "Smoker", "fold", "kfold", "y_pred", "prediction", "prob_pneumonia", "is_test", "train", "survived",
             "ICU", "Unnamed: 0", "class_id", "label_encoded", "class"]
)  # fmt: skip
def test_columns_of_1_and_0_that_are_no_findings(name: str) -> None:
    assert not may_be_finding(name)


@pytest.mark.parametrize(
    "name", ["Pneumonia", "Probable TB", "target", "y_true", "Fracture", "Lung Opacity", "Abnormal", "has_pneumo",
     "covid_test", "tb_test_positive", "split_pleura", "man made object"]
)  # fmt: skip
def test_columns_of_1_and_0_that_may_be_findings(name: str) -> None:
    assert may_be_finding(name)


def test_labels_of_a_table_that_has_no_findings() -> None:
    assert may_be_label("died")
    for name in ("class_id", "male", "patient_sex", "fold_1", "is_test", "unnamed: 0"):
        assert not may_be_label(name), name


@pytest.mark.parametrize("name", ["PID", "SubjectID", "patient_number", "Patient Name"])
def test_other_names_for_patients(name: str) -> None:
    assert manifest_names([name, "path"])[name] == "patient"
    assert manifest_names([name, "patient"])[name] == name


def test_flags_of_splits() -> None:
    header = ["is_test", "Train", "test", "tested"]
    table = rows(header, "0,True,train,1", "1,False,test,0")
    assert split_flags(header, table) == ["is_test", "Train", "test"]
    assert split_flags(header, table[:1]) == []
