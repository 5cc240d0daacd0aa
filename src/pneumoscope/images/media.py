"""DICOM media, such as CDs: the films that a DICOMDIR lists, and objects that are no films.

References are to PS3.3 annex F and PS3.10.
"""

from __future__ import annotations

import logging
from collections import Counter
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pneumoscope.errors import ImageError, UnreadableImage, UnsupportedObject
from pneumoscope.images.dicom_elements import elements, layout_of
from pneumoscope.images.dicom_tags import SOP_CLASS
from pneumoscope.images.file_meta import file_meta, media_class
from pneumoscope.images.formats import sniff
from pneumoscope.images.quiet import quiet
from pneumoscope.images.sources import BrokenSource, ListedFilm, load_bytes

if TYPE_CHECKING:
    from collections.abc import Iterator

_log = logging.getLogger(__name__)

HEADER_BYTES = 4096
"""First bytes of a file in which its SOP class is looked for."""
_DIRECTORY = "1.2.840.10008.1.3.10"  # Media Storage Directory Storage
_DIRECTORY_BYTES = 64 * 2**20  # of a DICOMDIR: about 100,000 records
_INACTIVE = 0  # Record In-use Flag (0004,1410), PS3.3 F.3.2.2


def is_directory_name(name: str) -> bool:
    """Whether a file has the name of the index of a medium (PS3.10 8.6)."""
    return name.upper() == "DICOMDIR"


def is_directory(head: bytes) -> bool:
    """Whether a file is the index of a medium.

    Args:
        head: Its first bytes, at least `HEADER_BYTES` or all.
    """
    return sniff(head) == "DICOM" and media_class(head) == _DIRECTORY


def other_object(head: bytes, name: str) -> str:
    """The kind of a DICOM object that contains no picture; a warning in the log names it.

    Args:
        head: Its first bytes, at least `HEADER_BYTES` or all.
        name: What to call it in the log.

    Returns:
        Such as ``"Basic Text SR Storage"``; ``""`` for pictures, unknown classes and other files.
    """
    kind = _class_name(_sop_class(head)) if sniff(head) == "DICOM" else ""
    if kind:
        _log.warning("%r: %s, no film, left out", name, kind)
    return kind


def _sop_class(head: bytes) -> str:
    uid, (_, start) = media_class(head), file_meta(head)
    if uid or start + 8 > len(head):
        return uid or ""
    try:
        for element in elements(head, start, len(head), layout_of(head, start)):
            if element.tag == SOP_CLASS:
                value = head[element.start : element.start + element.length]
                return value.decode("latin-1").strip(" \0")
            if element.tag > SOP_CLASS:
                break
    except EOFError:
        pass
    return ""


def other_classes() -> tuple[str, ...]:
    """UIDs of the SOP classes whose objects are no pictures, as `other_object` has them."""
    from pydicom._uid_dict import UID_dictionary

    known = (uid for uid, (_, kind, *_rest) in UID_dictionary.items() if kind == "SOP Class")
    return tuple(uid for uid in known if "Storage" in _class_name(uid))


def _class_name(uid: str) -> str:
    """The name of a SOP class whose objects are no pictures; ``""`` for others and unknown ones."""
    from pydicom.uid import UID

    name = str(UID(uid).name)
    return "" if name == uid or "Image" in name else name


def listed_films(path: Path) -> Iterator[Path | ListedFilm]:
    """The pictures that a DICOMDIR lists, in its order, each once.

    Names of files are compared without case, because a copy of a CD may have changed them. Other
    objects, such as reports, are left out with a warning in the log.

    Args:
        path: The DICOMDIR.

    Yields:
        Paths, also of files that are missing. If it lists no picture or cannot be read, one source
        for the DICOMDIR itself; reading it raises the reason.
    """
    name = str(path)
    try:
        records = _records(path, name)
        pictures = list(dict.fromkeys(_pictures(records, name)))
    except ImageError as error:
        yield BrokenSource(name, error)
        return
    except Exception as error:  # noqa: BLE001 (pydicom raises many kinds of errors)
        reason = f"its list of files is damaged: {type(error).__name__}"
        yield BrokenSource(name, UnreadableImage(name, reason))
        return
    if not pictures:
        none = UnsupportedObject(name, "lists no picture")
        none.hint = "Give the folder of the films."
        yield BrokenSource(name, none)
    folders: dict[Path, dict[str, Path]] = {}
    for parts in pictures:
        if all(part not in ("", ".", "..") and "\\" not in part for part in parts):
            yield _on_disk(path.parent, parts, folders)
        else:
            reason = "it names a file outside its folder"
            yield BrokenSource(name, UnreadableImage(name, reason))


def _records(path: Path, name: str) -> list[Any]:
    """The directory records (0004,1220)."""
    from pydicom import dcmread

    data = load_bytes(path, name, _DIRECTORY_BYTES)
    _, start = file_meta(data)
    # pydicom takes what is there of a list whose end is missing.
    for _element in elements(data, start, len(data), layout_of(data, start)):
        pass
    with quiet():
        return list(dcmread(BytesIO(data), force=True).DirectoryRecordSequence)


def _pictures(records: list[Any], name: str) -> Iterator[tuple[str, ...]]:
    """The components of the Referenced File ID (0004,1500) of each picture."""
    others: Counter[str] = Counter()
    with quiet():
        for record in records:
            file = record.get("ReferencedFileID")
            if not file or record.get("RecordInUseFlag") == _INACTIVE:
                continue
            kind = _class_name(str(record.get("ReferencedSOPClassUIDInFile", "")))
            if record.get("DirectoryRecordType") != "IMAGE" or kind:
                others[kind or str(record.get("DirectoryRecordType"))] += 1
                continue
            components = [file] if isinstance(file, str) else list(file)
            # Some writers separate them by a slash.
            yield tuple(part for text in components for part in str(text).split("/"))
    if others:
        kinds = ", ".join(f"{kind} ({count})" for kind, count in sorted(others.items()))
        _log.warning("%r lists objects that are no films, left out: %s", name, kinds)


def _on_disk(folder: Path, parts: tuple[str, ...], folders: dict[Path, dict[str, Path]]) -> Path:
    """The file that a File ID names.

    Args:
        folder: Folder of the DICOMDIR.
        parts: Components of the File ID.
        folders: Names in each folder that was looked at; added to.
    """
    place = folder
    for part in parts:
        exact = place / part
        if not exact.exists():
            if place not in folders:
                children = place.iterdir() if place.is_dir() else ()
                folders[place] = {_plain(child.name): child for child in children}
            exact = folders[place].get(_plain(part), exact)
        place = exact
    return place


def _plain(name: str) -> str:
    """A name as on a CD: in capitals, without the version of ISO 9660 (``;1``)."""
    return name.upper().partition(";")[0].removesuffix(".")
