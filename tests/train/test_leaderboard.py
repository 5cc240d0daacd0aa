from __future__ import annotations

import dataclasses
import json
import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("cv2", reason="needs the [train] extra")
pytest.importorskip("sklearn", reason="needs the [train] extra")

from command_line import run, run_process
from cross_validations import fold_result
from pneumoscope.bundle import Bundle, open_bundle, write_bundle
from pneumoscope.errors import DataError, UsageError
from pneumoscope.train import leaderboard
from pneumoscope.train.recipe.reading import load
from pneumoscope.train.validation import predictions
from pneumoscope.train.validation.predictions import Validation
from tiny import findings_meta, tiny_files, tiny_meta

TRUTH = np.array([0, 0, 0, 1, 1, 2], np.intp)
PATIENTS = ("a", "b", "c", "d", "e", "f")
# P(pneumonia): one of three healthy films is called; under blur one of three ill ones is missed too.
PLAIN = [0.1, 0.2, 0.7, 0.8, 0.9, 0.6]
BLUR = [0.1, 0.2, 0.7, 0.8, 0.9, 0.3]


def run_folder(
    root: Path,
    seed: int,
    plain: list[float] = PLAIN,
    name: str = "small",
    patients: tuple[str, ...] = PATIENTS,
    recipe: dict[str, Any] | None = None,
    copies: int = 1,
    data: dict[str, Any] | None = None,
    start: str = "none",
    soft_labels_from: dict[str, str] | None = None,
) -> Path:
    """A finished run; its films ``copies`` times, each time of other patients."""
    run = root / f"{name}-{seed}"
    meta = tiny_meta(
        name=name,
        recipe={"seed": seed} | (recipe or {}),
        data=data or {},
        validation={
            "parameters": 1234,
            "training_minutes": 2.0 * seed,
            "start_weights": {"name": start},
            "heatmaps": {"pointing": {"value": 0.75, "low": 0.7, "high": 0.8}},
            **({"soft_labels_from": soft_labels_from} if soft_labels_from else {}),
        },
    )
    write_bundle(run / "bundle", meta, tiny_files(root / "parts"))
    probabilities = {
        condition: np.array([[1 - p, 0.6 * p, 0.4 * p] for p in ps * copies])
        for condition, ps in {"plain": plain, "blur": BLUR, "noise": plain}.items()
    }
    keys = (*patients, *(f"{key}{k}" for k in range(1, copies) for key in patients))
    validation = Validation(np.tile(TRUTH, copies), keys, probabilities)
    predictions.save(validation, run / "validation.npz")
    return run


def test_a_validation_survives_its_file(tmp_path: Path) -> None:
    run = run_folder(tmp_path, 1)
    validation = predictions.load(run / "validation.npz")
    assert validation.patients == PATIENTS
    assert (validation.truth == TRUTH).all()
    assert np.allclose(validation.p_positive("blur"), BLUR)
    assert list(validation.probabilities) == ["plain", "blur", "noise"]


def test_a_row_by_hand(tmp_path: Path) -> None:
    better = [0.1, 0.2, 0.3, 0.8, 0.9, 0.6]  # all right
    # Intervals need ten patients.
    run_folder(tmp_path, 1, copies=4)
    run_folder(tmp_path, 2, better, copies=4)
    (row,) = leaderboard.table(leaderboard.find([tmp_path]), draws=200)
    assert row.seeds == (1, 2)
    assert row.minutes == 3.0
    assert row.parameters == 1234
    # Two thirds of the healthy are right at 0.5 in the first run, all in the second.
    assert row.plain["specificity"].value == pytest.approx((2 / 3 + 1) / 2)
    assert row.plain["sensitivity"].value == 1.0
    assert row.at_half.value == pytest.approx((5 / 6 + 1) / 2)
    assert row.plain["f1"].value == pytest.approx((6 / 7 + 1) / 2)
    assert row.plain["specificity"].low <= row.plain["specificity"].value
    # Eight of nine pairs in order in the first run: 0.6 of the viral film lies below 0.7.
    assert row.auc_by_seed == pytest.approx((8 / 9, 1.0))
    condition, worst = row.worst["balanced_accuracy"]
    assert condition == "blur"
    assert worst.value == pytest.approx(2 / 3)


