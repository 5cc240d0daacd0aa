from __future__ import annotations

from pathlib import Path

import pytest

from pneumoscope.data.table_files import read_header, read_rows
from pneumoscope.errors import DataError

ROWS = [{"path": "a.png", "label": "normal, left"}, {"path": "b.png", "label": ""}]


@pytest.mark.parametrize(
    "content",
    [
        b'path,label\na.png,"normal, left"\nb.png,\n',
        b"path;label\r\na.png;normal, left\r\nb.png;\r\n",
        b"path\tlabel\na.png\tnormal, left\nb.png\t\n",
        b"sep=;\r\npath;label\r\na.png;normal, left\r\nb.png;\r\n",
        b'\xef\xbb\xbf"path";"label"\na.png;"normal, left"\nb.png\n',
        "path\tlabel\r\na.png\tnormal, left\r\nb.png\t\r\n".encode("utf-16"),
    ],
)
def test_separators_and_encodings(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "t.csv"
    file.write_bytes(content)
    assert read_rows(file) == (["path", "label"], ROWS)
    assert read_header(file) == ["path", "label"]


def test_a_cell_may_contain_other_separators_and_lines(tmp_path: Path) -> None:
    file = tmp_path / "t.csv"
    file.write_text('path,boxes,note\na.png,0 0 1 1; 0 0 1 1,"two\nlines\u2028here"\n', "utf-8")
    assert read_rows(file)[1] == [
        {"path": "a.png", "boxes": "0 0 1 1; 0 0 1 1", "note": "two\nlines\u2028here"}
    ]


def test_what_is_no_table(tmp_path: Path) -> None:
    file = tmp_path / "t.csv"
    file.write_bytes(b"path,label\na.png,gr\xf6\xdfe\n")
    with pytest.raises(DataError, match="cannot be read as a table") as raised:
        read_rows(file)
    assert "UTF-8" in raised.value.hint
    assert read_header(tmp_path / "typo.csv") == []
    file.write_bytes(b"")
    assert read_rows(file) == ([], [])
