"""Why a node does not read a film that it has received, or does not go on."""

from __future__ import annotations

from pneumoscope.errors import PneumoscopeError, QueueError


class TooManyFilms(PneumoscopeError):
    """A study has more films than a node reads."""

    def __init__(self, most: int) -> None:
        super().__init__(
            f"its study has more than {most} films",
            "Raise study_films in the configuration if such studies are expected, and send it again.",
        )


class AuditLogNotWritten(QueueError, OSError):
    def __init__(self) -> None:
        super().__init__(
            "the audit log cannot be written",
            "Is the disk full, or was the log changed? The node's log says why.",
        )
