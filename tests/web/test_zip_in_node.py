"""ZIP archives in the page: the members and errors of Python."""

from __future__ import annotations

import base64
import io
import os
import shutil
import zipfile
from pathlib import Path
from typing import Any
from unittest.mock import patch

import numpy as np
import pytest

from film_files import dicom
from grey_films import BRIGHT, DARK, zipped_as_stored
from page_in_node import in_node
from pneumoscope.errors import ImageError
from pneumoscope.images import find_films, load_bytes
from pneumoscope.images.media import other_classes
from pneumoscope.images.sources import SYSTEM_FOLDERS

pytestmark = pytest.mark.skipif(shutil.which("node") is None, reason="needs node")

SCRIPT = """
import { readFileSync } from "node:fs";
import { filmsIn } from "./zip.js";
const { archives, others } = JSON.parse(readFileSync("input.json"));
const results = [];
for (const archive of archives) {
  const rows = [];
  try {
    for (const { name, load } of await filmsIn(new File([Buffer.from(archive, "base64")], "a.zip"), others)) {
      rows.push([name, await load().then((film) => film.size, (error) => error.code)]);
    }
  } catch (error) {
    rows.push(["", error.code ?? String(error)]);
  }
  results.push(rows);
}
console.log(JSON.stringify(results));
"""
PNG = BRIGHT[1]
GREY = np.zeros((64, 80), np.uint8)
DCM = dicom(GREY)
REPORT = dicom(GREY, SOPClassUID="1.2.840.10008.5.1.4.1.1.88.11")  # Basic Text SR


def packed(members: dict[str, bytes], method: int = zipfile.ZIP_DEFLATED, flags: int = 0) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", method) as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    data = stream.getvalue()
    if flags:
        for mark, at in ((b"PK\3\4", 6), (b"PK\1\2", 8)):
            parts = data.split(mark)
            data = mark.join(
                [parts[0], *(p[: at - 4] + bytes([flags]) + p[at - 3 :] for p in parts[1:])]
            )
    return data


def broken_member() -> bytes:
    data = packed({"a.png": PNG, "readme": b"x" * 5000, "notes.bin": b"y" * 5000})
    at = data.index(b"notes.bin") + len(b"notes.bin")
    return data[:at] + b"\xff" * 8 + data[at + 8 :]


def overlapping() -> bytes:
    """Two members that claim more packed bytes than the archive has."""
    data = packed({"a.png": PNG, "b.png": PNG}, zipfile.ZIP_STORED)
    at = data.index(b"PK\1\2")
    return data[: at + 20] + (2 * len(data)).to_bytes(4, "little") + data[at + 24 :]


def large() -> bytes:
    """Sizes and places stand in ZIP64 records, as in an archive of more than 4 GiB."""
    with patch.object(zipfile, "ZIP64_LIMIT", 4):
        return packed({"a.png": PNG, "ward/b.dcm": DCM, "c.png": DARK[1]})


def changed_byte() -> bytes:
    """A stored film of which one byte is another: the checksum shows it, the pixels do not."""
    data = packed({"a.dcm": DCM, "b.png": PNG}, zipfile.ZIP_STORED)
    at = data.index(DCM) + len(DCM) - 1
    return data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :]


def not_utf8() -> bytes:
    """A name that is flagged as UTF-8 and is not."""
    return packed({"ä.png": PNG}).replace("ä".encode(), b"\xc3\xc3")


ARCHIVES = {
    "large": large(),
    "large, its records cut": large().replace(b"PK\6\6", b"PK\0\0"),
    "films": packed({"ward/a.png": PNG, "b.dcm": DCM, "c": DARK[1]}),
    "stored": packed({"a.png": PNG, "b": DCM}, zipfile.ZIP_STORED),
    "other files": packed(
        {"a.png": PNG, "readme.txt": b"text", "table.csv": b"a,b\n1,2\n", "x/": b"", "empty": b""}
    ),
    "litter": packed(
        {"a.png": PNG, "__MACOSX/._a.png": PNG, ".b.png": PNG, ".hidden/c.png": PNG}
    ),
    "folders of systems": packed(
        {"./a.png": PNG, "ward/../b.png": PNG}
        | {f"ward/{name.upper()}/{i}.png": PNG for i, name in enumerate(sorted(SYSTEM_FOLDERS))}
    ),
    "an ending alone": packed({"a.png": b"no film", "b.jpg": b""}),
    "an archive inside": packed({"a.png": PNG, "inner.zip": packed({"b.png": PNG}), "c.gz": b"\x1f\x8b\x08"}),
    "no film": packed({"readme.txt": b"text"}),
    "nothing": packed({}),
    "encrypted": packed({"a.png": PNG, "b.png": PNG}, flags=1),
    "a medium": packed({"DICOMDIR": b"index", "IMG1": DCM, "SR1": REPORT, "viewer.exe": b"MZ", "logo.bmp": b"BM"}),
    "a bomb": packed({"a.png": PNG, "b.png": bytes(20_000_000)}),
    "another method": packed({"a.png": PNG}, zipfile.ZIP_BZIP2),
    "a broken member": broken_member(),
    "overlapping members": overlapping(),
    "names in several codings": zipped_as_stored(PNG, "münchen/röntgen.png".encode(), b"r\x94ntgen.png", b"\xff.png", b"a.png\0.exe"),
    "a name that is not UTF-8": not_utf8(),
    "two names of a film": packed({"a.png": PNG, "b.png": DARK[1]}).replace(b"a.png", b"c.png", 1),
    "a changed byte": changed_byte(),
    "cut": packed({"a.png": PNG, "b.png": DARK[1]})[:-40],
}  # fmt: skip


@pytest.fixture(scope="module")
def answers(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    values = {
        "archives": [base64.b64encode(data).decode() for data in ARCHIVES.values()],
        "others": other_classes(),
    }
    rows = in_node(tmp_path_factory.mktemp("zip"), SCRIPT, values)
    return dict(zip(ARCHIVES, rows, strict=True))


CHANGED = """
import { readFilm } from "./films/read.js";
import { filmsIn, isArchive } from "./zip.js";
const refuse = () => Promise.reject(new DOMException("", "NotReadableError"));
const file = { size: 9, arrayBuffer: refuse, slice: () => file };
const codes = [];
for (const read of [isArchive(file), filmsIn(file, []), readFilm(file, { atLeast: null })]) {
  codes.push(await read.catch(({ code }) => code));
}
console.log(JSON.stringify(codes));
"""


def test_a_file_that_changed_after_it_was_chosen_says_so(tmp_path: Path) -> None:
    assert in_node(tmp_path, CHANGED, {}) == ["FileChanged"] * 3


@pytest.mark.parametrize("name", ARCHIVES)
def test_an_archive_has_the_films_and_errors_of_python(
    answers: dict[str, Any], tmp_path: Path, name: str
) -> None:
    path = tmp_path / "a.zip"
    path.write_bytes(ARCHIVES[name])
    expected: list[list[Any]] = []
    for source in find_films([path]):
        member = "" if os.fspath(source) == str(path) else Path(source).name
        try:
            expected.append([member, len(load_bytes(source, "film"))])
        except ImageError as error:
            expected.append([member, error.code])
    # An empty film is refused when it is decoded.
    answer = [[member, value or "EmptySource"] for member, value in answers[name]]
    assert answer == expected
