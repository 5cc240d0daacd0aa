"""The whole way from films to a bundle, with Keras on TensorFlow, on drawn films."""

from __future__ import annotations

import csv
import dataclasses
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from drawn import drawn_set

pytest.importorskip("tensorflow", reason="needs the [train] extra")

import pneumoscope
from pneumoscope.bundle import open_bundle
from pneumoscope.decision.calibration import Calibration
from pneumoscope.train.recipe import reading

pytestmark = [
    pytest.mark.train,
    # Keras 3.15 with NumPy 2 on TensorFlow.
    pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning"),
]

SMALL = """
name = "small"
size = 64
tail = "undilated"
batch_size = 16
head_epochs = 1
epochs = 3
validation = 0.25
ema = 0.9
"""


def command(out: Path, films: Path, *more: object) -> list[str]:
    recipe = out.parent / "small.toml"
    recipe.write_text(SMALL)
    return [
        sys.executable, "-m", "pneumoscope", "train", str(recipe), "--data", str(films),
        "--out", str(out), "--weights", "none", "--cache", str(out.parent / "cache"),
        *map(str, more),
    ]  # fmt: skip


def train(out: Path, films: Path, *more: object) -> subprocess.CompletedProcess[str]:
    done = subprocess.run(command(out, films, *more), capture_output=True, text=True, check=False)
    assert "Traceback" not in done.stderr
    return done


@pytest.fixture(scope="module")
def films(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return drawn_set(tmp_path_factory.mktemp("drawn") / "films")


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory, films: Path) -> Path:
    out = tmp_path_factory.mktemp("run") / "run"
    done = train(out, films, "--json")
    assert done.returncode == 0, done.stderr
    record = json.loads(done.stdout.splitlines()[-1])
    assert record["bundle"] == str(out / "bundle")
    assert record["validation"]["plain"]["auc"]["low"] >= 0
    return out


def test_a_training_makes_a_bundle_that_predicts(trained: Path, films: Path) -> None:
    classifier = pneumoscope.load(trained / "bundle")
    assert classifier.check() < 1e-5
    prediction = classifier.predict(next((films / "train" / "NORMAL").iterdir()))
    assert sum(prediction.probabilities.values()) == pytest.approx(1, abs=1e-5)
    assert prediction.heatmap.shape == (4, 4)
    outputs = classifier.run(np.zeros((2, 64, 64, 1), np.uint8))
    assert outputs.embedding.shape == (2, 1280)
    assert outputs.heatmaps.shape == (2, 3, 4, 4)


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


def test_another_recipe_does_not_overwrite_a_run(trained: Path, films: Path) -> None:
    done = train(trained, films, "--seed", 1)
    assert done.returncode == 1
    assert "another recipe" in done.stderr


@pytest.mark.slow
def test_a_killed_training_resumes_and_ends_the_same(
    trained: Path, films: Path, tmp_path: Path
) -> None:
    out = tmp_path / "run"
    process = subprocess.Popen(
        command(out, films), stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
    )
    assert process.stderr is not None
    for line in process.stderr:
        if line.startswith("whole network 1"):
            break
    os.kill(process.pid, signal.SIGKILL)
    process.communicate()
    assert process.returncode == -signal.SIGKILL
    assert (out / "checkpoint.npz").is_file()
    done = train(out, films)
    assert done.returncode == 0, done.stderr
    assert "resuming at whole network" in done.stderr
    with np.load(trained / "weights.npz") as whole, np.load(out / "weights.npz") as resumed:
        assert set(whole) == set(resumed)
        for name in whole:
            assert np.allclose(whole[name], resumed[name], atol=1e-3), name


class Cut(Exception):
    pass


