"""``pneumoscope train``: what it refuses, what it hands to the training, and what it prints."""

from __future__ import annotations

import dataclasses
import json
import sys
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import typer

from command_line import run
from documented_output import undocumented
from pneumoscope.bundle import Bundle
from pneumoscope.cli.train.options import confirm_code
from pneumoscope.errors import DataError
from pneumoscope.installation import install_command
from pneumoscope.train.paths import Paths
from pneumoscope.train.recipe.settings import Recipe
from replaced import replace_module


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "no training films named"),
        (["--backend", "theano"], "One of tensorflow, jax, torch"),
    ],
)
def test_train_without_what_it_needs(
    arguments: list[str], message: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("PNEUMOSCOPE_DATA", raising=False)
    done = run("train", *arguments)
    assert done.returncode == 1
    missing_extra = install_command("train") in done.stderr
    assert message in done.stderr or (missing_extra and "backend" not in message)
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--find-learning-rate", "--tensorboard"), "works without --tensorboard and --mlflow"),
        (("--find-learning-rate", "--mlflow", "runs"), "works without --tensorboard and --mlflow"),
        (("--find-learning-rate", "--leave-out", "all"), "works without --leave-out"),
        (("--limits-from", "runs", "--leave-out", "all"), "sets the limits of one bundle"),
        (("--limits-from", "runs", "--folds", "3"), "sets the limits of one bundle"),
        (("--soft-labels-from", "run", "--folds", "3"), "gives the labels of one training"),
        (("--soft-labels-from", "run", "--leave-out", "all"), "gives the labels of one training"),
        (("--epochs", "-1"), "--epochs"),
        (("--epochs", "many"), "--epochs"),
        (("--head-epochs", "-1"), "--head-epochs"),
        (("--seed", "-1"), "--seed"),
    ],
)
def test_options_that_cannot_be_met(arguments: tuple[str, ...], message: str) -> None:
    done = run("train", *arguments)
    assert (done.returncode, done.stdout) == (2, "")
    assert message in done.stderr


class Training:
    """In place of the training: notes what it is called with, and gives a bundle or range tests."""

    def __init__(self, bundle: Bundle) -> None:
        self.bundle = bundle
        self.recipe: Any = None
        self.paths: Paths | None = None
        self.trackers: Any = None
        self.devices: Any = None

    def train(
        self, recipe: Any, paths: Paths, _progress: Any, trackers: Any, *, keep_finished: bool
    ) -> Bundle:
        assert not keep_finished
        self.recipe, self.paths, self.trackers = recipe, paths, trackers
        return self.bundle

    def find_learning_rate(self, recipe: Any, paths: Paths, _progress: Any) -> list[RangeTest]:
        self.recipe, self.paths = recipe, paths
        return [
            RangeTest("head", "head_learning_rate", 1e-3, 2.5e-3),
            RangeTest("fine", "learning_rate", 1e-4, None),
        ]

    def use(self, devices: str, batch_size: int, _note: Any) -> None:
        self.devices = devices, batch_size

    def open_trackers(self, run: Path, *, tensorboard: bool, mlflow: str | None) -> Any:
        return run, tensorboard, mlflow


@dataclass(frozen=True)
class RangeTest:
    phase: str
    key: str
    own_rate: float
    suggested: float | None


class Progress:
    note = print

    def __enter__(self) -> Progress:
        return self

    def __exit__(self, *_: object) -> None:
        pass


