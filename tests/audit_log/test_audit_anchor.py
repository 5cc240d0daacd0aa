"""A log and its mark that are deleted or rolled back together are noticed by the database."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from sqlalchemy import delete, update
from sqlalchemy.orm import Session

from in_process import Clock
from pneumoscope.audit_log import anchor as audit_anchor
from pneumoscope.audit_log.anchor import AnchorRow, AuditAnchor
from pneumoscope.audit_log.log import GAP, HEAD, LOG, AuditLog, Event
from pneumoscope.errors import AuditLogDamaged, UsageError
from pneumoscope.jobs.store import Store

KEY = bytes(range(32))


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Store]:
    monkeypatch.setattr(audit_anchor, "DELAY_S", 0.0)
    store = Store(f"sqlite:///{tmp_path / 'db.sqlite'}")
    yield store
    store.close()


def opened(folder: Path, store: Store) -> tuple[AuditLog, AuditAnchor]:
    anchor = AuditAnchor(store.engine, KEY, copy=folder / "anchor.txt")
    return AuditLog(folder, KEY, Clock(), anchor=anchor, rotate_bytes=1000), anchor


def written(folder: Path, store: Store, lines: int) -> AuditLog:
    log, anchor = opened(folder, store)
    for number in range(lines):
        log.append(Event(f"thing {number}"))
    anchor.settle()
    return log


def deleted(folder: Path) -> None:
    for path in folder.glob("audit-log*"):
        path.unlink()


def rolled_back(folder: Path) -> None:
    """Replaced by an older copy, with its mark."""
    deleted(folder)
    for path in (folder / "old").iterdir():
        shutil.copy(path, folder)


@pytest.mark.parametrize("grows", [0, 1, 20])
@pytest.mark.parametrize("attack", [deleted, rolled_back], ids=lambda f: f.__name__)
def test_log_and_mark_cannot_disappear_together(
    tmp_path: Path, store: Store, attack: Callable[[Path], None], grows: int
) -> None:
    folder = tmp_path / "log"
    written(folder, store, 3)
    (folder / "old").mkdir()
    for path in folder.glob("audit-log*"):
        shutil.copy(path, folder / "old")
    written(folder, store, 9).verify()
    attack(folder)
    log = written(folder, store, grows)  # a server that starts again, or not
    with pytest.raises(AuditLogDamaged):
        log.verify()
    if grows:
        assert [entry["what"] for entry in log.entries()].count(GAP) == 1


def test_a_running_server_notices_that_its_log_was_rolled_back(
    tmp_path: Path, store: Store
) -> None:
    folder = tmp_path / "log"
    log = written(folder, store, 2)
    (folder / "old").mkdir()
    for name in (LOG, HEAD):
        shutil.copy(folder / name, folder / "old")
    for number in range(2):
        log.append(Event(f"more {number}"))
    rolled_back(folder)
    log.append(Event("as if nothing had happened"))
    with pytest.raises(AuditLogDamaged, match="missing"):
        log.verify()


def removed(db: Session) -> None:
    db.execute(delete(AnchorRow))


def forged(db: Session) -> None:
    db.execute(update(AnchorRow).values(seq=2))


@pytest.mark.parametrize("attack", [removed, forged], ids=lambda f: f.__name__)
def test_an_anchor_that_was_removed_or_changed_is_noticed(
    tmp_path: Path, store: Store, attack: Callable[[Session], None]
) -> None:
    log = written(tmp_path / "log", store, 3)
    with Session(store.engine) as db, db.begin():
        attack(db)
    with pytest.raises(AuditLogDamaged, match="anchor"):
        log.verify()


def test_a_log_of_before_has_no_anchor_and_gets_one(tmp_path: Path, store: Store) -> None:
    folder = tmp_path / "log"
    AuditLog(folder, KEY).append(Event("by an earlier version"))
    log, anchor = opened(folder, store)
    log.verify()
    assert anchor.read() is None
    log.append(Event("by this one"))
    anchor.settle()
    assert anchor.read() == log.verify()


def test_the_anchor_is_copied_to_a_file(tmp_path: Path, store: Store) -> None:
    log = written(tmp_path / "log", store, 3)
    end = log.verify()
    assert (tmp_path / "log" / "anchor.txt").read_text() == f"{end.seq}:{end.mac}\n"


def test_an_older_line_does_not_move_the_anchor_back(tmp_path: Path, store: Store) -> None:
    log, anchor = opened(tmp_path / "log", store)
    first, second = log.append(Event("first")), log.append(Event("second"))
    anchor.settle()
    anchor.write(first)  # a slower process
    assert anchor.read() == second
    anchor.write(first, replace=True)
    assert anchor.read() == first


def test_the_chain_goes_on_across_files(tmp_path: Path, store: Store) -> None:
    folder = tmp_path / "log"
    log = written(folder, store, 12)
    assert len(log.archives()) >= 3
    assert max(path.stat().st_size for path in folder.glob("audit-log*.jsonl")) < 2000
    assert log.verify().seq == 12
    assert [entry["seq"] for entry in log.entries()] == list(range(1, 13))
    again, _ = opened(folder, store)  # after a restart
    again.check()
    again.append(Event("more"))
    assert again.verify().seq == 13
    # Files that were moved to another place.
    first = log.archives()[0]
    last = [*first.read_text().splitlines()][-1]
    end = audit_anchor.Tail(int(first.name.split(".")[1]), last.split('"mac":"')[1][:64])
    first.rename(tmp_path / "elsewhere")
    with pytest.raises(AuditLogDamaged):
        again.verify()
    assert again.verify(start=end).seq == 13


def test_files_that_were_moved_hide_neither_an_older_mark_nor_an_expected_line(
    tmp_path: Path, store: Store
) -> None:
    folder = tmp_path / "log"
    log = written(folder, store, 2)
    mark = (folder / HEAD).read_bytes()
    log = written(folder, store, 10)
    first = log.archives()[0]
    number = int(first.name.split(".")[1])
    ends = {entry["seq"]: audit_anchor.Tail(entry["seq"], entry["mac"]) for entry in log.entries()}
    first.rename(tmp_path / "elsewhere")
    assert log.verify(start=ends[number]).seq == 12
    assert log.verify(expected=ends[number], start=ends[number]).seq == 12
    with pytest.raises(UsageError, match="were moved"):
        log.verify(expected=ends[number - 1], start=ends[number])
    with pytest.raises(AuditLogDamaged, match="expected"):
        log.verify(audit_anchor.Tail(number, "f" * 64), start=ends[number])
    # All later files deleted, with the mark of a time before.
    for path in folder.glob("audit-log*.jsonl"):
        path.unlink()
    (folder / HEAD).write_bytes(mark)
    with pytest.raises(AuditLogDamaged, match="missing"):
        AuditLog(folder, KEY).verify(start=ends[number])


def test_a_file_that_is_closed_while_the_log_is_read_is_not_left_out(
    tmp_path: Path, store: Store
) -> None:
    log = written(tmp_path / "log", store, 6)
    lines = log.entries()
    read = [next(lines)["seq"]]  # of the first closed file
    for number in range(12):
        log.append(Event(f"later thing {number}"))
    read += [entry["seq"] for entry in lines]
    assert read == list(range(1, len(read) + 1))
    assert len(read) == 18


def test_a_file_between_two_others_cannot_disappear(tmp_path: Path, store: Store) -> None:
    log = written(tmp_path / "log", store, 12)
    log.archives()[1].unlink()
    with pytest.raises(AuditLogDamaged, match="removed or inserted"):
        log.verify()
