"""Rows with notes below them."""

from __future__ import annotations

import io

import pytest
from rich.console import Console

from pneumoscope.cli.rows import Row, Styled, fit, print_rows, print_wrapped

HEADINGS = ("film", "verdict", "P", "kind")
ROWS = [
    Row(
        ("ward/a.png", Styled("PNEUMONIA", "red"), "0.99", ""),
        ("heat in the right lower zone",),
    ),
    Row(("ward/night/long.png", "NOT READ", "", "")),
]


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def printed(monkeypatch: pytest.MonkeyPatch, stream: io.StringIO, width: int) -> str:
    monkeypatch.setattr("sys.stdout", stream)
    out = Console(file=stream, width=width, no_color=True) if stream.isatty() else None
    print_rows(out, HEADINGS, ROWS, right=("P",))
    return stream.getvalue()


def test_other_programs_get_tabs_and_whole_notes(monkeypatch: pytest.MonkeyPatch) -> None:
    assert printed(monkeypatch, io.StringIO(), 10) == (
        "film\tverdict\tP\tkind\n"
        "ward/a.png\tPNEUMONIA\t0.99\n"
        "  heat in the right lower zone\n"
        "ward/night/long.png\tNOT READ\n"
    )


def plain(text: str) -> str:
    return text.replace("\x1b[1m", "").replace("\x1b[0m", "")


def test_a_terminal_gets_columns_without_the_empty_ones(monkeypatch: pytest.MonkeyPatch) -> None:
    assert plain(printed(monkeypatch, Terminal(), 80)) == (
        "film                 verdict       P\n"
        "ward/a.png           PNEUMONIA  0.99\n"
        "  heat in the right lower zone\n"
        "ward/night/long.png  NOT READ\n"
    )


def test_a_narrow_terminal_shortens_names_and_wraps_notes(monkeypatch: pytest.MonkeyPatch) -> None:
    lines = plain(printed(monkeypatch, Terminal(), 32)).splitlines()
    assert lines[1] == "ward/a.png       PNEUMONIA  0.99"
    assert lines[2] == "  heat in the right lower zone"
    assert lines[3].startswith("…")
    assert lines[3].endswith("long.png  NOT READ")
    assert all(len(line) <= 32 for line in lines)


def test_what_does_not_fit_is_known_before(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdout", stream := Terminal())
    # 19 + 9 + 4 + 4 characters and three gaps of 2
    assert fit(Console(file=stream, width=42), HEADINGS, ROWS)
    assert not fit(Console(file=stream, width=41), HEADINGS, ROWS)
    assert fit(None, HEADINGS, ROWS)


def test_paragraphs_are_wrapped_on_a_terminal_only(monkeypatch: pytest.MonkeyPatch) -> None:
    words = "one two three four five six seven eight"
    for stream, lines in (
        (Terminal(), ["  one two three four five", "  six seven eight"]),
        (io.StringIO(), [f"  {words}"]),
    ):
        monkeypatch.setattr("sys.stdout", stream)
        out = Console(file=stream, width=26) if stream.isatty() else None
        print_wrapped(out, words, indent=2)
        assert stream.getvalue().splitlines() == lines


def test_brackets_and_colons_are_text(monkeypatch: pytest.MonkeyPatch) -> None:
    names = ("[bold]a.png", ":lungs:.png", "b\\")
    for stream in (io.StringIO(), Terminal()):
        monkeypatch.setattr("sys.stdout", stream)
        out = Console(file=stream, width=80, no_color=True) if stream.isatty() else None
        print_rows(out, ("film",), [Row((name,), (name,)) for name in names])
        shown = [line.strip() for line in plain(stream.getvalue()).splitlines()]
        assert shown == ["film", *(name for name in names for _ in range(2))]
