"""What a server hands to the queue."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pneumoscope.errors import PneumoscopeError
    from pneumoscope.records import Settings


@dataclass(frozen=True, slots=True)
class JobRequest:
    """Who sends films, and how they are to be read.

    Attributes:
        owner: Id of the user.
        settings: For the classifier.
        bundle: Name of the bundle that reads them; None for the server's default.
        patient: Key of the patient, or None; only a keyed hash of it is stored.
        study: Key of the study, such as its Study Instance UID, or None; stored in the same way.
        priority: Films of higher priority are read first.
        destinations: Names of systems to which the results of a job are delivered.
    """

    owner: str
    settings: Settings
    bundle: str | None = None
    patient: str | None = None
    study: str | None = None
    priority: int = 0
    destinations: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, eq=False)
class UploadedFile:
    """One film of a request, or why there is none in its place.

    Attributes:
        name: Display name.
        data: The file's bytes; empty with an error.
        error: Why the file is not a film, or None.
        idempotency_key: What `Keys.idempotency_key` gives; a job with a film whose key is known is
            refused as a duplicate. None to accept the film any number of times.
    """

    name: str
    data: bytes = field(repr=False)
    error: PneumoscopeError | None = None
    idempotency_key: str | None = None
