"""Films are received once: while they grow, move, are copied, change or cannot be read."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy.exc import OperationalError

from grey_films import BRIGHT, DARK, film, zipped
from pneumoscope.errors import DiskFull, NotPermitted
from pneumoscope.jobs.contents import FROM_SOURCE, QueueContents
from pneumoscope.jobs.received import ReceivedFiles
from pneumoscope.jobs.store import Store
from pneumoscope.jobs.tables import FAILED, QUEUED
from pneumoscope.records import Settings
from pneumoscope.watch.folder import Folder
from watched import OWNER, SETTLE_S, Receiving


@pytest.fixture
def root(tmp_path: Path) -> Path:
    folder = tmp_path / "in"
    folder.mkdir()
    return folder


@pytest.fixture
def receiving(tmp_path: Path, root: Path) -> Iterator[Receiving]:
    """A watched folder whose films nobody reads."""
    made = Receiving(tmp_path, Folder(root))
    yield made
    made.parts.store.close()


def again(tmp_path: Path, root: Path, **changes: object) -> Receiving:
    """The same folder and database after a restart."""
    return Receiving(tmp_path, Folder(root), **changes)  # type: ignore[arg-type]


def test_a_film_is_received_once(receiving: Receiving, root: Path) -> None:
    (root / "ward").mkdir()
    (root / "ward" / "a.png").write_bytes(BRIGHT[1])
    (root / "notes.txt").write_text("notes")
    assert receiving.step(0) == SETTLE_S
    assert receiving.rows() == []
    assert receiving.step() is None
    assert receiving.names() == ["ward/a.png"]
    receiving.step()
    assert len(receiving.rows()) == 1
    [row] = receiving.rows()
    assert (row.state, row.owner) == (QUEUED, OWNER)
    assert receiving.parts.film_store.get(row.id) == BRIGHT[1]


def test_a_growing_file_is_waited_for(receiving: Receiving, root: Path) -> None:
    data = BRIGHT[1]
    for end in range(100, len(data), 50):
        (root / "a.png").write_bytes(data[:end])
        receiving.step(SETTLE_S * 0.9)
        assert receiving.rows() == []
    (root / "a.png").write_bytes(data)
    receiving.step()  # notices the last change
    receiving.step()
    [row] = receiving.rows()
    assert receiving.parts.film_store.get(row.id) == data


def test_a_file_that_grows_while_it_is_read_is_read_again(
    receiving: Receiving, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (root / "a.png").write_bytes(BRIGHT[1][:200])
    read = Folder.read

    def grows(place: Folder, path: str) -> bytes:
        data = read(place, path)
        (root / "a.png").write_bytes(BRIGHT[1])
        return data

    with monkeypatch.context() as patch:
        patch.setattr(Folder, "read", grows)
        receiving.step()
    assert receiving.rows() == []
    receiving.step()
    [row] = receiving.rows()
    assert receiving.parts.film_store.get(row.id) == BRIGHT[1]


def test_a_copy_is_reported_and_not_received(receiving: Receiving, root: Path) -> None:
    (root / "a.png").write_bytes(BRIGHT[1])
    receiving.step()
    (root / "b.png").write_bytes(BRIGHT[1])
    receiving.step()
    receiving.step()
    assert receiving.names() == ["a.png"]
    assert receiving.reported.repeated == ["b.png"]


def test_a_moved_film_is_not_received_again(receiving: Receiving, root: Path) -> None:
    (root / "a.png").write_bytes(BRIGHT[1])
    receiving.step()
    (root / "done").mkdir()
    (root / "a.png").rename(root / "done" / "a.png")
    receiving.step()
    receiving.step()
    assert receiving.names() == ["a.png"]
    assert receiving.watcher.waiting == 0


def test_a_film_that_moves_before_it_is_received_is_not_lost(
    receiving: Receiving, root: Path
) -> None:
    (root / "a.png").write_bytes(BRIGHT[1])
    receiving.watcher.list_all()
    receiving.clock.now += SETTLE_S
    (root / "a.png").rename(root / "b.png")
    receiving.watcher.receive()
    assert receiving.watcher.waiting == 0
    receiving.step()
    assert receiving.names() == ["b.png"]
    assert receiving.reported.unreadable == []


def test_a_changed_file_is_another_film(receiving: Receiving, root: Path) -> None:
    (root / "latest.png").write_bytes(BRIGHT[1])
    receiving.step()
    (root / "latest.png").write_bytes(DARK[1] + b" ")
    receiving.step()
    receiving.step()
    assert receiving.names() == ["latest.png", "latest.png"]


def test_nothing_is_received_again_after_a_restart(
    receiving: Receiving, root: Path, tmp_path: Path
) -> None:
    (root / "a.png").write_bytes(BRIGHT[1])
    (root / "empty.png").write_bytes(b"")
    receiving.step(100.0)
    assert receiving.reported.unreadable == [("empty.png", "EmptySource")]
    later = again(tmp_path, root)
    later.step(100.0)
    later.step(100.0)
    assert sorted(later.names()) == ["a.png", "empty.png"]
    assert (later.reported.unreadable, later.reported.repeated) == ([], [])
    later.parts.store.close()


@pytest.mark.parametrize(
    "changes",
    [{"bundle": "b2"}, {"settings": Settings(prevalence=0.1)}],
    ids=["bundle", "settings"],
)
def test_another_bundle_or_setting_reads_every_film_again(
    receiving: Receiving, root: Path, tmp_path: Path, changes: dict[str, object]
) -> None:
    (root / "a.png").write_bytes(BRIGHT[1])
    receiving.step()
    later = again(tmp_path, root, **changes)
    later.step()
    assert later.names() == ["a.png", "a.png"]
    later.parts.store.close()


class Killed(BaseException):
    """The process ends here."""


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
def test_a_process_that_is_killed_loses_and_doubles_nothing(
    receiving: Receiving, root: Path, tmp_path: Path, after: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    accept = Store.accept

    def killed(*given: object, **named: object) -> None:
        if after:
            accept(*given, **named)  # type: ignore[arg-type]
        raise Killed

    (root / "a.png").write_bytes(BRIGHT[1])
    with monkeypatch.context() as patch:
        patch.setattr(Store, "accept", killed)
        with pytest.raises(Killed):
            receiving.step()
    later = again(tmp_path, root)
    later.step()
    assert later.names() == ["a.png"]
    later.parts.store.close()


def test_a_film_and_its_file_are_entered_together(
    receiving: Receiving, root: Path, tmp_path: Path
) -> None:
    (root / "broken.png").write_bytes(b"")
    receiving.step(100.0)
    [row] = receiving.rows()
    # Without the entry, a failed film would be received once more: it has no idempotency key.
    known = receiving.watcher._key(0, "broken.png")
    entry = ReceivedFiles(receiving.parts.store).of_places([known])[known]
    assert (entry.job, row.state) == (row.job, FAILED)


def test_a_file_that_may_not_be_read_is_reported_once_and_tried_again(
    receiving: Receiving, root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (root / "a.png").write_bytes(BRIGHT[1])

    def refused(_place: Folder, _path: str) -> bytes:
        raise NotPermitted("film")

    with monkeypatch.context() as patch:
        patch.setattr(Folder, "read", refused)
        for _ in range(4):
            receiving.step(3600.0)
        later = again(tmp_path, root)
        later.step()
        assert later.reported.unreadable == []
        later.parts.store.close()
    assert receiving.reported.unreadable == [("a.png", "NotPermitted")]
    [row] = receiving.rows()
    assert (row.state, row.error["code"] if row.error else None) == (FAILED, "NotPermitted")
    assert receiving.watcher.put_off == 1
    receiving.step(3600.0)
    [row] = receiving.rows()  # in place of the failure
    assert row.state == QUEUED
    assert receiving.watcher.put_off == 0


def test_a_damaged_film_that_is_sent_again_takes_the_place_of_its_failure(
    receiving: Receiving, root: Path
) -> None:
    (root / "a.png").write_bytes(b"")
    receiving.step(100.0)
    (root / "a.png").write_bytes(BRIGHT[1])
    receiving.step()
    receiving.step()
    [row] = receiving.rows()
    assert row.state == QUEUED


@pytest.mark.parametrize(
    "error",
    [DiskFull("films"), OperationalError("INSERT", {}, Exception("database or disk is full"))],
    ids=["films", "database"],
)
def test_a_full_disk_is_reported_once_and_loses_nothing(
    receiving: Receiving, root: Path, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    def full(*_: object, **__: object) -> None:
        raise error

    for number in range(3):
        (root / f"{number}.png").write_bytes(film(200 + number))
    with monkeypatch.context() as patch:
        patch.setattr(Store, "accept", full)
        receiving.step()
        receiving.step(3600.0)
    assert len(receiving.reported.trouble) == 1
    assert "full" in receiving.reported.trouble[0]
    assert (receiving.rows(), receiving.watcher.put_off) == ([], 3)
    receiving.step(3600.0)
    assert sorted(receiving.names()) == ["0.png", "1.png", "2.png"]
    assert (receiving.watcher.put_off, receiving.parts.queue.outstanding) == (0, 3)


def test_a_full_queue_puts_films_off_and_a_later_attempt_receives_them(
    receiving: Receiving, root: Path
) -> None:
    for number in range(10):  # the queue of the test takes 8
        (root / f"{number}.png").write_bytes(film(200 + number))
    receiving.step()
    assert len(receiving.rows()) == 8
    receiving.parts.queue.release(8, 0, OWNER)
    receiving.step()
    assert len(receiving.rows()) == 10


def test_a_share_that_is_gone_forgets_nothing(receiving: Receiving, root: Path) -> None:
    (root / "a.png").write_bytes(BRIGHT[1])
    receiving.step()
    root.rename(root.with_name("away"))
    receiving.step()
    receiving.step()
    assert len(receiving.reported.trouble) == 1
    assert receiving.watcher.put_off == 1
    root.with_name("away").rename(root)
    (root / "b.png").write_bytes(DARK[1])
    receiving.step()
    assert receiving.names() == ["a.png", "b.png"]
    assert receiving.watcher.put_off == 0


def test_the_films_of_an_archive_are_received_one_by_one(
    receiving: Receiving, root: Path, tmp_path: Path
) -> None:
    (root / "dark.png").write_bytes(DARK[1])
    receiving.step()
    (root / "films.zip").write_bytes(zipped(BRIGHT, DARK, ("empty.png", b"")))
    receiving.step()
    assert sorted(receiving.names()) == ["dark.png", "films.zip/bright.png", "films.zip/empty.png"]
    assert receiving.reported.repeated == ["films.zip/dark.png"]
    assert receiving.reported.unreadable == [("films.zip/empty.png", "EmptySource")]
    later = again(tmp_path, root)
    later.step()
    assert len(later.rows()) == 3
    later.parts.store.close()


def test_notices_about_single_files_and_folders(receiving: Receiving, root: Path) -> None:
    (root / "ward").mkdir()
    (root / "ward" / "a.png").write_bytes(BRIGHT[1])
    (root / "b.png").write_bytes(DARK[1])
    watcher = receiving.watcher
    watcher.look_at(0, "ward", folder=True)
    watcher.look_at(0, "b.png", closed=True)
    watcher.look_at(0, "gone.png", closed=True)
    assert watcher.waiting == 2
    receiving.clock.now += 0.5
    wait_s = watcher.receive()
    assert receiving.names() == ["b.png"]
    assert wait_s == pytest.approx(SETTLE_S - 0.5)


def test_a_film_can_be_asked_for_again(receiving: Receiving, root: Path) -> None:
    (root / "a.png").write_bytes(BRIGHT[1])
    receiving.step()
    [row] = receiving.rows()
    receiving.parts.jobs.delete(OWNER, [row.id])
    receiving.step()
    assert receiving.rows() == []
    assert ReceivedFiles(receiving.parts.store).receive_again(str(row.job)) == 1
    receiving.step()
    receiving.step()
    assert receiving.names() == ["a.png"]


def test_names_of_several_places_begin_with_theirs(tmp_path: Path) -> None:
    for name, data in (("north", BRIGHT[1]), ("south", DARK[1])):
        (tmp_path / name).mkdir()
        (tmp_path / name / "a.png").write_bytes(data)
    receiving = Receiving(tmp_path, Folder(tmp_path / "north"), Folder(tmp_path / "south"))
    receiving.step()
    assert receiving.names() == ["north/a.png", "south/a.png"]
    receiving.parts.store.close()


def test_names_that_are_no_text_are_received(receiving: Receiving, root: Path) -> None:
    name = os.fsdecode(b"b\xfccher.png")
    (root / name).write_bytes(BRIGHT[1])
    receiving.step()
    assert receiving.names() == ["b\\udcfccher.png"]


@pytest.mark.parametrize("restarted", [False, True])
def test_a_film_in_an_archive_can_be_asked_for_again(
    receiving: Receiving,
    root: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    restarted: bool,
) -> None:
    (root / "films.zip").write_bytes(zipped(BRIGHT, DARK))
    (root / "other.zip").write_bytes(zipped(("grey.png", film(90))))
    receiving.step()
    parts = receiving.parts
    failed = receiving.rows()[receiving.names().index("films.zip/dark.png")].id
    state = {"state": FAILED, "error": {"message": "x"}, "idempotency_key": None}
    parts.store.change([{"id": failed, **state}])
    contents = QueueContents(parts.store, parts.film_store)
    assert contents.retry(contents.entry(failed)) == FROM_SOURCE
    opened: list[str] = []
    unpacked = Folder.archive_films
    monkeypatch.setattr(
        Folder, "archive_films", lambda self, path: (opened.append(path), unpacked(self, path))[1]
    )
    later = again(tmp_path, root) if restarted else receiving
    for _ in range(3):
        later.step()
    assert opened == ["films.zip"]
    names = ["films.zip/bright.png", "films.zip/dark.png", "other.zip/grey.png"]
    assert sorted(later.names()) == names
    assert all(row.state == QUEUED and row.id != failed for row in later.rows())
    if restarted:
        later.parts.store.close()


def test_an_archive_without_the_film_is_opened_once(receiving: Receiving, root: Path) -> None:
    (root / "films.zip").write_bytes(zipped(BRIGHT, DARK))
    receiving.step()
    row = receiving.rows()[receiving.names().index("films.zip/dark.png")]
    (root / "films.zip").write_bytes(zipped(BRIGHT))
    assert ReceivedFiles(receiving.parts.store).receive_again(str(row.job)) == 1
    receiving.watcher.list_all()
    assert receiving.watcher.waiting == 1
    receiving.step()
    receiving.watcher.list_all()
    assert receiving.watcher.waiting == 0