@pytest.fixture
def training(tiny_bundle: Bundle, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Training:
    training = Training(tiny_bundle)
    finder = {"PLOT": "rates.png", "TABLE": "rates.csv", "RULE": "a tenth of the best"}
    train = "pneumoscope.train"
    replace_module(
        monkeypatch, f"{train}.run", train=training.train,
        find_learning_rate=training.find_learning_rate,
    )  # fmt: skip
    replace_module(monkeypatch, f"{train}.network.devices", use=training.use)
    replace_module(monkeypatch, f"{train}.fit.tracking", open_trackers=training.open_trackers)
    replace_module(monkeypatch, f"{train}.fit.finder", **finder)
    replace_module(monkeypatch, f"{train}.progress", Progress=Progress)
    monkeypatch.setattr("pneumoscope.cli.train.train.prepare_training", lambda _backend, data: data)
    monkeypatch.chdir(tmp_path)
    return training


def test_the_shipped_recipe_is_trained_unless_told_otherwise(
    training: Training, tiny_bundle: Bundle
) -> None:
    done = run("train", "--data", "films")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.splitlines() == [
        str(tiny_bundle.path),
        f"Try it: pneumoscope predict film.jpg --bundle {tiny_bundle.path}",
        f"Its figures: pneumoscope info --bundle {tiny_bundle.path}",
    ]
    recipe = training.recipe
    assert recipe.name == "flagship"
    run_folder = Path("runs") / f"flagship-{recipe.seed}"
    assert training.paths == Paths(Path("films"), run_folder, "imagenet")
    assert training.devices == ("1", recipe.batch_size)
    assert training.trackers == (run_folder, False, None)


def test_no_verdicts_are_offered_after_a_training_that_learned_nothing(
    training: Training, tiny_bundle: Bundle, monkeypatch: pytest.MonkeyPatch
) -> None:
    reasons = ["no validation film is called normal"]
    meta = dataclasses.replace(tiny_bundle.meta, validation={"learned_nothing": reasons})
    monkeypatch.setattr(training, "bundle", dataclasses.replace(tiny_bundle, meta=meta))
    done = run("train", "--data", "films", "--skip-broken", "--negative", "0")
    assert done.stdout.splitlines() == [
        str(tiny_bundle.path), f"Its figures: pneumoscope info --bundle {tiny_bundle.path}",
    ]  # fmt: skip
    assert training.paths.skip_broken
    assert training.recipe.negative == "0"


def test_options_reach_the_training(
    training: Training, monkeypatch: pytest.MonkeyPatch, tiny_bundle: Bundle
) -> None:
    monkeypatch.setenv("PNEUMOSCOPE_DATA", "ward")
    monkeypatch.setattr(
        "pneumoscope.cli.train.train.importlib",
        SimpleNamespace(util=SimpleNamespace(find_spec=lambda _name: "here")),
    )
    done = run(
        "train", "cnn-3class", "--out", "mine", "--weights", "none", "--seed", 7, "--epochs", 3,
        "--head-epochs", 0, "--cache", "films-cache", "--pictures", "cats", "--devices", "all",
        "--tensorboard", "--mlflow", "http://127.0.0.1:5000", "--limits-from", "hospitals",
        "--soft-labels-from", "teacher", "--json",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == {
        "bundle": str(tiny_bundle.path), "sha256": tiny_bundle.sha256, "validation": {},
    }  # fmt: skip
    recipe = training.recipe
    assert (recipe.name, recipe.seed, recipe.epochs) == ("cnn-3class", 7, 3)
    expected = Paths(
        data=Path("ward"),
        run=Path("mine"),
        weights="none",
        cache=Path("films-cache"),
        pictures=Path("cats"),
        limits_from=Path("hospitals"),
        soft_labels_from=Path("teacher"),
    )
    assert training.paths == expected
    assert training.devices == ("all", recipe.batch_size)
    assert training.trackers == (Path("mine"), True, "http://127.0.0.1:5000")


def test_a_recipe_that_does_not_exist_lists_the_shipped_ones(training: Training) -> None:
    done = run("train", "flagshp", "--data", "films")
    assert (done.returncode, done.stdout) == (1, "")
    assert "flagshp" in done.stderr
    assert "flagship" in done.stderr.split("hint:")[1]
    assert training.paths is None


@pytest.fixture
def with_code(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A recipe that names a function of a module, which must not be imported here."""
    (tmp_path / "hostile.py").write_text("open('was-run', 'w')\ndef build(recipe): ...\n")
    recipe = tmp_path / "theirs.toml"
    recipe.write_text('name = "theirs"\nnetwork = "hostile:build"\n')
    monkeypatch.chdir(tmp_path)
    return recipe


@pytest.mark.parametrize("more", [(), ("--find-learning-rate",), ("--folds", "3")])
def test_code_of_a_recipe_is_not_run_where_nobody_can_be_asked(
    training: Training, with_code: Path, more: tuple[str, ...]
) -> None:
    done = run("train", with_code, "--data", "films", *more)
    assert (done.returncode, done.stdout) == (1, "")
    assert "error: recipe theirs runs Python code: network = 'hostile:build'" in done.stderr
    assert "add --yes" in done.stderr.split("hint:")[1]
    assert training.paths is None
    assert not Path("was-run").exists()


def test_the_question_names_the_code_of_a_recipe(monkeypatch: pytest.MonkeyPatch) -> None:
    questions: list[tuple[str, dict[str, Any]]] = []
    monkeypatch.setattr(sys, "stdin", SimpleNamespace(isatty=lambda: True))
    monkeypatch.setattr(typer, "confirm", lambda text, **how: questions.append((text, how)))
    confirm_code(Recipe(name="theirs", network="hostile:build"), yes=False)
    confirm_code(Recipe(name="plain", network="cnn"), yes=False)
    question = (
        "recipe theirs runs Python code: network = 'hostile:build'. It can do all that you may do. "
        "Run it?"
    )
    assert questions == [(question, {"abort": True, "err": True})]


def test_yes_agrees_to_the_code_of_a_recipe_and_says_it(
    training: Training, with_code: Path
) -> None:
    done = run("train", with_code, "--data", "films", "--yes")
    assert done.returncode == 0, done.stderr
    assert "recipe theirs runs Python code: network = 'hostile:build'\n" in done.stderr
    assert training.paths is not None


def test_learning_rates_are_suggested_and_nothing_is_trained(training: Training) -> None:
    done = run("train", "--data", "films", "--out", "mine", "--find-learning-rate")
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines() == [
        "head: head_learning_rate 2.5e-03 suggested; the recipe has 1.0e-03",
        "fine: learning_rate has no suggestion, because the loss did not fall at any rate; the recipe has 1.0e-04",
        "Suggested is a tenth of the best.",
        f"Plot: {Path('mine') / 'rates.png'}",
    ]
    assert training.trackers is None
    record = json.loads(
        run("train", "--data", "films", "--out", "mine", "--find-learning-rate", "--json").stdout
    )
    assert undocumented("train --find-learning-rate", record) == []
    assert [phase["suggested"] for phase in record["phases"]] == [2.5e-3, None]
    assert (record["table"], record["rule"]) == ("mine/rates.csv", "a tenth of the best")


def test_what_fails_before_the_training_is_said(
    training: Training, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise DataError("films: holds no films", "Name their folder.")

    monkeypatch.setattr("pneumoscope.train.run.train", refuse)
    done = run("train", "--data", "films")
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == "error: films: holds no films\nhint: Name their folder.\n"
