"""Soft labels: every film's come from a network that has not seen its patient."""

from __future__ import annotations

import csv
import json
import shutil
import warnings
from dataclasses import replace
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np
import pytest

from drawn import drawn_set

pytest.importorskip("tensorflow", reason="needs the [train] extra")

from train_marks import TRAINING
from trainings import SMALL, exporting_here, train

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # TensorFlow's own imports warn
    from pneumoscope.train import finished_run, folder, run
    from pneumoscope.train.data.batches import Position
    from pneumoscope.train.fit import loop, soft_labels
    from pneumoscope.train.progress import Progress
    from pneumoscope.train.recipe.augmentation import Augmentation
    from pneumoscope.train.recipe.reading import resolved
    from pneumoscope.train.recipe.settings import Recipe

from pneumoscope.data import Film, FilmSet
from pneumoscope.errors import DataError, UsageError

pytestmark = TRAINING

RECIPE = Recipe(
    task="binary",
    network="cnn",
    filters=(8,),
    size=32,
    scaling="unit",
    batch_size=8,
    head_epochs=0,
    epochs=9,
    learning_rate=0.02,
    soft_labels=0.5,
    soft_label_folds=2,
    soft_label_epochs=4,
)
CHANGING = ("crop", "match", "equalise", "curve", "brightness", "shading", "detail", "sharpness_match",
            "blur", "sharpen", "low_resolution", "jpeg", "noise", "frame", "marker", "erase")  # fmt: skip
"""Steps of the augmentation that can be left out."""
WRONG = (4, 21)
"""Training films that have the label of the other class."""


class Notes(Progress):
    def __init__(self) -> None:
        super().__init__()
        self.lines: list[str] = []

    def note(self, text: str) -> None:
        self.lines.append(text)


def films(wrong: tuple[int, ...] = WRONG) -> FilmSet:
    """Dark healthy films and bright ill ones, two of each patient; every fifth patient is held out."""
    rng = np.random.default_rng(0)
    records, pixels = [], []
    for i in range(60):
        ill = i // 2 % 2
        label = 1 - ill if i in wrong else ill
        split = "validation" if i // 2 % 5 == 4 else "train"
        records.append(Film(f"{i}.png", (1.0 - label, float(label)), f"p{i // 2}", str(i), split))
        pixels.append(np.clip(rng.normal(170 if ill else 80, 20, (64, 64)), 0, 255))
    return FilmSet(
        task="binary",
        names=("normal", "pneumonia"),
        negative="normal",
        films=tuple(records),
        pixels=np.array(pixels, np.uint8),
        source="drawn",
        warnings=(),
        files=(),
    )


class Networks:
    """Stands in for the trainings: remembers what each was given, and gives all films one probability."""

    def __init__(self) -> None:
        self.given: list[tuple[Recipe, FilmSet, Path]] = []

    def fit(
        self, recipe: Recipe, part: FilmSet, folder: Path, weights: str | None, progress: Progress
    ) -> Networks:
        assert (weights, folder.is_dir()) == ("start.h5", True)
        self.given.append((recipe, part, folder))
        return self

    def predict_on_batch(self, x: Any) -> Any:
        probability = len(self.given) / 4
        return np.full((len(x), 1), np.log(probability / (1 - probability)), np.float32)


@pytest.fixture
def networks(monkeypatch: pytest.MonkeyPatch) -> Networks:
    stand_in = Networks()
    monkeypatch.setattr(loop, "fit", stand_in.fit)
    return stand_in


def test_a_network_says_nothing_of_patients_it_was_trained_on(
    tmp_path: Path, networks: Networks
) -> None:
    everything, notes = films(), Notes()
    targets = soft_labels.targets_of(RECIPE, everything, tmp_path, "start.h5", notes)
    assert targets is not None
    assert [folder.name for *_, folder in networks.given] == ["1", "2"]
    assert {recipe.epochs for recipe, *_ in networks.given} == {4}
    train = {*everything.rows("train").tolist()}
    judged: list[int] = []
    for number, (_, part, _) in enumerate(networks.given, 1):
        seen, held_out = part.rows("train"), part.rows("validation")
        assert {*seen.tolist()} | {*held_out.tolist()} == train
        patients = ({part.films[row].patient for row in rows} for rows in (seen, held_out))
        assert not set.intersection(*patients)
        hard = everything.targets[held_out]
        spoken = np.array([1 - number / 4, number / 4])
        np.testing.assert_allclose(targets[held_out], (hard + spoken) / 2, atol=1e-6)
        judged += held_out.tolist()
    assert sorted(judged) == sorted(train)
    held = everything.rows("validation")
    assert targets[held].tolist() == everything.targets[held].tolist()
    # Network 1 says normal, network 2 neither: of the films of network 1, those labelled pneumonia differ.
    assert f"of {len(train)} films ({tmp_path / 'soft_labels.csv'})" in notes.lines[-1]


