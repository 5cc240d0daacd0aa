"""ZIP archives on the disk: their films are found, named, read within limits, and never lost."""

from __future__ import annotations

import struct
import zipfile
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest

from film_files import SR, dataset, dicom, ramp, save, write
from grey_films import zipped, zipped_as_stored
from pneumoscope import errors, images
from pneumoscope.images.archives import MAX_ENTRIES, films_in

PNG, DICOM = save(ramp(), "PNG"), dicom(ramp())


def written(path: Path, *members: tuple[str, bytes]) -> Path:
    path.write_bytes(zipped(*members))
    return path


def outcomes(path: Path) -> dict[str, str]:
    """Name of each film of an archive, without the folder, to its format or the code of its error."""
    said = {}
    for film in images.find_films([path]):
        name = images.name_of(film).removeprefix(f"{path.parent}/")
        try:
            said[name] = images.read(film).facts.format
        except errors.ImageError as error:
            said[name] = (
                error.code if str(error).startswith(f"{path.parent}/{name}: ") else str(error)
            )
    return said


def test_films_are_named_by_archive_and_member(tmp_path: Path) -> None:
    path = written(
        tmp_path / "a.zip",
        *(("ward/film.png", PNG), ("ward/IM1", DICOM), ("notes.txt", b"no film")),
        *(("__MACOSX/._film.png", b"x"), (".hidden.png", PNG), ("folder/", b"")),
        *((".git/a.png", PNG), ("@eaDir/film.png", PNG)),
    )
    assert outcomes(path) == {"a.zip/ward/film.png": "PNG", "a.zip/ward/IM1": "DICOM"}
    assert outcomes(path.rename(tmp_path / "film.dcm")) == {
        "film.dcm/ward/film.png": "PNG", "film.dcm/ward/IM1": "DICOM",
    }  # fmt: skip


def test_names_are_read_as_utf8_or_code_page_437(tmp_path: Path) -> None:
    path = tmp_path / "a.zip"
    path.write_bytes(
        zipped_as_stored(PNG, "röntgen.png".encode(), b"r\x94ntgen2.png", b"1.png\0.exe")
    )
    assert set(outcomes(path)) == {"a.zip/röntgen.png", "a.zip/röntgen2.png", "a.zip/1.png"}
    path.write_bytes(zipped(("röntgen3.png", PNG)))
    assert set(outcomes(path)) == {"a.zip/röntgen3.png"}


def test_archives_in_folders_and_patterns_are_opened(tmp_path: Path) -> None:
    (tmp_path / "b.png").write_bytes(PNG)
    for name in ("a.zip", "c.ZIP"):
        written(tmp_path / name, ("film.png", PNG))
    written(tmp_path / "weights.keras", ("film.png", PNG))
    expected = ["a.zip/film.png", "b.png", "c.ZIP/film.png"]
    for given in (tmp_path, f"{tmp_path}/**", f"{tmp_path}/[abc].*"):
        films = map(images.name_of, images.find_films([given]))
        assert [film.removeprefix(f"{tmp_path}/") for film in films] == expected
    assert [path.name for path in images.film_files(tmp_path)] == ["b.png"]


@pytest.mark.parametrize("member", ["../../up.png", "/etc/up.png", "..\\up.png", "./a/../up.png"])
def test_paths_lead_nowhere(tmp_path: Path, member: str) -> None:
    (name,) = outcomes(written(tmp_path / "a.zip", (member, PNG)))
    assert ".." not in name
    assert name.startswith("a.zip/")
    assert name.endswith("/up.png")
    assert [path.name for path in tmp_path.rglob("*")] == ["a.zip"]


def test_one_bad_member_disturbs_no_other(tmp_path: Path) -> None:
    members = (("a.png", PNG), ("b.zip", zipped(("x.png", PNG))), ("c.png", b""), ("d.png", PNG))
    path = written(tmp_path / "a.zip", *members)
    packed = bytearray(path.read_bytes())
    packed[packed.index(b"a.png") + 25] ^= 0xFF  # the deflated bytes of the first
    path.write_bytes(packed)
    assert outcomes(path) == {
        "a.zip/a.png": "UnreadableImage",
        "a.zip/b.zip": "NestedArchive",
        "a.zip/c.png": "EmptySource",
        "a.zip/d.png": "PNG",
    }


def encrypted(*names: str) -> bytes:
    """An archive of PNGs, of which those named are marked as encrypted."""
    packed = bytearray(zipped(("a.png", PNG), ("b.png", PNG)))
    for name in names:
        for signature, flags, at in ((b"PK\3\4", 6, 30), (b"PK\1\2", 8, 46)):
            start = packed.index(signature)
            while packed[start + at : start + at + len(name)] != name.encode():
                start = packed.index(signature, start + 1)
            struct.pack_into("<H", packed, start + flags, 1)
    return bytes(packed)


