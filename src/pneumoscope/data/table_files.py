"""Reads tables as programs write them: separated by commas, semicolons, tabs or ``|``, in UTF-8, UTF-16 or Windows' own coding."""

from __future__ import annotations

import codecs
import csv
import io
import re
from itertools import takewhile
from typing import IO, TYPE_CHECKING

from pneumoscope.errors import DataError
from pneumoscope.files import cause
from pneumoscope.images.foreign import kind_by_start
from pneumoscope.images.formats import sniff

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator, Mapping
    from pathlib import Path

SEPARATORS = ",;\t|"
ENDINGS = (".csv", ".tsv", ".tab")
"""Endings of tables."""
MISSING = frozenset({"nan", "NaN", "NA", "N/A", "#N/A", "<NA>", "null", "NULL"})
"""What pandas, R, databases and spreadsheets write into a cell that has no value. As a class or a patient
it would join films that have nothing in common."""
_SAVE_TABLE = "Save it as CSV in UTF-8."
_OTHER_TABLES = (".xlsx", ".xls", ".ods", ".json", ".jsonl", ".parquet")
_ARCHIVES = (".zip", ".tar", ".gz", ".tgz", ".7z", ".rar")
_ADVICE = {
    "a web page": "The download gave a web page instead of the table: log in, and download it again.",
    "a Git LFS pointer": "Fetch the table itself: run `git lfs pull`.",
    "a git-annex pointer": "Fetch the table itself: run `git annex get`.",
    "a gzip archive": "Unpack it.",
}
_HEADER_BYTES = 1 << 16
_QUOTED = re.compile(r'"[^"]*"')
# Excel's own; other spreadsheets take it for a row, and save it with quotes or empty cells.
_SEPARATOR_LINE = re.compile(r'"?sep=(.)"?[,;\t|]*\r?\n', re.IGNORECASE)
_INVISIBLE = (
    "\u200b\u200c\u200d\u2060\ufeff"  # marks that copying from web pages and joining files leave
)
_QUOTES = (
    'Write "" for a quotation mark inside of a cell, or save the table again from a spreadsheet.'
)


class Row(dict[str, str]):
    """A row of a table: name of each column to its cell.

    Attributes:
        line: Line of the file on which it begins, from 1.
    """

    __slots__ = ("line",)

    def __init__(self, cells: Mapping[str, str], line: int) -> None:
        super().__init__(cells)
        self.line = line


def tables_in(folder: Path) -> list[Path]:
    """The tables in a folder, sorted. A pipe with the name of a table is none: nobody may ever write into it."""
    if not folder.is_dir():
        return []
    return [f for f in sorted(folder.iterdir()) if f.suffix.lower() in ENDINGS and f.is_file()]


def is_other_table(file: Path) -> bool:
    """Whether a file may be a table of a format that is not read, by its ending."""
    return file.suffix.lower() in _OTHER_TABLES


def refuse_file(file: Path) -> DataError:
    """The error for a file in place of a data folder."""
    ending = file.suffix.lower()
    if ending in _ARCHIVES:
        return DataError(
            f"{file}: is an archive, not a folder",
            "Unpack it, or use `pneumoscope data download --from ARCHIVE.zip --to DIR`.",
        )
    if is_other_table(file) or ending in (".txt", ".dat"):
        hint = "Save it as CSV, with the columns path and label."
        if ending == ".parquet":
            hint += " If it contains the films, write them as files first."
        return DataError(f"{file}: is not a CSV table", hint)
    return DataError(f"{file}: is not a folder", "Name a folder, or a manifest (.csv).")


