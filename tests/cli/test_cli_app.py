"""Help, version and the panels of the command line."""

from __future__ import annotations

import inspect

import click
import pytest
import typer.core
import typer.main

import pneumoscope
from command_line import run, run_process
from pneumoscope.cli.app import app
from reference_cli import leaves

COMMANDS = list(leaves())
PANELS = {
    "Read": ["predict", "info", "bundles"],
    "Serve": ["serve", "gradio", "streamlit"],
    "Train": ["train", "leaderboard", "export", "import", "data", "bench"],
    "Evidence": ["audit", "evaluate", "card"],
    "Site": ["calibrate", "drift"],
    "Administration": ["purge", "user", "token", "patient", "audit-log"],
}


def test_version_and_help() -> None:
    assert run_process("--version").stdout == f"pneumoscope {pneumoscope.__version__}\n"
    for command in ("predict", "info", "train"):
        done = run(command, "--help")
        assert done.returncode == 0
        assert "Example:" in done.stdout


def test_a_typo_suggests_the_command() -> None:
    done = run_process("predct")
    assert done.returncode == 2
    assert "predict" in done.stderr


def test_help_groups_commands_in_panels() -> None:
    group = typer.main.get_command(app)
    assert isinstance(group, typer.core.TyperGroup)
    panels: dict[str, list[str]] = {}
    for name, command in group.commands.items():
        panels.setdefault(str(command.rich_help_panel), []).append(name)  # type: ignore[attr-defined]
    assert panels == PANELS
    lines = run("--help").stdout.splitlines()
    heads = [line.split()[1] for line in lines if line.startswith("╭─")]
    assert heads == ["Options", *PANELS]


@pytest.mark.parametrize(("name", "command"), COMMANDS, ids=[name for name, _ in COMMANDS])
def test_every_command_has_an_example_of_itself(name: str, command: click.Command) -> None:
    assert (command.epilog or "").startswith(f"Example: pneumoscope {name}")


@pytest.mark.parametrize(("name", "command"), COMMANDS, ids=[name for name, _ in COMMANDS])
def test_help_fits_a_terminal_of_80_columns(name: str, command: click.Command) -> None:
    first, *others = inspect.cleandoc(command.help or "").split("\n\n")
    # It is what the list of commands shows, too.
    assert first.endswith((".", "?")), name
    assert len(first) <= 2 * 62, name
    # Typer joins the lines of the first paragraph only; a margin is one space wide.
    assert [line for text in others for line in text.splitlines() if len(line) > 78] == []
