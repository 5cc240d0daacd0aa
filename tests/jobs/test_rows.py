"""Rows of requests and outcomes."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from grey_films import BRIGHT, DARK, film
from pneumoscope import errors
from pneumoscope.bundle import Bundle
from pneumoscope.errors import (
    BundleNotServed,
    Cancelled,
    DatabaseInUse,
    DeadlinePassed,
    DuplicateFilm,
    Interrupted,
    NotStored,
    PneumoscopeError,
    QueueError,
    QueueFull,
    ServerFault,
    ShuttingDown,
    UnknownFormat,
)
from pneumoscope.jobs import rows
from pneumoscope.jobs.requests import JobRequest, UploadedFile
from pneumoscope.jobs.tables import DONE, FAILED, QUEUED, FilmRow
from pneumoscope.records import Outcome, Settings
from pneumoscope.runtime import Classifier
from predictions import refused, with_zones
from queue_parts import KEYS

SETTINGS = Settings("screen", 0.1, 0.2, force=True, explain="checked", profile=Path("site.toml"))
REQUEST = JobRequest("ann", SETTINGS, bundle="second", patient=" PAT-1", study="1.2.3", priority=7)


def test_settings_survive_the_database() -> None:
    stored = rows.settings_to_json(SETTINGS)
    assert stored["profile"] == "site.toml"
    assert rows.settings_from_json(stored) == SETTINGS
    assert rows.settings_from_json(rows.settings_to_json(Settings())) == Settings()


def test_rows_of_a_request_hold_hashes_in_place_of_names() -> None:
    film = UploadedFile("Doe.png", b"x", idempotency_key="k")
    broken = UploadedFile("x.txt", b"", UnknownFormat("film"), idempotency_key="l")
    first, second = rows.new_rows(REQUEST, [film, broken], "j", KEYS)
    assert (first.position, first.state, first.error) == (0, QUEUED, None)
    assert (second.position, second.state) == (1, FAILED)
    assert second.error == UnknownFormat("film").as_dict()
    assert first.patient == KEYS.fingerprint("PAT-1")
    assert first.study == KEYS.fingerprint("1.2.3")
    assert KEYS.open(first.name, first.id) == b"Doe.png"
    assert b"Doe" not in first.name
    # printf x | sha256sum
    assert first.sha256 == "2d711642b726b04401627ca9fbac32f5c8530fb1903cc4db02258717921a4881"
    assert (first.priority, first.bundle, first.job, first.owner) == (7, "second", "j", "ann")
    assert (first.idempotency_key, second.idempotency_key) == ("k", None)
    [alone] = rows.new_rows(REQUEST, [film], None, KEYS)
    assert alone.idempotency_key is None  # stored when it is done, too late to refuse it


def test_an_outcome_with_a_heatmap(tiny_bundle: Bundle) -> None:
    [row] = rows.new_rows(JobRequest("ann", Settings()), [UploadedFile(*BRIGHT)], "j", KEYS)
    prediction = Classifier(tiny_bundle, threads=1).predict(BRIGHT[1])
    assert rows.enter_outcome(row, Outcome("film", 0, prediction=prediction)) is row
    assert (row.state, row.label, row.error) == (DONE, "PNEUMONIA", None)
    assert row.result is not None
    assert row.result["words"]["verdict"] == "PNEUMONIA"
    assert row.heatmap is not None
    heatmap = np.frombuffer(row.heatmap, np.float32).reshape(row.heatmap_rows or 0, -1)
    assert heatmap.shape == (8, 8)
    assert (heatmap == prediction.heatmap).all()
    assert rows.ending(row).keys() < rows.values(row).keys()


def test_an_outcome_without_a_heatmap_and_a_failure(tiny_bundle: Bundle) -> None:
    settings = Settings(explain="none")
    files = [UploadedFile(*DARK, idempotency_key="k")] * 2
    dark, broken = rows.new_rows(JobRequest("ann", settings), files, "j", KEYS)
    prediction = Classifier(tiny_bundle, threads=1, settings=settings).predict(DARK[1])
    rows.enter_outcome(dark, Outcome("film", 0, prediction=prediction))
    assert (dark.heatmap, dark.heatmap_rows, dark.idempotency_key) == (None, None, "k")
    rows.enter_outcome(broken, Outcome("film", 0, error=UnknownFormat("film")))
    assert (broken.state, broken.idempotency_key) == (FAILED, None)
    assert rows.ending(broken) == rows.failure(UnknownFormat("film")) | {
        "label": None, "result": None, "heatmap": None, "heatmap_rows": None, "lungs": None,
        "lungs_rows": None,
    }  # fmt: skip


QUEUE_ERRORS = [
    QueueFull(7), ShuttingDown(), DeadlinePassed(), Interrupted(), Cancelled(), DuplicateFilm(),
    BundleNotServed("other", ("tiny",)), NotStored(), ServerFault(), DatabaseInUse(),
]  # fmt: skip


@pytest.mark.parametrize("error", QUEUE_ERRORS, ids=lambda error: error.code)
def test_a_failure_is_stored_by_code_message_and_hint(error: PneumoscopeError) -> None:
    columns = rows.failure(error)
    assert (columns["state"], columns["idempotency_key"]) == (FAILED, None)
    stored = columns["error"]
    assert list(stored) == ["code", "message", "hint"]
    assert stored["code"] == type(error).__name__
    assert stored["message"][0].islower()
    assert stored["hint"].endswith(".")
    # No word of HTTP or DICOM: each server translates the code for its own protocol.
    assert not {"HTTP", "status", "DICOM"} & set(" ".join(stored.values()).split())


def test_every_error_of_the_queue_is_in_the_table_above() -> None:
    kinds = {kind for kind in vars(errors).values() if isinstance(kind, type)}
    of_the_queue = {k for k in kinds if issubclass(k, QueueError)} - {QueueError}
    assert {type(error) for error in QUEUE_ERRORS} == of_the_queue


def test_a_film_without_an_outcome_is_an_error_of_ours() -> None:
    [row] = rows.new_rows(JobRequest("ann", Settings()), [UploadedFile(*DARK)], "j", KEYS)
    rows.enter_outcome(row, Outcome("film", 0))
    assert (row.state, row.error) == (
        FAILED, {"code": "PneumoscopeError", "message": "no outcome", "hint": ""},
    )  # fmt: skip


def test_a_lung_field_is_stored_with_the_heatmap() -> None:
    seen, unseen = rows.new_rows(
        JobRequest("ann", Settings()), [UploadedFile(*DARK)] * 2, "j", KEYS
    )
    rows.enter_outcome(seen, Outcome("film", 0, prediction=with_zones()))
    assert seen.lungs is not None
    field = np.frombuffer(seen.lungs, np.float32).reshape(seen.lungs_rows or 0, -1)
    assert field.tolist() == [[0.0, 1.0], [0.75, 0.25]]
    assert seen.result is not None
    assert seen.result["lung_outline"] is True
    assert seen.result["words"]["zones"] == "right lower zone (61 %), left middle zone (35 %)"
    rows.enter_outcome(unseen, Outcome("film", 0, prediction=refused(lungs=with_zones().lungs)))
    assert (unseen.lungs, unseen.lungs_rows) == (None, None)
    assert unseen.result is not None
    assert unseen.result["lung_outline"] is False


def test_a_refused_film_is_done_and_keeps_no_heatmap(tiny_bundle: Bundle) -> None:
    [row] = rows.new_rows(JobRequest("ann", Settings()), [UploadedFile(*DARK)], "j", KEYS)
    prediction = Classifier(tiny_bundle, threads=1).predict(film(51, 70, 70))
    assert prediction.label == "REFUSED"
    rows.enter_outcome(row, Outcome("film", 0, prediction=prediction))
    assert (row.state, row.label, row.heatmap, row.heatmap_rows) == (DONE, "REFUSED", None, None)
    assert row.result is not None
    assert row.result["p_positive"] is None


def test_films_of_a_request_share_its_time_and_have_their_own_ids() -> None:
    made = rows.new_rows(REQUEST, [UploadedFile(*DARK)] * 3, "j", KEYS)
    assert len({row.created for row in made}) == 1
    assert len({row.id for row in made}) == 3
    assert [row.position for row in made] == [0, 1, 2]
    assert len({row.name for row in made}) == 3  # the same name, sealed for its row
    assert rows.new_rows(REQUEST, [], "j", KEYS) == []


def test_every_column_is_written() -> None:
    [row] = rows.new_rows(REQUEST, [UploadedFile(*DARK)], "j", KEYS)
    assert set(rows.values(row)) == {column.key for column in FilmRow.__table__.columns}