def read_rows(file: Path) -> tuple[list[str], list[Row]]:
    """The header and the rows of a table, without spaces around the cells.

    The separator is the one of `SEPARATORS` that the header has most of, and the first row as often, or the
    one that a first line ``sep=;`` names.

    Raises:
        DataError: It cannot be read, is empty, or is no table.
    """
    try:
        text = _text(file)
        separator, body = _separator(text)
        before = int(body is not text)
        lines = _Lines(io.StringIO(body, newline=""), str(file), separator, before)
        reader = csv.DictReader(lines, skipinitialspace=True, delimiter=separator)
        header = [_visible(name or "") for name in reader.fieldnames or ()]
        reader.fieldnames = header
        rows = list(_rows(reader, lines))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise _unreadable(str(file), error) from error
    if not any(row.get("") for row in rows):  # separators behind the last column
        header = [name for name in header if name]
    return header, [Row({name: row[name] for name in header}, row.line) for row in rows]


def read_lines(file: Path) -> list[tuple[int, list[str]]]:
    """The rows of a table without header, each with its line.

    Raises:
        DataError: It cannot be read, is empty, or is no table.
    """
    try:
        separator, body = _separator(_text(file))
        reader = csv.reader(
            io.StringIO(body, newline=""), skipinitialspace=True, delimiter=separator
        )
        return [(reader.line_num, [*map(_visible, cells)]) for cells in reader if any(cells)]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise _unreadable(str(file), error) from error


def _text(file: Path) -> str:
    content = file.read_bytes()
    _check_start(content[:_HEADER_BYTES], str(file))
    text = _decoded(content)
    if "\0" in text:
        raise csv.Error("it contains zero bytes")
    return text


class _Lines:
    """The lines of a table, one after the other; notices rows that have swallowed others.

    Args:
        lines: The lines from the header on.
        name: What to call the table in messages.
        separator: Between its cells.
        before: Lines of the file before the header.
    """

    def __init__(self, lines: Iterator[str], name: str, separator: str, before: int) -> None:
        self._lines, self.name, self._separator = lines, name, separator
        self._of_row: list[str] = []
        self._before = before

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        line = next(self._lines)
        self._of_row.append(line)
        return line

    def end_row(self) -> int:
        """Checks the row that was read last.

        Returns:
            The line of the file on which it begins.

        Raises:
            DataError: It has several lines, but its quotation marks are not those of a cell with line ends.
        """
        blank = sum(1 for _ in takewhile(str.isspace, self._of_row))
        first, self._before = self._before + blank + 1, self._before + len(self._of_row)
        if len(self._of_row) > 1:
            row = csv.reader(
                self._of_row, skipinitialspace=True, delimiter=self._separator, strict=True
            )
            try:
                list(row)
            except csv.Error:
                raise DataError(
                    f"{self.name}, line {first}: a quotation mark has no other one that closes it",
                    _QUOTES,
                ) from None
        self._of_row.clear()
        return first


def _rows(reader: csv.DictReader[str], lines: _Lines) -> Iterator[Row]:
    """The rows whose header has been read, without empty ones, which spreadsheets leave at the end, and repeated headers.

    Raises:
        DataError: A row has more cells than the header: they would be taken for those of other columns.
    """
    lines.end_row()
    for cells in reader:
        line = lines.end_row()
        more = cells.pop(None, None)
        if more and any(map(_visible, more)):
            raise DataError(
                f"{lines.name}, line {line}: has more cells than the first line",
                "Put quotation marks around cells that contain the separator, name all columns, and delete lines above "
                "their names.",
            )
        row = Row(_stripped(cells), line)
        if any(row.values()) and any(name != cell for name, cell in row.items()):
            yield row


def _stripped(row: dict[str, str | None]) -> dict[str, str]:
    """A row without spaces around its cells, and without `MISSING`."""
    cells = {name: _visible(value or "") for name, value in row.items()}
    return {name: "" if cell in MISSING else cell for name, cell in cells.items()}


def _visible(text: str) -> str:
    """A cell without spaces and invisible marks around it."""
    text = text.strip()
    return text if text.isascii() else text.strip(_INVISIBLE).strip()


