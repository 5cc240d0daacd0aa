"""Names the format of a file by its first bytes."""

from __future__ import annotations

HEAD_BYTES = 260
"""First bytes of a file that `sniff` needs."""
_ENDINGS = (
    *(".jpg", ".jpeg", ".jpe", ".jfif", ".png", ".tif", ".tiff", ".bmp", ".dib", ".webp"),
    *(".dcm", ".dicom", ".dic", ".ima"),
)
_BMP_HEADERS = (12, 40, 52, 56, 64, 108, 124)  # sizes of the BITMAPINFOHEADER family, bytes


def sniff(head: bytes) -> str | None:
    """Names the format by its first bytes.

    Args:
        head: At least the first `HEAD_BYTES`, or all of a shorter file.

    Returns:
        ``"JPEG"``, ``"PNG"``, ``"TIFF"``, ``"BMP"``, ``"WEBP"``, ``"DICOM"``, or None.
    """
    if head[:3] == b"\xff\xd8\xff":
        return "JPEG"
    if head[:8] == b"\x89PNG\r\n\x1a\n":
        return "PNG"
    if head[128:132] == b"DICM":  # PS3.10 7.1; the preamble may look like a TIFF on purpose
        return "DICOM"
    if head[:4] in (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+"):
        return "TIFF"
    if head[:4] == b"RIFF" and head[8:12] == b"WEBP":
        return "WEBP"
    if head[:2] == b"BM" and int.from_bytes(head[14:18], "little") in _BMP_HEADERS:
        return "BMP"
    if head[:4] == b"DICM" or _is_bare_dicom(head):  # without the preamble
        return "DICOM"
    is_empty_preamble = len(head) > 128 and not any(head[:128])  # without the prefix
    return "DICOM" if is_empty_preamble and _is_bare_dicom(head[128:]) else None


def _is_bare_dicom(head: bytes) -> bool:
    """Whether a file starts with a data element instead of the preamble that PS3.10 7.1 asks for.

    It does if its first tag is an early one of group 0002 or 0008, followed by a VR or, in little
    endian, by a short length.
    """
    if len(head) < 132:
        return False
    has_vr = head[4:6] in (b"UL", b"OB", b"UI", b"CS", b"DA", b"TM", b"SH", b"LO")
    if head[0] == 0:  # big endian, which is always explicit
        return has_vr and head[1] in (2, 8) and head[2] == 0 and head[3] <= 0x20
    if head[1] or head[0] not in (2, 8) or head[3] or head[2] > 0x20:
        return False
    return has_vr or 0 < int.from_bytes(head[4:8], "little") <= 64


def has_film_ending(name: str) -> bool:
    """Whether a file has the ending of a picture or DICOM file."""
    return name.lower().endswith(_ENDINGS)


def is_archive(head: bytes) -> bool:
    """Whether a file that begins so is a ZIP archive (APPNOTE.TXT 4.3.7, or 4.3.16 for an empty one)."""
    is_spanned = head[:4] in (b"PK\7\b", b"PK00") and head[4:8] == b"PK\3\4"  # 8.5.3 and 8.5.4
    return is_spanned or head[:4] in (b"PK\3\4", b"PK\5\6")
