"""Why a film gets no objects."""

from __future__ import annotations

from pneumoscope.errors import ImageError, PneumoscopeError


class NoSourceObject(ImageError, ValueError):
    def __init__(self, name: str, what: str) -> None:
        super().__init__(
            f"{name}: {what}",
            "Results go into the study of a DICOM film: give the film as the X-ray system or the "
            "archive exported it, with its UIDs.",
        )


class ObjectNotMade(PneumoscopeError, RuntimeError):
    def __init__(self, name: str, kind: str, error: Exception) -> None:
        super().__init__(
            f"{name}: the object {kind} cannot be made ({type(error).__name__})",
            "Leave it out with --object, and please report the film's kind.",
        )