def test_probabilities_are_read_again_and_damaged_ones_named(
    tmp_path: Path, networks: Networks
) -> None:
    first = soft_labels.targets_of(RECIPE, films(), tmp_path, "start.h5", Notes())
    again = soft_labels.targets_of(RECIPE, films(), tmp_path, "start.h5", Notes())
    assert first is not None
    assert again is not None
    assert len(networks.given) == 2
    assert again.tolist() == first.tolist()
    file = tmp_path / "soft_labels.csv"
    lines = file.read_text().splitlines(keepends=True)
    assert lines[0] == "path,sha256,label,normal,pneumonia\n"
    another = ",".join(["x", "another hash", *lines[1].split(",")[2:]])
    for damaged in (
        lines[:-1],
        lines[1:],
        [lines[0], another, *lines[2:]],
        [line.rsplit(",", 1)[0] + "\n" for line in lines],
        [lines[0], *(f"{line.rsplit(',', 2)[0]},-1,2\n" for line in lines[1:])],
        [lines[0], *(f"{line.rsplit(',', 2)[0]},x,1\n" for line in lines[1:])],
        [lines[0], "9.png,9\n", *lines[2:]],
        [lines[0], "9" * 200_000],  # longer than the csv module reads
        [],
    ):
        file.write_text("".join(damaged))
        with pytest.raises(UsageError, match="is damaged") as caught:
            soft_labels.targets_of(RECIPE, films(), tmp_path, "start.h5", Notes())
        assert "Delete this file" in str(caught.value.hint)


def test_without_soft_labels_or_once_trained_there_are_none(
    tmp_path: Path, networks: Networks
) -> None:
    hard = replace(RECIPE, soft_labels=0.0)
    assert soft_labels.targets_of(hard, films(), tmp_path, None, Notes()) is None
    (tmp_path / "weights.npz").write_bytes(b"")
    assert soft_labels.targets_of(RECIPE, films(), tmp_path, None, Notes()) is None
    assert not networks.given


def test_too_few_patients_are_named_before_anything_is_trained(
    tmp_path: Path, networks: Networks
) -> None:
    many = replace(RECIPE, soft_label_folds=20)
    with pytest.raises(DataError, match="too few for 20 folds"):
        soft_labels.targets_of(many, films(), tmp_path, "start.h5", Notes())
    north = replace(RECIPE, sampling="sources", source_shares=(("north", 1.0), ("south", 1.0)))
    with pytest.raises(DataError, match=r"soft labels, without fold 1: .*north"):
        soft_labels.targets_of(north, films(), tmp_path, "start.h5", Notes())
    assert not networks.given


def test_no_path_and_no_class_of_the_table_is_a_formula(tmp_path: Path, networks: Networks) -> None:
    plain = films()
    paths = tuple(replace(film, path=f"={film.path}") for film in plain.films)
    everything = replace(plain, names=("=normal", "pneumonia"), negative="=normal", films=paths)
    first = soft_labels.targets_of(RECIPE, everything, tmp_path, "start.h5", Notes())
    with (tmp_path / "soft_labels.csv").open(newline="") as stream:
        rows = list(csv.reader(stream))
    assert rows[0] == ["path", "sha256", "label", "'=normal", "pneumonia"]
    assert {row[0][:2] for row in rows[1:]} == {"'="}
    assert {row[2] for row in rows[1:]} == {"'=normal", "pneumonia"}
    again = soft_labels.targets_of(RECIPE, everything, tmp_path, "start.h5", Notes())
    assert again is not None
    np.testing.assert_array_equal(first, again)


