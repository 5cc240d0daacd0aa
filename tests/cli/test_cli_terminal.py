"""What commands write to the terminal."""

from __future__ import annotations

import json
from types import SimpleNamespace

import pytest

from pneumoscope.cli.terminal import (
    console,
    escape,
    note,
    plain_table,
    print_json,
    print_table,
    report,
    report_films,
)
from pneumoscope.errors import UsageError


@pytest.mark.parametrize(
    ("error", "text"),
    [
        (UsageError("no films", "Name some."), "error: no films\nhint: Name some.\n"),
        (UsageError("no films"), "error: no films\n"),
        (OSError("disk"), "error: disk\nhint: Is there space, and may you write there?\n"),
        (
            FileNotFoundError(2, "No such file or directory", "a/film.png"),
            "error: a/film.png: no such file or directory\nhint: Check the path.\n",
        ),
    ],
)
def test_an_error_and_its_hint(
    error: Exception, text: str, capsys: pytest.CaptureFixture[str]
) -> None:
    report(error)
    assert capsys.readouterr() == ("", text)


def test_without_stderr_nothing_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stderr", None)
    report(UsageError("no films"))


def test_films_that_could_not_be_read(capsys: pytest.CaptureFixture[str]) -> None:
    films = [SimpleNamespace(message=f"{name}: cut", hint="Copy it again.") for name in "ab"]
    report_films(films)
    err = capsys.readouterr().err
    assert err == "".join(f"error: {name}: cut\nhint: Copy it again.\n" for name in "ab")


def test_json_ends_with_a_line(capsys: pytest.CaptureFixture[str]) -> None:
    print_json({"a": [1]})
    print_json({"a": [1]}, indent=2)
    first, *rest = capsys.readouterr().out.splitlines(keepends=True)
    assert first == '{"a": [1]}\n'
    assert json.loads("".join(rest)) == {"a": [1]}
    assert rest[-1] == "}\n"


def test_notes_go_to_stderr(capsys: pytest.CaptureFixture[str]) -> None:
    note("converting")
    assert capsys.readouterr() == ("", "converting ...\n")


def test_columns_align_and_piped_rows_stay_on_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    table = plain_table("name", "figure", right=("figure",), fold=("name",))
    assert [column.justify for column in table.columns] == ["left", "right"]
    assert [column.overflow for column in table.columns] == ["fold", "ellipsis"]
    table.add_row("x" * 300, "1")
    table.add_row("y", "10")
    console().print(table)
    heads, long, short = (line.rstrip() for line in capsys.readouterr().out.splitlines())
    assert heads.split() == ["name", "figure"]
    assert long.split() == ["x" * 300, "1"]
    assert len(heads) == len(long) == len(short)


def test_lines_for_other_programs_do_not_end_with_blanks(
    capsys: pytest.CaptureFixture[str],
) -> None:
    table = plain_table("name", "figure")
    table.add_row("long name", "figures")
    table.add_row("y", "1")
    print_table(console(), table)
    assert capsys.readouterr().out == "name       figure\nlong name  figures\ny          1\n"


def test_names_do_not_move_other_text(capsys: pytest.CaptureFixture[str]) -> None:
    assert escape("a\nb\x1b[2J\u202e[bold].png") == r"a\nb\x1b[2J\u202e\[bold].png"
    report(UsageError("\x1b[2J: no films", "\u202eName some."))
    report_films([SimpleNamespace(message="a\nb: cut", hint="Copy it.")])
    note("\x1b[2J")
    assert capsys.readouterr().err == (
        "error: \\x1b[2J: no films\nhint: \\u202eName some.\n"
        "error: a\\nb: cut\nhint: Copy it.\n\\x1b[2J ...\n"
    )
