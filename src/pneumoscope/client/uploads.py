"""Films on their way to the server."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pneumoscope import images
from pneumoscope.errors import PneumoscopeError, ServerError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from pneumoscope.images import Source

    Portion = list[tuple[str, bytes | PneumoscopeError]]

# The form needs the rest around the films.
_FILLED = 0.9


def portions(sources: Iterable[Source], limits: Mapping[str, int]) -> Iterator[Portion]:
    """The films of each request, in their order.

    Args:
        sources: Paths, bytes or binary streams; read lazily.
        limits: The server's, from `Client.choices`.

    Yields:
        Pairs of a film's name and its bytes, or the error for which it cannot be opened.
    """
    portion: Portion = []
    sizes: list[int] = []
    for source in sources:
        name = images.name_of(source)
        try:
            film = film_bytes(source, name)
        except PneumoscopeError as error:
            portion.append((name, error))
            continue
        if sizes and sum(sizes) + len(film) > _FILLED * limits["max_body_bytes"]:
            yield portion
            portion, sizes = [], []
        portion.append((name, film))
        sizes.append(len(film))
        if len(sizes) >= limits["sync_files"]:
            yield portion
            portion, sizes = [], []
    yield portion


def film_bytes(source: Source, name: str) -> bytes:
    """The bytes of one film.

    Raises:
        ImageError: It cannot be opened.
        ServerError: It is an archive, which would come back as a job of several films.
    """
    film = images.load_bytes(source, name)
    if images.is_archive(film):
        raise ServerError(
            f"{name}: an archive, not a film", "Unpack it, or hand it in by `Client.submit`."
        )
    return film