@pytest.mark.parametrize(
    "settings",
    [
        {"network": "cnn", "ema": 0.9, "head_batch_norm": True},
        {"network": "cnn", "cached_views": 1, "task": "binary", "dense": 8},
        {"network": "cnn", "regions": 0.5, "patience": 3, "size": 64},
    ],
    ids=["average", "cached", "regions"],
)
def test_a_training_cut_within_an_epoch_resumes_there(
    films: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, settings: dict[str, Any]
) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # TensorFlow's own imports warn
        from pneumoscope import data
        from pneumoscope.train.fit import loop
        from pneumoscope.train.progress import Progress
        from pneumoscope.train.recipe.settings import Recipe

    class Cutting(Progress):
        def __init__(self, steps: int) -> None:
            super().__init__()
            self.left = steps
            self.notes: list[str] = []

        def note(self, text: str) -> None:
            self.notes.append(text)

        def step(self, films: int, loss: float) -> None:
            super().step(films, loss)
            self.left -= 1
            if not self.left:
                raise Cut

    monkeypatch.setattr(loop, "_SAVE_EVERY_S", -1.0)
    settings = {"size": 32, "batch_size": 16, "head_epochs": 1, "epochs": 2, **settings}
    recipe = Recipe(**settings)
    drawn = data.load(films, 224, task=recipe.task, share=0.25, seed=0, cache=tmp_path / "cache")
    runs = {name: tmp_path / name for name in ("whole", "cut")}
    for folder in runs.values():
        folder.mkdir()
    loop.fit(recipe, drawn, runs["whole"], None, Cutting(10_000))
    steps = -(-len(drawn.rows("train")) // 16)
    for cut_after in (1, steps, 2):  # in the head phase, in the first and in the second epoch
        with pytest.raises(Cut):
            loop.fit(recipe, drawn, runs["cut"], None, Cutting(cut_after))
    last = Cutting(10_000)
    loop.fit(recipe, drawn, runs["cut"], None, last)
    assert "step" in last.notes[0]
    assert (runs["cut"] / "log.csv").read_text().count("\n") == 4
    with (
        np.load(runs["whole"] / "weights.npz") as whole,
        np.load(runs["cut"] / "weights.npz") as cut,
    ):
        for name in whole:
            assert np.allclose(whole[name], cut[name], atol=1e-3), name


@pytest.mark.parametrize("change", ["films", "weights"])
def test_a_run_goes_on_with_its_own_films_and_weights_only(
    trained: Path, films: Path, tmp_path: Path, change: str
) -> None:
    run = tmp_path / "run"
    shutil.copytree(trained, run)
    other = tmp_path / "other"
    shutil.copytree(films, other)
    arguments: list[object] = []
    if change == "films":
        next((other / "train" / "NORMAL").iterdir()).unlink()
    else:
        arguments = ["--weights", "imagenet"]
    before = (run / "bundle" / "bundle.json").read_bytes()
    done = train(run, other if change == "films" else films, *arguments)
    assert done.returncode == 1
    assert f"begun with other {'films' if change == 'films' else 'start weights'}" in done.stderr
    assert (run / "bundle" / "bundle.json").read_bytes() == before


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
    done = train(tmp_path / "run", films, *arguments)
    assert done.returncode == 1
    assert message in done.stderr
    assert "hint:" in done.stderr
    assert not (tmp_path / "run" / "log.csv").exists()


def test_too_few_patients(tmp_path: Path) -> None:
    done = train(tmp_path / "run", drawn_set(tmp_path / "few", normal=2, pneumonia=4))
    assert done.returncode == 1
    assert "too few patients" in done.stderr


def test_the_default_data_folder_may_come_from_the_environment(films: Path, tmp_path: Path) -> None:
    arguments = command(tmp_path / "run", films)
    at = arguments.index("--data")
    del arguments[at : at + 2]
    done = subprocess.run(
        [*arguments, "--weights", "no.h5"],
        capture_output=True,
        text=True,
        check=False,
        env=os.environ | {"PNEUMOSCOPE_DATA": str(films)},
    )
    assert "no.h5" in done.stderr


RECIPES = sorted(reading.shipped())


# A bundle of these takes a minute each; their heads' exports are tested in test_network.py.
TRAINED_ONLY = ("mobilenetv2-flatten", "mobilenetv2-gap", "resnet50")


@pytest.mark.slow
@pytest.mark.parametrize("name", TRAINED_ONLY)
def test_the_larger_recipes_train_and_serve(name: str, films: Path, tmp_path: Path) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # TensorFlow's own imports warn
        from pneumoscope import data
        from pneumoscope.train.fit import loop
        from pneumoscope.train.network import keras_model
        from pneumoscope.train.progress import Progress
    settings = reading.load(name)
    one = dataclasses.replace(
        settings, head_epochs=min(settings.head_epochs, 1), epochs=min(settings.epochs, 1)
    )
    drawn = data.load(films, 224, task=one.task, share=0.25, seed=0, cache=tmp_path / "cache")
    model = loop.fit(one, drawn, tmp_path, None, Progress())
    outputs = keras_model.serving_model(model, Calibration())(drawn.pixels[:2, ..., None])
    assert outputs["probabilities"].shape == (2, 2)
    assert outputs["heatmaps"].shape == (2, 2, 7, 7)
    assert outputs["embedding"].shape == (
        2,
        settings.dense or model.get_layer("pooled").output.shape[1],
    )
    assert not (tmp_path / "features.npy").exists()


@pytest.mark.slow
@pytest.mark.parametrize("name", [name for name in RECIPES if name not in TRAINED_ONLY])
def test_the_smaller_recipes_run_from_one_command_to_a_bundle(
    name: str, films: Path, tmp_path: Path
) -> None:
    """64 films, one epoch, from one command to a bundle that predicts."""
    settings = reading.load(name)
    epochs = ["--head-epochs", min(settings.head_epochs, 1), "--epochs", min(settings.epochs, 1)]
    arguments = [
        sys.executable, "-m", "pneumoscope", "train", name, "--data", films, "--weights", "none",
        "--out", tmp_path / "run", "--cache", tmp_path / "cache", *epochs, "--json",
    ]  # fmt: skip
    done = subprocess.run([*map(str, arguments)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    classifier = pneumoscope.load(tmp_path / "run" / "bundle")
    prediction = classifier.predict(next((films / "train" / "PNEUMONIA").iterdir()))
    assert len(prediction.probabilities) == (2 if settings.task == "binary" else 3)
    assert prediction.label in ("NORMAL", "PNEUMONIA")
    assert (prediction.subtype is None) or settings.task == "multiclass"
    assert prediction.heatmap.ndim == 2
    assert not (tmp_path / "run" / "features.npy").exists()
    for picture in ("curves.png", "augmented.png"):
        assert (tmp_path / "run" / picture).stat().st_size > 10_000


TOY = """
name = "toy"
network = "cnn"
filters = [8]
size = 32
scaling = "unit"
head_epochs = 0
epochs = 6
batch_size = 16
validation = 0.3
sampling = "balanced"
loss = "focal"
patience = 1
learning_rate = 0.02
cosine = false
"""


def class_folders(root: Path) -> Path:
    """Three classes told apart by brightness."""
    rng = np.random.default_rng(0)
    for name, level, count in (("NORMAL", 60, 14), ("TUBERCULOSIS", 130, 30), ("COVID", 200, 9)):
        (root / name).mkdir(parents=True)
        for i in range(count):
            pixels = np.clip(rng.normal(level, 12, (96, 96)), 0, 255).astype(np.uint8)
            Image.fromarray(pixels).save(root / name / f"{i}.png")
    return root


def test_another_disease_from_class_folders(tmp_path: Path) -> None:
    (tmp_path / "toy.toml").write_text(TOY)
    arguments = [
        sys.executable, "-m", "pneumoscope", "train", tmp_path / "toy.toml", "--data",
        class_folders(tmp_path / "films"), "--out", tmp_path / "run", "--cache", tmp_path / "cache",
    ]  # fmt: skip
    done = subprocess.run([*map(str, arguments)], capture_output=True, text=True, check=False)
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
    (tmp_path / "toy.toml").write_text(TOY)
    arguments = [
        sys.executable, "-m", "pneumoscope", "train", tmp_path / "toy.toml", "--data", root,
        "--out", tmp_path / "run", "--cache", tmp_path / "cache",
    ]  # fmt: skip
    done = subprocess.run([*map(str, arguments)], capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    assert re.search(message, done.stderr), done.stderr
    assert "hint:" in done.stderr
    assert not (tmp_path / "run" / "log.csv").exists()


def test_the_bench_compares_three_ways(films: Path, tmp_path: Path) -> None:
    (tmp_path / "toy.toml").write_text(TOY.replace("batch_size = 16", "batch_size = 4"))
    arguments = [
        sys.executable, "-m", "pneumoscope", "bench", "train", tmp_path / "toy.toml", "--data",
        films, "--cache", tmp_path / "cache", "--steps", 1, "--rounds", 2, "--json",
    ]  # fmt: skip
    done = subprocess.run([*map(str, arguments)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    for name in ("random", "later", "first", "notebook", "decode", "later_share"):
        assert found[name] > 0
    assert found["first"] < min(found["later"], found["decode"])
