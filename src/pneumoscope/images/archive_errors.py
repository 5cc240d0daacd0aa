"""Why an archive, or a member of one, gives no film."""

from __future__ import annotations

from pneumoscope.errors import ImageError


class BrokenArchive(ImageError, ValueError):
    def __init__(self, name: str) -> None:
        super().__init__(f"{name}: the archive cannot be read", "Make it again, as a plain ZIP.")


class NoFilmInArchive(ImageError, ValueError):
    def __init__(self, name: str) -> None:
        super().__init__(f"{name}: the archive contains no film", "Put films into it.")


class ArchiveTooLarge(ImageError, ValueError):
    def __init__(self, name: str, what: str) -> None:
        super().__init__(f"{name}: {what}", "Unpack it, and give the films or their folder.")


class NestedArchive(ImageError, ValueError):
    def __init__(self, name: str) -> None:
        super().__init__(
            f"{name}: an archive within the archive", "Put the films themselves into it."
        )


class EncryptedArchive(ImageError, ValueError):
    def __init__(self, name: str) -> None:
        super().__init__(f"{name}: the archive is encrypted", "Unpack it first.")


class UnknownPacking(ImageError, ValueError):
    def __init__(self, name: str) -> None:
        super().__init__(
            f"{name}: compressed with a method that is not supported",
            "Make it again, as a plain ZIP.",
        )
