"""Copies a data set from Kaggle, a zip file or a folder, completely or not at all."""

from __future__ import annotations

import hashlib
import importlib.util
import lzma
import os
import shutil
import stat
import zipfile
import zlib
from collections import Counter
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import IO, TYPE_CHECKING

from pneumoscope import images
from pneumoscope.data.split_names import split_of
from pneumoscope.errors import DataError, MissingExtra, UsageError
from pneumoscope.files import cause, write_text
from pneumoscope.images.limits import MAX_BYTES
from pneumoscope.images.sources import is_system_folder

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

HANDLE = "paultimothymooney/chest-xray-pneumonia"
SUMS = "SHA256SUMS"
KAGGLE_FILMS = {
    "train/NORMAL": 1341,
    "train/PNEUMONIA": 3875,
    "val/NORMAL": 8,
    "val/PNEUMONIA": 8,
    "test/NORMAL": 234,
    "test/PNEUMONIA": 390,
}
"""Films per folder of the Kaggle set."""
MAX_FILES = 1_000_000
MAX_RATIO = 50
"""Unpacked over packed bytes; JPEG and PNG films hardly shrink, uncompressed DICOM shrinks to a third."""
_SPARE = 1 << 26  # bytes that may unpack from next to nothing
_CHUNK = 1 << 20
_DAMAGED = (
    *(zipfile.BadZipFile, zlib.error, lzma.LZMAError, EOFError, NotImplementedError),
    *(FileExistsError, NotADirectoryError),  # two members of one name
)


@dataclass(frozen=True, slots=True)
class Obtained:
    """A data set that was copied.

    Attributes:
        folder: The new folder.
        films: Folder below it to number of films.
        warnings: Sentences.
    """

    folder: Path
    films: dict[str, int]
    warnings: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _File:
    """A file to copy: its name in the new folder, its size, and how to open it."""

    name: str
    size: int
    open: Callable[[], IO[bytes]]


def obtain(
    source: Path | None,
    target: Path,
    progress: Callable[[int, int], None] = lambda _done, _total: None,
) -> Obtained:
    """Copies, unpacks or downloads a data set, with a list of hashes beside it.

    If the source has a ``SHA256SUMS``, every file is checked against it.

    Args:
        source: A folder or a zip file; None for Kaggle's chest-xray-pneumonia.
        target: The new folder; it must not exist, or be empty.
        progress: Called with (bytes done, bytes in all).

    Raises:
        UsageError: The target exists.
        MissingExtra: The source is Kaggle and kagglehub is not installed.
        DataError: The source is missing, damaged, unsafe or without films, or the disk is full.
    """
    if target.exists() and not (target.is_dir() and not any(target.iterdir())):
        raise UsageError(f"{target}: exists", "Name another place with --to, or remove it.")
    source = _kaggle() if source is None else source
    if not source.exists():
        raise DataError(f"{source}: no such file or folder", "Name a folder or a zip file.")
    target.parent.mkdir(parents=True, exist_ok=True)
    part = target.parent / f".{target.name}.{os.getpid()}.part"
    try:
        with _zip(source) if source.is_file() else _folder(source) as offered:
            files = _relevant(offered)
            _check_room(files, target.parent)
            sums = _bring(files, part, progress)
        films = _count(part)
        write_text(part / SUMS, "".join(f"{sums[n]}  {n}\n" for n in sorted(sums)))
        if target.exists():
            target.rmdir()
        part.rename(target)
    finally:
        if part.exists():
            shutil.rmtree(part, ignore_errors=True)
    return Obtained(target, films, _compare(films))


def _kaggle() -> Path:
    if importlib.util.find_spec("kagglehub") is None:
        raise MissingExtra("downloading from Kaggle", "data")
    import kagglehub

    try:
        # It shows a progress bar, and keeps what it has when the connection breaks.
        return Path(kagglehub.dataset_download(HANDLE))
    except Exception as error:
        raise DataError(
            f"{HANDLE}: the download from Kaggle failed ({cause(error)})",
            "Download it with a browser and name the zip file: --from archive.zip.",
        ) from error


@contextmanager
def _folder(source: Path) -> Iterator[list[_File]]:
    files = []
    for parent, folders, names in os.walk(source):
        folders[:] = sorted(f for f in folders if f[0] != ".")
        for name in sorted(names):
            path = Path(parent, name)
            # Links may lead anywhere.
            if path.is_symlink() or not path.is_file():
                continue
            relative = path.relative_to(source).as_posix()
            files.append(_File(relative, path.stat().st_size, lambda path=path: path.open("rb")))  # type: ignore[misc]
    yield files


@contextmanager
def _zip(source: Path) -> Iterator[list[_File]]:
    try:
        archive = zipfile.ZipFile(source)
    except zipfile.BadZipFile as error:
        raise DataError(
            f"{source}: is not a zip file, or its end is missing", "Download it again."
        ) from error
    with archive:
        members = [member for member in archive.infolist() if not member.is_dir()]
        unpacked = sum(member.file_size for member in members)
        if len(members) > MAX_FILES or unpacked > MAX_RATIO * source.stat().st_size + _SPARE:
            raise DataError(
                f"{source}: {len(members):,} files would unpack to {unpacked:,} bytes",
                "That is no archive of films. If you trust it, unpack it yourself and name the folder.",
            )
        for member in members:
            _check_member(source, member)
        yield [_File(m.filename, m.file_size, lambda m=m: archive.open(m)) for m in members]  # type: ignore[misc]


