"""Reports a run's log and pictures to TensorBoard and MLflow.

Both receive the rows of ``log.csv`` that they do not have yet, so a training that continues after a
kill neither leaves out an epoch nor reports one twice.
"""

from __future__ import annotations

import csv
import json
import logging
import os
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from pneumoscope.errors import MissingExtra, TrackingError
from pneumoscope.files import cause, write_text
from pneumoscope.train.quiet import no_chatter

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from types import TracebackType

    Row = Mapping[str, float]

EVENTS = "tensorboard"
"""The folder of a run for TensorBoard's event files."""
RECORD = "mlflow.json"
"""In a run folder: the MLflow run that it is reported to."""
EXPERIMENT = "pneumoscope"


class Tracker(Protocol):
    """Receives what `Tracking` reports. Epochs are numbered from 1, across all phases."""

    def begin(self, parameters: Mapping[str, str]) -> None:
        """A training starts or continues; raises `TrackingError` if it cannot be reported."""

    def epochs(self, rows: Sequence[Row]) -> None:
        """All epochs so far: the numbers of the log by column."""

    def end(self, figures: Mapping[str, float], files: Sequence[Path]) -> None:
        """The training has ended: figures of the bundle, pictures and records of the run."""

    def fail(self, *, killed: bool) -> None:
        """The training was interrupted, or failed."""


class Tracking:
    """Reports one run to its trackers. If a tracker fails later, the training continues with a warning.

    As a context manager it tells the trackers if the training fails or is interrupted.
    """

    def __init__(self, trackers: Sequence[Tracker], log: Path, note: Callable[[str], None]) -> None:
        self.trackers, self.log, self.note = trackers, log, note
        self._warned: set[int] = set()

    def __enter__(self) -> Tracking:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if error is not None:
            killed = not isinstance(error, Exception)
            self._each(lambda tracker: tracker.fail(killed=killed))

    def begin(self, recipe: Mapping[str, Any]) -> None:
        """Opens all trackers.

        Args:
            recipe: As `pneumoscope.train.recipe.reading.resolved` gives it.

        Raises:
            TrackingError: A tracker cannot be written or does not answer.
        """
        for tracker in self.trackers:
            tracker.begin(flat(recipe))

    def epoch(self) -> None:
        """Reports the log so far."""
        if self.trackers:
            rows = read_log(self.log)
            self._each(lambda tracker: tracker.epochs(rows))

    def end(self, figures: Mapping[str, float], files: Sequence[Path]) -> None:
        """Reports the result."""
        self.epoch()
        existing = [path for path in files if path.is_file()]
        self._each(lambda tracker: tracker.end(figures, existing))

    def _each(self, report: Callable[[Tracker], None]) -> None:
        for i, tracker in enumerate(self.trackers):
            try:
                report(tracker)
            except TrackingError as error:
                if i not in self._warned:
                    self.note(f"warning: {error}; the training continues")
                self._warned.add(i)
            else:
                self._warned.discard(i)


def open_trackers(run: Path, *, tensorboard: bool, mlflow: str | None) -> tuple[Tracker, ...]:
    """The trackers that the user has chosen.

    Args:
        run: The run folder.
        tensorboard: Write event files into its folder `EVENTS`.
        mlflow: A tracking URI (``http://...``, ``sqlite:///...``, ``databricks``), or a folder
            that gets a database ``mlflow.db`` and ``artifacts``.

    Raises:
        MissingExtra: MLflow is not installed.
    """
    trackers: list[Tracker] = []
    if tensorboard:
        trackers.append(TensorBoard(run / EVENTS))
    if mlflow is not None:
        trackers.append(MLflow(mlflow, run))
    return tuple(trackers)


def read_log(path: Path) -> list[dict[str, float]]:
    """The numbers in every row of a run's log; phase and epoch are left out, since the order implies them."""
    if not path.is_file():
        return []
    with path.open(encoding="utf-8", newline="") as stream:
        return [
            {key: float(value) for key, value in row.items() if key not in ("phase", "epoch")}
            for row in csv.DictReader(stream)
        ]


def flat(values: Mapping[str, Any], prefix: str = "") -> dict[str, str]:
    """Nested settings as one level of dotted names and text."""
    flattened: dict[str, str] = {}
    for key, value in values.items():
        if isinstance(value, dict):
            flattened |= flat(value, f"{prefix}{key}.")
        else:
            flattened[f"{prefix}{key}"] = str(value)
    return flattened


