"""Every error that pneumoscope raises on purpose.

    PneumoscopeError
    ├── ImageError                  a film cannot be read
    │   ├── MissingFile             (FileNotFoundError)  no such file
    │   ├── IsADirectory            (IsADirectoryError)  a folder where one film was expected
    │   ├── NotPermitted            (PermissionError)    the system refuses to open it
    │   ├── EmptySource             (ValueError)         zero bytes
    │   ├── UnknownFormat           (ValueError)         the first bytes belong to no format we read
    │   ├── UnreadableImage         (ValueError)         right format, broken content
    │   │   ├── TruncatedImage                           ... because its end is missing
    │   │   └── OnlyPadding                              ... because its header calls every pixel padding
    │   ├── UnsupportedSyntax       (ValueError)         DICOM transfer syntax without a decoder
    │   │   └── DeflatedDicom                            ... refused on purpose
    │   ├── UnsupportedCoding       (ValueError)         a rare kind of JPEG or TIFF, sound or not
    │   ├── UnsupportedObject       (ValueError)         DICOM without a film for people (SR, CT, For Processing)
    │   ├── NotA2DImage             (ValueError)         several frames or pages, or no pixels at all
    │   ├── TooSmall                (ValueError)         fewer pixels than a verdict needs
    │   └── TooLarge                (ValueError)         over the limit on bytes or pixels
    ├── BundleError                 a model folder cannot be used
    │   ├── BundleMissing           (FileNotFoundError)
    │   │   └── UnknownBundle                            ... and there is none of that name
    │   ├── BundleDamaged           (ValueError)         a file does not match its hash
    │   └── BundleMismatch          (ValueError)         made for another version, or malformed
    ├── ProfileError                a site profile cannot be used
    │   ├── ProfileMissing          (FileNotFoundError)
    │   └── ProfileMismatch         (ValueError)         of another bundle or version, or malformed
    ├── UnknownOperatingPoint       (ValueError)
    ├── UsageError                  (ValueError)         arguments that do not go together
    ├── MissingExtra                (ImportError)        an optional part is not installed
    ├── ServerError                 (OSError)            the server refuses, fails or does not answer
    ├── DiskFull                    (OSError)            no room for what is being written
    ├── QueueError                  the queue of a server does not read a film
    │   ├── QueueFull                                    too many films are waiting
    │   ├── ShuttingDown                                 the server accepts no more films
    │   ├── DeadlinePassed          (TimeoutError)       the film was not started in time
    │   ├── Interrupted                                  the server stopped before it read the film
    │   ├── Cancelled                                    the sender cancelled the film
    │   ├── DuplicateFilm                                the owner has sent the same film before
    │   ├── BundleNotServed         (ValueError)         a request names a bundle that the server does not have
    │   ├── NotStored               (OSError)            the database cannot be used
    │   └── ServerFault             (RuntimeError)       an unexpected failure; the log has the traceback
    ├── ConversionError             (ValueError)         a model cannot be brought into another format
    ├── AccountError                (ValueError)         a user, password or token cannot be used so
    ├── UnsafeAddress               (ValueError)         others would reach a server that is not protected
    ├── AuditLogDamaged             (ValueError)         the audit log is not what was written
    └── TrainingError               a bundle cannot be trained
        ├── RecipeError             (ValueError)
        ├── TrackingError                                TensorBoard's files or MLflow cannot be written
        └── DataError               (ValueError)

An error knows a ``hint``: one sentence on what to do next, or ``""``.
"""

from __future__ import annotations

from typing import TypeVar

from pneumoscope.installation import install_command

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


class ImageError(PneumoscopeError):
    """A film cannot be read."""


def image_error(code: str) -> type[ImageError] | None:
    """The class of a film's error, by its `code`; None if that names no such class."""
    kind = globals().get(code)
    return kind if isinstance(kind, type) and issubclass(kind, ImageError) else None


class MissingFile(ImageError, FileNotFoundError):
    def __init__(self, name: str) -> None:
        pattern = any(sign in name for sign in "*?[")
        super().__init__(
            f"{name}: no film matches this pattern" if pattern else f"{name}: no such file",
            "Check the path; quote names that hold spaces.",
        )


class IsADirectory(ImageError, IsADirectoryError):
    def __init__(self, name: str) -> None:
        super().__init__(
            f"{name}: is a folder, not a film",
            "Give the film itself; `pneumoscope predict FOLDER` reads every film in a folder.",
        )


class NotPermitted(ImageError, PermissionError):
    def __init__(self, name: str) -> None:
        super().__init__(f"{name}: not allowed to read it", "Check the file's permissions.")


class EmptySource(ImageError, ValueError):
    def __init__(self, name: str) -> None:
        super().__init__(f"{name}: empty (0 bytes)", "Copy or export the film again.")


class UnknownFormat(ImageError, ValueError):
    def __init__(self, name: str, kind: str = "", advice: str = "") -> None:
        super().__init__(
            f"{name}: {kind or 'not an image format that pneumoscope reads'}",
            advice
            or "Export the film as DICOM, PNG, JPEG, TIFF, BMP or WebP; the content counts, not the ending.",
        )


class UnreadableImage(ImageError, ValueError):
    def __init__(self, name: str, reason: str) -> None:
        super().__init__(
            f"{name}: cannot be decoded ({reason})", "The file is damaged; export it again."
        )


class TruncatedImage(UnreadableImage):
    def __init__(self, name: str) -> None:
        super().__init__(name, "its end is missing")
        self.hint = "The copy broke off; transfer the file again."


