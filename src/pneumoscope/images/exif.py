"""What the Exif data of a picture says: how it is turned, and what took it (Exif 2.32)."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from PIL import Image
    from PIL.ImageFile import ImageFile

CAMERA, SCREENSHOT = "camera", "screenshot"
_ORIENTATION = 0x0112  # 4.6.4 A
_EXIF_IFD = 0x8769  # 4.6.3 A
_LENS = (0x829D, 0x920A)
"""F-number and focal length (4.6.5 G): X-ray systems and scanners have no lens that they could state."""
_COMMENT, _CHARACTER_CODE_BYTES = 0x9286, 8  # 4.6.5 D
_SCREENSHOT_COMMENT = "Screenshot"
"""User comment of the screenshots of iOS and macOS, in Exif, in XMP or in both."""


def read_exif(image: ImageFile) -> tuple[int, str | None]:
    """The orientation and what took the picture.

    Args:
        image: A picture, loaded; before, what took it may be missing.

    Returns:
        1 to 8; 1 is upright. `CAMERA`, `SCREENSHOT`, or None if the picture does not say.
    """
    if "exif" not in image.info and "Raw profile type exif" not in image.info:
        return 1, _by_xmp(image)  # Pillow's Exif reader costs an import
    try:
        exif = image.getexif()
        value = exif.get(_ORIENTATION, 1)
    except Exception:  # noqa: BLE001 (broken Exif does not make the film unreadable)
        return 1, None
    upright = value if isinstance(value, int) and 1 <= value <= 8 else 1
    return upright, _taken_by(exif) or _by_xmp(image)


def _taken_by(exif: Image.Exif) -> str | None:
    try:
        entries = exif.get_ifd(_EXIF_IFD)
    except Exception:  # noqa: BLE001 (as above)
        return None
    comment = entries.get(_COMMENT)
    if (
        isinstance(comment, bytes)
        and comment[_CHARACTER_CODE_BYTES:] == _SCREENSHOT_COMMENT.encode()
    ):
        return SCREENSHOT
    return CAMERA if any(tag in entries for tag in _LENS) else None


def _by_xmp(image: ImageFile) -> str | None:
    text = image.info.get("XML:com.adobe.xmp", "")  # of a PNG
    says_so = "exif:UserComment" in text and f">{_SCREENSHOT_COMMENT}<" in text
    return SCREENSHOT if says_so else None
