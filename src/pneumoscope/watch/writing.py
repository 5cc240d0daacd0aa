"""Writes the results of films that are done: until it works, and with equal names every time."""

from __future__ import annotations

import logging
from collections import Counter
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import numpy as np

from pneumoscope import files
from pneumoscope.errors import (
    DecoderFailed,
    DiskFull,
    ImageError,
    PneumoscopeError,
    ServerFault,
    UsageError,
)
from pneumoscope.images.decoders import DecodeOptions
from pneumoscope.jobs.database import DatabaseError, unusable
from pneumoscope.jobs.deliveries import Deliveries
from pneumoscope.jobs.rows import name_of, prediction_of
from pneumoscope.jobs.tables import now
from pneumoscope.records import Radiograph
from pneumoscope.render.serialise import prediction_to_json
from pneumoscope.watch.result_files import Result, write_result
from pneumoscope.watch.settling import LONGEST_PAUSE_S, pause_s
from pneumoscope.watch.targets import free_name

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from pneumoscope.bundle import Bundle
    from pneumoscope.jobs.pipeline import Pipeline
    from pneumoscope.jobs.tables import Delivery, FilmRow
    from pneumoscope.records import Prediction
    from pneumoscope.watch.result_files import ResultFiles
    from pneumoscope.watch.targets import Target

_log = logging.getLogger(__name__)

OUTPUT = "output"
"""Name of the destination of results."""
_PORTION = 16
_LONGEST_PAUSE = timedelta(seconds=LONGEST_PAUSE_S)
_SIDE_PX = 2048
"""Longest side of a film in a picture."""
_FAULTS = 5
"""Attempts after which a result is given up whose files cannot be made for an unknown reason."""


@dataclass(frozen=True, slots=True)
class Output:
    """Where results go, and what is reported.

    Attributes:
        target: Where they go.
        result_files: Which files are written.
        written: Takes the JSON of a film and the path of its file.
        trouble: Takes why results cannot be written; once until it is over.
    """

    target: Target
    result_files: ResultFiles
    written: Callable[[Mapping[str, Any], str], object]
    trouble: Callable[[PneumoscopeError], object]


class Writer:
    """Writes results. Only one thread may use it at a time."""

    def __init__(self, pipeline: Pipeline, output: Output) -> None:
        """Writes nothing yet.

        Args:
            pipeline: With the results.
            output: Where they go.
        """
        self._pipeline = pipeline
        self._output = output
        self._deliveries = Deliveries(pipeline.database.store)
        self._bundles: dict[str, Bundle] = {
            bundle.sha256: bundle
            for classifier in pipeline.readers.bundles.values()
            for bundle in classifier.bundles
        }
        self._in_trouble = False
        self._faults: Counter[str] = Counter()

    def pending(self) -> int:
        """Results that wait to be written."""
        return self._deliveries.count_waiting(OUTPUT)

    def write_due(self) -> int:
        """Writes results that are due; returns how many were tried, 0 if there was none."""
        try:
            due = self._deliveries.due(_PORTION, destination=OUTPUT, longest_pause=_LONGEST_PAUSE)
            for delivery, row in due:
                self._write(delivery, row)
        except DatabaseError as error:
            self._report(unusable(error))
            return 0
        return len(due)

    def _write(self, delivery: Delivery, row: FilmRow) -> None:
        try:
            record, path = self._written(row)
        except DecoderFailed as error:  # the film was read before: the machine is busy
            self._fault(delivery, error)
            return
        except OSError as error:
            self._again(delivery, _explained(error, self._output.target))
            return
        except Exception as error:  # noqa: BLE001 (one result must not stop the others)
            _log.error("the files of a result cannot be made", exc_info=error)
            self._fault(delivery, ServerFault())
            return
        self._deliveries.record_success(row.id, delivery.destination)
        self._drop_film(row.id)
        self._in_trouble = False
        self._output.written(record, path)

    def _drop_film(self, id_: str) -> None:
        try:
            self._pipeline.film_store.drop([id_])
        except OSError as error:  # the next start deletes it
            _log.error("a film is not deleted yet: %s", files.cause(error))

    def _fault(self, delivery: Delivery, error: PneumoscopeError) -> None:
        self._faults[delivery.film] += 1
        if self._faults[delivery.film] >= _FAULTS:
            self._deliveries.record_failure(delivery.film, delivery.destination, error, None)
        else:
            self._again(delivery, error)

    def _again(self, delivery: Delivery, error: PneumoscopeError) -> None:
        pause = timedelta(seconds=pause_s(delivery.attempts))
        self._deliveries.record_failure(delivery.film, delivery.destination, error, now() + pause)
        self._report(error)

    def _report(self, error: PneumoscopeError) -> None:
        if not self._in_trouble:
            self._output.trouble(error)
        self._in_trouble = True

    def _written(self, row: FilmRow) -> tuple[dict[str, Any], str]:
        """Writes the files of a result; returns its JSON and the path of that."""
        target, result_files = self._output.target, self._output.result_files
        prediction = prediction_of(row)
        name = name_of(row, self._pipeline.database.keys)
        data = self._pipeline.film_store.get(row.id)
        result = Result(
            name=name,
            data=data,
            film=self._decoded(data, prediction),
            film_sha256=row.sha256,
            prediction=prediction,
            record=prediction_to_json(prediction),
            bundle=self._bundles.get(prediction.bundle_sha256),
            created=row.created,
        )
        base = free_name(target, name, (row.sha256, prediction.bundle_sha256))
        return write_result(result, result_files, target, base), target.shown(f"{base}.json")

    def _decoded(self, data: bytes | None, prediction: Prediction) -> Radiograph | None:
        """The film for pictures, decoded in a child process; None if no file needs it."""
        result_files = self._output.result_files
        if data is None or not (result_files.overlays or result_files.kinds):
            return None
        options = DecodeOptions(size=0, side_px=_SIDE_PX)
        try:
            with self._pipeline.decoders.borrowed() as decoder:
                levels = decoder.decode(data, options).pixels
        except DecoderFailed:
            raise
        except ImageError:
            return None
        return Radiograph(levels.astype(np.float32) / np.float32(255), prediction.facts, levels)


def _explained(error: OSError, target: Target) -> PneumoscopeError:
    """Why results cannot be written, and what helps."""
    if isinstance(error, DiskFull):
        return DiskFull(target.name)
    words = f"{target.name}: results cannot be written ({files.cause(error)})"
    return UsageError(words, files.hint(error))