def figures_of(measured: Mapping[str, Any]) -> dict[str, float]:
    """A bundle's figures without perturbation, as ``validation/auc`` and so on.

    For several findings, the mean AUC.
    """
    plain = measured.get("plain") or {"auc": measured.get("macro_auc")}
    return {
        f"validation/{name}": float(figure["value"])
        for name, figure in plain.items()
        if isinstance(figure, dict) and isinstance(figure.get("value"), float | int)
    }


class TensorBoard:
    """Event files by TensorFlow's record writer; TensorBoard is needed only to view them."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._parameters: Mapping[str, str] = {}
        self._tf: Any = None
        self._writer: Any = None
        self._reported = 0

    def begin(self, parameters: Mapping[str, str]) -> None:
        with no_chatter():
            import tensorflow
        self._tf, self._parameters = tensorflow, parameters
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise TrackingError(f"{self.folder}: cannot be written ({cause(error)})") from error

    def epochs(self, rows: Sequence[Row]) -> None:
        tf = self._tf
        try:
            if self._writer is None:
                self._open(rows)
            # Earlier epochs of a continued training ended when later ones began.
            late = [sum(row["seconds"] for row in rows[i:]) for i in range(1, len(rows) + 1)]
            for step in range(self._reported + 1, len(rows) + 1):
                values = [
                    tf.compat.v1.Summary.Value(tag=name, simple_value=value)
                    for name, value in rows[step - 1].items()
                ]
                self._write(step, values, late[step - 1])
                self._reported = step
            self._writer.flush()
        except (tf.errors.OpError, OSError) as error:
            raise TrackingError(f"{self.folder}: cannot be written ({cause(error)})") from error

    def end(self, figures: Mapping[str, float], files: Sequence[Path]) -> None:
        if self._writer is None:  # no epoch could be written; a warning has said so
            return
        tf = self._tf
        summary = tf.compat.v1.Summary
        values = [summary.Value(tag=name, simple_value=value) for name, value in figures.items()]
        for path in files:
            if path.suffix == ".png":
                values.append(summary.Value(tag=path.stem, image=_picture(summary, path)))
        try:
            self._write(self._reported, values)
            self._writer.close()
        except (tf.errors.OpError, OSError) as error:
            raise TrackingError(f"{self.folder}: cannot be written ({cause(error)})") from error

    def fail(self, *, killed: bool) -> None:
        """Nothing to do: the file is complete after every epoch."""

    def _open(self, rows: Sequence[Row]) -> None:
        """Replaces older files with a new one: the log has all that they contained."""
        tf = self._tf
        for old in self.folder.glob("events.out.tfevents.*"):
            old.unlink()
        name = f"events.out.tfevents.{time.time():.0f}.{os.getpid()}"
        self._writer = tf.io.TFRecordWriter(str(self.folder / name))
        event = tf.compat.v1.Event
        began = time.time() - sum(row["seconds"] for row in rows)
        self._record(event(wall_time=began, file_version="brain.Event:2"))
        # Makes a TensorBoard that has read the older files forget them.
        start = tf.compat.v1.SessionLog(status=tf.compat.v1.SessionLog.START)
        self._record(event(wall_time=began, step=0, session_log=start))
        table = "\n".join(f"| {key} | {value} |" for key, value in self._parameters.items())
        text = tf.compat.v1.Summary.Value(
            tag="recipe", tensor=tf.make_tensor_proto([f"| key | value |\n|---|---|\n{table}"])
        )
        text.metadata.plugin_data.plugin_name = "text"
        self._record(event(wall_time=began, summary=tf.compat.v1.Summary(value=[text])))

    def _write(self, step: int, values: Sequence[Any], ago_s: float = 0.0) -> None:
        v1 = self._tf.compat.v1
        summary = v1.Summary(value=values)
        self._record(v1.Event(wall_time=time.time() - ago_s, step=step, summary=summary))

    def _record(self, event: Any) -> None:
        self._writer.write(event.SerializeToString())


def _picture(summary: Any, path: Path) -> Any:
    from PIL import Image

    with Image.open(path) as picture:
        width, height = picture.size
        # TensorBoard counts channels: 1 is grey, 3 RGB, 4 RGBA.
        channels = len(picture.getbands())
    return summary.Image(
        height=height,
        width=width,
        colorspace=channels,
        encoded_image_string=path.read_bytes(),
    )


class MLflow:
    """A run of the experiment `EXPERIMENT`; a continued training continues its run."""

    def __init__(self, address: str, run: Path) -> None:
        try:
            with no_chatter():
                import mlflow.tracking
        except ImportError as error:
            raise MissingExtra("reporting a training to MLflow", "mlflow") from error
        # Messages about setting up a database are of no use here.
        logging.getLogger("mlflow").setLevel(logging.WARNING)
        # A server that is down must not delay the training for minutes in every epoch.
        os.environ.setdefault("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "2")
        os.environ.setdefault("MLFLOW_HTTP_REQUEST_TIMEOUT", "10")
        self.address, self.run = address, run
        self._tracking = mlflow.tracking
        self._client: Any = None
        self._id = ""
        self._reported = 0

    def begin(self, parameters: Mapping[str, str]) -> None:
        uri, artifacts = self._store()
        self._call(lambda: self._connect(uri, artifacts))
        self._call(lambda: self._log(params=parameters))

    def epochs(self, rows: Sequence[Row]) -> None:
        for step in range(self._reported + 1, len(rows) + 1):
            self._call(lambda step=step: self._log(rows[step - 1], step))  # type: ignore[misc]
            self._reported = step

    def end(self, figures: Mapping[str, float], files: Sequence[Path]) -> None:
        self._call(lambda: self._log(figures, self._reported))
        for path in files:
            self._call(lambda path=path: self._client.log_artifact(self._id, str(path)))  # type: ignore[misc]
        self._call(lambda: self._client.set_terminated(self._id, "FINISHED"))

    def fail(self, *, killed: bool) -> None:
        if self._id:
            status = "KILLED" if killed else "FAILED"
            self._call(lambda: self._client.set_terminated(self._id, status))

    def _store(self) -> tuple[str, str | None]:
        """The tracking URI, and a place for a new experiment's artifacts if the URI gives none."""
        if "://" in self.address or self.address.startswith("databricks"):
            return self.address, None
        folder = Path(self.address).resolve()
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise TrackingError(f"{folder}: cannot be written ({cause(error)})") from error
        return f"sqlite:///{folder / 'mlflow.db'}", (folder / "artifacts").as_uri()

    def _connect(self, uri: str, artifacts: str | None) -> None:
        self._client = self._tracking.MlflowClient(tracking_uri=uri)
        if self._continues(uri):
            return
        known = self._client.get_experiment_by_name(EXPERIMENT)
        experiment = (
            known.experiment_id
            if known is not None
            else self._client.create_experiment(EXPERIMENT, artifact_location=artifacts)
        )
        made = self._client.create_run(experiment, run_name=self.run.resolve().name)
        self._id = made.info.run_id
        write_text(self.run / RECORD, json.dumps({"uri": uri, "run_id": self._id}) + "\n")

    def _continues(self, uri: str) -> bool:
        """Whether this training already has a run there; if so, it is continued."""
        from mlflow.exceptions import MlflowException

        record = self.run / RECORD
        before = json.loads(record.read_text(encoding="utf-8")) if record.is_file() else {}
        if before.get("uri") != uri:
            return False
        try:
            self._client.update_run(before["run_id"], status="RUNNING")
        except MlflowException as error:
            if error.error_code == "RESOURCE_DOES_NOT_EXIST":  # somebody deleted it
                return False
            raise
        self._id = before["run_id"]
        # Every row of the log has a loss.
        history = self._client.get_metric_history(self._id, "loss")
        self._reported = max((metric.step for metric in history), default=0)
        return True

    def _log(
        self,
        metrics: Mapping[str, float] | None = None,
        step: int = 0,
        params: Mapping[str, str] | None = None,
    ) -> None:
        from mlflow.entities import Metric, Param

        now = int(time.time() * 1000)
        self._client.log_batch(
            self._id,
            metrics=[Metric(key, value, now, step) for key, value in (metrics or {}).items()],
            params=[Param(key, value) for key, value in (params or {}).items()],
        )

    def _call(self, ask: Callable[[], Any]) -> None:
        from mlflow.exceptions import MlflowException

        try:
            ask()
        except (MlflowException, OSError) as error:
            first = cause(error).strip().splitlines()[0]
            raise TrackingError(
                f"MLflow at {self.address} cannot be written ({first})",
                "Is its server running, and may you write there? Or leave --mlflow out.",
            ) from error
