"""TensorBoard's event files, read back, and MLflow, by a stand-in and by itself where installed."""

from __future__ import annotations

import importlib.util
import os
import sys
import types
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

pytest.importorskip("tensorflow", reason="needs the [train] extra")

from train_marks import TRAINING

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # TensorFlow's own imports warn
    import tensorflow as tf

    from pneumoscope import data
    from pneumoscope.errors import MissingExtra, TrackingError
    from pneumoscope.installation import install_command
    from pneumoscope.train.fit import loop, tracking
    from pneumoscope.train.progress import Progress
    from pneumoscope.train.recipe.reading import resolved
    from pneumoscope.train.recipe.settings import Recipe

pytestmark = TRAINING

LOG = """phase,epoch,loss,learning_rate,validation_loss,seconds
head,1,0.7,0.001,0.8,2.5
whole network,1,0.5,0.0005,0.6,4.0
whole network,2,0.4,0.0001,0.5,4.0
"""


def log(folder: Path, epochs: int) -> Path:
    path = folder / "log.csv"
    path.write_text("".join(LOG.splitlines(keepends=True)[: 1 + epochs]))
    return path


def events(folder: Path) -> list[Any]:
    (file,) = folder.iterdir()
    records = tf.data.TFRecordDataset(str(file)).as_numpy_iterator()
    return [tf.compat.v1.Event.FromString(record) for record in records]


def scalars(folder: Path, tag: str) -> list[tuple[int, float]]:
    return [
        (event.step, round(value.simple_value, 5))
        for event in events(folder)
        for value in event.summary.value
        if value.tag == tag
    ]


def test_the_numbers_of_a_log(tmp_path: Path) -> None:
    assert tracking.read_log(tmp_path / "log.csv") == []
    rows = tracking.read_log(log(tmp_path, 2))
    assert rows[1] == {
        "loss": 0.5, "learning_rate": 0.0005, "validation_loss": 0.6, "seconds": 4.0
    }  # fmt: skip


def test_settings_become_flat_text() -> None:
    assert tracking.flat({"size": 64, "augment": {"rotation": 5.0, "gamma": (0.8, 1.2)}}) == {
        "size": "64", "augment.rotation": "5.0", "augment.gamma": "(0.8, 1.2)"
    }  # fmt: skip


def test_figures_without_perturbation() -> None:
    measured = {"films": 9, "plain": {"auc": {"value": 0.9, "low": 0.8, "high": 1.0}, "note": "x"}}
    assert tracking.figures_of(measured) == {"validation/auc": 0.9}
    assert tracking.figures_of({"films": 9}) == {}
    assert tracking.figures_of({"macro_auc": {"value": 0.8}}) == {"validation/auc": 0.8}


def test_event_files_hold_the_log_once_however_often_it_goes_on(tmp_path: Path) -> None:
    folder = tmp_path / "tensorboard"
    before = tracking.TensorBoard(folder)
    before.begin({"size": "64"})
    before.epochs(tracking.read_log(log(tmp_path, 1)))
    before.epochs(tracking.read_log(log(tmp_path, 2)))
    before.epochs(tracking.read_log(log(tmp_path, 2)))
    assert scalars(folder, "loss") == [(1, 0.7), (2, 0.5)]
    # Killed before the second epoch's checkpoint: that epoch is done again.
    again = tracking.TensorBoard(folder)
    again.begin({"size": "64"})
    again.epochs(tracking.read_log(log(tmp_path, 2)))
    again.epochs(tracking.read_log(log(tmp_path, 3)))
    picture = tmp_path / "curves.png"
    Image.fromarray(np.zeros((5, 7, 3), np.uint8)).save(picture)
    again.end({"validation/auc": 0.9}, [picture, tmp_path / "run.json"])
    assert scalars(folder, "loss") == [(1, 0.7), (2, 0.5), (3, 0.4)]
    assert scalars(folder, "validation/auc") == [(3, 0.9)]
    written = events(folder)
    assert written[0].file_version == "brain.Event:2"
    assert written[1].session_log.status == tf.compat.v1.SessionLog.START
    (recipe,) = written[2].summary.value
    assert recipe.metadata.plugin_data.plugin_name == "text"
    assert b"| size | 64 |" in recipe.tensor.string_val[0]
    # The second epoch took four seconds.
    times = {event.step: event.wall_time for event in written if event.summary.value}
    assert times[2] - times[1] == pytest.approx(4, abs=2)
    image = written[-1].summary.value[-1]
    assert (image.tag, image.image.width, image.image.height) == ("curves", 7, 5)
    assert image.image.colorspace == 3


