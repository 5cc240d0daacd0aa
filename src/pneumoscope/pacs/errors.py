"""Why a node does not read a film that it has received."""

from __future__ import annotations

from pneumoscope.errors import PneumoscopeError


class TooManyFilms(PneumoscopeError):
    """A study has more films than a node reads."""

    def __init__(self, most: int) -> None:
        super().__init__(
            f"its study has more than {most} films",
            "Raise study_films in the configuration if such studies are expected, and send it again.",
        )
