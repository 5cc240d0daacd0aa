"""The films, archives and form fields of a request, within limits and only in memory."""

from __future__ import annotations

import threading
from collections import Counter
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from starlette.datastructures import UploadFile
from starlette.formparsers import MultiPartException, MultiPartParser

from pneumoscope.decision.reader_settings import UPLOAD_FIELDS
from pneumoscope.errors import EmptySource
from pneumoscope.images.decoders import FILM_NAME
from pneumoscope.serve.problems import BadRequest, Busy, TooMuch, UnsupportedMedia

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable, Iterator, Mapping

    from fastapi import Request
    from starlette.datastructures import FormData

    from pneumoscope.serve.settings import Limits

FIELDS = (*(setting.name for setting in UPLOAD_FIELDS), "patient")
_MOST_FIELDS = 16
_FIELD_BYTES = 4096


@dataclass(frozen=True, slots=True)
class Upload:
    """A request's content.

    Attributes:
        files: Display name and bytes of each file.
        fields: Fields of the form by name, without empty ones.
    """

    files: tuple[tuple[str, bytes], ...]
    fields: Mapping[str, str]


class _InMemory(MultiPartParser):
    # Starlette moves parts over 1 MB to a temporary file: films would be on the disk unencrypted.
    spool_max_size = 2**40


class UploadBudget:
    """Limits the bytes of all requests that are being received or unpacked. Safe to share between threads.

    Args:
        most_bytes: For all requests together.
        owner_share: Share of these that the requests of one user may take while others use some.
    """

    def __init__(self, most_bytes: int, owner_share: float = 1.0) -> None:
        self._most_bytes = most_bytes
        self._owner_share = owner_share
        self._used_bytes = 0
        self._used_by: Counter[str] = Counter()
        self._lock = threading.Lock()

    @contextmanager
    def lease(self, owner: str = "") -> Iterator[Callable[[int], None]]:
        """A function that counts bytes of one request; they are free again when the block ends.

        It raises `TooMuch` if one request alone exceeds the limit, and `Busy` if all requests
        together do, or those of its user while other users have some.

        Args:
            owner: Id of the user.
        """
        leased_bytes = 0

        def take(size: int) -> None:
            nonlocal leased_bytes
            with self._lock:
                if leased_bytes + size > self._most_bytes:  # also while nothing else is received
                    limit = f"more than {self._most_bytes:,} bytes, received and unpacked"
                    raise TooMuch(limit, "Send fewer films at once.")
                used_by = self._used_by[owner] + size
                too_much = self._used_bytes + size > self._most_bytes
                has_others = self._used_bytes > self._used_by[owner]
                if too_much or (has_others and used_by > self._owner_share * self._most_bytes):
                    raise Busy("more is being sent than the server takes at once", retry_after_s=2)
                self._used_bytes += size
                self._used_by[owner] = used_by
                leased_bytes += size

        try:
            yield take
        finally:
            with self._lock:
                self._used_bytes -= leased_bytes
                self._used_by[owner] -= leased_bytes
                if not self._used_by[owner]:
                    del self._used_by[owner]


async def read_upload(request: Request, limits: Limits, take: Callable[[int], None]) -> Upload:
    """Parses ``multipart/form-data``.

    Args:
        request: The request.
        limits: For bytes and files.
        take: Counts received bytes, see `UploadBudget.lease`.

    Raises:
        Busy: See there.
        UnsupportedMedia: The content type is another one.
        BadRequest: The form is malformed, has an unknown field, or no film.
        TooMuch: The limit on bytes or files is exceeded.
    """
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != "multipart/form-data":
        raise UnsupportedMedia(
            f"the content type is {kind or 'missing'}"
            if len(kind) < 80
            else "unknown content type",
            "Send films as multipart/form-data in fields named 'files'.",
        )
    parser = _InMemory(
        request.headers,
        _bounded(request, limits.max_body_bytes, take),
        max_files=limits.max_files,
        max_fields=_MOST_FIELDS,
        max_part_size=_FIELD_BYTES,
    )
    try:
        form = await parser.parse()
    except MultiPartException as error:
        if error.message.startswith("Too many files"):
            raise TooMuch(
                f"more than {limits.max_files} files", "Send them in several requests."
            ) from None
        hint = f"Is the upload complete, and every field under {_FIELD_BYTES:,} bytes?"
        raise BadRequest("the form cannot be read", hint) from None
    except KeyError:
        raise BadRequest("the form has no boundary", "Let the HTTP library set it.") from None
    except (LookupError, UnicodeError):
        raise BadRequest("the form's charset is unknown", "Use UTF-8.") from None
    try:
        return await _content(form)
    finally:
        await form.close()


async def _content(form: FormData) -> Upload:
    """Films and fields of a form; raises the same errors as `read_upload`."""
    files: list[tuple[str, bytes]] = []
    fields: dict[str, str] = {}
    for name, value in form.multi_items():
        if isinstance(value, UploadFile):
            if name != "files":
                raise BadRequest("a file in another field", "Name the field 'files'.")
            files.append((display_name(value.filename or ""), await value.read()))
        elif name not in FIELDS:
            raise BadRequest("an unknown field", f"Known are: {', '.join(FIELDS)}.")
        elif name in fields:
            raise BadRequest(f"{name} comes twice", "Send it once, for all films.")
        else:
            fields[name] = value
    if not files:
        raise BadRequest("no film", "Send at least one file in a field named 'files'.")
    if len(files) == 1 and not files[0][1]:
        raise EmptySource(FILM_NAME)
    return Upload(tuple(files), {name: value for name, value in fields.items() if value})


async def _bounded(
    request: Request, most: int, take: Callable[[int], None]
) -> AsyncGenerator[bytes, None]:
    limit = TooMuch(f"more than {most:,} bytes", "Send fewer films at once.")
    stated = request.headers.get("content-length", "")
    if stated.isdigit() and int(stated) > most:
        raise limit
    total = 0
    async for piece in request.stream():
        take(len(piece))
        total += len(piece)
        if total > most:
            raise limit
        yield piece


def display_name(given: str) -> str:
    """The name of a file to show: the last part of its path, printable, at most 200 characters."""
    last = given.replace("\\", "/").rsplit("/", 1)[-1]
    return "".join(c for c in last if c.isprintable()).strip()[:200] or FILM_NAME
