"""From the spool into the queue: each film once, and none is lost while something is wrong."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("pynetdicom", reason="needs the [pacs] extra")

from sqlalchemy.exc import OperationalError

from pneumoscope.bundle import Bundle
from pneumoscope.errors import DecoderFailed, DiskFull, QueueFull
from pneumoscope.images.decoders import Decoder
from pneumoscope.jobs.batcher import Batcher
from pneumoscope.jobs.bundles import load_bundles
from pneumoscope.jobs.clock import SteadyClock
from pneumoscope.jobs.contents import FROM_COPY, QueueContents
from pneumoscope.jobs.deliveries import Deliveries
from pneumoscope.jobs.pipeline import (
    Pipeline,
    PipelineSettings,
    open_job_database,
    open_pipeline,
)
from pneumoscope.jobs.tables import DONE, FAILED, PENDING, FilmRow
from pneumoscope.pacs import intake as intake_module
from pneumoscope.pacs.config import DiskLimits
from pneumoscope.pacs.errors import AuditLogNotWritten
from pneumoscope.pacs.housekeeping import Housekeeping
from pneumoscope.pacs.intake import OWNER, Intake
from pneumoscope.pacs.spool import Spool
from sent_films import PLANTED, file_of, sent

PATIENCE_S = 60.0


@pytest.fixture(scope="module")
def pipeline(tiny_bundle: Bundle, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pipeline]:
    folder = tmp_path_factory.mktemp("pipeline")
    made = open_pipeline(
        PipelineSettings(threads=1, films_folder=folder / "films", keep_failed=True),
        load_bundles((str(tiny_bundle.path),), threads=1),
        open_job_database(folder, f"sqlite:///{folder / 'x.sqlite'}", outlives_power_cuts=True),
    )
    yield made
    made.close(PATIENCE_S)


@pytest.fixture
def spool(tmp_path: Path, pipeline: Pipeline) -> Spool:
    pipeline.jobs.delete(OWNER)
    return Spool(tmp_path, DiskLimits(10**9, 0))


def put(spool: Spool, number: int, **elements: object) -> None:
    film = sent(number, **elements)
    spool.put(f"1.2.3.4.{number}", [file_of(film)])


@contextmanager
def taking(pipeline: Pipeline, spool: Spool, study_films: int = 100) -> Iterator[list[str]]:
    """An intake that runs until the spool is empty."""
    counted: list[str] = []
    intake = Intake(pipeline, spool, ("archive", "folder"), study_films, counted.append)
    try:
        yield counted
        deadline = time.monotonic() + PATIENCE_S
        intake.wake()
        while spool.films() and time.monotonic() < deadline:
            threading.Event().wait(0.01)
    finally:
        intake.stop()
    assert not spool.films()


def rows(pipeline: Pipeline) -> list[FilmRow]:
    """The films, once all of them have ended."""
    films = history(pipeline)
    while any(row.state not in (DONE, FAILED) for row in films):
        threading.Event().wait(0.01)
        films = history(pipeline)
    return films


def history(pipeline: Pipeline) -> list[FilmRow]:
    return pipeline.database.store.history(OWNER, 100)


def test_films_are_accepted_once_and_read(pipeline: Pipeline, spool: Spool) -> None:
    put(spool, 1, RequestedProcedurePriority="STAT")
    put(spool, 2, grey=51)
    with taking(pipeline, spool) as counted:
        pass
    put(spool, 1, RequestedProcedurePriority="STAT")  # the same film again, later
    put(spool, 1, PatientName="Changed^Afterwards")  # and with other content
    with taking(pipeline, spool) as again:
        pass
    assert counted == ["accepted"] * 2
    assert again == ["duplicate"] * 2
    read = {row.priority: row for row in rows(pipeline)}
    assert {priority: row.label for priority, row in read.items()} == {2: "PNEUMONIA", 0: "NORMAL"}
    keys = pipeline.database.keys
    assert read[2].study == keys.fingerprint("1.2.3.5.1")
    assert read[2].patient == keys.fingerprint(PLANTED[1])
    deliveries = Deliveries(pipeline.database.store).of_film(OWNER, read[2].id)
    assert [delivery.destination for delivery in deliveries] == ["archive", "folder"]
    stored = repr([vars(row) for row in read.values()])
    assert not any(planted in stored for planted in (*PLANTED, "1.2.3.4.1", "1.2.3.5.1"))


def test_a_film_that_cannot_be_read_fails_with_its_reason(pipeline: Pipeline, spool: Spool) -> None:
    spool.put("1", [b"no DICOM file"])
    put(spool, 3, SamplesPerPixel=7)
    with taking(pipeline, spool) as counted:
        pass
    assert sorted(counted) == ["accepted", "failed"]
    assert [row.error["code"] for row in rows(pipeline) if row.error] == ["UnreadableImage"] * 2


def test_films_beyond_the_limit_of_a_study_fail(pipeline: Pipeline, spool: Spool) -> None:
    for number in range(3):
        put(spool, number, StudyInstanceUID="1.2.3.5.9")
    with taking(pipeline, spool, study_films=2) as counted:
        pass
    assert sorted(counted) == ["accepted", "accepted", "failed"]
    (failed,) = [row for row in rows(pipeline) if row.state == FAILED]
    assert failed.error is not None
    assert failed.error["message"] == "its study has more than 2 films"


@pytest.mark.parametrize(
    "error",
    [
        QueueFull(1),
        DiskFull("films"),
        AuditLogNotWritten(),
        OperationalError("INSERT", {}, Exception("database is locked")),
        RuntimeError("Planted^Name"),
        FileNotFoundError(2, "No such file or directory", "the folder of films"),
    ],
)
def test_films_wait_in_the_spool_while_they_cannot_be_accepted(
    pipeline: Pipeline,
    spool: Spool,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    error: Exception,
) -> None:
    accept, calls = pipeline.jobs.accept, 0

    def refusing(*arguments: Any) -> str:
        nonlocal calls
        calls += 1
        if calls == 1:
            raise error
        return accept(*arguments)

    monkeypatch.setattr(intake_module, "_TROUBLE_S", 0.01)
    monkeypatch.setattr(pipeline.jobs, "accept", refusing)
    put(spool, 4)
    with taking(pipeline, spool) as counted:
        pass
    assert (calls, counted) == (2, ["accepted"])
    assert [row.label for row in rows(pipeline)] == ["PNEUMONIA"]
    assert "Planted" not in "".join(record.getMessage() for record in caplog.records)
    if isinstance(error, FileNotFoundError):
        assert "it stays in the spool" in caplog.text


def test_a_film_that_the_disk_does_not_give_back_does_not_stop_the_others(
    pipeline: Pipeline, spool: Spool, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(spool, 6)
    put(spool, 7)
    damaged, _ = spool.films()
    read_bytes = Path.read_bytes

    def reading(path: Path) -> bytes:
        if path == damaged:
            raise OSError(5, "Input/output error")
        return read_bytes(path)

    monkeypatch.setattr(intake_module, "_TROUBLE_S", 0.01)
    monkeypatch.setattr(Path, "read_bytes", reading)
    with taking(pipeline, spool) as counted:
        deadline = time.monotonic() + PATIENCE_S
        expected = ["accepted"], [damaged]
        while (counted, spool.films()) != expected and time.monotonic() < deadline:
            threading.Event().wait(0.01)
        assert (counted, spool.films()) == expected
        monkeypatch.setattr(Path, "read_bytes", read_bytes)
    assert counted == ["accepted"] * 2


def test_a_crash_between_acceptance_and_the_spool_doubles_nothing(
    pipeline: Pipeline, spool: Spool
) -> None:
    put(spool, 5)
    (film,) = spool.films()
    data = film.read_bytes()
    with taking(pipeline, spool) as counted:
        pass
    film.write_bytes(data)  # as if it had not been deleted
    with taking(pipeline, spool) as again:
        pass
    assert (counted, again) == (["accepted"], ["duplicate"])
    assert len(rows(pipeline)) == 1


def fail_once(pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch, where: str) -> None:
    """The next film fails, although nothing is wrong with it."""
    calls = []
    decode, judge = Decoder.decode, Batcher._judge

    def decoding(*args: Any) -> Any:
        calls.append(where)
        if len(calls) == 1:
            raise DecoderFailed("film", "decoding takes more than 20 s")
        return decode(*args)

    def judging(*args: Any) -> Any:
        calls.append(where)
        if len(calls) == 1:
            raise MemoryError
        return judge(*args)

    if where == "decoder":
        monkeypatch.setattr(Decoder, "decode", decoding)
    else:
        monkeypatch.setattr(Batcher, "_judge", judging)


@pytest.mark.parametrize("where", ["decoder", "network"])
@pytest.mark.parametrize("how", ["queue retry", "sent again"])
def test_a_film_that_failed_by_the_machine_is_kept_and_read_again_once(
    pipeline: Pipeline, spool: Spool, monkeypatch: pytest.MonkeyPatch, where: str, how: str
) -> None:
    fail_once(pipeline, monkeypatch, where)
    put(spool, 8)
    with taking(pipeline, spool):
        pass
    [failed] = rows(pipeline)
    assert failed.error is not None
    code = {"decoder": "DecoderFailed", "network": "ServerFault"}[where]
    assert (failed.state, failed.error["code"]) == (FAILED, code)
    store, films, jobs = pipeline.database.store, pipeline.film_store, pipeline.jobs
    clock = SteadyClock(store.engine)
    Housekeeping(store, films, clock, None, keep_films=False).run()
    assert films.ids() == {failed.id}
    if how == "queue retry":
        contents = QueueContents(store, films)
        assert contents.retry(contents.entry(failed.id)) == FROM_COPY
        assert jobs.resume_wanted() == 1
        assert jobs.resume_wanted() == 0
    put(spool, 8)  # its sender has another try, too
    with taking(pipeline, spool) as again:
        pass
    assert again == ["duplicate"]
    [row] = rows(pipeline)
    assert (row.id, row.state, row.label, row.error) == (failed.id, DONE, "PNEUMONIA", None)
    assert [each.state for each in Deliveries(store).of_film(OWNER, row.id)] == [PENDING] * 2


def test_a_film_that_failed_and_is_not_here_any_more_is_taken_when_it_is_sent_again(
    pipeline: Pipeline, spool: Spool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(intake_module, "_IDLE_S", 0.01)
    fail_once(pipeline, monkeypatch, "network")
    put(spool, 10)
    with taking(pipeline, spool):
        pass
    [failed] = rows(pipeline)
    pipeline.film_store.drop([failed.id])
    put(spool, 10)
    with taking(pipeline, spool) as again:
        pass
    assert again == ["accepted"]
    states = {row.id == failed.id: row.state for row in rows(pipeline)}
    assert states == {True: FAILED, False: DONE}


def test_a_film_that_failed_for_good_is_not_kept(pipeline: Pipeline, spool: Spool) -> None:
    put(spool, 9, SamplesPerPixel=7)
    with taking(pipeline, spool):
        pass
    [failed] = rows(pipeline)
    assert failed.state == FAILED
    assert failed.idempotency_key is None
    store = pipeline.database.store
    pipeline.film_store.keep(failed.id, b"a crash has left it")
    clock = SteadyClock(store.engine)
    Housekeeping(store, pipeline.film_store, clock, None, keep_films=False).run()
    assert pipeline.film_store.ids() == set()