def rows_of(stream: IO[bytes], name: str) -> tuple[list[str], Generator[Row, None, None]]:
    """The header of a table, and its rows one after the other, as `read_rows` gives them.

    Args:
        stream: Its bytes, from the start; read as far as rows are taken.
        name: What to call it in messages.

    Raises:
        DataError: It cannot be read, also while rows are taken; it is empty, or no table.
    """
    start = start_of(stream, name)
    encoding = _encoding(start)
    decoded = start.decode(encoding, errors="ignore")  # a character may be cut in the middle
    separator, body = _separator(decoded)
    names_separator = body is not decoded
    try:
        lines = csv.reader(
            io.StringIO(body, newline=""), skipinitialspace=True, delimiter=separator
        )
        header = [_visible(column) for column in next(lines, [])]
    except csv.Error as error:
        raise _unreadable(name, error) from error

    def rows() -> Generator[Row, None, None]:
        text = io.TextIOWrapper(stream, encoding, newline="")
        try:
            if names_separator:
                text.readline()
            lines = _Lines(text, name, separator, int(names_separator))
            reader = csv.DictReader(lines, skipinitialspace=True, delimiter=separator)
            next(reader.reader, None)
            reader.fieldnames = header
            yield from _rows(reader, lines)
        except (UnicodeDecodeError, csv.Error) as error:
            raise _unreadable(name, error) from error
        finally:
            text.detach()

    return header, rows()


def start_of(stream: IO[bytes], name: str) -> bytes:
    """The first bytes of a table or a list, which is read from its start again afterwards.

    Raises:
        DataError: It is empty, or another kind of file.
    """
    start = stream.read(_HEADER_BYTES)
    stream.seek(0)
    _check_start(start, name)
    return start


def _check_start(start: bytes, name: str) -> None:
    """Refuses what downloads and exports leave in place of a table."""
    if not start.strip(b" \t\r\n\xef\xbb\xbf\xff\xfe\0"):
        raise DataError(f"{name}: is empty", "Download or export it again.")
    kind = kind_by_start(start)
    if not kind and (picture := sniff(start)):
        kind = f"a {picture} file"
    if not kind and start.lstrip()[:1] == b"{":
        kind = "a JSON document"
    if kind:
        raise DataError(f"{name}: is {kind}, not a table", _ADVICE.get(kind, _SAVE_TABLE))


def _unreadable(name: str, error: Exception) -> DataError:
    if "field larger than" in str(error):  # a whole part of the table in one cell
        return DataError(f"{name}: a quotation mark has no other one that closes it", _QUOTES)
    return DataError(f"{name}: cannot be read as a table ({cause(error)})", _SAVE_TABLE)


def read_header(file: Path) -> list[str]:
    """The header alone; empty if the file is no table."""
    try:
        with file.open("rb") as stream:
            start = stream.read(_HEADER_BYTES)
        # A character may be cut in the middle.
        separator, body = _separator(start.decode(_encoding(start), errors="ignore"))
        reader = csv.reader(
            io.StringIO(body, newline=""), skipinitialspace=True, delimiter=separator
        )
        return [_visible(name) for name in next(reader, [])]
    except (OSError, csv.Error):
        return []


def _decoded(content: bytes) -> str:
    return content.decode(_encoding(content))


def _encoding(content: bytes) -> str:
    if content[:2] in (b"\xff\xfe", b"\xfe\xff"):
        return "utf-16"
    try:
        codecs.getincrementaldecoder("utf-8")().decode(content)  # its last character may be cut
    except UnicodeDecodeError:
        return "cp1252"  # "CSV" of a spreadsheet, in Western Europe and America
    return "utf-8-sig"


def _separator(text: str) -> tuple[str, str]:
    """The separator, and the text without a line that only names it."""
    if match := _SEPARATOR_LINE.match(text):
        return match[1], text[match.end() :]
    header, first = (_QUOTED.sub("", line) for line in (*text.split("\n", 2), "", "")[:2])
    # A header may have other marks in its names; the rows then have another number of them.
    same = [mark for mark in SEPARATORS if 0 < header.count(mark) == first.count(mark)]
    return max(same or SEPARATORS, key=header.count), text
