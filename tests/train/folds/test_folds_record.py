"""Tables and record of a cross-validation."""

from __future__ import annotations

import csv
import io
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("cv2", reason="needs the [train] extra")
pytest.importorskip("sklearn", reason="needs the [train] extra")

import bright_films
from cross_validations import fold_bundle, fold_result
from pneumoscope.errors import DataError
from pneumoscope.train.folds import record
from pneumoscope.train.folds.figures import CrossValidation, measure
from pneumoscope.train.folds.plan import Fold
from pneumoscope.train.folds.results import FoldResult
from pneumoscope.train.recipe.settings import Recipe
from pneumoscope.train.validation.predictions import PLAIN, Validation


@pytest.fixture(scope="module")
def measured(tmp_path_factory: pytest.TempPathFactory) -> CrossValidation:
    root = tmp_path_factory.mktemp("folds")
    folds = [fold_result(root, 1), fold_result(root, 2, healthy=(0.1, 0.6, 0.2))]
    return measure(folds, 2, draws=50)


def test_the_table_has_a_row_per_fold_and_one_of_all(measured: CrossValidation) -> None:
    rows = list(csv.DictReader(io.StringIO(record.to_csv(measured))))
    assert [(row["fold"], row["films"], row["patients"], row["ill"]) for row in rows] == [
        ("1", "4", "4", "2"), ("2", "5", "5", "2"), ("pooled", "9", "9", "4"),
    ]  # fmt: skip
    assert [row["specificity"] for row in rows] == ["1.0", str(2 / 3), "0.8"]
    assert rows[0]["auc_low"] == ""  # four patients are too few


def test_the_record_survives_json(measured: CrossValidation, tmp_path: Path) -> None:
    content = json.loads(json.dumps(record.to_json(measured), allow_nan=False))
    assert (content["folds"], content["finished"]) == (2, 2)
    assert content["pooled"]["figures"]["specificity"]["value"] == 0.8
    assert [fold["fold"] for fold in content["by_fold"]] == [1, 2]
    assert content["spread"]["auc"]["lowest"] == content["by_fold"][1]["figures"]["auc"]["value"]


def test_a_probability_stays_one_where_rounding_exceeds_it(tmp_path: Path) -> None:
    whole = bright_films.films()
    tested = tuple(replace(film, split="test") for film in whole.films[:2])
    films = replace(whole, films=tested, pixels=whole.pixels[:2])
    p = np.array([[1 + 1e-7, 0.0, 0.0], [-1e-7, 0.6, 0.4]])
    validation = Validation(np.array([0, 1]), ("p0", "p1"), {PLAIN: p})
    fold = Fold(1, Recipe(), films)
    result = FoldResult(1, fold_bundle(tmp_path, 1, threshold=0.25), validation)
    rows = list(csv.DictReader(io.StringIO(record.films_to_csv([fold], [result]))))
    assert [(row["label"], row["p_positive"], row["threshold"]) for row in rows] == [
        ("normal", "0.0", "0.25"), ("bacterial", "1.0", "0.25"),
    ]  # fmt: skip


@pytest.mark.parametrize(("finished", "folds"), [(2, 2), (1, 0)])
def test_an_unfinished_one_has_no_folds(finished: int, folds: int, tmp_path: Path) -> None:
    file = tmp_path / record.RECORD
    file.write_text(json.dumps({"folds": 2, "finished": finished}))
    assert record.finished_folds(file) == folds


def test_another_file_is_no_record(tmp_path: Path) -> None:
    file = tmp_path / record.RECORD
    for content in ("", "[]", "{}"):
        file.write_text(content)
        with pytest.raises(DataError, match="not the record of a cross-validation"):
            record.finished_folds(file)
