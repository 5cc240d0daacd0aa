"""Data sets that are given as a ZIP archive, or by the index of a DICOM medium."""

from __future__ import annotations

import logging
import shutil
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from pneumoscope.errors import DataError, ImageError, PneumoscopeError, restored
from pneumoscope.files import NO_ROOM, cause, room_for
from pneumoscope.images.archives import Archive, inner_path
from pneumoscope.images.foreign import is_office_document
from pneumoscope.images.formats import is_archive
from pneumoscope.images.limits import MAX_BYTES
from pneumoscope.images.media import HEADER_BYTES, is_directory

if TYPE_CHECKING:
    from collections.abc import Iterator

_log = logging.getLogger(__name__)

MAX_ENTRIES = 200_000
"""Members of an archive; the largest public set of radiographs has about this many films for adults."""
_SHEETS = (".xlsx", ".ods")  # also ZIP archives
_ARRAYS = ".npz"  # also a ZIP archive, but of arrays


def check_root(root: Path) -> None:
    """Refuses a data set that does not exist, for commands that have much to do before they list it.

    Raises:
        DataError: There is no such folder or file.
    """
    if not root.exists():
        raise DataError(
            f"{root}: no such folder", "Give the folder of the films, or a CSV manifest."
        )


@contextmanager
def data_folder(root: Path) -> Iterator[Path]:
    """A data set as a folder or table: an archive is unpacked for as long as the block lasts.

    Members are unpacked within the limits of `images.archives`. Those that are damaged, encrypted
    or too large are left out with a warning in the log. A DICOMDIR stands for its folder.

    Args:
        root: A folder, a table, a ZIP archive or a DICOMDIR.

    Yields:
        The folder or table: ``root`` itself unless it is one of the last two.

    Raises:
        DataError: The archive cannot be opened, or the disk has no room for it.
        PneumoscopeError: What the block raises, with the archive in the place of its folder.
    """
    head = b""
    if root.is_file():
        with root.open("rb") as stream:
            head = stream.read(HEADER_BYTES)
    if is_archive(head) and (root.suffix.lower() in _SHEETS or is_office_document(head)):
        raise DataError(f"{root}: is no CSV table", "Save the sheet as CSV in UTF-8.")
    if is_directory(head):
        yield root.parent
    elif is_archive(head) and root.suffix.lower() != _ARRAYS:
        # Removed after Ctrl-C and SIGTERM, too.
        with tempfile.TemporaryDirectory(prefix="pneumoscope-") as place:
            folder = Path(place, root.name)
            _unpack(root, folder)
            try:
                yield folder
            except PneumoscopeError as error:
                message, hint = (
                    text.replace(str(folder), str(root)) for text in (error.message, error.hint)
                )
                raise restored(type(error), message, hint) from error
    else:
        yield root


def _unpack(source: Path, folder: Path) -> None:
    name = str(source)
    try:
        archive = Archive(source.open("rb"), name, MAX_ENTRIES)
    except ImageError as error:
        raise DataError(str(error), error.hint) from error
    with archive:
        needed = sum(member.file_size for member in archive.members)
        free = shutil.disk_usage(folder.parent).free
        if needed > free:
            raise DataError(
                f"{source}: {needed:,} bytes are needed to unpack it, {free:,} are free in "
                f"{folder.parent.parent}",
                "Unpack it yourself, or name a larger disk in TMPDIR.",
            )
        with room_for(folder):
            folder.mkdir()
            for member in archive.members:
                inner = inner_path(member.filename)
                try:
                    # Not more than is stated, so that the disk suffices.
                    most = min(MAX_BYTES, member.file_size)
                    content = archive.read(member, f"{name}/{inner}", most)
                except ImageError as error:
                    _log.warning("%s; left out", error)
                    continue
                _write(folder / inner, content)


def _write(path: Path, content: bytes) -> None:
    """Writes one member; the first of two that have one name, or one inside the other, counts."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("xb") as stream:
            stream.write(content)
    except (FileExistsError, NotADirectoryError, IsADirectoryError):
        _log.warning("%r: a name that comes twice in the archive, left out", path.name)
    except OSError as error:
        if error.errno in NO_ROOM:
            raise
        _log.warning("%r: cannot be written here (%s), left out", path.name, cause(error))
