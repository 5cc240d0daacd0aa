"""The whole way from films to a bundle, with Keras on TensorFlow, on drawn films."""

from __future__ import annotations

import csv
import json
import re
import shutil
import signal
import subprocess
import sys
import warnings
from pathlib import Path
from unittest import mock

import numpy as np
import pytest

from command_line import run
from drawn import drawn_set
from traced import addresses, environment, obstacle, traced
from trainings import PRETRAINED, SMALL, TOY, class_folders, exporting_here, train, words

pytest.importorskip("tensorflow", reason="needs the [train] extra")

from train_marks import TRAINING

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # TensorFlow's own imports warn
    from pneumoscope.train import run as training
    from pneumoscope.train.data.films import load_films
    from pneumoscope.train.fit import loop
    from pneumoscope.train.paths import Paths
    from pneumoscope.train.progress import Progress
    from pneumoscope.train.run import train as train_run
    from pneumoscope.train.validation import left_out

import pneumoscope
from pneumoscope.bundle import open_bundle
from pneumoscope.errors import TrainingError, UsageError
from pneumoscope.train.recipe import reading

pytestmark = TRAINING


@pytest.fixture(scope="module")
def films(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return drawn_set(tmp_path_factory.mktemp("drawn") / "films")


def test_a_share_of_start_weights_needs_a_run_however_it_is_named(tmp_path: Path) -> None:
    recipe = reading.load("mobilenetv2-gap", start_share=0.25)
    file = tmp_path / "weights.npz"
    file.write_bytes(b"weights")
    assert training._start_weights(recipe, str(file)) == str(file)
    for other in ("none", "imagenet", str(shutil.copy(file, tmp_path / "weights.h5"))):
        with pytest.raises(UsageError, match="the training does not start from a run"):
            training._start_weights(recipe, other)


CALLS = "calls.txt"
# Kills itself where the second epoch of the second phase begins: no clock decides what is left.
KILLED = """
import os, signal, sys
from pneumoscope.cli.main import main
from pneumoscope.train.progress import Progress

def epoch(self, phase, number, of):
    if (phase, number) == ("whole network", 2):
        os.kill(os.getpid(), signal.SIGKILL)

Progress.epoch = epoch
main()
"""


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory, films: Path) -> Path:
    """A run folder: killed in the second phase, then finished by the same command."""
    out = tmp_path_factory.mktemp("run") / "run"
    command = [sys.executable, "-c", KILLED, *map(str, words(SMALL, out, films))]
    calls = out.parent / CALLS
    if not obstacle():
        command = traced(calls, command)
    process = subprocess.run(
        command, capture_output=True, text=True, check=False, env=environment(out.parent)
    )
    assert "whole network 1" in process.stderr
    assert process.returncode == -signal.SIGKILL
    assert (out / "checkpoint.npz").is_file()
    with exporting_here():
        done = train(SMALL, out, films, "--json")
    assert done.returncode == 0, done.stderr
    assert "resuming at whole network, epoch 2, step 1" in done.stderr
    record = json.loads(done.stdout.splitlines()[-1])
    assert record["bundle"] == str(out / "bundle")
    auc = record["validation"]["plain"]["auc"]
    assert auc["value"] >= 0
    # Figures of so few patients have no interval, and say so.
    assert (auc["low"], auc["note"] != "") == (None, True)
    return out


def test_a_training_connects_to_nobody(trained: Path) -> None:
    if reason := obstacle():
        pytest.skip(reason)
    assert (trained.parent / CALLS).stat().st_size > 0
    assert addresses(trained.parent / CALLS) == []
    assert [path for path in trained.parent.rglob("*") if "onnxruntime" in path.name.lower()] == []


def test_a_killed_training_resumes_and_ends_the_same(
    trained: Path, films: Path, tmp_path: Path
) -> None:
    """The same weights as a training without interruption."""
    recipe = reading.load(str(trained.parent / "recipe.toml"))
    drawn = load_films(recipe, films, trained.parent / "cache", Progress())
    loop.fit(recipe, drawn, tmp_path, None, Progress())
    with np.load(tmp_path / "weights.npz") as whole, np.load(trained / "weights.npz") as resumed:
        assert set(whole) == set(resumed)
        for name in whole:
            assert np.allclose(whole[name], resumed[name], atol=1e-3), name