def test_a_folder_that_is_gone_costs_a_warning_and_no_training(tmp_path: Path) -> None:
    board, notes = tracking.TensorBoard(tmp_path / "tensorboard"), []
    with tracking.Tracking([board], log(tmp_path, 1), notes.append) as tracked:
        tracked.begin({})
        (tmp_path / "tensorboard").rmdir()
        (tmp_path / "tensorboard").write_text("")
        tracked.epoch()
        tracked.end({"validation/auc": 0.9}, [])
    assert len(notes) == 1
    assert "cannot be written" in notes[0]


def test_a_folder_that_cannot_be_made(tmp_path: Path) -> None:
    (tmp_path / "tensorboard").write_text("a file")
    with pytest.raises(TrackingError, match="cannot be written"):
        tracking.TensorBoard(tmp_path / "tensorboard").begin({})


class Deaf:
    """A tracker that breaks after its beginning."""

    def __init__(self) -> None:
        self.failed: list[bool] = []

    def begin(self, parameters: object) -> None: ...

    def epochs(self, rows: Sequence[object]) -> None:
        if len(rows) < 3:
            raise TrackingError("nobody there")

    def end(self, figures: object, files: object) -> None: ...

    def fail(self, *, killed: bool) -> None:
        self.failed.append(killed)


def test_a_tracker_that_fails_costs_one_warning_and_is_tried_again(tmp_path: Path) -> None:
    notes: list[str] = []
    deaf, folder = Deaf(), tmp_path / "tensorboard"
    trackers = (deaf, tracking.TensorBoard(folder))
    with tracking.Tracking(trackers, tmp_path / "log.csv", notes.append) as tracked:
        tracked.begin({"size": 64})
        for epoch in (1, 2, 3):
            log(tmp_path, epoch)
            tracked.epoch()
    assert notes == ["warning: nobody there; the training continues"]
    assert scalars(folder, "loss") == [(1, 0.7), (2, 0.5), (3, 0.4)]
    assert deaf.failed == []


@pytest.mark.parametrize(("error", "killed"), [(ValueError, False), (KeyboardInterrupt, True)])
def test_trackers_are_told_that_a_training_broke_off(
    tmp_path: Path, error: type[BaseException], killed: bool
) -> None:
    deaf = Deaf()
    with (
        pytest.raises(error),
        tracking.Tracking((deaf,), tmp_path / "log.csv", lambda _: None),
    ):
        raise error
    assert deaf.failed == [killed]