def test_encrypted_archives_and_members(tmp_path: Path) -> None:
    path = tmp_path / "a.zip"
    path.write_bytes(encrypted("a.png"))
    assert outcomes(path) == {"a.zip/a.png": "EncryptedArchive", "a.zip/b.png": "PNG"}
    path.write_bytes(encrypted("a.png", "b.png"))
    assert outcomes(path) == {"a.zip": "EncryptedArchive"}


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (zipped(("film.png", PNG))[:-30], "BrokenArchive"),
        (b"PK\3\4 nothing more", "BrokenArchive"),
        (zipped(), "NoFilmInArchive"),
        (zipped(("notes.txt", b"x"), (".hidden.png", PNG)), "NoFilmInArchive"),
    ],
)
def test_an_archive_that_gives_no_film_is_one_error(tmp_path: Path, data: bytes, code: str) -> None:
    (tmp_path / "a.zip").write_bytes(data)
    assert outcomes(tmp_path / "a.zip") == {"a.zip": code}


def test_bombs_are_not_unpacked(tmp_path: Path) -> None:
    path = written(tmp_path / "a.zip", ("bomb.png", bytes(2**23)), ("b.png", PNG))
    assert outcomes(path) == {"a.zip/bomb.png": "ArchiveTooLarge", "a.zip/b.png": "PNG"}
    # A second entry for the same bytes: such archives unpack to any multiple of their size.
    noise = np.random.default_rng(0).integers(0, 256, (64, 64)).astype(np.uint8)
    packed = zipped(("film.png", save(noise, "PNG")))
    at, end = packed.index(b"PK\1\2"), packed.index(b"PK\5\6")
    ends = bytearray(packed[end:])
    struct.pack_into("<2H", ends, 8, 2, 2)
    struct.pack_into("<L", ends, 12, 2 * (end - at))
    path.write_bytes(packed[:at] + 2 * packed[at:end] + ends)
    assert len(zipfile.ZipFile(path).infolist()) == 2
    assert outcomes(path) == {"a.zip": "BrokenArchive"}


def test_a_member_over_the_limit_of_a_film(tmp_path: Path) -> None:
    path = written(tmp_path / "a.zip", ("a.png", PNG))
    (film,) = images.find_films([path])
    with pytest.raises(errors.ImageError, match=r"a\.png: unpacks to more"):
        images.read(film, max_bytes=len(PNG) - 1)
    assert images.read(film, max_bytes=len(PNG)).facts.columns == 80


def test_a_directory_of_thousands_is_not_read(tmp_path: Path) -> None:
    small = zipped((".a", b""))
    at, end = small.index(b"PK\1\2"), small.index(b"PK\5\6")
    count = MAX_ENTRIES + 1
    ends = bytearray(small[end:])
    struct.pack_into("<2H", ends, 8, count, count)
    struct.pack_into("<L", ends, 12, count * (end - at))
    path = tmp_path / "a.zip"
    path.write_bytes(small[:at] + count * small[at:end] + ends)
    assert len(zipfile.ZipFile(path).infolist()) == count
    assert outcomes(path) == {"a.zip": "ArchiveTooLarge"}


def test_what_unpacks_only_as_a_whole_is_not_unpacked(tmp_path: Path) -> None:
    stream = BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_LZMA) as archive:
        archive.writestr("film.png", PNG)
    (tmp_path / "a.zip").write_bytes(stream.getvalue())
    assert outcomes(tmp_path / "a.zip") == {"a.zip/film.png": "UnknownPacking"}


def test_an_archive_that_changes_is_read_anew(tmp_path: Path) -> None:
    path = written(tmp_path / "a.zip", ("a.png", PNG))
    assert outcomes(path) == {"a.zip/a.png": "PNG"}
    written(path, ("b.dcm", DICOM))
    assert outcomes(path) == {"a.zip/b.dcm": "DICOM"}


def test_an_archive_that_vanishes_is_an_error_of_each_film(tmp_path: Path) -> None:
    path = written(tmp_path / "a.zip", ("a.png", PNG))
    films = list(images.find_films([path]))
    path.unlink()
    for other in range(5):  # close it
        list(images.find_films([written(tmp_path / f"{other}.zip", ("a.png", PNG))]))
    with pytest.raises(errors.MissingFile):
        images.read(films[0])
    assert list(films_in(path)) == [path]


def test_a_medium_in_an_archive(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    report = write(dataset(ramp(), SOPClassUID=SR))
    path = written(
        tmp_path / "cd.zip", ("DICOMDIR", b"index"), ("DICOM/IM1", DICOM), ("DICOM/SR1", report)
    )
    assert outcomes(path) == {"cd.zip/DICOM/IM1": "DICOM"}
    assert "cd.zip/DICOM/SR1': Comprehensive SR Storage, no film, left out" in caplog.text


def test_office_documents_are_no_archives(tmp_path: Path) -> None:
    path = written(tmp_path / "a.docx", ("[Content_Types].xml", b"x"), ("media/a.png", PNG))
    assert list(images.find_films([path])) == [path]
