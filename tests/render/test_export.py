"""Films as JSON and CSV, whoever writes them."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path
from typing import Any

import pytest

from command_line import run
from pneumoscope.bundle import Bundle
from pneumoscope.errors import UnknownFormat
from pneumoscope.records import Outcome
from pneumoscope.render.export import (
    columns,
    csv_row,
    plain_cell,
    safe_cell,
    table_text,
    write_csv,
    write_json,
    write_table,
)
from pneumoscope.render.serialise import NOTICE, outcome_to_json
from pneumoscope.render.written import read_predictions
from pneumoscope.runtime import load
from predictions import prediction, refused, with_findings

LABELS = ("normal", "bacterial", "viral")
FAILED = outcome_to_json(Outcome("=a.txt", 0, error=UnknownFormat("=a.txt")))


@pytest.fixture
def record(tiny_bundle: Bundle, film_files: Path) -> dict[str, Any]:
    (outcome,) = load(tiny_bundle).predict_many([film_files / "bright.png"])
    return outcome_to_json(outcome)


def written(*records: dict[str, Any], identity: tuple[str, ...] = ()) -> list[dict[str, str]]:
    stream = io.StringIO()
    write_csv(records, LABELS, stream, identity=identity)
    return list(csv.DictReader(io.StringIO(stream.getvalue())))


def test_one_film_a_line(record: dict[str, Any]) -> None:
    stream = io.StringIO()
    write_json([record, FAILED], stream)
    lines = stream.getvalue().splitlines()
    assert lines[:3] == ["{", f'"notice": "{NOTICE}",', '"results": [']
    assert [json.loads(line.rstrip(",")) for line in lines[3:5]] == [record, FAILED]
    assert json.loads(stream.getvalue()) == {"notice": NOTICE, "results": [record, FAILED]}


def test_no_films_are_a_document_too() -> None:
    stream = io.StringIO()
    write_json([], stream)
    assert json.loads(stream.getvalue()) == {"notice": NOTICE, "results": []}


def test_columns_stand_in_one_order() -> None:
    names = list(columns(LABELS))
    start = names.index("p_normal")
    assert names[start : start + 4] == ["p_normal", "p_bacterial", "p_viral", "classes"]
    assert names[0] == "source"
    assert names[-3:] == ["bundle", "bundle_sha256", "profile"]
    assert len(set(names)) == len(names)


def test_cells_of_a_film(record: dict[str, Any]) -> None:
    (row,) = written(record)
    assert list(row) == list(columns(LABELS))
    assert (row["label"], row["gate"], row["error"]) == ("PNEUMONIA", "ok", "")
    assert float(row["p_bacterial"]) == record["probabilities"]["bacterial"]
    assert (row["operating_point"], row["threshold"]) == ("balanced", "0.5")


def test_a_film_that_could_not_be_read_has_source_and_error_only() -> None:
    row = csv_row(FAILED, columns(LABELS))
    filled = {name: cell for name, cell in row.items() if cell != ""}
    assert filled == {
        "source": "=a.txt",
        "error_code": "UnknownFormat",
        "error": FAILED["error"]["message"],
        "hint": FAILED["error"]["hint"],
    }


def test_identity_comes_first(record: dict[str, Any]) -> None:
    (row,) = written({"id": "7", "created": "-now", **record}, identity=("id", "created"))
    assert list(row)[:3] == ["id", "created", "source"]
    assert (row["id"], row["created"]) == ("7", "'-now")


@pytest.mark.parametrize("start", ["=", "+", "-", "@", "\t", "\r"])
def test_text_that_looks_like_a_formula_is_marked_and_read_back(start: str) -> None:
    text = f"{start}SUM(A1)"
    assert safe_cell(text) == f"'{text}"
    assert plain_cell(safe_cell(text)) == text


@pytest.mark.parametrize("start", ["=", "+", "-", "@"])
@pytest.mark.parametrize("separator", [";", "\t"])
def test_no_formula_begins_behind_another_separator(separator: str, start: str) -> None:
    # Where the list separator is a semicolon, spreadsheets split the cell there.
    text = f"film{separator}{start}SUM(A1).png"
    assert safe_cell(text) == f"film{separator}'{start}SUM(A1).png"
    assert plain_cell(safe_cell(text)) == text


def test_control_characters_do_not_reach_a_terminal() -> None:
    assert safe_cell("\x1b[2J\u202efilm") == r"\x1b[2J\u202efilm"
    assert safe_cell("a\nb") == "a\nb"  # quoted, so a table of many lines stays as it is


def test_numbers_and_other_text_stay() -> None:
    for cell in (-0.1, 0, True, None, "", "a=b", "'quoted'", "ward/-1.png"):
        assert safe_cell(cell) is cell
    assert plain_cell("'quoted'") == "'quoted'"
    stream = io.StringIO()
    csv.writer(stream, lineterminator="\n").writerow(map(safe_cell, (-0.1, "-0.1")))
    assert stream.getvalue() == "-0.1,'-0.1\n"


def test_any_table_is_safe_to_open() -> None:
    stream = io.StringIO()
    rows = iter([("=1+1", -0.5), ("a, b", None)])
    write_table(("=name", "share"), rows, stream)
    assert stream.getvalue() == "'=name,share\n'=1+1,-0.5\n\"a, b\",\n"


def test_the_command_line_marks_formulas(
    tiny_bundle: Bundle, film_files: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (film_files / "bright.png").rename(film_files / "=HYPERLINK(1).png")
    monkeypatch.chdir(film_files)
    done = run("predict", "=HYPERLINK(1).png", "./dark.png", "--csv", "--bundle", tiny_bundle.path)
    assert done.returncode == 0, done.stderr
    rows = list(csv.DictReader(io.StringIO(done.stdout)))
    assert [row["source"] for row in rows] == ["'=HYPERLINK(1).png", "dark.png"]
    # What reads the table back knows the film by its own name.
    (tmp_path / "table.csv").write_text(done.stdout)
    names = [film.source for film in read_predictions([tmp_path / "table.csv"])]
    assert names == ["=HYPERLINK(1).png", "dark.png"]


def test_a_name_that_is_a_formula_is_marked_wherever_it_stands(record: dict[str, Any]) -> None:
    hostile = record | {
        "source": "=cmd|' /C calc'!A0", "subtype": "@SUM(1)", "kinds": ["-1+1", "b"],
        "warnings": ["+Look"], "profile": "\tward", "bundle": "\rtiny",
    }  # fmt: skip
    stream = io.StringIO()
    write_csv([hostile, FAILED], LABELS, stream)
    first, second = csv.DictReader(io.StringIO(stream.getvalue(), newline=""))
    assert [first[name] for name in ("source", "subtype", "kinds", "warnings", "profile", "bundle")] == [
        "'=cmd|' /C calc'!A0", "'@SUM(1)", "'-1+1; b", "'+Look", "'\tward", "'\rtiny",
    ]  # fmt: skip
    assert (second["source"], second["error"][:7]) == ("'=a.txt", "'=a.txt")
    # Whole numbers and shares stay numbers, also below 0.
    assert float(first["p_positive"]) == record["p_positive"]


def test_a_name_with_separators_is_one_cell(record: dict[str, Any]) -> None:
    for name in ('a,b;c"d"', "two\nlines.png", "a\r=HYPERLINK(1).png", "\r\n", "Łukasz 肺炎.png"):
        stream = io.StringIO()
        write_csv([record | {"source": f"x{name}"}], LABELS, stream)
        text = stream.getvalue()
        assert text.endswith("\n")
        assert not text.endswith("\r\n")
        (row,) = csv.DictReader(io.StringIO(text, newline=""))
        assert row["source"] == f"x{name}"
        assert row["label"] == "PNEUMONIA"


def test_a_refused_film_has_empty_cells_for_its_figures() -> None:
    (row,) = written(outcome_to_json(Outcome("a.png", 0, prediction=refused())))
    figures = (
        "called", "p_positive", "p_pneumonia", "p_unadjusted", "p_normal", "p_bacterial",
        "p_viral", "classes", "kinds", "subtype", "findings", "explanation_reliable",
        "explanation_score",
    )  # fmt: skip
    assert {row[name] for name in figures} == {""}
    assert (row["label"], row["gate"], row["reasons"]) == ("REFUSED", "refuse", "inverted")
    assert "0.8" not in "".join(row.values())


def test_cells_of_findings_and_sets() -> None:
    of_findings, of_set = (
        written(outcome_to_json(Outcome("a.png", 0, prediction=p)))[0]
        for p in (with_findings(), prediction(classes=("NORMAL", "PNEUMONIA"), error=None))
    )
    assert of_findings["findings"] == "Mass; Nodule"  # those that are present
    assert (of_findings["p_normal"], of_findings["threshold"]) == ("", "0.5")
    assert (of_set["classes"], of_set["error_rate"]) == ("NORMAL; PNEUMONIA", "")
    assert (of_set["explanation_reliable"], of_set["explanation_score"]) == ("True", "0.75")
    assert (of_set["warnings"], of_set["reasons"]) == ("The kinds look alike.", "")


@pytest.mark.parametrize("text", ["", "a", "'", "''=x", "'a", "'=x", "=x", "'-", "-"])
def test_marking_twice_is_undone_once(text: str) -> None:
    assert plain_cell(str(safe_cell(text))) == (
        text if not text.startswith("'=") and text != "'-" else text[1:]
    )


def test_a_table_whose_rows_lack_cells() -> None:
    rows = [{"share": 0.5, "name": "=a"}, {"name": "b\rc"}]
    assert table_text(("name", "share"), rows) == 'name,share\n\'=a,0.5\n"b\rc",\n'
