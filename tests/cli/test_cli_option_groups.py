"""Options that several commands share, as one value."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

import typer
from typer.main import get_command
from typer.testing import CliRunner

from pneumoscope.cli.option_groups import with_options


@dataclass(frozen=True, slots=True)
class Size:
    width: Annotated[int, typer.Option(metavar="PX", help="In pixels.")] = 3
    fit: bool = False

    def __post_init__(self) -> None:
        if self.fit and self.width != 3:
            raise typer.BadParameter("--width and --fit exclude each other")


received: list[object] = []
app = typer.Typer()


@app.command()
@with_options(Size)
def draw(name: str, *, copies: int = 1, size: Size, last: bool = False) -> None:
    """Draw."""
    received.extend((name, copies, size, last))


def test_the_options_are_where_the_value_is() -> None:
    command = get_command(app)
    assert [p.name for p in command.params if "completion" not in str(p.name)] == [
        "name", "copies", "width", "fit", "last",
    ]  # fmt: skip
    [width] = [p for p in command.params if p.name == "width"]
    assert (width.metavar, width.default, command.help) == ("PX", 3, "Draw.")


def test_the_command_gets_one_value() -> None:
    received.clear()
    assert CliRunner().invoke(app, ["film", "--width", "5", "--last"]).exit_code == 0
    assert received == ["film", 1, Size(width=5), True]


def test_a_value_that_is_refused_is_wrong_usage() -> None:
    done = CliRunner().invoke(app, ["film", "--width", "5", "--fit"])
    assert done.exit_code == 2
    assert "--width and --fit exclude each other" in done.output