def test_a_training_makes_a_bundle_that_predicts(trained: Path, films: Path) -> None:
    classifier = pneumoscope.load(trained / "bundle")
    assert classifier.check() < 1e-5
    prediction = classifier.predict(next((films / "train" / "NORMAL").iterdir()))
    assert sum(prediction.probabilities.values()) == pytest.approx(1, abs=1e-5)
    # 32 -> 30 -> 15 -> 13 -> 6
    assert prediction.heatmap.shape == (6, 6)
    outputs = classifier.run(np.zeros((2, 32, 32, 1), np.uint8))
    assert outputs.embedding.shape == (2, 16)
    assert outputs.heatmaps.shape == (2, 3, 6, 6)


def test_scores_of_heatmaps_are_measured_and_kept(trained: Path) -> None:
    explanation = open_bundle(trained / "bundle").meta.explanation
    assert explanation is not None
    assert explanation["films"] > 0
    assert set(explanation["limits"]) <= set(explanation["modes"]) == {"fast", "checked"}


def test_parity_is_measured_and_kept(trained: Path) -> None:
    parity = open_bundle(trained / "bundle").meta.validation["parity"]
    assert 0 <= parity["max_dp"] <= 1e-4
    assert 0 <= parity["max_heatmap_error"] <= 1e-3


def test_the_log_has_a_row_for_each_epoch(trained: Path) -> None:
    with (trained / "log.csv").open() as stream:
        rows = list(csv.DictReader(stream))
    assert [(r["phase"], r["epoch"]) for r in rows] == [
        ("head", "1"), ("whole network", "1"), ("whole network", "2"), ("whole network", "3")
    ]  # fmt: skip
    assert all(float(r["loss"]) > 0 for r in rows)


def test_the_card_tells_figures_limits_and_sources(trained: Path) -> None:
    card = (trained / "bundle" / "README.md").read_text()
    for text in (
        "not for diagnosis",
        "CC BY 4.0",
        "Baseline without anatomy",
        "cut-rows",
        "Limits",
    ):
        assert text in card
    assert "nan" not in card.lower().replace("financ", "")


def test_nothing_half_written_is_left(trained: Path) -> None:
    names = {p.name for p in trained.iterdir()}
    assert names == {
        "run.json", "log.csv", "weights.npz", "export", "bundle", "films.csv", "environment.json",
        "validation.npz", "curves.png", "augmented.png",
    }  # fmt: skip


def test_a_finished_run_can_be_kept_as_it_is(trained: Path, films: Path) -> None:
    recipe = reading.load(str(trained.parent / "recipe.toml"))
    paths = Paths(data=films, run=trained, weights="none", cache=trained.parent / "cache")
    before = (trained / "bundle").stat()
    bundle = train_run(recipe, paths, Progress(), keep_finished=True)
    # A bundle that is made again takes the place of the whole folder.
    assert (trained / "bundle").stat().st_ino == before.st_ino
    assert bundle.sha256 == open_bundle(trained / "bundle").sha256


def test_limits_from_a_training_that_left_a_source_out(
    trained: Path, films: Path, tmp_path: Path
) -> None:
    """The bundle of a finished run is made again; nothing is trained."""
    out, hospitals = tmp_path / "run", tmp_path / "hospitals"
    shutil.copytree(trained, out)
    shutil.copytree(trained, hospitals / "leave-out-north", ignore=shutil.ignore_patterns("bundle"))
    p = np.full(30, 0.999)
    left_out.save(hospitals / "leave-out-north" / left_out.FILE, ["north"] * 30, p, p < 0)
    done = train(SMALL, out, films, "--limits-from", hospitals)
    assert done.returncode == 0, done.stderr
    after = open_bundle(out / "bundle")
    assert "left_out" not in after.meta.validation
    assert "too few validation films for limits: those of --limits-from are not used" in done.stderr
    assert (out / "log.csv").read_bytes() == (trained / "log.csv").read_bytes()
    refused = train(SMALL, out, films, "--limits-from", tmp_path / "hopsitals")
    assert refused.returncode == 1
    assert "has no training that left a source out" in refused.stderr
    assert "--leave-out" in refused.stderr.split("hint:")[1]
    assert open_bundle(out / "bundle").sha256 == after.sha256
    fresh = tmp_path / "fresh"
    assert train(SMALL, fresh, films, "--limits-from", tmp_path / "hopsitals").returncode == 1
    assert not fresh.exists()


