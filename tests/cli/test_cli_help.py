"""Help that follows the width of the terminal."""

from __future__ import annotations

import typer
from typer.testing import CliRunner

from pneumoscope.cli.help import flow, flowing


def test_paragraphs_lose_their_line_breaks() -> None:
    assert (
        flowing("""One line.

    Two
    lines.

    Three.
    """)
        == "One line.\n\nTwo lines.\n\nThree."
    )


def test_commands_of_groups_flow_too() -> None:
    app, group = typer.Typer(), typer.Typer()
    app.add_typer(group, name="group")

    @app.command()
    def plain() -> None:
        """Do it."""

    @group.command()
    def inner() -> None:
        """Do it.

        A sentence that goes
        on.
        """

    flow(app)
    shown = CliRunner().invoke(app, ["group", "inner", "--help"]).stdout
    assert "A sentence that goes on." in shown