def test_rows_are_sorted_by_their_worst_case(tmp_path: Path) -> None:
    run_folder(tmp_path, 1, name="weak", plain=[0.9, 0.9, 0.9, 0.1, 0.1, 0.1])
    run_folder(tmp_path, 1, name="strong")
    rows = leaderboard.table(leaderboard.find([tmp_path]), draws=50)
    assert [row.recipe for row in rows] == ["strong 1", "weak 1"]


def test_runs_on_different_films_are_not_averaged(tmp_path: Path) -> None:
    run_folder(tmp_path, 1)
    run_folder(tmp_path, 2, patients=("a", "b", "c", "d", "e", "x"))
    with pytest.raises(UsageError, match="different films"):
        leaderboard.table(leaderboard.find([tmp_path]))


def test_changed_recipes_under_one_name_are_refused(tmp_path: Path) -> None:
    run_folder(tmp_path, 1)
    other = run_folder(tmp_path / "more", 2)
    parts = tiny_files(tmp_path / "p")
    meta = open_bundle(other / "bundle").meta
    changed = dataclasses.replace(meta, recipe={"seed": 2, "split": "film"})
    write_bundle(other / "bundle", changed, parts)
    with pytest.raises(UsageError, match="differ in more than their seed"):
        leaderboard.table(leaderboard.find([tmp_path, tmp_path / "more"]))


def test_an_average_of_runs_is_a_row_of_its_own(tmp_path: Path) -> None:
    for seed in (1, 2):
        run_folder(tmp_path, seed, start="imagenet")
    members = "small-1 (0123456789ab), small-2 (ba9876543210)"
    run_folder(tmp_path / "more", 1, start=f"average of the runs {members}")
    rows = leaderboard.table(leaderboard.find([tmp_path, tmp_path / "more"]), draws=20)
    assert {row.recipe: row.seeds for row in rows} == {
        "small 1": (1, 2),
        "small 1, average of the runs small-1, small-2": (1,),
    }


def test_a_run_counts_once(tmp_path: Path) -> None:
    run = run_folder(tmp_path, 1)
    (row,) = leaderboard.table(leaderboard.find([tmp_path, run]), draws=20)
    assert row.seeds == (1,)


def test_blind_predictions_meet_their_bundle(tmp_path: Path) -> None:
    run = run_folder(tmp_path, 1)
    record = {
        "set": "another hospital",
        "bundle_sha256": open_bundle(run / "bundle").sha256,
        "labels": ["normal", "bacterial", "viral"],
        "negative": "normal",
        "films": [
            {
                "label": "normal",
                "patient": "p1",
                "probabilities": {"normal": 0.9, "bacterial": 0.05, "viral": 0.05},
            },
            {
                "label": "viral",
                "patient": "p2",
                "probabilities": {"normal": 0.2, "bacterial": 0.5, "viral": 0.3},
            },
        ],
    }
    file = tmp_path / "blind.json"
    file.write_text(json.dumps(record))
    blind = leaderboard.blind_predictions([file])
    (row,) = leaderboard.table(leaderboard.find([run]), blind, draws=50)
    figures = row.blind["another hospital"]
    assert figures["accuracy"].value == 1.0
    assert figures["class_accuracy"].value == 0.5
    page = leaderboard.to_markdown([row])
    assert "| small 1 | another hospital | 1.000" in page
    other = run_folder(tmp_path / "other", 3, name="other")
    (row,) = leaderboard.table(leaderboard.find([other]), blind, draws=50)
    assert "not measured" in leaderboard.to_markdown([row])


