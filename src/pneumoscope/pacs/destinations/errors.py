"""Why a result was not delivered to another system, or a film not fetched from one."""

from __future__ import annotations

from pneumoscope.errors import PneumoscopeError


class DeliveryFailed(PneumoscopeError, OSError):
    """Another system has not taken a result, or has not given a film.

    ``permanent`` says that another attempt would fail for the same reason.
    """

    permanent: bool

    def __init__(self, message: str, hint: str = "", *, permanent: bool = False) -> None:
        super().__init__(message, hint)
        self.permanent = permanent


class AssociationEnded(DeliveryFailed):
    """An archive has closed the association before it got an object."""
