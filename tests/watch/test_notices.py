"""The system's reports of changes, with real files."""

from __future__ import annotations

import errno
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from watchdog.observers import Observer

from pneumoscope.errors import UsageError
from pneumoscope.watch.folder import Folder
from pneumoscope.watch.notices import Notice, Notices

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="reports of inotify")


@pytest.fixture
def watched(tmp_path: Path) -> Iterator[tuple[Path, Notices]]:
    root = tmp_path / "in"
    (root / "out").mkdir(parents=True)
    notices = Notices([(3, Folder(root, [root / "out"]))], threading.Event())
    yield root, notices
    notices.stop()


def taken(notices: Notices, last: str) -> dict[str, Notice]:
    """What was reported until, and with, a path."""
    seen: dict[str, Notice] = {}
    end = time.monotonic() + 60
    while last not in seen or not (seen[last].closed or seen[last].folder):
        assert time.monotonic() < end, seen
        for notice in notices.take():
            seen[notice.path] = notice
        time.sleep(0.01)
    return seen


def test_written_and_moved_files_are_closed_ones(watched: tuple[Path, Notices]) -> None:
    root, notices = watched
    (root / "a.png").write_bytes(b"film")
    (root / "b.png.part").write_bytes(b"film")
    (root / "out" / "result.png").write_bytes(b"film")
    (root / ".hidden.png").write_bytes(b"film")
    (root / "b.png.part").rename(root / "b.png")
    seen = taken(notices, "b.png")
    assert seen["a.png"] == Notice(3, "a.png", closed=True)
    assert seen["b.png"] == Notice(3, "b.png", closed=True)
    assert not {"out/result.png", ".hidden.png"} & seen.keys()


def test_a_folder_that_arrives_is_looked_through(
    watched: tuple[Path, Notices], tmp_path: Path
) -> None:
    root, notices = watched
    (tmp_path / "ward").mkdir()
    (tmp_path / "ward" / "a.png").write_bytes(b"film")
    (tmp_path / "ward").rename(root / "ward")
    assert taken(notices, "ward")["ward"] == Notice(3, "ward", folder=True)


def test_an_open_file_is_not_closed(watched: tuple[Path, Notices]) -> None:
    root, notices = watched
    with (root / "a.png").open("wb") as stream:
        stream.write(b"half")
        stream.flush()
        (root / "b.png").write_bytes(b"film")
        seen = taken(notices, "b.png")
        assert not seen["a.png"].closed
    assert taken(notices, "a.png")["a.png"].closed


def test_too_many_folders_are_an_error_with_a_way_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(_observer: object) -> None:
        raise OSError(errno.ENOSPC, "inotify watch limit reached")

    monkeypatch.setattr(Observer, "start", full)
    with pytest.raises(UsageError, match="cannot watch so many folders") as caught:
        Notices([(0, Folder(tmp_path))], threading.Event())
    assert "--poll" in caught.value.hint