class OnlyPadding(UnreadableImage):
    def __init__(self, name: str) -> None:
        super().__init__(name, "every pixel is padding")
        self.hint = (
            "Its Pixel Padding Value (0028,0120) covers every pixel; "
            "export the film without it, or with the right one."
        )


class UnsupportedSyntax(ImageError, ValueError):
    def __init__(self, name: str, syntax: str) -> None:
        super().__init__(
            f"{name}: DICOM transfer syntax {syntax} is not supported",
            "Export with another compression, for instance Explicit VR Little Endian or JPEG 2000.",
        )


class DeflatedDicom(UnsupportedSyntax):
    def __init__(self, name: str) -> None:
        super().__init__(name, "Deflated Explicit VR Little Endian")
        self.hint = (
            "Deflated files are refused because a small one can fill the memory; "
            "export as Explicit VR Little Endian."
        )


class UnsupportedCoding(ImageError, ValueError):
    def __init__(self, name: str, what: str) -> None:
        super().__init__(
            f"{name}: {what} is not supported",
            "The file itself may be sound: save it as PNG, or as TIFF with 8 or 16 bits of grey.",
        )


class UnsupportedObject(ImageError, ValueError):
    def __init__(self, name: str, what: str) -> None:
        super().__init__(
            f"{name}: {what}",
            "Send Computed Radiography, Digital X-Ray For Presentation or Secondary Capture.",
        )


class NotA2DImage(ImageError, ValueError):
    def __init__(self, name: str, what: str) -> None:
        super().__init__(f"{name}: not one 2-D image ({what})", "Export the one film you mean.")


class TooSmall(ImageError, ValueError):
    def __init__(self, name: str, rows: int, columns: int, least: int) -> None:
        super().__init__(
            f"{name}: {columns} x {rows} pixels, at least {least} x {least} are needed",
            "Use the original film, not its thumbnail.",
        )


class TooLarge(ImageError, ValueError):
    def __init__(self, name: str, what: str, limit: str) -> None:
        super().__init__(
            f"{name}: {what}, the limit is {limit}", "Export the film at a smaller size."
        )


class BundleError(PneumoscopeError):
    """A model folder cannot be used."""


class BundleMissing(BundleError, FileNotFoundError):
    def __init__(self, name: str, reason: str = "no such folder") -> None:
        super().__init__(
            f"bundle {name}: {reason}",
            "Name a folder with bundle.json and model.onnx, or none for the shipped one.",
        )


class UnknownBundle(BundleMissing):
    def __init__(self, name: str, known: tuple[str, ...]) -> None:
        super().__init__(name, "no such folder, and no bundle has this name")
        self.hint = (
            f"Known names: {', '.join(known)}. Or name a folder with bundle.json and model.onnx."
        )


class BundleDamaged(BundleError, ValueError):
    def __init__(self, name: str, file: str) -> None:
        super().__init__(
            f"bundle {name}: {file} does not match the hash in bundle.json",
            "The folder was changed or copied badly; install pneumoscope or export the bundle again.",
        )


class BundleMismatch(BundleError, ValueError):
    def __init__(self, name: str, reason: str) -> None:
        super().__init__(
            f"bundle {name}: {reason}", "Export the bundle again with this version of pneumoscope."
        )


class ProfileError(PneumoscopeError):
    """A site profile cannot be used."""


class ProfileMissing(ProfileError, FileNotFoundError):
    def __init__(self, name: str) -> None:
        super().__init__(
            f"site profile {name}: no such file, or it cannot be read",
            "Name the file that `pneumoscope calibrate DATA --out FILE` wrote.",
        )


class ProfileMismatch(ProfileError, ValueError):
    """It belongs to another bundle, was written by another version, or is malformed."""


class UnknownOperatingPoint(PneumoscopeError, ValueError):
    def __init__(self, name: str, known: tuple[str, ...]) -> None:
        super().__init__(
            f"operating point {name!r} is not in this bundle", f"Choose one of: {', '.join(known)}."
        )


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


class QueueError(PneumoscopeError):
    """The queue of a server does not read a film."""


class QueueFull(QueueError):
    """Too many films are waiting; ``retry_after_s`` says when to send them again."""

    retry_after_s: int

    def __init__(self, retry_after_s: int) -> None:
        super().__init__(
            "more films wait than the server takes",
            f"Send them again in {retry_after_s} s, or fewer at once.",
        )
        self.retry_after_s = retry_after_s


class ShuttingDown(QueueError):
    def __init__(self) -> None:
        super().__init__("the server is shutting down", "Try again when it is back.")


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


class ServerError(PneumoscopeError, OSError):
    """The server refuses, fails or does not answer; ``status`` is HTTP's, or None."""

    status: int | None

    def __init__(self, message: str, hint: str = "", status: int | None = None) -> None:
        super().__init__(message, hint)
        self.status = status


class ConversionError(PneumoscopeError, ValueError):
    """A model cannot be brought into another format, or came out of it as another function."""


class AccountError(PneumoscopeError, ValueError):
    """A user, password or token cannot be used so."""


class UnsafeAddress(PneumoscopeError, ValueError):
    """Others would reach a server without encryption or without accounts."""


class AuditLogDamaged(PneumoscopeError, ValueError):
    def __init__(self, name: str, what: str) -> None:
        super().__init__(
            f"{name}: {what}",
            "Keep the folder as it is for the investigation, and look at its backups.",
        )


class TrainingError(PneumoscopeError):
    """A bundle cannot be trained."""


class RecipeError(TrainingError, ValueError):
    """The recipe has an unknown key, a wrong type or a value out of range."""


class TrackingError(TrainingError):
    """What a training tells TensorBoard or MLflow cannot be written."""


class DataError(TrainingError, ValueError):
    """The training films cannot be used."""