def test_blind_predictions_of_findings(tmp_path: Path) -> None:
    run = tmp_path / "run"
    record = {
        "parameters": 12,
        "training_minutes": 1.0,
        "start_weights": {"name": "none"},
        "heatmaps": {},
    }
    meta = findings_meta(name="many", recipe={"seed": 1}, validation=record)
    bundle = write_bundle(run / "bundle", meta, tiny_files(tmp_path / "parts", last="Sigmoid"))
    targets = np.array([[1, 0, np.nan], [0, 1, np.nan], [1, 1, 0], [0, 0, 0]], np.float32)
    p = np.array([[0.9, 0.2, 0.5], [0.2, 0.6, 0.5], [0.8, 0.1, 0.5], [0.1, 0.5, 0.5]])
    validation = Validation(targets, tuple("abcd"), {"plain": p, "blur": p})
    predictions.save(validation, run / "validation.npz")
    blind = blind_of_findings(bundle, [[1, 0, None], [0, 1, None]], tmp_path)
    (row,) = leaderboard.table(leaderboard.find([run]), blind, draws=20)
    # Of the device 0.9 lies above 0.2; of the mass 0.9 below 0.2.
    assert {key: figure.value for key, figure in row.blind["elsewhere"].items()} == {"auc": 0.5}
    assert "| many 1 | elsewhere | 0.500" in leaderboard.to_markdown([row])
    (row,) = leaderboard.table(leaderboard.find([run]), draws=20)
    assert "### Blind" not in leaderboard.to_markdown([row])
    unknown = blind_of_findings(bundle, [[1, 1, 0], [1, 1, 0]], tmp_path)
    (row,) = leaderboard.table(leaderboard.find([run]), unknown, draws=20)
    note = "no finding has films both with and without it"
    assert (row.blind["elsewhere"]["auc"].value, row.blind["elsewhere"]["auc"].note) == (None, note)


def blind_of_findings(
    bundle: Bundle, targets: list[list[int | None]], folder: Path
) -> dict[str, dict[str, Validation]]:
    names = bundle.meta.labels
    films = [
        {
            "targets": dict(zip(names, of_film, strict=True)),
            "patient": f"p{i}",
            "probabilities": dict.fromkeys(names, p),
        }
        for i, (of_film, p) in enumerate(zip(targets, (0.9, 0.2), strict=True))
    ]
    known = {"bundle_sha256": bundle.sha256, "labels": names, "negative": None, "films": films}
    file = folder / "findings.json"
    file.write_text(json.dumps({"set": "elsewhere", **known}))
    return leaderboard.blind_predictions([file])


def test_blind_predictions_with_other_labels_than_the_bundle(tmp_path: Path) -> None:
    run = run_folder(tmp_path, 1)
    blind = blind_of_findings(open_bundle(run / "bundle"), [[1, 0, None], [0, 1, None]], tmp_path)
    with pytest.raises(
        DataError, match="elsewhere: the predictions have other labels than"
    ) as info:
        leaderboard.table(leaderboard.find([run]), blind, draws=20)
    assert "pneumoscope evaluate" in info.value.hint


def test_a_target_is_known_or_not(tmp_path: Path) -> None:
    film = {"targets": {"Mass": 2}, "patient": "p", "probabilities": {"Mass": 0.5}}
    record = {"labels": ["Mass"], "negative": None, "films": [film]}
    (tmp_path / "b.json").write_text(json.dumps({"set": "s", "bundle_sha256": "0", **record}))
    with pytest.raises(DataError, match="target 2: neither 0, 1 nor null"):
        leaderboard.blind_predictions([tmp_path / "b.json"])


@pytest.mark.parametrize("written", ["NaN", "Infinity", '"0.7"', "null", "1.2", "-0.1", "true"])
def test_a_probability_is_a_number_between_0_and_1(tmp_path: Path, written: str) -> None:
    film = {"label": "ill", "patient": "p", "probabilities": {"well": 0.5, "ill": "HERE"}}
    record = {"labels": ["well", "ill"], "negative": "well", "films": [film]}
    text = json.dumps({"set": "s", "bundle_sha256": "0", **record}).replace('"HERE"', written)
    (tmp_path / "b.json").write_text(text)
    with pytest.raises(DataError, match=r"b\.json.*probability .*: no number between 0 and 1"):
        leaderboard.blind_predictions([tmp_path / "b.json"])


def test_a_record_that_is_nested_too_deeply_is_named(tmp_path: Path) -> None:
    (tmp_path / "b.json").write_text("[" * 100_000)
    with pytest.raises(DataError, match=r"b\.json: not a record of predictions"):
        leaderboard.blind_predictions([tmp_path / "b.json"])


def test_a_record_without_films_is_named(tmp_path: Path) -> None:
    record = {"labels": ["well", "ill"], "negative": "well", "films": []}
    (tmp_path / "b.json").write_text(json.dumps({"set": "s", "bundle_sha256": "0", **record}))
    with pytest.raises(DataError, match="it has no films"):
        leaderboard.blind_predictions([tmp_path / "b.json"])


