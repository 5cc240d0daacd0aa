"""The root of the errors."""

from __future__ import annotations

from typing import TypeVar

_Error = TypeVar("_Error", bound="PneumoscopeError")


class PneumoscopeError(Exception):
    """Root of the tree. ``str(error)`` says what happened, ``error.hint`` what to do."""

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint

    def __str__(self) -> str:
        return self.message

    def __reduce__(self) -> tuple[object, ...]:
        # Subclasses take other arguments; an outcome must survive the way between processes.
        return restored, (type(self), self.message, self.hint)

    @property
    def code(self) -> str:
        """The class name, the stable identifier in JSON output."""
        return type(self).__name__

    def as_dict(self) -> dict[str, str]:
        """``{"code": ..., "message": ..., "hint": ...}``, for JSON and for rows of a database."""
        return {"code": self.code, "message": self.message, "hint": self.hint}


def restored(kind: type[_Error], message: str, hint: str) -> _Error:
    """An error of this class with the words that it had elsewhere."""
    error = kind.__new__(kind, message)
    PneumoscopeError.__init__(error, message, hint)
    return error
