"""The spool: a film is on the disk before anybody hears that it was stored."""

from __future__ import annotations

import errno
import hashlib
import os
import threading
from pathlib import Path

import pytest

pytest.importorskip("pynetdicom", reason="needs the [pacs] extra")

from pneumoscope.errors import DiskFull
from pneumoscope.pacs import spool as spool_module
from pneumoscope.pacs.config import DiskLimits
from pneumoscope.pacs.spool import Spool

ROOMY = DiskLimits(most_bytes=10_000, free_bytes=0)


def test_a_film_is_named_by_hashes_only(tmp_path: Path) -> None:
    spool = Spool(tmp_path / "spool", ROOMY)
    for uid in ("1.2.3", "../../../etc/passwd", "a\0b", "x" * 5000):
        spool.put(uid, [b"head", memoryview(b"pixels")])
    names = {path.name for path in spool.films()}
    content = hashlib.sha256(b"headpixels").hexdigest()[:16]
    assert f"{hashlib.sha256(b'1.2.3').hexdigest()}-{content}.dcm" in names
    assert len(names) == 4
    assert {path.read_bytes() for path in spool.films()} == {b"headpixels"}
    assert {path.stat().st_mode & 0o777 for path in spool.films()} == {0o600}
    assert [path.name for path in tmp_path.iterdir()] == ["spool"]


def test_the_same_film_is_there_once_however_often_it_is_sent(tmp_path: Path) -> None:
    spool = Spool(tmp_path, DiskLimits(10**6, 0))
    senders = [
        threading.Thread(target=spool.put, args=("1.2.3", [b"film" * 1000])) for _ in range(8)
    ]
    for sender in senders:
        sender.start()
    for sender in senders:
        sender.join()
    assert len(spool.films()) == 1
    spool.put("1.2.3", [b"another content"])  # which may be readable where the first is not
    assert len(spool.films()) == 2
    assert len(list(tmp_path.iterdir())) == 2  # nothing half-written is left


def test_films_leave_in_their_order(tmp_path: Path) -> None:
    spool = Spool(tmp_path, ROOMY)
    for number in range(5):
        spool.put(str(number), [b"%d" % number])
        (newest,) = [p for p in spool.films() if p.read_bytes() == b"%d" % number]
        os.utime(newest, (100 - number, 100 - number))
    assert [path.read_bytes() for path in spool.films()] == [b"4", b"3", b"2", b"1", b"0"]


def test_what_does_not_fit_is_refused_until_space_is_freed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(spool_module, "_MEASURED_S", -1)
    films = tmp_path / "films"
    films.mkdir()
    spool = Spool(tmp_path / "spool", DiskLimits(100, 0), [films, tmp_path / "missing"])
    (films / "accepted").write_bytes(bytes(60))
    spool.put("1", [bytes(40)])
    with pytest.raises(DiskFull):
        spool.put("2", [b"x"])
    assert spool.used_bytes() == 100
    (films / "accepted").unlink()
    spool.put("2", [bytes(60)])
    with pytest.raises(DiskFull):
        spool.put("3", [b"x"])


def test_many_films_within_a_measurement_count(tmp_path: Path) -> None:
    spool = Spool(tmp_path, DiskLimits(100, 0))
    spool.put("1", [bytes(60)])
    with pytest.raises(DiskFull):
        spool.put("2", [bytes(60)])


def test_space_stays_free_on_the_disk(tmp_path: Path) -> None:
    spool = Spool(tmp_path, DiskLimits(10_000, 2**60))
    with pytest.raises(DiskFull):
        spool.put("1", [b"x"])
    assert not list(tmp_path.iterdir())


def test_a_full_disk_leaves_nothing_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    spool = Spool(tmp_path, ROOMY)

    def full(_number: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as patch:
        patch.setattr(spool_module.os, "fsync", full)
        with pytest.raises(DiskFull):
            spool.put("1", [b"film"])
    assert not list(tmp_path.iterdir())
    spool.put("1", [b"film"])


def test_what_a_killed_process_left_is_deleted(tmp_path: Path) -> None:
    spool = Spool(tmp_path, ROOMY)
    spool.put("1", [b"film"])
    (tmp_path / ".0123.part").write_bytes(b"half a")
    assert len(spool.films()) == 1
    spool.remove_partial_files()
    assert len(list(tmp_path.iterdir())) == 1
