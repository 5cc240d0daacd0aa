"""Which files of a folder the page takes: those that Python takes, and those that it warns of."""

from __future__ import annotations

import base64
import shutil
from pathlib import Path

import numpy as np
import pytest

from film_files import dicom
from grey_films import BRIGHT, zipped
from page_in_node import in_node
from pneumoscope.images import find_films
from pneumoscope.images.sources import SYSTEM_FOLDERS

pytestmark = pytest.mark.skipif(shutil.which("node") is None, reason="needs node")

SCRIPT = """
import { readFileSync } from "node:fs";
import { filmsAmong } from "./film-files.js";
const files = JSON.parse(readFileSync("input.json")).map(
  ([name, type, content]) => new File([Buffer.from(content, "base64")], name, { type }));
console.log(JSON.stringify((await filmsAmong(files)).map(({ name }) => name)));
"""
PNG = BRIGHT[1]
DCM = dicom(np.zeros((64, 80), np.uint8))
FILES = {
    "readme.txt": b"no film",
    "empty": b"",
    "table.csv": b"path,label\n",
    "notes.pdf": b"%PDF-1.7",
    "letter.docx": zipped(("[Content_Types].xml", b"<xml/>")),
    "DICOMDIR": DCM,
    "IM000001": DCM,
    "film.xyz": PNG,
    "film.png": PNG,
    "broken.JPG": b"no film, but it says so",
    "films.zip": zipped(("a.png", PNG)),
}
FOREIGN = {"film.jp2": (b"\0\0\0\x0cjP  \r\n\x87\n", "image/jp2"), "film.dcm.gz": (b"\x1f\x8b", "")}


def chosen(folder: Path, files: dict[str, tuple[bytes, str]]) -> list[str]:
    values = [
        (name, kind, base64.b64encode(content).decode()) for name, (content, kind) in files.items()
    ]
    return list(in_node(folder, SCRIPT, values))


def test_the_page_takes_the_films_that_python_finds(tmp_path: Path) -> None:
    (tmp_path / "films").mkdir()
    for name, content in FILES.items():
        (tmp_path / "films" / name).write_bytes(content)
    sources = [str(source) for source in find_films([tmp_path / "films"])]
    assert len(sources) == 5
    names = chosen(tmp_path / "page", {name: (content, "") for name, content in FILES.items()})
    assert len(names) == 5
    assert [name for name in names if not any(f"/{name}" in source for source in sources)] == []


def test_pictures_and_archives_that_are_not_read_get_a_row(tmp_path: Path) -> None:
    assert chosen(tmp_path / "page", FOREIGN) == list(FOREIGN)


CHOSEN = """
import { readFileSync } from "node:fs";
import { chosenFiles } from "./files.js";
const files = JSON.parse(readFileSync("input.json")).map((path) => Object.assign(new File([], path.split("/").at(-1)), { webkitRelativePath: path }));
console.log(JSON.stringify((await chosenFiles(files)).map(({ webkitRelativePath }) => webkitRelativePath)));
"""


def test_folders_of_a_system_are_left_out(tmp_path: Path) -> None:
    kept = ["@eaDir/a.png", "@eaDir/ward/b.png"]  # the reader chose the first one
    left_out = [f"films/ward/{name.upper()}/a.png" for name in sorted(SYSTEM_FOLDERS)]
    hidden = ["films/.cache/a.png", "films/.a.png"]
    assert in_node(tmp_path, CHOSEN, [*kept, *left_out, *hidden]) == kept
