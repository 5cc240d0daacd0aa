"""Names files that are no films by their first bytes, and says what to do with them."""

from __future__ import annotations

import re

from pneumoscope.errors import StoredAsText

SAVE_ADVICE = "Save it as PNG or TIFF; better, export the film as DICOM."
_JPEG_2000 = "Save it as PNG or TIFF; JPEG 2000 is read inside DICOM only."
_VOLUME = "This is data of a volume or of an analysis: export the one film as DICOM or PNG."
_UNPACK = "Unpack it, and give the films or their folder."
_DECRYPT = "Decrypt it, and give the film."
_WITHOUT_PIXELS = "Its pixels may lie elsewhere: export the film as a DICOM file."
_NO_FILM = "Export the film itself, as DICOM or PNG."
_BEHIND_HEADER = "Save what follows the header: it ends with an empty line."
_PARTS = "Save each part as a file: it begins behind the empty line that follows its header."
_BASE64 = (
    "Decode the text behind the comma, if there is a comma: `base64 -d` gives the film's file."
)
_STARTS_AS_TEXT = (
    *(b"\xef\xbf\xbdPNG", b"\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd"),  # UTF-8, what is none replaced
    *(b"\xc2\x89PNG", b"\xc3\xbf\xc3\x98\xc3\xbf"),  # Latin-1 written as UTF-8
    *(b"\x89PNG\r\r\n", b"\x89PNG\n", b"\tPNG\r\n"),  # ends of lines; 7 bits
)
"""How JPEG and PNG begin then."""
DOWNLOAD_ADVICE = "The download gave a web page instead of the film: log in, and download it again."

BEGINNINGS: tuple[tuple[bytes, str, str], ...] = (
    (b"\0\0\0\x0cjP  \r\n\x87\n", "a JPEG 2000 picture", _JPEG_2000),
    (b"\xff\x4f\xff\x51", "a JPEG 2000 codestream", _JPEG_2000),
    (b"\0\0\0\x0cJXL \r\n\x87\n", "a JPEG XL picture", SAVE_ADVICE),
    (b"\xff\x0a", "a JPEG XL picture", SAVE_ADVICE),
    (b"II\xbc\x01", "a JPEG XR picture", SAVE_ADVICE),
    (b"GIF87a", "a GIF picture", SAVE_ADVICE),
    (b"GIF89a", "a GIF picture", SAVE_ADVICE),
    (b"8BPS", "a Photoshop document", SAVE_ADVICE),
    (b"\0\0\1\0", "an icon", SAVE_ADVICE),
    (b"v/1\1", "an OpenEXR picture", SAVE_ADVICE),
    (b"SIMPLE  =", "a FITS file", SAVE_ADVICE),
    (b"qoif", "a QOI picture", SAVE_ADVICE),
    (b"DDS |", "a DDS picture", SAVE_ADVICE),
    (b"gimp xcf", "a GIMP document", SAVE_ADVICE),
    (b"#?RADIANCE", "a Radiance HDR picture", SAVE_ADVICE),
    (b"icns", "an icon", SAVE_ADVICE),
    (b"\x01\xda\0", "an SGI picture", SAVE_ADVICE),
    (b"\x01\xda\1", "an SGI picture", SAVE_ADVICE),
    *((bytes([10, version, 1]), "a PCX picture", SAVE_ADVICE) for version in (2, 3, 5)),
    (b"HTTP/1.", "an answer of a web server with its header", _BEHIND_HEADER),
    (b"AT&TFORM", "a DjVu document", _NO_FILM),
    (b"CDF\1", "a NetCDF file", _VOLUME),
    (b"CDF\2", "a NetCDF file", _VOLUME),
    (b"PAR1", "a Parquet file", _VOLUME),
    (b"SQLite format 3\0", "an SQLite database", _NO_FILM),
    (b"\x93NUMPY", "a NumPy array (.npy)", "Save it as PNG or TIFF with 8 or 16 bits of grey."),
    (b"NRRD000", "a NRRD volume", _VOLUME),
    (b"ObjectType =", "the header of a MetaImage volume", _VOLUME),
    (b"NDims =", "the header of a MetaImage volume", _VOLUME),
    (b"\x89HDF\r\n\x1a\n", "an HDF5 file", _VOLUME),
    (b"MATLAB 5.0", "a MATLAB file", _VOLUME),
    (
        b"PK\3\4",
        "a ZIP archive",
        "Unpack it, or give its path to `pneumoscope predict`, which opens it.",
    ),
    (b"PK\5\6", "an empty ZIP archive", "Make it again, with the films in it."),
    (b"\x1f\x8b", "a gzip archive", _UNPACK),
    (b"BZh", "a bzip2 archive", _UNPACK),
    (b"\xfd7zXZ\0", "an xz archive", _UNPACK),
    (b"(\xb5/\xfd", "a Zstandard archive", _UNPACK),
    (b"7z\xbc\xaf\x27\x1c", "a 7-Zip archive", _UNPACK),
    (b"Rar!\x1a\x07", "a RAR archive", _UNPACK),
    (b"\x04\x22M\x18", "an LZ4 archive", _UNPACK),
    (b"\x1f\x9d", "an archive of compress (.Z)", _UNPACK),
    (b"MSCF", "a cabinet archive", _UNPACK),
    (b"-----BEGIN PGP MESSAGE", "an encrypted file", _DECRYPT),
    (b"Salted__", "an encrypted file", _DECRYPT),
    (b"%PDF", "a PDF document", _NO_FILM),
    (b"%!PS", "a PostScript document", _NO_FILM),
    (b"\xc5\xd0\xd3\xc6", "a PostScript document", _NO_FILM),
    (b"{\\rtf", "a text document", _NO_FILM),
    (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "an Office document", _NO_FILM),
    (b"\x1aE\xdf\xa3", "a video", _NO_FILM),
    (b"version https://git-lfs", "a Git LFS pointer", "Fetch the film itself: run `git lfs pull`."),
    (b"/annex/objects/", "a git-annex pointer", "Fetch the film itself: run `git annex get`."),
    (b"\0\5\x16\7", "data that macOS keeps beside a file", "Give the file without ._ in its name."),
    *(
        (start, "a picture as text in base64", _BASE64)
        for start in (b"data:image/", b"data:application/", b"/9j/4", b"iVBORw0KGgo", b"SUkqA")
    ),
    *(
        (start, "a picture that a program took for text and changed", StoredAsText("").hint)
        for start in _STARTS_AS_TEXT
    ),
    (b"L\0\0\0\1\x14\2\0", "a Windows shortcut", "Give the file that it points to."),
    (b"[InternetShortcut]", "a shortcut to a web page", _NO_FILM),
    (b"\x7fELF", "a program", _NO_FILM),
    (b"MZ\x90\0", "a program", _NO_FILM),
)
BRANDS = {
    **dict.fromkeys((b"heic", b"heix", b"hevc", b"heim", b"mif1", b"msf1"), "a HEIC picture"),
    **dict.fromkeys((b"avif", b"avis"), "an AVIF picture"),
}
"""Brands of ISO base media files (ISO/IEC 14496-12, 4.3)."""
_NETPBM = re.compile(rb"P([1-7fF])[\s#]")
# RFC 2046, 5.1.1: a line with the boundary, and the header of the first part.
_MULTIPART = re.compile(
    rb"\s*--[!-~]{1,70}\s*\n(?:[\w-]+:[^\n]*\n\s*)*Content-Type:", re.IGNORECASE
)
_DICOM_JSON = re.compile(rb"\s*\[?\s*\{\s*\"[0-9A-Fa-f]{8}\"\s*:")
"""PS3.18 annex F."""
_MARKUP = re.compile(rb"\s*<(!doctype html|html|\?xml|svg|!--)", re.IGNORECASE)


