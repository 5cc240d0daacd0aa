"""A full disk: a message that names the file, and nothing half-written."""

from __future__ import annotations

import errno
import os
import shutil
from pathlib import Path

import numpy as np
import pytest

from pneumoscope.bundle import open_bundle, write_bundle
from pneumoscope.errors import DiskFull
from pneumoscope.files import replacing, room_for, whole_array
from tiny import tiny_files, tiny_meta


def full(*_: object, **__: object) -> None:
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT, errno.EFBIG])
def test_a_file_that_does_not_fit_leaves_the_old_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    path = tmp_path / "log.csv"
    path.write_text("before")

    def fsync(_: int) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(os, "fsync", fsync)
    with pytest.raises(DiskFull, match=r"log\.csv") as caught, replacing(path) as stream:
        stream.write(b"after")
    assert "Free some space" in caught.value.hint
    assert isinstance(caught.value, OSError)
    assert path.read_text() == "before"
    assert [p.name for p in tmp_path.iterdir()] == ["log.csv"]


def test_an_array_that_does_not_fit_is_not_begun(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "posix_fallocate", full)
    with pytest.raises(DiskFull, match=r"a\.npy"), whole_array(tmp_path / "a.npy", np.uint8, (9,)):
        pytest.fail("nothing can be written")
    assert list(tmp_path.iterdir()) == []


def test_errors_of_other_libraries_that_speak_of_a_full_disk() -> None:
    with pytest.raises(DiskFull, match="model"), room_for(Path("model")):
        raise RuntimeError("ResourceExhausted: model.pb; No space left on device [Op:Save]")
    with pytest.raises(RuntimeError, match="else"), room_for(Path("model")):
        raise RuntimeError("something else")
    inner = DiskFull("inner")
    with pytest.raises(DiskFull) as caught, room_for(Path("outer")):
        raise inner
    assert caught.value is inner


def test_a_bundle_that_does_not_fit_leaves_the_old_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    files = tiny_files(tmp_path / "parts")
    before = write_bundle(tmp_path / "out" / "bundle", tiny_meta(), files)
    monkeypatch.setattr(shutil, "copyfile", full)
    with pytest.raises(DiskFull, match="bundle"):
        write_bundle(before.path, tiny_meta(version="2"), files)
    assert open_bundle(before.path).sha256 == before.sha256
    assert [p.name for p in before.path.parent.iterdir()] == ["bundle"]
