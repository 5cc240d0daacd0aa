"""Fetches the objects of a source one by one: those that it does not give stop no other."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pneumoscope.pacs.destinations.errors import DeliveryFailed
from pneumoscope.pacs.pull.postponed import MANY

if TYPE_CHECKING:
    from collections.abc import Callable

    from pneumoscope.pacs.pull.postponed import Postponed


class TooLarge(Exception):
    """An object has more bytes than a film may have; `Fetching` catches it."""


class Fetching:
    """One poll of a source.

    Attributes:
        accepted: Films that were accepted.
    """

    def __init__(
        self,
        postponed: Postponed,
        fetch: Callable[[str], bytes | None],
        answers: Callable[[], bool],
        accept: Callable[[bytes], None],
    ) -> None:
        """Fetches nothing yet.

        Args:
            postponed: Gets the objects that fail.
            fetch: Returns an object by its name; None if it is no film, or was deleted. Raises
                `DeliveryFailed` or `TooLarge`.
            answers: Whether the source answers at all.
            accept: Takes films, see `Source.poll`.
        """
        self._postponed = postponed
        self._fetch = fetch
        self._answers = answers
        self._accept = accept
        self._failed = 0
        self._any_fetched = False
        self.accepted = 0
        postponed.load()

    def take(self, key: str) -> None:
        """Fetches an object; afterwards the cursor may move past it.

        Raises:
            DeliveryFailed: The source does not answer, or gives no object at all.
            PneumoscopeError: From ``accept``.
        """
        if self._gives_nothing:
            raise DeliveryFailed(
                f"{self._postponed.name}: none of {MANY} objects could be fetched",
                "The server's log says why.",
            )
        try:
            film = self._fetch(key)
        except TooLarge:
            self._postponed.note(key, "it is larger than film_mib", lasting=True)
            return
        except DeliveryFailed as error:
            if not self._answers():
                raise
            self._failed += 1
            self._postponed.note(key, error.message)
            return
        if film is not None:
            self._accept(film)
            self.accepted += 1
        self._any_fetched = True
        self._postponed.fetched(key)

    def take_postponed(self) -> None:
        """Fetches objects that failed before and are due, until it is clear that none comes; see `take`.

        That is no failure of the poll, which would delay new films.
        """
        for key in self._postponed.due():
            if self._gives_nothing:
                return
            self.take(key)

    @property
    def _gives_nothing(self) -> bool:
        return self._failed >= MANY and not self._any_fetched