class Server:
    """What an MLflow server would keep."""

    def __init__(self) -> None:
        self.uris: list[str] = []
        self.experiments: dict[str, str | None] = {}
        self.runs: dict[str, dict[str, Any]] = {}
        self.down = False


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Server:
    """A stand-in for the mlflow package, as far as it is used."""
    kept = Server()

    class MlflowException(Exception):
        def __init__(self, text: str, code: str = "INTERNAL_ERROR") -> None:
            super().__init__(text)
            self.error_code = code

    class Client:
        def __init__(self, tracking_uri: str) -> None:
            kept.uris.append(tracking_uri)

        def get_experiment_by_name(self, name: str) -> Any:
            if kept.down:
                raise MlflowException("connection refused\nmany lines more")
            known = name in kept.experiments
            return types.SimpleNamespace(experiment_id=name) if known else None

        def create_experiment(self, name: str, artifact_location: str | None) -> str:
            kept.experiments[name] = artifact_location
            return name

        def create_run(self, experiment: str, run_name: str) -> Any:
            key = f"r{len(kept.runs)}"
            kept.runs[key] = {
                "name": run_name, "params": {}, "metrics": [], "files": [], "status": "RUNNING"
            }  # fmt: skip
            return types.SimpleNamespace(info=types.SimpleNamespace(run_id=key))

        def update_run(self, key: str, status: str) -> None:
            if key not in kept.runs:
                raise MlflowException("not found", "RESOURCE_DOES_NOT_EXIST")
            kept.runs[key]["status"] = status

        set_terminated = update_run

        def get_metric_history(self, key: str, name: str) -> list[Any]:
            metrics = kept.runs[key]["metrics"]
            return [types.SimpleNamespace(step=s) for n, _, s in metrics if n == name]

        def log_batch(self, key: str, metrics: Sequence[Any], params: Sequence[Any]) -> None:
            if kept.down:
                raise MlflowException("connection refused\nmany lines more")
            kept.runs[key]["params"] |= dict(params)
            kept.runs[key]["metrics"] += [(name, value, step) for name, value, _, step in metrics]

        def log_artifact(self, key: str, path: str) -> None:
            kept.runs[key]["files"].append(Path(path).name)

    package = types.ModuleType("mlflow")
    parts = {
        "tracking": {"MlflowClient": Client},
        "exceptions": {"MlflowException": MlflowException},
        "entities": {"Metric": lambda *values: values, "Param": lambda *values: values},
    }
    monkeypatch.setitem(sys.modules, "mlflow", package)
    for name, values in parts.items():
        module = types.ModuleType(f"mlflow.{name}")
        vars(module).update(values)
        setattr(package, name, module)
        monkeypatch.setitem(sys.modules, f"mlflow.{name}", module)
    for name in ("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "MLFLOW_HTTP_REQUEST_TIMEOUT"):
        monkeypatch.setenv(name, os.environ.get(name, "2"))
    return kept


def test_mlflow_gets_every_epoch_once_also_of_a_training_that_goes_on(
    server: Server, tmp_path: Path
) -> None:
    run = tmp_path / "flagship-0"
    run.mkdir()
    before = tracking.MLflow("http://here:5000", run)
    before.begin({"size": "64"})
    before.epochs(tracking.read_log(log(run, 1)))
    before.epochs(tracking.read_log(log(run, 2)))
    before.fail(killed=True)
    assert server.runs["r0"]["status"] == "KILLED"
    again = tracking.MLflow("http://here:5000", run)
    again.begin({"size": "64"})
    assert server.runs["r0"]["status"] == "RUNNING"
    again.epochs(tracking.read_log(log(run, 2)))
    again.epochs(tracking.read_log(log(run, 3)))
    again.end({"validation/auc": 0.9}, [run / "log.csv"])
    assert list(server.runs) == ["r0"]
    kept = server.runs["r0"]
    assert kept["name"] == "flagship-0"
    assert kept["params"] == {"size": "64"}
    assert [(v, s) for n, v, s in kept["metrics"] if n == "loss"] == [(0.7, 1), (0.5, 2), (0.4, 3)]
    assert ("validation/auc", 0.9, 3) in kept["metrics"]
    assert kept["files"] == ["log.csv"]
    assert kept["status"] == "FINISHED"
    assert set(server.uris) == {"http://here:5000"}
    assert server.experiments == {"pneumoscope": None}


def test_another_server_or_a_deleted_run_begin_anew(server: Server, tmp_path: Path) -> None:
    for address in ("http://here", "http://there"):
        tracker = tracking.MLflow(address, tmp_path)
        tracker.begin({})
        tracker.epochs(tracking.read_log(log(tmp_path, 2)))
    assert [len(run["metrics"]) for run in server.runs.values()] == [8, 8]
    del server.runs["r1"]
    server.runs["other"] = {}
    tracker = tracking.MLflow("http://there", tmp_path)
    tracker.begin({})
    tracker.epochs(tracking.read_log(log(tmp_path, 3)))
    assert len(server.runs["r2"]["metrics"]) == 12


def test_a_folder_for_mlflow_gets_a_database_and_artifacts(server: Server, tmp_path: Path) -> None:
    tracking.MLflow(str(tmp_path / "ml"), tmp_path).begin({})
    assert server.uris == [f"sqlite:///{tmp_path / 'ml' / 'mlflow.db'}"]
    assert server.experiments == {"pneumoscope": (tmp_path / "ml" / "artifacts").as_uri()}


def test_a_server_that_does_not_answer(server: Server, tmp_path: Path) -> None:
    server.down = True
    with pytest.raises(TrackingError, match=r"http://here cannot be written \(connection refused\)") as caught:  # fmt: skip
        tracking.MLflow("http://here", tmp_path).begin({})
    assert "Is its server running" in caught.value.hint
    assert list(tmp_path.iterdir()) == []


def test_mlflow_is_optional(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    from pneumoscope.cli.train.train import train

    for name in ("mlflow", "mlflow.tracking"):
        monkeypatch.setitem(sys.modules, name, None)
    with pytest.raises(MissingExtra) as caught:
        tracking.open_trackers(tmp_path, tensorboard=False, mlflow="x")
    assert install_command("mlflow") in caught.value.hint
    # The command says so before it reads films.
    monkeypatch.setenv("KERAS_BACKEND", "tensorflow")
    with pytest.raises(MissingExtra):
        train("flagship", data=tmp_path, weights="none", mlflow="x")


def test_the_real_mlflow(tmp_path: Path) -> None:
    if importlib.util.find_spec("mlflow") is None:
        pytest.skip("the [mlflow] extra is not installed")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for epochs in (1, 3):
            tracker = tracking.MLflow(str(tmp_path / "ml"), tmp_path)
            tracker.begin(tracking.flat(resolved(Recipe())))
            tracker.epochs(tracking.read_log(log(tmp_path, epochs)))
        tracker.end({"validation/auc": 0.9}, [tmp_path / "log.csv"])
        (run,) = tracker._client.search_runs(["1"])
        history = tracker._client.get_metric_history(run.info.run_id, "loss")
    assert [(metric.step, metric.value) for metric in history] == [(1, 0.7), (2, 0.5), (3, 0.4)]
    assert run.info.status == "FINISHED"
    assert run.data.params["augment.rotation"] == str(Recipe().augment.rotation)
    assert list((tmp_path / "ml" / "artifacts").rglob("log.csv"))


class Cut(Exception):
    pass


def test_a_training_that_is_cut_and_goes_on_tells_each_epoch_once(
    films_folder: Path, tmp_path: Path
) -> None:
    class Cutting(Progress):
        left = 7  # within the second of three epochs of four steps

        def step(self, films: int, loss: float) -> None:
            self.left -= 1
            if not self.left:
                raise Cut

    recipe = Recipe(
        network="cnn", filters=(4,), size=32, source_size=64, batch_size=16, head_epochs=0,
        epochs=3, validation=0.25, scaling="unit",
    )  # fmt: skip
    films = data.load(
        films_folder, 32, task=recipe.task, share=0.25, seed=0, cache=tmp_path / "cache"
    )
    folder = tmp_path / "tensorboard"
    for progress in (Cutting(), Progress()):
        trackers = (tracking.TensorBoard(folder),)
        with tracking.Tracking(trackers, tmp_path / loop.LOG, progress.note) as tracked:
            tracked.begin(resolved(recipe))
            try:
                loop.fit(recipe, films, tmp_path, None, progress, tracked.epoch)
            except Cut:
                assert [step for step, _ in scalars(folder, "loss")] == [1]
    rows = tracking.read_log(tmp_path / loop.LOG)
    assert scalars(folder, "loss") == [(i, row["loss"]) for i, row in enumerate(rows, 1)]
    assert len(rows) == 3
