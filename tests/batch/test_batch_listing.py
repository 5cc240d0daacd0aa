from __future__ import annotations

import os
from pathlib import Path

import pyarrow as pa
import pytest
from pyarrow import parquet

from grey_films import BRIGHT, DARK, zipped
from pneumoscope.batch.listing import Listing
from pneumoscope.buckets import BucketFilm
from pneumoscope.errors import DataError, UsageError
from pneumoscope.images import load_bytes
from stub_reader import films_in


def names_of(source: object) -> list[str]:
    return [film.name for film in Listing(str(source)).films()]


def test_a_folder_gives_paths_below_it_also_inside_archives(tmp_path: Path) -> None:
    films_in(tmp_path, "b/2.png", "1.png", "notes.txt", ".hidden.png")
    (tmp_path / "b" / "old.zip").write_bytes(zipped(BRIGHT, DARK))
    names = ["1.png", "b/2.png", "b/old.zip/bright.png", "b/old.zip/dark.png"]
    assert names_of(tmp_path) == names
    assert names_of(f"file://{tmp_path}/") == names
    listing = Listing(str(tmp_path))
    assert listing.identity == str(tmp_path)
    assert [load_bytes(film.source, "") for film in listing.films()][2:] == [BRIGHT[1], DARK[1]]


@pytest.mark.skipif(os.sep == "\\", reason="a backslash separates folders")
def test_a_backslash_is_part_of_a_name(tmp_path: Path) -> None:
    films_in(tmp_path, "a/b.png", "a\\b.png")
    assert sorted(names_of(tmp_path)) == ["a/b.png", "a\\b.png"]


def test_a_folder_has_one_identity_from_everywhere(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    films_in(tmp_path / "films", "1.png")
    monkeypatch.chdir(tmp_path)
    assert Listing("films").identity == Listing("films/").identity == str(tmp_path / "films")
    assert names_of("films") == ["1.png"]


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("m.csv", "label,path\nnormal,1.png\nnormal,sub/2.png\nnormal,\n"),
        ("m.csv", "path;label\n1.png;normal\nsub/2.png;normal\n;normal\n"),
        ("m.csv", "sep=;\nFilename;label\n1.png;normal\nsub/2.png;normal\n;normal\n"),
        ("m.tsv", "image_path\tlabel\n1.png\tx\nsub/2.png\ty\n\tz\n"),
    ],
)
def test_a_table_names_films_relative_to_it(tmp_path: Path, name: str, text: str) -> None:
    films_in(tmp_path, "1.png", "sub/2.png")
    (tmp_path / name).write_text(text)
    films = list(Listing(str(tmp_path / name)).films())
    assert [film.name for film in films] == ["1.png", "sub/2.png", "row 3"]
    assert [film.source for film in films[:2]] == [tmp_path / "1.png", tmp_path / "sub/2.png"]
    assert all(film.stamp for film in films[:2])
    with pytest.raises(FileNotFoundError, match="row 3: names no film"):
        load_bytes(films[2].source, "row 3")


def test_a_text_file_and_parquet_are_manifests_too(tmp_path: Path) -> None:
    (tmp_path / "m.txt").write_text("# films\n1.png\n\ns3://bucket/2.png\r\n", encoding="utf-8-sig")
    films = list(Listing(str(tmp_path / "m.txt")).films())
    assert [film.name for film in films] == ["1.png", "s3://bucket/2.png"]
    assert films[1].source == BucketFilm("s3://bucket/2.png")
    table = pa.table({"n": [1, 2], "Path": ["a.png", None]})
    parquet.write_table(table, tmp_path / "m.parquet")
    assert names_of(tmp_path / "m.parquet") == ["a.png", "row 2"]


def test_a_table_may_be_left_before_its_end(tmp_path: Path) -> None:
    films_in(tmp_path, "a.png", "b.png")
    (tmp_path / "m.csv").write_text("path\na.png\nb.png\n")
    films = Listing(str(tmp_path / "m.csv")).films()
    assert next(films).name == "a.png"
    del films  # an exception in its rows, which are left too, would fail the test


def test_a_long_manifest_is_read_as_it_is_needed(tmp_path: Path) -> None:
    lines = [f"{i:0100}.png" for i in range(1000)]
    (tmp_path / "m.csv").write_text("path\n" + "\n".join(lines) + "\n\xff", encoding="latin-1")
    films = Listing(str(tmp_path / "m.csv")).films()
    assert next(films).name == lines[0]  # the broken end is far away
    with pytest.raises(DataError, match="cannot be read as a table"):
        list(films)


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("m.csv", b"a,b\n1,2\n", "has no column path"),
        ("m.parquet", b"PAR?", "is not Parquet"),
        ("m.txt", b"\xff\xfea", "cannot be read"),
        ("film.png", b"\x89PNG", "neither a folder nor a manifest"),
    ],
)
def test_what_is_no_source_of_films(
    tmp_path: Path, name: str, content: bytes, message: str
) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(UsageError, match=message):
        list(Listing(str(tmp_path / name)).films())


@pytest.mark.parametrize("name", ["m.csv", "m.txt"])
@pytest.mark.parametrize(
    ("content", "message"), [(b"\n", "is empty"), (b"<!doctype html>\n<p>", "is a web page")]
)
def test_what_downloads_leave_in_place_of_a_manifest(
    tmp_path: Path, name: str, content: bytes, message: str
) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(DataError, match=message):
        list(Listing(str(tmp_path / name)).films())


def test_what_does_not_exist() -> None:
    for source in ("nowhere", "nowhere.csv"):
        with pytest.raises(UsageError, match="no such file or folder"):
            Listing(source)
    with pytest.raises(UsageError, match="an empty source"):
        Listing("")


@pytest.mark.slow
def test_a_parquet_manifest_with_a_broken_byte_is_read_or_refused(tmp_path: Path) -> None:
    """Some breaks show only where the rows are read, as an index that is not in the dictionary."""
    file = tmp_path / "m.parquet"
    parquet.write_table(pa.table({"path": ["a.png", "b.png", "a.png"] * 9}), file)
    whole = file.read_bytes()
    refused = set()
    for place in range(len(whole)):
        file.write_bytes(whole[:place] + bytes([whole[place] ^ 0x7F]) + whole[place + 1 :])
        try:
            list(Listing(str(file)).films())
        except UsageError as error:
            refused.add(type(error.__cause__))
    assert pa.ArrowInvalid in refused
