"""The files of a result: its JSON, the film with its heatmap, and DICOM and FHIR objects."""

from __future__ import annotations

import io
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from PIL import Image

from pneumoscope.errors import PneumoscopeError
from pneumoscope.images.decoders import FILM_NAME
from pneumoscope.records import Outcome
from pneumoscope.render import heatmap, wording
from pneumoscope.render.serialise import NOTICE

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from datetime import datetime

    import numpy as np
    from numpy.typing import NDArray

    from pneumoscope.bundle import Bundle
    from pneumoscope.records import Prediction, Radiograph
    from pneumoscope.watch.targets import Target

_GONE = "the film is no longer there, or cannot be decoded any more"


@dataclass(frozen=True, slots=True)
class ResultFiles:
    """Which files are written beside the JSON.

    Attributes:
        overlays: Films with their heatmaps.
        kinds: Kinds of DICOM and FHIR objects, see `ai_results.kinds`.
        fhir_version: Version of FHIR.
    """

    overlays: bool = True
    kinds: tuple[str, ...] = ()
    fhir_version: str = "R5"


@dataclass(frozen=True, slots=True, eq=False)
class Result:
    """A film that was read.

    Attributes:
        name: Its path below the place that it came from.
        data: Its file; None if it is no longer there.
        film: The decoded film; None if that is impossible, or no file needs it.
        film_sha256: SHA-256 of the file.
        prediction: What the bundle said.
        record: The same as JSON.
        bundle: The bundle; None if it is no longer in use.
        created: When the film was accepted.
    """

    name: str
    data: bytes | None
    film: Radiograph | None
    film_sha256: str
    prediction: Prediction
    record: Mapping[str, Any]
    bundle: Bundle | None
    created: datetime


def write_result(
    result: Result, result_files: ResultFiles, target: Target, base: str
) -> dict[str, Any]:
    """Writes the files of a result, the JSON last: if it is there, the others are too.

    Args:
        result: The result.
        result_files: Which files.
        target: Where they go.
        base: What their names begin with.

    Returns:
        What is in the JSON.

    Raises:
        OSError: A file cannot be written.
    """
    written: dict[str, str] = {}
    not_made: dict[str, str] = {}
    # An object that cannot be made must not leave the others on the disk without their JSON.
    for kind, ending, content, reason in list(_contents(result, result_files)):
        if content:
            path = f"{base}.{kind}.{ending}"
            target.write(path, content)
            written[kind] = path.rsplit("/", 1)[-1]
        else:
            not_made[kind] = reason
    record = {
        "notice": NOTICE,
        "source": result.name,
        "film_sha256": result.film_sha256,
        "received": result.created.isoformat(timespec="seconds"),
        "files": written,
        "not_made": not_made,
        **result.record,
    }
    target.write(f"{base}.json", (json.dumps(record, indent=2) + "\n").encode())
    return record


def _contents(result: Result, result_files: ResultFiles) -> Iterator[tuple[str, str, bytes, str]]:
    """Kind, ending and content of each file, or kind and why it is not made."""
    if result_files.overlays:
        yield _overlay(result)
    try:
        yield from _objects(result, result_files)
    except PneumoscopeError as error:
        for kind in result_files.kinds:
            yield kind, "", b"", error.message.removeprefix(f"{FILM_NAME}: ")


def _overlay(result: Result) -> tuple[str, str, bytes, str]:
    p = result.prediction
    if p.heatmap is None or p.explanation is None or not wording.is_shown(p):
        return "heatmap", "", b"", wording.no_heatmap(p)
    if result.film is None:
        return "heatmap", "", b"", _GONE
    outcome = Outcome(result.name, 0, prediction=p, film=result.film)
    return "heatmap", "png", _png(heatmap.overlay_of(outcome)), ""


def _png(picture: NDArray[np.uint8]) -> bytes:
    stream = io.BytesIO()
    Image.fromarray(picture).save(stream, "PNG")
    return stream.getvalue()


def _objects(result: Result, result_files: ResultFiles) -> Iterator[tuple[str, str, bytes, str]]:
    if result.data is None or result.film is None or result.bundle is None:
        reason = "its bundle is no longer in use" if result.bundle is None else _GONE
        for kind in result_files.kinds:
            yield kind, "", b"", reason
        return
    if not result_files.kinds:
        return
    from pneumoscope.ai_results.film_result import FilmResult
    from pneumoscope.ai_results.kinds import KINDS
    from pneumoscope.ai_results.objects import objects_of
    from pneumoscope.ai_results.source_header import source_header

    film_result = FilmResult(
        name=FILM_NAME,
        header=source_header(result.data, FILM_NAME),
        film=result.film,
        prediction=result.prediction,
        bundle=result.bundle,
        created=result.created.replace(microsecond=0),
    )
    for item in objects_of(film_result, result_files.kinds, fhir_version=result_files.fhir_version):
        yield item.kind, KINDS[item.kind].ending, item.content, item.not_made
