"""Films as JSON and as CSV: the one format that the command line prints and the server exports.

`write_table` and `table_text` write every CSV that people open in a spreadsheet.

A *record* is what `serialise.outcome_to_json` gives for a film: ``source`` and the prediction's
values, or ``source`` and ``error``.
"""

from __future__ import annotations

import csv
import io
import json
import re
from operator import itemgetter
from typing import TYPE_CHECKING, Any

from pneumoscope.render.serialise import NOTICE, marks_of, p_positive_of
from pneumoscope.render.visible import visible

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from typing import TextIO

    Record = Mapping[str, Any]
    Fill = Callable[[Record], Any]

_ROW_END = "\r\n"
# What spreadsheets take for the start of a formula (OWASP, CSV injection).
_FORMULA = ("=", "+", "-", "@", "\t", "\r")
# Where the list separator is a semicolon, a spreadsheet begins a cell behind each one.
_INNER_FORMULA = re.compile(r"(?<=[;\t])(?=[=+\-@])")
_MARKED_INNER = re.compile(r"(?<=[;\t])'(?=[=+\-@])")
_CELL_CONTROLS = "\t\r\n"


def write_json(records: Iterable[Record], stream: TextIO) -> None:
    """Writes films as they come, one a line, as one JSON document with the notice."""
    stream.write('{\n"notice": ' + json.dumps(NOTICE) + ',\n"results": [')
    for i, record in enumerate(records):
        stream.write((",\n" if i else "\n") + json.dumps(record))
    stream.write("\n]\n}\n")


def write_csv(
    records: Iterable[Record],
    labels: Sequence[str],
    stream: TextIO,
    *,
    identity: Sequence[str] = (),
) -> None:
    """Writes films as they come, one a line.

    Args:
        records: Records of the films.
        labels: Classes or findings of the bundle.
        stream: Where to.
        identity: Keys of the records that become columns before all others.
    """
    fills = columns(labels)
    rows = (
        [*(record[key] for key in identity), *csv_row(record, fills).values()] for record in records
    )
    write_table([*identity, *fills], rows, stream)


def write_table(columns: Iterable[str], rows: Iterable[Iterable[Any]], stream: TextIO) -> None:
    """Writes a table as CSV, row by row; no spreadsheet takes a cell for a formula.

    Args:
        columns: Their names, for the first line.
        rows: Cells in the order of the columns.
        stream: Where to.
    """
    writer = csv.writer(_Lines(stream), lineterminator=_ROW_END)
    writer.writerow(map(safe_cell, columns))
    for row in rows:
        writer.writerow(map(safe_cell, row))


def table_text(columns: Sequence[str], rows: Iterable[Mapping[str, Any]]) -> str:
    """A table as CSV, see `write_table`.

    Args:
        columns: Their names, for the first line.
        rows: Cells by column; cells that a row lacks stay empty.
    """
    text = io.StringIO()
    write_table(columns, ([row.get(name) for name in columns] for row in rows), text)
    return text.getvalue()


class _Lines:
    """Ends rows with a line feed alone.

    `csv` quotes a carriage return in a cell only if rows end with one; without quotes, the rest of
    the cell would begin a row.
    """

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def write(self, row: str) -> None:
        self._stream.write(row.removesuffix(_ROW_END) + "\n")


def columns(labels: Sequence[str]) -> dict[str, Fill]:
    """The columns of a table of predictions, with what fills each from a record.

    Args:
        labels: Classes or findings of the bundle.
    """
    # A class may be called "pneumonia": the one column of that name then holds its probability.
    return _VERDICT | {f"p_{name}": _probability(name) for name in labels} | _DETAILS


def csv_row(record: Record, fills: Mapping[str, Fill]) -> dict[str, Any]:
    """The cells of one film by column; of one that could not be read only source and error.

    Args:
        record: Record of the film.
        fills: What `columns` gives.
    """
    if "error" in record:
        return {name: _FAILURE[name](record) if name in _FAILURE else "" for name in fills}
    return {name: fill(record) for name, fill in fills.items()}


def safe_cell(value: Any) -> Any:
    """A cell that no spreadsheet takes for a formula: such text is marked by an apostrophe.

    Other control characters than tabs and line ends are written visibly, see `visible`.
    """
    if not isinstance(value, str):
        return value
    text = _INNER_FORMULA.sub("'", visible(value, keep=_CELL_CONTROLS))
    return f"'{text}" if text.startswith(_FORMULA) else text


def plain_cell(text: str) -> str:
    """The text of a cell that `safe_cell` may have marked."""
    text = _MARKED_INNER.sub("", text)
    return text[1:] if text.startswith("'") and text[1:].startswith(_FORMULA) else text


def _same(*names: str) -> dict[str, Fill]:
    return {name: itemgetter(name) for name in names}


def _if_known(name: str) -> Fill:
    return lambda record: record.get(name)


def _joined(name: str) -> Fill:
    return lambda record: "; ".join(record[name] or ())


def _probability(name: str) -> Fill:
    return lambda record: (record["probabilities"] or {}).get(name, "")


def _explanation(name: str) -> Fill:
    return lambda record: (record["explanation"] or {}).get(name, "")


_VERDICT: dict[str, Fill] = {
    **_same("source", "label"),
    "marks": lambda record: "; ".join(marks_of(record)),
    **_same("called", "forced", "positive"),
    "p_positive": p_positive_of,
    "p_pneumonia": p_positive_of,  # the former name, for one version
    **_same("p_unadjusted", "prevalence"),
}
_DETAILS: dict[str, Fill] = {
    "classes": _joined("classes"),
    "error_rate": itemgetter("error_rate"),
    "kinds": _joined("kinds"),
    "subtype": itemgetter("subtype"),
    "findings": lambda record: "; ".join(
        finding["name"] for finding in record["findings"] or () if finding["present"]
    ),
    "operating_point": lambda record: record["operating_point"]["name"],
    "threshold": lambda record: record["operating_point"]["threshold"],
    "gate": lambda record: record["gate"]["level"],
    "reasons": lambda record: "; ".join(reason["code"] for reason in record["gate"]["reasons"]),
    "warnings": _joined("warnings"),
    "explanation_reliable": _explanation("reliable"),
    "explanation_score": _explanation("score"),
    "zones": lambda record: "; ".join(
        f"{zone['name']} {zone['share']:.2f}" for zone in record.get("zones") or ()
    ),
    "heatmap_file": lambda record: record.get("heatmap_file", ""),
    # Records of former versions lack these.
    **{key: _if_known(key) for key in ("population", "population_source")},
    **dict.fromkeys(("error_code", "error", "hint"), lambda _record: ""),
    **_same("bundle", "bundle_sha256", "profile"),
}
_FAILURE: dict[str, Fill] = {
    "source": itemgetter("source"),
    "error_code": lambda record: record["error"]["code"],
    "error": lambda record: record["error"]["message"],
    "hint": lambda record: record["error"]["hint"],
}
