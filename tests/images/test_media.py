"""DICOM media: the pictures that a DICOMDIR lists, and folders that have one."""

from __future__ import annotations

from io import BytesIO
from pathlib import Path

import pytest
from pydicom.config import disable_value_validation
from pydicom.dataset import Dataset, FileDataset, FileMetaDataset
from pydicom.sequence import Sequence
from pydicom.uid import ExplicitVRLittleEndian

from film_files import CR, SR, dataset, dicom, ramp, save, write
from pneumoscope import errors, images
from pneumoscope.images.media import is_directory, listed_films, other_object

DIRECTORY = "1.2.840.10008.1.3.10"


def record(kind: str, file: object = None, sop_class: str = CR, flag: int = 0xFFFF) -> Dataset:
    item = Dataset()
    item.OffsetOfTheNextDirectoryRecord = item.OffsetOfReferencedLowerLevelDirectoryEntity = 0
    item.RecordInUseFlag, item.DirectoryRecordType = flag, kind
    if file is not None:
        with disable_value_validation():
            item.ReferencedFileID = file
        item.ReferencedSOPClassUIDInFile = sop_class
    return item


def directory(*records: Dataset) -> bytes:
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID, meta.MediaStorageSOPInstanceUID = DIRECTORY, "1.2.3"
    meta.TransferSyntaxUID = ExplicitVRLittleEndian
    index = FileDataset(None, {}, preamble=bytes(128), file_meta=meta)
    index.FileSetID, index.DirectoryRecordSequence = "CD", Sequence(records)
    out = BytesIO()
    with disable_value_validation():
        index.save_as(out, enforce_file_format=True)
    return out.getvalue()


@pytest.fixture
def medium(tmp_path: Path) -> Path:
    """A CD with two films and a report; the list also names a film that is missing."""
    folder = tmp_path / "DICOM"
    folder.mkdir()
    for name in ("IM1", "im2"):
        (folder / name).write_bytes(dicom(ramp()))
    (folder / "SR1").write_bytes(write(dataset(ramp(), SOPClassUID=SR)))
    (tmp_path / "DICOMDIR").write_bytes(
        directory(
            *(record("PATIENT"), record("STUDY"), record("SERIES")),
            record("IMAGE", ["DICOM", "IM1"]),
            record("IMAGE", ["DICOM", "IM2"]),
            record("IMAGE", ["DICOM", "IM3"]),
            record("IMAGE", ["DICOM", "IM1"]),
            record("IMAGE", ["DICOM", "GONE"], flag=0),
            record("SR DOCUMENT", ["DICOM", "SR1"], SR),
        )
    )
    return tmp_path


def names(paths: object, root: Path) -> list[str]:
    return [images.name_of(path).removeprefix(f"{root}/") for path in paths]  # type: ignore[attr-defined]


def test_the_films_of_a_list(medium: Path, caplog: pytest.LogCaptureFixture) -> None:
    films = list(images.find_films([medium / "DICOMDIR"]))
    # The second has another case on the disk.
    assert names(films, medium) == ["DICOM/IM1", "DICOM/im2", "DICOM/IM3"]
    assert images.read(films[1]).facts.columns == 80
    with pytest.raises(errors.MissingFile, match="IM3: no such file"):
        images.read(films[2])
    (message,) = caplog.messages
    assert message.endswith("that are no films, left out: Comprehensive SR Storage (1)")


def test_a_list_is_known_by_its_content(medium: Path) -> None:
    other = (medium / "DICOMDIR").rename(medium / "index.dcm")
    assert is_directory(other.read_bytes())
    assert len(list(images.find_films([other]))) == 3
    assert not is_directory(dicom(ramp()))


def test_a_folder_with_a_list_is_read_once(medium: Path, caplog: pytest.LogCaptureFixture) -> None:
    expected = ["DICOM/IM1", "DICOM/im2"]
    assert names(images.find_films([medium]), medium) == expected
    assert names(images.find_films([f"{medium}/*"]), medium) == expected
    assert names(images.find_films([f"{medium}/**"]), medium) == expected
    assert "DICOM/SR1': Comprehensive SR Storage, no film, left out" in caplog.text


def test_file_ids_as_some_writers_have_them(tmp_path: Path) -> None:
    (tmp_path / "dicom").mkdir()
    (tmp_path / "dicom/im1.;1").write_bytes(dicom(ramp()))
    (tmp_path / "FILM").write_bytes(dicom(ramp()))
    (tmp_path / "DICOMDIR").write_bytes(
        directory(record("IMAGE", "DICOM/IM1"), record("IMAGE", "FILM"))
    )
    films = list(listed_films(tmp_path / "DICOMDIR"))
    assert names(films, tmp_path) == ["dicom/im1.;1", "FILM"]
    assert [images.read(film).facts.format for film in films] == ["DICOM"] * 2


@pytest.mark.parametrize("file", [["..", "IM1"], "../IM1", "/etc/IM1", ["DICOM", "."]])
def test_a_list_names_no_files_elsewhere(medium: Path, file: object) -> None:
    inner = medium / "inner"
    inner.mkdir()
    (inner / "DICOMDIR").write_bytes(directory(record("IMAGE", file)))
    (film,) = listed_films(inner / "DICOMDIR")
    with pytest.raises(errors.UnreadableImage, match="a file outside its folder"):
        images.read(film)


@pytest.mark.parametrize(
    ("data", "error", "words"),
    [
        (directory(record("PATIENT")), errors.UnsupportedObject, "lists no picture"),
        (directory(record("IMAGE", "IM1", SR)), errors.UnsupportedObject, "lists no picture"),
        (directory(record("IMAGE", "IM1"))[:400], errors.UnreadableImage, "its list of files"),
        (b"", errors.EmptySource, "empty"),
    ],
)
def test_a_list_that_cannot_be_used(
    tmp_path: Path, data: bytes, error: type[errors.ImageError], words: str
) -> None:
    (tmp_path / "DICOMDIR").write_bytes(data)
    (film,) = listed_films(tmp_path / "DICOMDIR")
    with pytest.raises(error, match=words):
        images.read(film)


def test_objects_that_are_no_pictures() -> None:
    def said(data: bytes) -> str:
        return other_object(data, "x")

    without_meta = write(dataset(ramp(), SOPClassUID=SR))
    without_meta = without_meta[without_meta.index(b"\x08\0\x16\0") :]
    assert said(write(dataset(ramp(), SOPClassUID=SR))) == "Comprehensive SR Storage"
    assert said(without_meta) == "Comprehensive SR Storage"
    for film in (dicom(ramp()), write(dataset(ramp(), SOPClassUID="1.2.3")), save(ramp(), "PNG")):
        assert said(film) == ""
