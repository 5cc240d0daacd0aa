"""What every destination gets, and what every destination can do."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol, Self

from pneumoscope.jobs.rows import cells

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from contextlib import AbstractContextManager
    from datetime import datetime

    import numpy as np
    from numpy.typing import NDArray

    from pneumoscope.jobs.tables import FilmRow


@dataclass(frozen=True, slots=True, eq=False)
class StoredFilm:
    """A film and its stored result.

    Attributes:
        id: Id of the result, 32 hexadecimal digits.
        film: The file as it was received.
        result: The prediction, as `rows.enter_outcome` stores it.
        created: When the film was accepted. With film and bundle it determines the UIDs of all
            objects, so that every attempt sends the same ones.
        heatmap: float32 (h, w), or None.
        lungs: The lung field, float32 (h, w), or None.
    """

    id: str
    film: bytes
    result: Mapping[str, Any]
    created: datetime
    heatmap: NDArray[np.float32] | None = None
    lungs: NDArray[np.float32] | None = None

    @classmethod
    def of_row(cls, row: FilmRow, film: bytes) -> Self:
        """From a row of the database.

        Args:
            row: Of a film that is done.
            film: Its file.
        """
        if row.result is None:
            raise ValueError("the film has no result")
        return cls(
            id=row.id,
            film=film,
            result=row.result,
            created=row.created,
            heatmap=cells(row.heatmap, row.heatmap_rows),
            lungs=cells(row.lungs, row.lungs_rows),
        )


@dataclass(frozen=True, slots=True)
class Check:
    """Whether a destination, or another part of the node, can be used now.

    Attributes:
        ok: Whether it can.
        text: What was tried and what came of it, for people.
        hint: What to do about it; empty if it is all right.
    """

    ok: bool
    text: str
    hint: str = ""


class Destination(Protocol):
    """Somewhere results go. Safe to share between threads.

    Attributes:
        name: Its name in the configuration.
    """

    @property
    def name(self) -> str: ...

    def send(self, film: StoredFilm) -> None:
        """Delivers a result; a second time changes nothing at the destination.

        Raises:
            DeliveryFailed: It did not take everything.
        """

    def sending(self) -> AbstractContextManager[Callable[[StoredFilm], None]]:
        """`send` for several results one after the other, which may share a connection.

        Only one thread may use it. What `send` has delivered is delivered, whatever comes afterwards.
        """

    def prepare(self, film: StoredFilm) -> None:
        """Makes what `send` will send, so that it finds it made; `send` does not need it.

        Raises:
            DeliveryFailed: It cannot be made.
        """

    def check(self) -> Check:
        """Tries whether results can be delivered, without delivering one."""


class SendsEachAlone:
    """`Destination.sending` of destinations whose results share nothing."""

    __slots__ = ()

    @contextmanager
    def sending(self: Destination) -> Iterator[Callable[[StoredFilm], None]]:
        """`send` as it is."""
        yield self.send
