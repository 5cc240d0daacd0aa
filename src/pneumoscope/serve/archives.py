"""The films of an upload, including those in ZIP archives, within the server's limits."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

from pneumoscope.errors import ImageError
from pneumoscope.images import is_archive
from pneumoscope.images.archive_errors import ArchiveTooLarge
from pneumoscope.images.archives import Archive
from pneumoscope.images.decoders import FILM_NAME
from pneumoscope.jobs.requests import UploadedFile
from pneumoscope.serve.problems import TooMuch, Unprocessable
from pneumoscope.serve.uploads import display_name

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from pneumoscope.serve.settings import Limits

_NAME = "upload"
"""What an archive is called in messages."""


def unpack(
    files: Iterable[tuple[str, bytes]], limits: Limits, take: Callable[[int], None]
) -> list[UploadedFile]:
    """The films of an upload, including those in archives.

    Args:
        files: Display name and bytes.
        limits: For films and for archives.
        take: Counts unpacked bytes, see `UploadBudget.lease`.

    Raises:
        Busy: See there.
        BrokenArchive: An archive cannot be read at all.
        TooMuch: A limit is exceeded, as by archive bombs.
    """
    films: list[UploadedFile] = []
    bytes_left = limits.archive_bytes
    for name, data in files:
        if not is_archive(data):
            films.append(UploadedFile(name, data))
        else:
            for film in _members(data, limits, bytes_left, take):
                films.append(film)
                bytes_left -= len(film.data)
        if len(films) > limits.max_files:
            raise TooMuch(f"more than {limits.max_files} films", "Send them in several requests.")
    if not films:
        raise Unprocessable("the archive contains no film", "Put films into it.")
    return films


def _members(
    data: bytes, limits: Limits, bytes_left: int, take: Callable[[int], None]
) -> Iterator[UploadedFile]:
    try:
        archive = Archive(io.BytesIO(data), _NAME)
    except ArchiveTooLarge as error:
        raise TooMuch("the archive lists too many files", "Send fewer films at once.") from error
    with archive:
        for count, member in enumerate(archive.members, 1):
            if count > limits.max_files:
                raise TooMuch(
                    f"more than {limits.max_files} films", "Send them in several requests."
                )
            name = display_name(member.filename)
            try:
                film = archive.read(
                    member, FILM_NAME, bytes_left, ratio=limits.archive_ratio, take=take
                )
            except ArchiveTooLarge as error:
                raise TooMuch(
                    "the archive unpacks to more than the server takes",
                    "Send the films themselves, or fewer at once.",
                ) from error
            except ImageError as error:
                yield UploadedFile(name, b"", error)
                continue
            bytes_left -= len(film)
            yield UploadedFile(name, film)
