from __future__ import annotations

import hashlib
import uuid
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from grey_films import BRIGHT, DARK
from pneumoscope import runtime
from pneumoscope.batch import reading
from pneumoscope.batch.films import Film
from pneumoscope.batch.job import ReadJob
from pneumoscope.batch.reading import UNCHANGED, FilmReader, failure
from pneumoscope.buckets import BucketFilm, file_system
from pneumoscope.bundle import Bundle
from pneumoscope.errors import BundleMismatch, UnreadableImage
from pneumoscope.images.decoders import Decoder


@pytest.fixture(scope="module")
def job(tiny_bundle: Bundle) -> ReadJob:
    return ReadJob.of(runtime.load(tiny_bundle.path), tiny_bundle.path, heatmaps=False)


@pytest.fixture(scope="module")
def reader(job: ReadJob) -> Iterator[FilmReader]:
    made = FilmReader(job)
    yield made
    made.close()


def test_every_film_has_a_row_in_order(reader: FilmReader, tmp_path: Path) -> None:
    files = {
        "a.png": BRIGHT[1],
        "empty.png": b"",
        "b.png": DARK[1],
        "broken.png": BRIGHT[1][:200],
        "no.png": b"text",
    }
    for name, data in files.items():
        (tmp_path / name).write_bytes(data)
    films = [Film(f"ward/{name}", tmp_path / name, "s") for name in [*files, "missing.png"]]
    rows = reader.rows(films)
    assert [row["path"] for row in rows] == [film.name for film in films]
    assert [row.get("label") for row in rows] == ["PNEUMONIA", None, "NORMAL", None, None, None]
    codes = [row.get("error_code") for row in rows]
    assert codes[1:] == ["EmptySource", None, "TruncatedImage", "UnknownFormat", "MissingFile"]
    assert rows[4]["error"] == "ward/no.png: not an image format that pneumoscope reads"
    assert rows[0]["sha256"] == hashlib.sha256(BRIGHT[1]).hexdigest()
    assert [row["bytes"] for row in rows] == [len(BRIGHT[1]), None, len(DARK[1]), 200, 4, None]


def test_rows_are_those_of_the_classifier(
    reader: FilmReader, job: ReadJob, film_files: Path
) -> None:
    paths = sorted(film_files.iterdir())
    rows = reader.rows([Film(path.name, path) for path in paths])
    outcomes = runtime.load(job.bundle).predict_many(paths)
    predictions = [outcome.prediction for outcome in outcomes]
    assert [row["p_positive"] for row in rows] == [round(p.p_positive, 6) for p in predictions if p]


def test_known_content_is_not_decoded(
    reader: FilmReader, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "a.png").write_bytes(BRIGHT[1])
    film = Film("a.png", tmp_path / "a.png", "new", hashlib.sha256(BRIGHT[1]).hexdigest())
    monkeypatch.setattr(Decoder, "decode", None)
    (row,) = reader.rows([film])
    assert row == {"path": "a.png", "sha256": film.known_sha256, "stamp": "new", UNCHANGED: True}


def test_films_of_a_bucket_are_fetched(reader: FilmReader) -> None:
    pytest.importorskip("fsspec", reason="needs fsspec")
    url = f"memory://{uuid.uuid4().hex}"
    system, root = file_system(url)
    system.pipe_file(f"{root}/a.png", BRIGHT[1])
    names = ("a.png", "b.png")
    rows = reader.rows([Film(name, BucketFilm(f"{url}/{name}")) for name in names])
    assert [row.get("label", row.get("error_code")) for row in rows] == ["PNEUMONIA", "MissingFile"]


def test_an_object_that_was_replaced_is_read_again(reader: FilmReader) -> None:
    pytest.importorskip("fsspec", reason="needs fsspec")
    url = f"memory://{uuid.uuid4().hex}/a.png"
    system, path = file_system(url)
    system.pipe_file(path, BRIGHT[1])
    film = Film("a.png", BucketFilm(url))
    (first,) = reader.rows([film])
    assert first["stamp"].startswith(f"{len(BRIGHT[1])}-")
    known = replace(film, known_sha256=first["sha256"], known_stamp=first["stamp"])
    row = {"path": "a.png", "sha256": first["sha256"], "stamp": first["stamp"], UNCHANGED: True}
    assert reader.rows([known]) == [row]
    system.pipe_file(path, DARK[1])
    (second,) = reader.rows([known])
    assert (first["label"], second["label"]) == ("PNEUMONIA", "NORMAL")
    assert second["stamp"] != first["stamp"]
    system.rm(path)
    assert reader.rows([known]) == [row]  # as with a file that is gone
    assert reader.rows([film])[0]["error_code"] == "MissingFile"


def test_an_object_of_the_same_version_is_not_fetched(
    reader: FilmReader, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("fsspec", reason="needs fsspec")
    url = f"memory://{uuid.uuid4().hex}/a.png"
    system, path = file_system(url)
    system.pipe_file(path, BRIGHT[1])
    _, stamp = BucketFilm(url).looked_up("a.png")
    monkeypatch.setattr(reading, "load_bytes", None)
    film = Film("a.png", BucketFilm(url), known_sha256="f" * 64, known_stamp=stamp)
    assert reader.rows([film]) == [
        {"path": "a.png", "sha256": "f" * 64, "stamp": stamp, UNCHANGED: True}
    ]


def test_one_film_never_ends_the_batch(
    reader: FilmReader, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> bytes:
        raise RuntimeError("odd")

    monkeypatch.setattr(reading, "load_bytes", fail)
    (row,) = reader.rows([Film("a.png", tmp_path / "a.png")])
    assert row["error"] == "a.png: cannot be decoded (unexpected RuntimeError)"


def test_another_bundle_than_at_the_start_is_refused(job: ReadJob) -> None:
    with pytest.raises(BundleMismatch, match="another one than tiny 1"):
        FilmReader(replace(job, bundles=(("tiny 1", "f" * 64),)))


def test_the_row_of_a_film_that_no_process_survives(tmp_path: Path) -> None:
    row = failure(Film("a", tmp_path, "s"), UnreadableImage("a", "it brought the worker down"))
    assert (row["path"], row["stamp"], row["error_code"]) == ("a", "s", "UnreadableImage")
