"""Files and folders that stand there whole or not at all."""

from __future__ import annotations

import ast
import errno
import os
import re
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from pneumoscope import files
from pneumoscope.errors import DiskFull, MissingFile, UsageError

SOURCES = Path(files.__file__).parent
FULL = OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_a_file_is_replaced_only_when_the_block_ends(tmp_path: Path) -> None:
    path = tmp_path / "film.txt"
    path.write_text("old")
    with files.replacing(path) as stream:
        stream.write(b"new")
        assert path.read_text() == "old"
        assert len(names(tmp_path)) == 2  # the part beside it
    assert path.read_text() == "new"
    assert names(tmp_path) == ["film.txt"]


@pytest.fixture
def synced(monkeypatch: pytest.MonkeyPatch) -> list[tuple[Path, list[str]]]:
    """Each folder that is synced, with the names that it has then."""
    if not Path("/proc/self/fd").is_dir():
        pytest.skip("this system does not say which file a number means")
    calls: list[tuple[Path, list[str]]] = []
    fsync = os.fsync

    def record(number: int) -> None:
        path = Path(f"/proc/self/fd/{number}").readlink()
        if path.is_dir():
            calls.append((path, names(path)))
        fsync(number)

    monkeypatch.setattr(os, "fsync", record)
    return calls


def test_the_name_of_a_file_is_on_the_disk_when_the_block_has_ended(
    tmp_path: Path, synced: list[tuple[Path, list[str]]]
) -> None:
    with files.replacing(tmp_path / "film.txt") as stream:
        stream.write(b"new")
    assert synced == [(tmp_path, ["film.txt"])]
    files.write_png(tmp_path / "overlay.png", np.zeros((2, 2), np.uint8))
    assert len(synced) == 1  # the same command makes it again


def test_the_names_of_new_folders_are_on_the_disk(
    tmp_path: Path, synced: list[tuple[Path, list[str]]]
) -> None:
    files.make_folder(tmp_path / "a" / "b", 0o700)
    assert synced == [(tmp_path, ["a"]), (tmp_path / "a", ["b"])]
    files.make_folder(tmp_path / "a" / "b")
    assert len(synced) == 2
    if os.name == "posix":
        assert (tmp_path / "a" / "b").stat().st_mode & 0o777 == 0o700


@pytest.mark.parametrize(
    ("number", "raised"), [(errno.EINVAL, False), (errno.ENOTSUP, False), (errno.EIO, True)]
)
def test_only_a_system_that_cannot_sync_folders_may_refuse(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int, raised: bool
) -> None:
    def refused(_number: int) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(os, "fsync", refused)
    if raised:
        with pytest.raises(OSError, match=os.strerror(number)):
            files.sync_folder(tmp_path)
    else:
        files.sync_folder(tmp_path)
    files.sync_folder(tmp_path / "none")


def test_a_block_that_fails_leaves_the_old_file(tmp_path: Path) -> None:
    path = tmp_path / "film.txt"
    path.write_text("old")

    def stopped() -> None:
        with files.replacing(path) as stream:
            stream.write(b"half")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        stopped()
    assert path.read_text() == "old"
    assert names(tmp_path) == ["film.txt"]


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT, errno.EFBIG])
def test_a_full_disk_is_named_with_what_was_being_written(tmp_path: Path, number: int) -> None:
    path = tmp_path / "film.txt"
    with pytest.raises(DiskFull, match=r"film\.txt") as error, files.replacing(path):
        raise OSError(number, os.strerror(number))
    assert isinstance(error.value.__cause__, OSError)
    assert names(tmp_path) == []


def test_some_libraries_tell_of_a_full_disk_in_words_only(tmp_path: Path) -> None:
    with pytest.raises(DiskFull), files.room_for(tmp_path):
        raise RuntimeError(f"HDF5: write failed, error message = '{os.strerror(errno.ENOSPC)}'")
    assert files.tells_of_full_disk(f"x: {os.strerror(errno.EDQUOT)}")
    assert not files.tells_of_full_disk("Permission denied")


def test_other_errors_stay_what_they_are(tmp_path: Path) -> None:
    with pytest.raises(PermissionError), files.room_for(tmp_path):
        raise PermissionError(errno.EACCES, "no")
    with pytest.raises(ValueError, match="odd"), files.room_for(tmp_path):
        raise ValueError("odd")