_FEW = 64
"""Bytes that show how a file was changed, at least."""


def is_stored_as_text(data: bytes) -> bool:
    """Whether a program took a picture for text: it is UTF-8 throughout, or each end of a line became two bytes."""
    ends = data.count(b"\n")
    if ends >= _FEW and ends == data.count(b"\r\n"):
        return True
    try:
        text = data.decode()
    except UnicodeDecodeError:
        return False
    return len(data) - len(text) >= _FEW


def is_office_document(head: bytes) -> bool:
    """Whether a ZIP archive is an Office document, by its first bytes (ECMA-376 part 2)."""
    return head.startswith(b"PK") and b"[Content_Types].xml" in head[:1024]


def foreign_kind(head: bytes) -> tuple[str, str]:
    """What a file is that is no film.

    Args:
        head: At least the first 1,024 bytes, or all of a shorter file.

    Returns:
        What it is, and what to do, in words; ``("", "")`` for an unknown kind.
    """
    kind, advice = _kind(head)
    return f"{kind}, not an image format that pneumoscope reads" if kind else "", advice


def kind_by_start(head: bytes) -> str:
    """What a file is by its very first bytes alone, such as ``"a web page"``; ``""`` for an unknown kind.

    The other marks of `foreign_kind` lie further inside, where the text of a table may contain them.
    """
    kind, _ = _by_beginning(head)
    return kind or _of_markup(head.removeprefix(b"\xef\xbb\xbf"))[0]


def _by_beginning(head: bytes) -> tuple[str, str]:
    for beginning, kind, advice in BEGINNINGS:
        if head.startswith(beginning):
            if is_office_document(head):
                return "an Office document", _NO_FILM
            return kind, advice
    return "", ""


def _kind(head: bytes) -> tuple[str, str]:
    kind, advice = _by_beginning(head)
    if kind:
        return kind, advice
    if _DICOM_JSON.match(head):
        return "DICOM as JSON", _WITHOUT_PIXELS
    if head[4:8] == b"ftyp":
        kind = BRANDS.get(head[8:12], "")
        return (kind, SAVE_ADVICE) if kind else ("a video", _NO_FILM)
    if head[:4] == b"RIFF":
        return "a sound or a video", _NO_FILM
    if head[257:262] == b"ustar":
        return "a tar archive", _UNPACK
    if head[:4] in (b"\x5c\1\0\0", b"\0\0\1\x5c") and head[344:348] in (b"\0\0\0\0", b""):
        return "the header of an Analyze volume", _VOLUME
    # NIfTI-1 and -2: the header's size, and the magic at its end or after it.
    if head[344:347] in (b"n+1", b"ni1") or head[4:7] in (b"n+2", b"ni2"):
        return "a NIfTI volume", _VOLUME
    if _MULTIPART.match(head):
        return "an answer in several parts (multipart), as DICOMweb gives it", _PARTS
    if match := _NETPBM.match(head):
        kinds = {b"1": "PBM", b"4": "PBM", b"2": "PGM", b"5": "PGM", b"3": "PPM", b"6": "PPM"}
        return f"a {kinds.get(match[1], 'PNM')} picture", SAVE_ADVICE
    return _of_markup(head.removeprefix(b"\xef\xbb\xbf"))


def _of_markup(head: bytes) -> tuple[str, str]:
    if match := _MARKUP.match(head):
        if match[1].lower() in (b"!doctype html", b"html"):
            return "a web page", DOWNLOAD_ADVICE
        if b"<svg" in head[:1024]:
            return "an SVG drawing", _NO_FILM
        return "an XML document", _NO_FILM
    return "", ""
