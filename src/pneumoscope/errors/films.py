"""A film cannot be read."""

from __future__ import annotations

from pneumoscope.errors.root import PneumoscopeError


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
            "Check the path; quote names that contain spaces.",
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


class StoredAsText(UnreadableImage):
    def __init__(self, name: str) -> None:
        super().__init__(name, "a program took it for text and changed its bytes")
        self.hint = "Transfer it again as binary data: FTP in binary mode, or a download as bytes."


class DecoderFailed(UnreadableImage):
    """The program that decodes died or was late, twice, or did not start: the film may be all right."""

    def __init__(self, name: str, reason: str) -> None:
        super().__init__(name, reason)
        self.hint = (
            "Try it again: the machine may have been busy, suspended or short of memory. "
            "If it fails again, the film is damaged."
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
            "Export it as Computed Radiography, Digital X-Ray For Presentation or Secondary Capture.",
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