def test_a_full_disk_within_a_full_disk_keeps_its_own_path(tmp_path: Path) -> None:
    with (
        pytest.raises(DiskFull, match="inner") as error,
        files.room_for(tmp_path / "outer"),
        files.room_for(tmp_path / "inner"),
    ):
        raise FULL
    assert "outer" not in str(error.value)


def test_a_file_on_a_real_full_disk(tmp_path: Path) -> None:
    if not Path("/dev/full").exists():
        pytest.skip("needs Linux's /dev/full")
    with (
        pytest.raises(DiskFull),
        files.room_for(tmp_path),
        Path("/dev/full").open("wb", buffering=0) as full,
    ):
        full.write(b"x")


def test_an_array_takes_its_name_when_it_is_filled(tmp_path: Path) -> None:
    path = tmp_path / "films.npy"
    with files.whole_array(path, np.uint8, (3, 4)) as store:
        assert not path.exists()
        store[:] = np.arange(12).reshape(3, 4)
    stored = np.load(path)
    assert (stored.dtype, stored.tolist()[2]) == (np.uint8, [8, 9, 10, 11])
    assert names(tmp_path) == ["films.npy"]


def test_an_array_that_was_not_filled_leaves_nothing(tmp_path: Path) -> None:
    def stopped() -> None:
        with files.whole_array(tmp_path / "films.npy", np.float32, (2,)) as store:
            store[0] = 1
            raise RuntimeError

    with pytest.raises(RuntimeError):
        stopped()
    assert names(tmp_path) == []


def test_the_space_of_an_array_is_claimed_before_anything_is_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    claimed = []

    def claim(path: Path, size: int) -> None:
        claimed.append(size)
        raise FULL

    monkeypatch.setattr(files, "claim", claim)
    with (
        pytest.raises(DiskFull, match=r"films\.npy"),
        files.whole_array(tmp_path / "films.npy", np.uint8, (1000,)),
    ):
        pytest.fail("the block has begun")
    assert claimed[0] >= 1000
    assert names(tmp_path) == []


def test_claiming_makes_a_file_no_smaller(tmp_path: Path) -> None:
    path = tmp_path / "x"
    path.write_bytes(b"12345")
    files.claim(path, 3)
    assert path.read_bytes() == b"12345"
    files.claim(path, 9)
    assert path.stat().st_size in (5, 9)  # 5 where the system cannot claim


def folder(path: Path, text: str) -> Path:
    path.mkdir()
    (path / "file").write_text(text)
    return path


def test_a_folder_takes_the_place_of_another(tmp_path: Path) -> None:
    target, staged = folder(tmp_path / "bundle", "old"), folder(tmp_path / "staged", "new")
    files.swap_folder(staged, target)
    assert (target / "file").read_text() == "new"
    assert names(tmp_path) == ["bundle"]


def test_a_folder_where_none_was(tmp_path: Path) -> None:
    files.swap_folder(folder(tmp_path / "staged", "new"), tmp_path / "bundle")
    assert names(tmp_path) == ["bundle"]


def test_a_swap_that_fails_puts_the_old_folder_back(tmp_path: Path) -> None:
    target, staged = folder(tmp_path / "bundle", "old"), tmp_path / "staged"
    with pytest.raises(FileNotFoundError):
        files.swap_folder(staged, target)  # there is nothing to put in its place
    assert (target / "file").read_text() == "old"
    assert names(tmp_path) == ["bundle"]


def test_text_with_names_that_are_no_text(tmp_path: Path) -> None:
    path = tmp_path / "list.txt"
    files.write_text(path, "Größe \udcff\n")  # a file name that held the byte ff
    assert path.read_bytes() == "Größe ?\n".encode()


def test_a_private_folder_is_made_or_named(tmp_path: Path) -> None:
    folder = tmp_path / "a" / "b"
    for _ in range(2):
        files.make_private_folder(folder, "Name another.")
    assert folder.stat().st_mode & 0o777 == 0o700
    (tmp_path / "file").touch()
    with pytest.raises(UsageError, match="file: is no folder") as caught:
        files.make_private_folder(tmp_path / "file", "Name another.")
    assert caught.value.hint == "Name another."


