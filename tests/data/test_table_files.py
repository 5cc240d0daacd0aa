from __future__ import annotations

from pathlib import Path

import pytest

from pneumoscope.data.table_files import (
    read_header,
    read_lines,
    read_rows,
    refuse_file,
    rows_of,
)
from pneumoscope.errors import DataError

ROWS = [{"path": "a.png", "label": "normal, left"}, {"path": "b.png", "label": ""}]


@pytest.mark.parametrize(
    "content",
    [
        b'path,label\na.png,"normal, left"\nb.png,\n',
        b"path;label\r\na.png;normal, left\r\nb.png;\r\n",
        b"path\tlabel\na.png\tnormal, left\nb.png\t\n",
        b"sep=;\r\npath;label\r\na.png;normal, left\r\nb.png;\r\n",
        b'"sep=;"\npath;label\na.png;"normal, left"\nb.png;\n',
        b"sep=;;;\npath;label\na.png;normal, left\nb.png;\n",
        b"path|label\na.png|normal, left\nb.png|\n",
        b'\xef\xbb\xbf"path";"label"\na.png;"normal, left"\nb.png\n',
        "path\tlabel\r\na.png\tnormal, left\r\nb.png\t\r\n".encode("utf-16"),
        b'path,label\na.png,"normal, left"\n,\nb.png,\n,\n',  # rows that a spreadsheet left empty
    ],
)
def test_separators_and_encodings(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "t.csv"
    file.write_bytes(content)
    assert read_rows(file) == (["path", "label"], ROWS)
    assert read_header(file) == ["path", "label"]


def test_a_header_with_other_marks_than_its_rows(tmp_path: Path) -> None:
    file = tmp_path / "t.csv"
    file.write_text("path;label;note, with, many, commas\na.png;normal;1\n")
    assert read_rows(file)[1] == [
        {"path": "a.png", "label": "normal", "note, with, many, commas": "1"}
    ]
    assert read_header(file) == ["path", "label", "note, with, many, commas"]
    file.write_text("path,labels,a|b|c|d\na.png,Edema|Mass|Nodule,1\n")
    assert read_rows(file)[1][0]["labels"] == "Edema|Mass|Nodule"


def test_columns_without_name_and_content_are_left_out(tmp_path: Path) -> None:
    file = tmp_path / "t.csv"
    file.write_text('path,label,,\na.png,"normal, left",,\nb.png,,,\n', "utf-8")
    assert read_rows(file) == (["path", "label"], ROWS)
    file.write_text(",path,label\n0,a.png,normal\n", "utf-8")  # a row number, as pandas writes it
    assert read_rows(file) == (
        ["", "path", "label"],
        [{"": "0", "path": "a.png", "label": "normal"}],
    )


@pytest.mark.parametrize("missing", ["nan", "NaN", "NA", "#N/A", "<NA>", "NULL"])
def test_what_programs_write_for_no_value_is_an_empty_cell(tmp_path: Path, missing: str) -> None:
    file = tmp_path / "t.csv"
    file.write_text(f'path,label\na.png,"normal, left"\nb.png,{missing}\n', "utf-8")
    assert read_rows(file)[1] == ROWS
    with file.open("rb") as stream:
        assert list(rows_of(stream, "t.csv")[1]) == ROWS


def test_a_table_in_the_coding_of_windows(tmp_path: Path) -> None:
    file = tmp_path / "t.csv"
    file.write_bytes("path;größe\r\nMüller.png;groß\r\n".encode("cp1252"))
    assert read_header(file) == ["path", "größe"]
    assert read_rows(file) == (["path", "größe"], [{"path": "Müller.png", "größe": "groß"}])
    with file.open("rb") as stream:
        assert list(rows_of(stream, "t.csv")[1]) == [{"path": "Müller.png", "größe": "groß"}]


def test_a_cell_may_contain_other_separators_and_lines(tmp_path: Path) -> None:
    file = tmp_path / "t.csv"
    file.write_text('path,boxes,note\na.png,0 0 1 1; 0 0 1 1,"two\nlines\u2028here"\n', "utf-8")
    assert read_rows(file)[1] == [
        {"path": "a.png", "boxes": "0 0 1 1; 0 0 1 1", "note": "two\nlines\u2028here"}
    ]


@pytest.mark.parametrize("mark", ["\ufeff", "\u200b", "\u2060 "])
def test_invisible_marks_around_cells_are_left_out(tmp_path: Path, mark: str) -> None:
    """A class with such a mark was another class."""
    file = tmp_path / "t.csv"
    file.write_text(f'path,{mark}label\na.png,{mark}"normal, left"\nb.png,{mark}\n', "utf-8")
    file.write_text(file.read_text("utf-8").replace(f'{mark}"', f'"{mark}'), "utf-8")
    assert read_rows(file) == (["path", "label"], ROWS)
    assert read_header(file) == ["path", "label"]
    with file.open("rb") as stream:
        header, rows = rows_of(stream, "t.csv")
        assert (header, list(rows)) == (["path", "label"], ROWS)


@pytest.mark.parametrize(
    "broken",
    [
        'b.png,normal,"one two\nc.png,ill,x\nd.png,ill,y\n',
        'b.png,normal,"one two\nc.png,ill,x\nd.png,ill,"y"\n',
        'b.png,normal,"' + "one\n" * 40000,
    ],
)
def test_a_quotation_mark_that_nothing_closes_is_an_error(tmp_path: Path, broken: str) -> None:
    """It swallowed the rows behind it without a word."""
    file = tmp_path / "t.csv"
    sound = 'path,label,note\na.png,normal,"two\nlines, ""quoted"""\n\n'
    file.write_text(sound + 'b.png,normal,5" wide\nc.png,ill,"x" y\n', "utf-8")
    assert [row["path"] for row in read_rows(file)[1]] == ["a.png", "b.png", "c.png"]
    file.write_text(sound + broken, "utf-8")
    with pytest.raises(DataError, match="a quotation mark has no other one") as raised:
        read_rows(file)
    assert '""' in raised.value.hint
    assert "line 5" in str(raised.value) or len(broken) > 131072
    with file.open("rb") as stream, pytest.raises(DataError, match="a quotation mark"):
        list(rows_of(stream, "t.csv")[1])


def test_a_row_knows_the_line_on_which_it_begins(tmp_path: Path) -> None:
    file = tmp_path / "t.csv"
    table = 'sep=;\npath;note\n\n;\na.png;"two\nlines"\n\nb.png;\n'
    file.write_text(table, "utf-8")
    assert [row.line for row in read_rows(file)[1]] == [5, 8]
    with file.open("rb") as stream:
        assert [row.line for row in rows_of(stream, "t.csv")[1]] == [5, 8]
    file.write_text(table.removeprefix("sep=;\n"), "utf-8")
    assert [row.line for row in read_rows(file)[1]] == [4, 7]


def test_what_is_no_table(tmp_path: Path) -> None:
    file = tmp_path / "t.csv"
    file.write_bytes(b"path,label\na.png,gr\x81\n")  # no UTF-8, and not of Windows
    with pytest.raises(DataError, match="cannot be read as a table") as raised:
        read_rows(file)
    assert "UTF-8" in raised.value.hint
    assert read_header(tmp_path / "typo.csv") == []


@pytest.mark.parametrize(
    ("content", "kind", "hint"),
    [
        (b"", "is empty", "again"),
        (b"\xef\xbb\xbf\r\n\n", "is empty", "again"),
        (b"<!DOCTYPE html>\n<title>Sign in, please</title>", "is a web page", "log in"),
        (b'<?xml version="1.0"?><Code>AccessDenied</Code>', "is an XML document", "CSV"),
        (b"version https://git-lfs.github.com/spec/v1\nsize 1\n", "Git LFS pointer", "git lfs"),
        (b'{"message": "Not Found"}', "is a JSON document", "CSV"),
        (b"\x1f\x8b\x08\0", "is a gzip archive", "Unpack"),
        (b"\x89PNG\r\n\x1a\n\0\0", "is a PNG file", "CSV"),
    ],
)
def test_other_files_in_place_of_a_table_are_named(
    tmp_path: Path, content: bytes, kind: str, hint: str
) -> None:
    file = tmp_path / "t.csv"
    file.write_bytes(content)
    with pytest.raises(DataError, match=kind) as raised:
        read_rows(file)
    assert hint in raised.value.hint
    with file.open("rb") as stream, pytest.raises(DataError, match=kind):
        rows_of(stream, "t.csv")


@pytest.mark.parametrize("name", ["ObjectType", "NDims", "P1", "BM"])
def test_a_table_whose_first_column_begins_like_another_kind_is_read(
    tmp_path: Path, name: str
) -> None:
    file = tmp_path / "t.csv"
    file.write_text(f"{name}\tpath\n{'x' * 400}n+1\ta.png\n")
    assert read_header(file) == [name, "path"]
    assert len(read_rows(file)[1]) == 1


def test_a_table_without_header_is_checked_like_others(tmp_path: Path) -> None:
    file = tmp_path / "a.csv"
    file.write_bytes(b"TRAIN,1.png,0\r\n\r\nTEST, 2.png ,1\r\n")
    assert read_lines(file) == [(1, ["TRAIN", "1.png", "0"]), (3, ["TEST", "2.png", "1"])]
    file.write_bytes(b"TRAIN,1.png,\0\r\n")
    with pytest.raises(DataError, match="zero bytes"):
        read_lines(file)


@pytest.mark.parametrize("header", ["path,note,label", "# export", "path,label"])
def test_a_row_with_more_cells_than_the_header_is_an_error(tmp_path: Path, header: str) -> None:
    """An unquoted comma, or a title above the names, moved the cells to other columns."""
    file = tmp_path / "t.csv"
    file.write_text(f"{header}\na.png,normal\nb.png,small, left,TB\n")
    line = 2 if header.startswith("#") else 3
    with pytest.raises(DataError, match=f"line {line}: has more cells than the first line"):
        read_rows(file)
    with file.open("rb") as stream, pytest.raises(DataError, match=f"line {line}: has more"):
        list(rows_of(stream, "t.csv")[1])


def test_separators_at_the_end_of_rows_are_no_cells(tmp_path: Path) -> None:
    file = tmp_path / "t.csv"
    file.write_text("path,label\na.png,normal,,\nb.png,TB, ,\n")
    assert [*map(dict, read_rows(file)[1])] == [
        {"path": "a.png", "label": "normal"}, {"path": "b.png", "label": "TB"},
    ]  # fmt: skip


def test_the_header_of_a_joined_table_is_no_row(tmp_path: Path) -> None:
    file = tmp_path / "t.csv"
    file.write_text("path,label\na.png,normal\npath,label\nb.png,TB\n")
    assert [row["path"] for row in read_rows(file)[1]] == ["a.png", "b.png"]


@pytest.mark.parametrize(
    ("name", "message", "hint"),
    [("films.zip", "is an archive", "Unpack it"), ("labels.xlsx", "is not a CSV table", "Save it as CSV"),
     ("labels.txt", "is not a CSV table", "Save it as CSV"), ("t.parquet", "is not a CSV table", "write them as files"),
     ("a.pdf", "is not a folder", "Name a folder")],
)  # fmt: skip
def test_files_in_place_of_a_data_folder(name: str, message: str, hint: str) -> None:
    error = refuse_file(Path(name))
    assert message in error.message
    assert hint in error.hint