def _check_member(source: Path, member: zipfile.ZipInfo) -> None:
    """Refuses a member that would be written outside the folder, or is not a plain file."""
    name = member.filename
    path = PurePosixPath(name)
    kind = stat.S_IFMT(member.external_attr >> 16)
    if (
        not path.parts
        or path.is_absolute()
        or ".." in path.parts
        or "\\" in name
        or ":" in path.parts[0]
        or kind not in (0, stat.S_IFREG)
    ):
        raise DataError(
            f"{source}: holds {name!r}, which may lead out of the folder",
            "Take the archive from its publisher.",
        )
    if member.flag_bits & 1:
        raise DataError(f"{source}: {name} is encrypted", "Unpack it yourself and name the folder.")
    if member.file_size > MAX_BYTES:
        raise DataError(
            f"{source}: {name} has {member.file_size:,} bytes, the limit is {MAX_BYTES:,}",
            "Films are smaller; take the archive from its publisher.",
        )


def _relevant(files: list[_File]) -> list[_File]:
    """The files without hidden ones and those in folders of a system; of a folder chest_xray its content.

    Kaggle's archive contains everything twice, the second time in chest_xray/chest_xray.
    """
    plain = [f for f in files if not any(map(is_system_folder, f.name.split("/")))]
    top = "chest_xray/"
    if any(f.name.startswith(f"{top}train/") for f in plain):
        inner = [f for f in plain if f.name.startswith(top)]
        plain = [_File(f.name.removeprefix(top), f.size, f.open) for f in inner]
        return [f for f in plain if not f.name.startswith(top)]
    # One folder around all others would look like the only class.
    around = {f.name.partition("/")[0] for f in plain}
    if len(around) == 1 and all(f.name.count("/") > 1 for f in plain):
        wrapper = around.pop()
        if split_of(wrapper) is None:
            plain = [_File(f.name.removeprefix(f"{wrapper}/"), f.size, f.open) for f in plain]
    return plain


def _check_room(files: list[_File], folder: Path) -> None:
    needed, free = sum(f.size for f in files), shutil.disk_usage(folder).free
    if needed > free:
        raise DataError(
            f"{folder}: {needed:,} bytes are needed, {free:,} are free",
            "Name a larger disk with --to.",
        )


def _bring(files: list[_File], part: Path, progress: Callable[[int, int], None]) -> dict[str, str]:
    """Writes the files; returns their hashes by name."""
    total, done = sum(f.size for f in files), 0
    sums: dict[str, str] = {}
    part.mkdir()
    expected: Mapping[str, str] = {}
    for file in files:
        if file.name == SUMS:
            with file.open() as stream:
                expected = _sums(stream.read().decode("utf-8", "replace"))
            continue
        target = part / file.name
        digest, size = hashlib.sha256(), 0
        try:
            target.parent.mkdir(parents=True, exist_ok=True)
            with file.open() as source, target.open("xb") as out:
                # The size in a header cannot be trusted.
                while size <= file.size and (chunk := source.read(_CHUNK)):
                    out.write(chunk)
                    digest.update(chunk)
                    size += len(chunk)
                    progress(min(done + size, total), total)
        except _DAMAGED as error:
            raise DataError(
                f"{file.name}: cannot be unpacked ({error})", "Download the archive again."
            ) from error
        if size != file.size:
            raise DataError(
                f"{file.name}: has {size:,} bytes in place of {file.size:,}", "Download it again."
            )
        done += size
        sums[file.name] = digest.hexdigest()
    for name, digest_text in expected.items():
        if sums.get(name) != digest_text:
            raise DataError(
                f"{name}: {'does not match' if name in sums else 'is missing from the files of'} {SUMS}",
                "The copy is damaged; download it again.",
            )
    return sums


def _sums(text: str) -> dict[str, str]:
    """Name to hash, from the lines that ``sha256sum`` writes."""
    lines = (line.split(maxsplit=1) for line in text.splitlines())
    return {line[1].lstrip("*"): line[0] for line in lines if len(line) == 2}


def _count(folder: Path) -> dict[str, int]:
    films = Counter(
        path.parent.relative_to(folder).as_posix() for path in images.film_files(folder)
    )
    if not films:
        raise DataError("the source holds no films", "Name the folder or zip file of a data set.")
    return dict(films)


def _compare(films: Mapping[str, int]) -> tuple[str, ...]:
    """How the copy differs from the Kaggle set; other sets are not known."""
    if not {"train/NORMAL", "train/PNEUMONIA"} <= set(films):
        return ()
    return tuple(
        f"{folder}: {films.get(folder, 0):,} films, Kaggle's set has {count:,}"
        for folder, count in KAGGLE_FILMS.items()
        if films.get(folder, 0) != count
    )