def test_wrong_labels_are_noticed(tmp_path: Path) -> None:
    # Brightness tells the films apart: views that change it would take more epochs.
    none = Augmentation(**dict.fromkeys(CHANGING, 0.0), contrast=(1.0, 1.0), gamma=(1.0, 1.0))
    everything = films()
    recipe = replace(RECIPE, soft_labels=1.0, soft_label_epochs=60, augment=none)
    targets = soft_labels.targets_of(recipe, everything, tmp_path, None, Notes())
    assert targets is not None
    with (tmp_path / "soft_labels.csv").open(newline="") as stream:
        rows = {int(row["path"].removesuffix(".png")): row for row in csv.DictReader(stream)}
    other = [i for i, row in rows.items() if float(row[row["label"]]) < 0.5]
    assert other == list(WRONG)
    right = films(wrong=()).targets
    assert all(targets[i] @ right[i] > 0.5 for i in WRONG)


def test_a_training_learns_from_the_targets_that_it_is_given(tmp_path: Path) -> None:
    everything = films()
    targets = everything.targets * 0.5 + 0.2
    batches = loop.begin(RECIPE, everything, tmp_path, None, Notes(), targets).batches
    _, y, _ = next(batches.of(Position()))
    assert isinstance(y, np.ndarray)
    assert np.unique(y).tolist() == pytest.approx([0.2, 0.7])


def test_a_recipe_with_soft_labels_is_trained_by_one_command(tmp_path: Path) -> None:
    recipe = SMALL.replace("epochs = 3", "epochs = 1")
    recipe += "soft_labels = 0.5\nsoft_label_folds = 2\n"
    drawn = drawn_set(tmp_path / "films", 16, 24)
    with exporting_here(), mock.patch.object(loop, "fit", wraps=loop.fit) as fit:
        done = train(recipe, tmp_path / "run", drawn, "--json")
    assert done.returncode == 0, done.stderr
    assert "soft labels: network 2 of 2" in done.stderr
    *teachers, student = fit.call_args_list
    assert [len(call.args) for call in teachers] == [5, 5]
    targets = student.args[6]
    assert targets.sum(axis=1) == pytest.approx(1)
    with (tmp_path / "run" / "soft_labels.csv").open(newline="") as stream:
        count = sum(1 for _ in csv.DictReader(stream))
    assert count == int((targets.max(axis=1) < 1).sum()) > 20
    logged = [loop.minutes(log.parent) for log in (tmp_path / "run").rglob("log.csv")]
    assert len(logged) == 3
    assert json.loads(done.stdout)["validation"]["training_minutes"] == round(sum(logged), 1)
    another_network_learns_from_them(tmp_path, recipe, drawn)


def another_network_learns_from_them(base: Path, recipe: str, drawn: Path) -> None:
    """From the same films in another place."""
    moved = base / "moved"
    shutil.copytree(drawn, moved / "chest_xray")
    smaller = recipe.replace("[8, 16]", "[4]").replace("0.5", "1.0")
    student, out = ("--soft-labels-from", base / "run"), base / "student"
    with mock.patch.object(run, "load_films") as load:  # it is said before any film is read
        refused = train(SMALL, out, moved, *student)
        assert "the recipe has no soft labels" in refused.stderr
        refused = train(smaller, out, moved, "--soft-labels-from", base)
        assert f"{base}: has no soft labels" in refused.stderr
    assert not load.called
    other_films = drawn_set(base / "other", 16, 22)
    refused = train(smaller, out, other_films, *student)
    assert "its soft labels are those of other films" in refused.stderr
    assert not out.exists()
    with exporting_here(), mock.patch.object(loop, "fit", wraps=loop.fit) as fit:
        done = train(smaller, out, moved, *student, "--json")
    assert done.returncode == 0, done.stderr
    assert [call.args[0].filters for call in fit.call_args_list] == [(4,)]
    labels = [probabilities_by_film(each) for each in (base / "run", out)]
    assert labels[0] == labels[1]
    assert json.loads(done.stdout)["validation"]["soft_labels_from"]["name"] == (
        "run run (cnn, 32 pixels)"
    )
    card = (out / "bundle" / "README.md").read_text()
    assert "- Soft labels: those of networks of the run run (cnn, 32 pixels)" in card
    assert "with other soft labels" in train(smaller, out, moved).stderr
    assert train(smaller, out, moved, *student).returncode == 0


