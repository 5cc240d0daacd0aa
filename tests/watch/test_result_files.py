"""The files of a result: JSON, overlay, and objects of DICOM films."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from grey_films import BRIGHT
from pneumoscope import images, runtime
from pneumoscope.bundle import Bundle
from pneumoscope.records import Settings
from pneumoscope.render.serialise import prediction_to_json
from pneumoscope.watch.result_files import Result, ResultFiles, write_result
from pneumoscope.watch.targets import FolderTarget
from result_films import CREATED, film_bytes


def result_of(bundle: Bundle, data: bytes, settings: Settings = Settings()) -> Result:
    prediction = runtime.load(bundle, settings=settings).predict(data)
    return Result(
        name="ward/a.dcm",
        data=data,
        film=images.read(data),
        film_sha256="f" * 64,
        prediction=prediction,
        record=prediction_to_json(prediction),
        bundle=bundle,
        created=CREATED,
    )


def written(
    folder: Path, result: Result, result_files: ResultFiles
) -> tuple[dict[str, object], list[str]]:
    record = write_result(result, result_files, FolderTarget(folder), "ward/a.dcm")
    on_disk = json.loads((folder / "ward" / "a.dcm.json").read_text())
    assert on_disk == json.loads(json.dumps(record))
    return on_disk, sorted(path.name for path in (folder / "ward").iterdir())


def test_the_json_is_that_of_predict_with_the_files(tiny_bundle: Bundle, tmp_path: Path) -> None:
    record, names = written(tmp_path, result_of(tiny_bundle, BRIGHT[1]), ResultFiles())
    assert names == ["a.dcm.heatmap.png", "a.dcm.json"]
    assert record["label"] == "PNEUMONIA"
    assert record["source"] == "ward/a.dcm"
    assert record["film_sha256"] == "f" * 64
    assert record["bundle_sha256"] == tiny_bundle.sha256
    assert record["received"] == "2026-03-04T05:06:07+00:00"
    assert record["files"] == {"heatmap": "a.dcm.heatmap.png"}
    assert record["not_made"] == {}


def test_objects_of_a_dicom_film_are_the_same_every_time(
    tiny_bundle: Bundle, tmp_path: Path
) -> None:
    pytest.importorskip("highdicom", reason="needs the [pacs] extra")
    result = result_of(tiny_bundle, film_bytes())
    result_files = ResultFiles(overlays=False, kinds=("sr", "fhir"))
    record, names = written(tmp_path / "1", result, result_files)
    assert names == ["a.dcm.fhir.json", "a.dcm.json", "a.dcm.sr.dcm"]
    assert record["files"] == {"sr": "a.dcm.sr.dcm", "fhir": "a.dcm.fhir.json"}
    written(tmp_path / "2", result, result_files)
    for name in names:
        first, second = (tmp_path / n / "ward" / name for n in ("1", "2"))
        assert first.read_bytes() == second.read_bytes()


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({}, "not a DICOM film"),
        ({"bundle": None}, "its bundle is no longer in use"),
        ({"data": None, "film": None}, "the film is no longer there"),
    ],
)
def test_what_is_not_made_says_why(
    tiny_bundle: Bundle, tmp_path: Path, change: dict[str, object], reason: str
) -> None:
    pytest.importorskip("highdicom", reason="needs the [pacs] extra")
    result = replace(result_of(tiny_bundle, BRIGHT[1]), **change)  # type: ignore[arg-type]
    record, names = written(tmp_path, result, ResultFiles(overlays=False, kinds=("sr",)))
    assert names == ["a.dcm.json"]
    assert isinstance(record["not_made"], dict)
    assert str(record["not_made"]["sr"]).startswith(reason)


def test_without_a_heatmap_there_is_no_overlay(tiny_bundle: Bundle, tmp_path: Path) -> None:
    result = result_of(tiny_bundle, BRIGHT[1], Settings(explain="none"))
    record, names = written(tmp_path, result, ResultFiles())
    assert names == ["a.dcm.json"]
    assert record["not_made"] == {"heatmap": "No heatmap was asked for"}