@pytest.mark.parametrize("text", ["{}", "nonsense", '{"labels": ["a"], "films": [{"label": "b"}]}'])
def test_a_broken_record_is_named(tmp_path: Path, text: str) -> None:
    (tmp_path / "b.json").write_text(text)
    with pytest.raises(DataError, match=r"b\.json"):
        leaderboard.blind_predictions([tmp_path / "b.json"])


def test_no_runs_there(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no finished run"):
        leaderboard.find([tmp_path])
    run = run_folder(tmp_path, 1)
    (run / "validation.npz").write_bytes(b"nothing")
    with pytest.raises(DataError, match="not a validation record"):
        leaderboard.find([tmp_path])


def test_what_a_run_has_otherwise_than_the_shipped_recipe(tmp_path: Path) -> None:
    recipe = dataclasses.asdict(load("cnn-3class", seed=1, epochs=2))
    run_folder(tmp_path, 1, name="cnn-3class", recipe=recipe)
    (row,) = leaderboard.table(leaderboard.find([tmp_path]), draws=20)
    assert row.changed == {"epochs": 2}
    assert "| cnn-3class 1 (random start, `epochs = 2`) | 1 |" in leaderboard.to_markdown([row])


def test_the_run_whose_soft_labels_were_learned_is_named(tmp_path: Path) -> None:
    for seed, name in enumerate(("run large (cnn, 32 pixels)", "run moved (cnn, 32 pixels)"), 1):
        run_folder(tmp_path, seed, soft_labels_from={"name": name, "sha256": "ab"})
    (row,) = leaderboard.table(leaderboard.find([tmp_path]), draws=20)
    assert row.seeds == (1, 2)
    line = "| small 1 (random start, soft labels of run large (cnn, 32 pixels)) | 2 |"
    assert line in leaderboard.to_markdown([row])
    run_folder(tmp_path, 3, soft_labels_from={"name": "run large (cnn, 32 pixels)", "sha256": "cd"})
    with pytest.raises(UsageError, match="differ in more than their seed"):
        leaderboard.table(leaderboard.find([tmp_path]), draws=20)


@pytest.mark.slow
def test_the_command(tmp_path: Path) -> None:
    run_folder(tmp_path / "runs", 1)
    page = tmp_path / "results.md"
    shown = run_process("leaderboard", tmp_path / "runs")
    assert shown.returncode == 0, shown.stderr
    assert shown.stderr == ""  # no Keras, no chatter
    assert "small 1" in shown.stdout
    written = run("leaderboard", tmp_path / "runs", "--out", page, "--json")
    (row,) = json.loads(written.stdout)
    assert row["plain"]["accuracy"]["value"] == pytest.approx(5 / 6)
    text = page.read_text()
    assert "| small 1 (random start) | 1 | 6 | 1,234 | 2 |" in text
    assert "not measured" in text
    wrong = run("leaderboard", tmp_path / "nowhere")
    assert wrong.returncode == 1
    assert "no finished run" in wrong.stderr
    assert "Traceback" not in wrong.stderr


def test_a_seed_counts_once(tmp_path: Path) -> None:
    films = films_of("A", "x")
    older = [0.9, 0.9, 0.9, 0.1, 0.1, 0.1]
    run_folder(tmp_path / "a", 1, plain=older, data=films | {"trained": "before"})
    run_folder(tmp_path / "b", 1, data=films)
    os.utime(tmp_path / "a/small-1/bundle/bundle.json", (1, 1))  # the older one
    run_folder(tmp_path / "b", 2, data=films)
    (row,) = leaderboard.table(leaderboard.find([tmp_path / "a", tmp_path / "b"]), draws=50)
    assert (row.seeds, row.repeated) == ((1, 2), 1)
    assert row.auc_by_seed == pytest.approx((8 / 9, 8 / 9))
    assert "Runs with the seed of a newer one, not counted:" in leaderboard.to_markdown([row])


def films_of(source: str, pixels: str, count: int = 10) -> dict[str, Any]:
    return {"source": source, "films_sha256": pixels, "films": {"train": {"a": count}}}


def test_runs_on_different_data_are_in_different_tables(tmp_path: Path) -> None:
    low = [0.9, 0.9, 0.9, 0.1, 0.1, 0.1]
    run_folder(tmp_path, 1, name="weak", plain=low, data=films_of("A", "x"))
    run_folder(tmp_path, 1, name="strong", data=films_of("A", "x"))
    other = ("u", "v", "w", "x", "y", "z")
    run_folder(tmp_path, 1, name="north", patients=other, data=films_of("B", "y"))
    run_folder(tmp_path, 2, name="north", data=films_of("A", "z"))  # same words, other films
    rows = leaderboard.table(leaderboard.find([tmp_path]), draws=50)
    assert [(row.data, row.recipe) for row in rows] == [
        ("B (10 films)", "north 1"),
        ("A (10 films)", "north 1"),
        ("A (10 films), set 2", "strong 1"),
        ("A (10 films), set 2", "weak 1"),
    ]
    page = leaderboard.to_markdown(rows)
    assert page.count("# Results: ") == 3
    assert "# Results: A (10 films), set 2" in page
    shown = run("leaderboard", tmp_path)
    assert [shown.stdout.count(name) for name in ("B (10 films)", "A (10 films)")] == [1, 2]


def test_old_runs_are_compared_by_source_and_number(tmp_path: Path) -> None:
    old = {"source": "A", "films": {"train": {"a": 10}}}
    run_folder(tmp_path, 1, name="old", data=old)
    run_folder(tmp_path, 1, name="new", data=films_of("A", "x"))
    rows = leaderboard.table(leaderboard.find([tmp_path]), draws=50)
    assert {row.data for row in rows} == {"A (10 films)"}


def test_a_run_that_learned_nothing_is_marked(tmp_path: Path) -> None:
    run_folder(tmp_path, 1, plain=[0.9, 0.9, 0.9, 0.9, 0.9, 0.9])
    (row,) = leaderboard.table(leaderboard.find([tmp_path]), draws=50)
    assert "no validation film is called normal" in row.learned_nothing[1]
    assert "**Learned nothing that can be shown**" in leaderboard.to_markdown([row])
    assert "seed 1, learned nothing that can be shown" in run("leaderboard", tmp_path).stdout


def cross_validated(root: Path, finished: int = 2) -> Path:
    """Two folds: one of two healthy films is called, and in the second, at 0.3, all are called right."""
    folder = root / "small-0-folds"
    parts = {1: {"healthy": (0.1, 0.6)}, 2: {"healthy": (0.1, 0.2), "ill": (0.4, 0.9)}}
    for number, films in parts.items():
        fold = fold_result(folder, number, threshold=0.5 if number == 1 else 0.3, **films)
        predictions.save(
            fold.validation, folder / f"fold-{number}" / "out-of-fold.npz", fold.bundle.sha256
        )
    (folder / "folds.json").write_text(json.dumps({"folds": 2, "finished": finished}))
    return folder


def test_a_cross_validation_is_one_row(tmp_path: Path) -> None:
    folder = cross_validated(tmp_path)
    run_folder(tmp_path, 1)
    for where in (tmp_path, folder):
        rows = {row.recipe: row for row in leaderboard.table(leaderboard.find([where]), draws=50)}
        row = rows["tiny 1, 2 folds"]
        assert (row.folds, row.seeds, row.films) == (2, (0,), 8)
        # At the threshold of each fold; at 0.5 one ill film of four would be missed.
        assert row.plain["specificity"].value == 3 / 4
        assert row.plain["sensitivity"].value == 1.0
        assert row.at_half.value == 6 / 8
        assert row.minutes == 4.0  # of both trainings
        assert ("small 1" in rows) == (where == tmp_path)
    page = leaderboard.to_markdown(list(rows.values()))
    assert "| tiny 1, 2 folds" in page
    assert "A row with folds is a cross-validation" in page


def test_an_unfinished_cross_validation_is_not_in_the_table(tmp_path: Path) -> None:
    folder = cross_validated(tmp_path, finished=1)
    for where in (tmp_path, folder, folder / "fold-1"):
        with pytest.raises(DataError, match="no finished run there"):
            leaderboard.find([where])