def test_a_locked_file_is_locked_until_it_is_closed(tmp_path: Path) -> None:
    first, second = (os.open(tmp_path / "x", os.O_CREAT | os.O_RDWR) for _ in range(2))
    assert files.take_lock(first)
    assert not files.take_lock(second)
    os.close(first)
    assert files.take_lock(second)
    os.close(second)


@pytest.mark.parametrize("shape", [(5, 7), (5, 7, 3)])
def test_pictures_are_written_without_loss(tmp_path: Path, shape: tuple[int, ...]) -> None:
    picture = np.random.default_rng(0).integers(0, 256, shape).astype(np.uint8)
    files.write_png(tmp_path / "p.png", picture)
    with Image.open(tmp_path / "p.png") as read:
        assert (np.asarray(read) == picture).all()


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (FileNotFoundError(2, "No such file or directory", "a.png"), "no such file or directory"),
        (OSError(5, "I/O error"), "I/O error"),
        (OSError("cannot identify it"), "cannot identify it"),
        (OSError("[Errno 5] of a library"), "of a library"),
        (RuntimeError("failed: [Errno -2] no name"), "failed: no name"),
        (MissingFile("a.png"), "a.png: no such file"),
        (KeyError("kinds"), "'kinds' is missing"),
        (KeyError("no object 'x' there"), "no object 'x' there"),
        (ValueError(), "ValueError"),
    ],
)
def test_a_cause_has_no_number_of_the_system(error: Exception, words: str) -> None:
    assert files.cause(error) == words


def test_what_the_system_refused_is_named_with_its_files() -> None:
    assert files.message(OSError(28, "No space left on device")) == "No space left on device"
    assert files.message(FileExistsError(17, "File exists", "a")) == "a: file exists"
    moved = OSError(18, "Invalid cross-device link", "a", None, b"b")
    assert files.message(moved) == "a -> b: invalid cross-device link"
    assert files.message(OSError("[Errno 5] odd")) == "odd"
    assert files.hint(PermissionError(13, "Permission denied")).startswith("Check the permissions")
    assert files.hint(OSError("odd")) == "Is there space, and may you write there?"


def test_a_file_that_cannot_be_written_is_named_as_its_reader_knows_it(tmp_path: Path) -> None:
    path = tmp_path / "none" / "film.txt"
    with pytest.raises(FileNotFoundError) as error:
        files.write_text(path, "new")
    assert files.message(error.value) == f"{path}: no such file or directory"
    with pytest.raises(IsADirectoryError) as error:
        files.write_text(tmp_path, "new")
    assert files.message(error.value) == f"{tmp_path}: is a directory"


def test_no_message_shows_an_error_of_the_system_as_python_writes_it() -> None:
    wide = {"OSError", "Exception", "BaseException"}
    catching = re.compile(rf"except[^:]*({'|'.join(wide)})[^:]* as ")
    shown = []
    for path in sorted(SOURCES.rglob("*.py")):
        source = path.read_text(encoding="utf-8")
        handlers = ast.walk(ast.parse(source)) if catching.search(source) else ()
        for handler in handlers:
            if not isinstance(handler, ast.ExceptHandler) or handler.type is None:
                continue
            if not wide & {n.id for n in ast.walk(handler.type) if isinstance(n, ast.Name)}:
                continue
            shown += [
                f"{path.relative_to(SOURCES)}:{node.lineno}"
                for node in ast.walk(handler)
                if isinstance(node, ast.FormattedValue)
                and isinstance(node.value, ast.Name)
                and node.value.id == handler.name
            ]
    # A child process, whose parent reads the line.
    assert [place for place in shown if "hdf5_child" not in place] == []


def test_a_text_file_has_a_largest_size(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(files, "MOST_TEXT_BYTES", 2**20)
    file = tmp_path / "recipe.toml"
    file.write_bytes(b"# " * 2**19)
    assert files.read_text(file) == "# " * 2**19
    file.write_bytes(b"# " * 2**19 + b"#")
    with pytest.raises(OSError, match=r"has more than 1 MiB: .*recipe\.toml"):
        files.read_text(file)
