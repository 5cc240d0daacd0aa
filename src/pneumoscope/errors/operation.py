"""A command or a server cannot do what it was asked."""

from __future__ import annotations

from pneumoscope.errors.root import PneumoscopeError
from pneumoscope.installation import install_command


class UsageError(PneumoscopeError, ValueError):
    """Arguments that do not go together."""


class MissingExtra(PneumoscopeError, ImportError):
    def __init__(self, what: str, extra: str) -> None:
        command = install_command(extra)
        super().__init__(
            f"{what} needs an optional part that is not installed",
            f"Install it with: {command}",
        )


class DiskFull(PneumoscopeError, OSError):
    def __init__(self, name: str) -> None:
        super().__init__(
            f"{name}: cannot be written whole, the disk or the quota is full",
            "Free some space, or name a place on another disk, and give the same command again.",
        )


class ServerError(PneumoscopeError, OSError):
    """The server refuses, fails or does not answer; ``status`` is HTTP's, or None."""

    status: int | None

    def __init__(self, message: str, hint: str = "", status: int | None = None) -> None:
        super().__init__(message, hint)
        self.status = status


class AccountError(PneumoscopeError, ValueError):
    """A user, password or token cannot be used."""


class UnsafeAddress(PneumoscopeError, ValueError):
    """Others would reach a server without encryption or without accounts."""


class AuditLogDamaged(PneumoscopeError, ValueError):
    def __init__(self, name: str, what: str) -> None:
        super().__init__(
            f"{name}: {what}",
            "Keep the folder as it is for the investigation, and look at its backups.",
        )