def test_films_in_another_order_have_their_own_soft_labels(tmp_path: Path) -> None:
    first = replace(films(), files=tuple(tmp_path / film.path for film in films().films))
    values = np.random.default_rng(0).dirichlet([1, 1], len(first.rows("train")))
    folder.start(tmp_path, RECIPE, first, {"name": "none"})
    soft_labels.write(first, values, tmp_path)
    turned = replace(first, films=first.films[::-1])
    again = finished_run.soft_labels_of(tmp_path, turned)
    np.testing.assert_allclose(again, values[::-1], atol=1e-6)
    targets = [
        soft_labels.targets_of(replace(RECIPE, soft_labels=1.0), each, tmp_path, None, Notes())
        for each in (first, turned)
    ]
    assert targets[0] is not None
    assert targets[1] is not None
    assert targets[1].tolist() == targets[0][::-1].tolist()  # a run that is continued


def teacher(run: Path) -> FilmSet:
    """Makes the folder of a run whose networks have given soft labels; returns its films."""
    run.mkdir()
    everything = films()
    everything = replace(everything, files=tuple(run / film.path for film in everything.films))
    folder.start(run, RECIPE, everything, {"name": "none"})
    count = len(everything.rows("train"))
    soft_labels.write(everything, np.tile([0.25, 0.75], (count, 1)), run)
    return everything


def test_damaged_soft_labels_of_another_run_are_not_to_be_deleted(tmp_path: Path) -> None:
    run = tmp_path / "teacher"
    everything = teacher(run)
    (run / "films.csv").unlink()  # is not needed
    assert finished_run.soft_labels_of(run, everything).shape == (48, 2)
    file = run / "soft_labels.csv"
    file.write_text(file.read_text()[:-200])
    with pytest.raises(UsageError, match="is damaged") as caught:
        finished_run.soft_labels_of(run, everything)
    assert caught.value.hint == "Train it again."  # a finished run does not make the file again


def test_films_of_another_size_are_not_taken_for_other_films(tmp_path: Path) -> None:
    teacher(tmp_path / "teacher")
    recipe = resolved(replace(RECIPE, size=64))
    finished_run.check_soft_labels(tmp_path / "teacher", recipe)
    with pytest.raises(UsageError, match="source_size is 224 there, and 192 in the recipe"):
        finished_run.check_soft_labels(tmp_path / "teacher", recipe | {"source_size": 192})


def test_soft_labels_that_were_learned_have_the_name_of_the_first_run(tmp_path: Path) -> None:
    first, second = tmp_path / "first", tmp_path / "second"
    everything = teacher(first)
    record = finished_run.soft_labels_record(first)
    assert record["name"] == "run first (cnn, 32 pixels)"
    second.mkdir()
    folder.start(second, RECIPE, everything, {"name": "none"}, record)
    soft_labels.write(everything, finished_run.soft_labels_of(first, everything), second)
    assert finished_run.soft_labels_record(second) == record


def test_a_start_that_was_given_up_leaves_no_soft_labels(
    tmp_path: Path, networks: Networks
) -> None:
    """Killed before its first checkpoint; the next start is without the other run."""
    everything = teacher(tmp_path / "teacher")
    run = tmp_path / "run"
    run.mkdir()
    record = finished_run.soft_labels_record(tmp_path / "teacher")
    folder.start(run, RECIPE, everything, {"name": "none"}, record)
    labels = finished_run.soft_labels_of(tmp_path / "teacher", everything)
    soft_labels.write(everything, labels, run)
    folder.start(run, RECIPE, everything, {"name": "none"})
    soft_labels.targets_of(RECIPE, everything, run, "start.h5", Notes())
    assert len(networks.given) == 2


def probabilities_by_film(run: Path) -> dict[str, list[str]]:
    """Hash of each training film to its soft label."""
    with (run / "films.csv").open(newline="") as stream:
        hashes = [row["sha256"] for row in csv.DictReader(stream) if row["split"] == "train"]
    with (run / "soft_labels.csv").open(newline="") as stream:
        rows = {digest: shares for _, digest, _, *shares in list(csv.reader(stream))[1:]}
    return {digest: rows[digest] for digest in hashes}


def test_minutes_of_a_training_count_those_of_its_teachers(tmp_path: Path) -> None:
    for folder, seconds in (
        (tmp_path, 120),
        (tmp_path / "teachers/1", 60),
        (tmp_path / "teachers/2", 30),
    ):
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "log.csv").write_text(f"phase,epoch,seconds\nhead,1,{seconds}\n")
    assert soft_labels.minutes(tmp_path) == 3.5
