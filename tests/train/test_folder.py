"""Run folders: which may be started in, and which may be continued."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

pytest.importorskip("tensorflow", reason="needs the [train] extra")

import bright_films
from pneumoscope.errors import DataError, UsageError
from pneumoscope.train import folder
from pneumoscope.train import run as training
from pneumoscope.train.fit import checkpoint, finder, soft_labels
from pneumoscope.train.paths import Paths
from pneumoscope.train.progress import Progress
from pneumoscope.train.recipe.settings import Recipe

pytestmark = pytest.mark.train

RECIPE = Recipe(name="toy", filters=(8, 16))
RANDOM = {"name": "none"}
FILMS = replace(bright_films.films(), files=tuple(Path(f"{i}.png").resolve() for i in range(40)))


def started(run: Path) -> Path:
    folder.check(run, RECIPE)
    folder.start(run, RECIPE, FILMS, RANDOM)
    return run


def test_a_new_run_is_recorded(tmp_path: Path) -> None:
    run = started(tmp_path / "runs" / "run")
    record = json.loads((run / folder.RECORD).read_text())
    assert record["recipe"]["filters"] == [8, 16]
    assert record["manifest_sha256"] == FILMS.manifest_sha256
    assert record["start_weights"] == RANDOM
    assert (run / folder.MANIFEST).read_text().count("\n") == 41
    environment = json.loads((run / folder.ENVIRONMENT).read_text())
    assert environment["devices"] == 1
    assert environment["packages"]["numpy"]


def test_a_run_of_an_earlier_version_is_continued(tmp_path: Path) -> None:
    """It was written before some keys of recipes existed; these have their defaults."""
    run = started(tmp_path / "run")
    (run / checkpoint.CHECKPOINT).touch()
    record = json.loads((run / folder.RECORD).read_text())
    for key in ("soft_labels", "soft_label_folds", "soft_label_epochs"):
        del record["recipe"][key]
    (run / folder.RECORD).write_text(json.dumps(record))
    folder.check(run, RECIPE)
    with pytest.raises(UsageError, match="another recipe"):
        folder.check(run, replace(RECIPE, soft_labels=0.5))
    record["recipe"]["of_a_later_version"] = 1
    (run / folder.RECORD).write_text(json.dumps(record))
    with pytest.raises(UsageError, match="another recipe"):
        folder.check(run, RECIPE)


@pytest.mark.parametrize(
    "content",
    ["[]", "{}", '{"recipe": {"name"', '{"recipe": {}}', "\xff",
     '{"recipe": {}, "manifest_sha256": "ab", "start_weights": null}'],
)  # fmt: skip
def test_a_damaged_record_is_named(tmp_path: Path, content: str) -> None:
    run = started(tmp_path / "run")
    (run / checkpoint.CHECKPOINT).touch()
    (run / folder.RECORD).write_text(content, encoding="latin-1")
    with pytest.raises(UsageError, match=r"run\.json: is damaged"):
        folder.check(run, RECIPE)


def test_a_folder_with_other_files_is_left_alone(tmp_path: Path) -> None:
    for name in (finder.PLOT, finder.TABLE):  # of a range test, which may come first
        (tmp_path / name).touch()
    folder.check(tmp_path, RECIPE)
    (tmp_path / "thesis.tex").touch()
    with pytest.raises(UsageError, match="not a run"):
        folder.check(tmp_path, RECIPE)


@pytest.mark.parametrize("name", [checkpoint.CHECKPOINT, soft_labels.TEACHERS])
def test_a_recipe_may_be_corrected_until_something_is_trained(tmp_path: Path, name: str) -> None:
    run = started(tmp_path / "run")
    other = replace(RECIPE, epochs=3)
    folder.check(run, other)
    (run / name).touch()
    with pytest.raises(UsageError, match="another recipe"):
        folder.check(run, other)
    folder.check(run, RECIPE)


def test_other_films_or_weights_do_not_continue_a_run(tmp_path: Path) -> None:
    run = started(tmp_path / "run")
    (run / checkpoint.WEIGHTS).touch()
    folder.start(run, RECIPE, FILMS, RANDOM)
    before = (run / folder.RECORD).read_bytes()
    fewer = replace(FILMS, films=FILMS.films[:-1])
    with pytest.raises(UsageError, match="started with other films"):
        folder.start(run, RECIPE, fewer, RANDOM)
    with pytest.raises(UsageError, match="started with other start weights"):
        folder.start(run, RECIPE, FILMS, {"name": "imagenet"})
    assert (run / folder.RECORD).read_bytes() == before


def test_start_weights_may_be_moved(tmp_path: Path) -> None:
    run_of = {"run_sha256": "ab", "began_with": "w.h5", "sha256": "cd"}
    average = {"began_with": "w.h5", "sha256": "cd"}
    for number, same in enumerate(({"sha256": "ab"}, run_of)):
        run = tmp_path / str(number)
        folder.check(run, RECIPE)
        folder.start(run, RECIPE, FILMS, {"name": "first"} | same)
        (run / checkpoint.WEIGHTS).touch()
        folder.start(run, RECIPE, FILMS, {"name": "moved"} | same)
        for other in (same | {next(iter(same)): "ef"}, average, {}):
            with pytest.raises(UsageError, match="started with other start weights"):
                folder.start(run, RECIPE, FILMS, {"name": "first"} | other)
    averaged = tmp_path / "average"
    folder.check(averaged, RECIPE)
    folder.start(averaged, RECIPE, FILMS, {"name": "average of the runs a and b"} | average)
    (averaged / checkpoint.WEIGHTS).touch()
    with pytest.raises(UsageError, match="started with other start weights"):
        folder.start(averaged, RECIPE, FILMS, {"name": "average of the runs a and c"} | average)


def test_a_refused_training_leaves_no_empty_folder(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    paths = Paths(data=tmp_path / "data", run=tmp_path / "runs" / "a" / "run", weights="none")
    with pytest.raises(DataError):
        training.train(RECIPE, paths, Progress())
    assert not (tmp_path / "runs").exists()
    paths.run.mkdir(parents=True)  # the user's own
    with pytest.raises(DataError):
        training.train(RECIPE, paths, Progress())
    assert paths.run.is_dir()


def test_a_folder_with_files_stays(tmp_path: Path) -> None:
    run = tmp_path / "runs" / "run"

    def refused() -> None:
        with folder.not_left_empty(run):
            started(run)
            raise UsageError("later", "")

    with pytest.raises(UsageError, match="later"):
        refused()
    assert (run / folder.RECORD).is_file()
