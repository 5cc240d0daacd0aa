"""The queue of a server does not read a film."""

from __future__ import annotations

from pneumoscope.errors.root import PneumoscopeError


class QueueError(PneumoscopeError):
    """The queue of a server does not read a film."""


class QueueFull(QueueError):
    """Too many films are waiting; ``retry_after_s`` says when to send them again."""

    retry_after_s: int

    def __init__(self, retry_after_s: int) -> None:
        super().__init__(
            "too many films are waiting",
            f"Send them again in {retry_after_s} s, or fewer at once.",
        )
        self.retry_after_s = retry_after_s


class ShuttingDown(QueueError):
    def __init__(self) -> None:
        super().__init__("the server is shutting down", "Try again when it is back.")


class DatabaseInUse(QueueError):
    def __init__(self) -> None:
        super().__init__(
            "this server has lost its database, or another server is using it",
            "Stop one of the two, or start the database again.",
        )


class DeadlinePassed(QueueError, TimeoutError):
    def __init__(self) -> None:
        super().__init__("the film was not begun in time", "Send it again later, or ask for a job.")


class Interrupted(QueueError):
    def __init__(self) -> None:
        super().__init__("the server stopped before this film was read", "Send the film again.")


class Cancelled(QueueError):
    def __init__(self) -> None:
        super().__init__(
            "cancelled before the film was read", "Send the film again if you want it."
        )


class DuplicateFilm(QueueError):
    def __init__(self) -> None:
        super().__init__("the same film was sent before", "Look up its result.")


class BundleNotServed(QueueError, ValueError):
    def __init__(self, name: str, known: tuple[str, ...]) -> None:
        super().__init__(
            f"bundle {name!r} is not served here", f"Choose one of: {', '.join(known)}."
        )


class NotStored(QueueError, OSError):
    def __init__(self) -> None:
        super().__init__("the database cannot be used now", "Try again; the server's log says why.")


class ServerFault(QueueError, RuntimeError):
    def __init__(self) -> None:
        super().__init__("the server failed", "Its log says why; please report it.")