def test_another_recipe_does_not_overwrite_a_run(trained: Path, films: Path) -> None:
    done = train(SMALL, trained, films, "--seed", 1)
    assert done.returncode == 1
    assert "another recipe" in done.stderr


@pytest.mark.parametrize("change", ["films", "weights"])
def test_a_run_goes_on_with_its_own_films_and_weights_only(
    trained: Path, films: Path, tmp_path: Path, change: str
) -> None:
    out = tmp_path / "run"
    other = tmp_path / "other"
    shutil.copytree(films, other)
    recipe, arguments = SMALL, list[object]()
    if change == "films":
        shutil.copytree(trained, out)
        next((other / "train" / "NORMAL").iterdir()).unlink()
    else:
        recipe, arguments = PRETRAINED, ["--weights", "imagenet"]
        # Started as its training starts it; what else is in the folder comes from the small one.
        with mock.patch.object(loop, "fit", side_effect=TrainingError("not now", "")):
            assert "not now" in train(recipe, out, films).stderr
        shutil.copytree(trained, out, ignore=shutil.ignore_patterns("run.json"), dirs_exist_ok=True)
    before = (out / "bundle" / "bundle.json").read_bytes()
    done = train(recipe, out, other if change == "films" else films, *arguments)
    assert done.returncode == 1
    assert f"started with other {'films' if change == 'films' else 'start weights'}" in done.stderr
    assert (out / "bundle" / "bundle.json").read_bytes() == before


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--weights", "no.h5"], "no such file"),
        (["--data", "nowhere"], "no such folder"),
    ],
)
def test_bad_arguments_cost_no_time(
    films: Path, tmp_path: Path, arguments: list[str], message: str
) -> None:
    done = train(PRETRAINED, tmp_path / "run", films, *arguments)
    assert done.returncode == 1
    assert message in done.stderr
    assert "hint:" in done.stderr
    assert not (tmp_path / "run" / "log.csv").exists()


def test_too_few_patients(tmp_path: Path) -> None:
    few = drawn_set(tmp_path / "few", normal=2, pneumonia=4)
    done = train(SMALL, tmp_path / "run", few)
    assert done.returncode == 1
    assert "too few patients" in done.stderr


def test_the_default_data_folder_may_come_from_the_environment(
    films: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PNEUMOSCOPE_DATA", str(films))
    command = words(PRETRAINED, tmp_path / "run", films, "--weights", "no.h5")
    at = command.index("--data")
    done = run(*command[:at], *command[at + 2 :])
    assert "no.h5" in done.stderr


def test_another_disease_from_class_folders(tmp_path: Path) -> None:
    with exporting_here():
        done = train(TOY, tmp_path / "run", class_folders(tmp_path / "films"), weights=None)
    assert done.returncode == 0, done.stderr
    assert "warning: no patient keys" in done.stderr
    assert "keeping the weights of epoch" in done.stderr
    bundle = open_bundle(tmp_path / "run" / "bundle")
    assert bundle.meta.labels[0] == "NORMAL"
    assert set(bundle.meta.labels) == {"NORMAL", "COVID", "TUBERCULOSIS"}
    assert bundle.meta.positive == "ABNORMAL"
    assert bundle.meta.population.age_years is None
    assert "Kermany" not in (bundle.path / "README.md").read_text()
    classifier = pneumoscope.load(bundle)
    ill = classifier.predict(tmp_path / "films" / "COVID" / "0.png")
    assert ill.subtype in (None, "COVID", "TUBERCULOSIS")
    assert ill.heatmap_class in bundle.meta.labels
    assert not any("bacterial" in warning for warning in ill.warnings)


@pytest.mark.parametrize(
    ("name", "message"),
    [("COVID", "no class"), ("NORMAL", "too few|one class|hold")],
)
def test_classes_that_cannot_be_trained(tmp_path: Path, name: str, message: str) -> None:
    """No folder that means normal; then one class only."""
    root = class_folders(tmp_path / "films")
    keep = {"COVID": ("COVID", "TUBERCULOSIS"), "NORMAL": ("NORMAL",)}[name]
    for folder in root.iterdir():
        if folder.name not in keep:
            shutil.rmtree(folder)
    done = train(TOY, tmp_path / "run", root, weights=None)
    assert done.returncode == 1
    assert re.search(message, done.stderr), done.stderr
    assert "hint:" in done.stderr
    assert not (tmp_path / "run" / "log.csv").exists()
