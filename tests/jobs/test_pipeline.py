"""The parts that read films, without a server: what is accepted is read, now or after a restart."""

from __future__ import annotations

import multiprocessing
import threading
from collections.abc import Sequence
from pathlib import Path

import pytest

from grey_films import BRIGHT, DARK
from pneumoscope.bundle import Bundle
from pneumoscope.errors import Interrupted, UsageError
from pneumoscope.jobs.batcher import Batcher
from pneumoscope.jobs.bundles import load_bundles
from pneumoscope.jobs.pipeline import (
    JobDatabase,
    Pipeline,
    PipelineHooks,
    PipelineSettings,
    open_job_database,
    open_pipeline,
)
from pneumoscope.jobs.requests import JobRequest, UploadedFile
from pneumoscope.jobs.tables import DONE, FAILED, QUEUED, FilmRow
from pneumoscope.records import Settings

REQUEST = JobRequest("node", Settings(explain="none"))


def database(folder: Path) -> JobDatabase:
    return open_job_database(folder, f"sqlite:///{folder / 'x.sqlite'}")


def opened(folder: Path, bundle: Bundle, ended: list[FilmRow], *, keep: bool) -> Pipeline:
    settings = PipelineSettings(threads=1, films_folder=folder / "films" if keep else None)
    bundles = load_bundles((str(bundle.path),), threads=1)
    return open_pipeline(settings, bundles, database(folder), PipelineHooks(ended=ended.append))


def rows(folder: Path, job: str) -> Sequence[FilmRow]:
    parts = database(folder)
    try:
        return parts.store.of_job("node", job)
    finally:
        parts.close()


def test_accepted_films_are_read_before_the_parts_close(
    tiny_bundle: Bundle, tmp_path: Path
) -> None:
    ended: list[FilmRow] = []
    pipeline = opened(tmp_path, tiny_bundle, ended, keep=False)
    job = pipeline.jobs.accept(REQUEST, [UploadedFile(*BRIGHT), UploadedFile(*DARK)])
    with pytest.raises(UsageError, match="another server is using this database"):
        database(tmp_path)
    assert pipeline.close(60)
    assert [row.label for row in ended] == [row.label for row in rows(tmp_path, job)]
    assert [row.label for row in ended] == ["PNEUMONIA", "NORMAL"]


def test_a_pipeline_that_does_not_start_releases_the_database(
    tiny_bundle: Bundle, tmp_path: Path
) -> None:
    (tmp_path / "films").write_text("no folder")
    with pytest.raises(FileExistsError):
        opened(tmp_path, tiny_bundle, [], keep=True)
    database(tmp_path).close()


@pytest.mark.slow
@pytest.mark.parametrize("keep", [True, False])
def test_films_that_are_not_read_in_time_wait_for_the_next_start(
    tiny_bundle: Bundle, tmp_path: Path, keep: bool
) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Batcher, "_work", lambda _batcher: None)  # reads nothing
        pipeline = opened(tmp_path, tiny_bundle, [], keep=keep)
        job = pipeline.jobs.accept(REQUEST, [UploadedFile(*BRIGHT)])
        assert not pipeline.close(0)
    assert [row.state for row in rows(tmp_path, job)] == [QUEUED]
    assert opened(tmp_path, tiny_bundle, [], keep=keep).close(60)
    (row,) = rows(tmp_path, job)
    if keep:
        assert (row.state, row.label) == (DONE, "PNEUMONIA")
    else:
        assert row.state == FAILED
        assert row.error == Interrupted().as_dict()


def test_a_pipeline_that_cannot_start_leaves_no_child(
    tiny_bundle: Bundle, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    parts = database(tmp_path)
    # A server of another test may still run in this process.
    threads = set(threading.enumerate())
    children = set(multiprocessing.active_children())

    def broken(*_: object) -> None:
        raise UsageError("broken")

    stopped: list[Batcher] = []
    stop = Batcher.stop

    def stop_and_note(batcher: Batcher) -> None:
        stop(batcher)
        stopped.append(batcher)

    monkeypatch.setattr("pneumoscope.jobs.pipeline.recover", broken)
    monkeypatch.setattr(Batcher, "stop", stop_and_note)
    with pytest.raises(UsageError, match="broken"):
        open_pipeline(
            PipelineSettings(threads=1), load_bundles((str(tiny_bundle.path),), threads=1), parts
        )
    assert len(stopped) == 1
    new_threads = set(threading.enumerate()) - threads
    assert not any(thread.name.startswith("batch-") for thread in new_threads)
    new_children = set(multiprocessing.active_children()) - children
    assert not any(child.name == "decoder" for child in new_children)
    parts.close()
