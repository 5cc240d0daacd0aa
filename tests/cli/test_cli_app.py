"""Help, version and the panels of the command line."""

from __future__ import annotations

import inspect
import re
import subprocess
import sys

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
    "Read": ["predict", "batch", "report", "watch", "info", "bundles"],
    "Serve": ["serve", "pacs", "gradio", "streamlit"],
    "Train": ["train", "leaderboard", "import", "export", "data", "bench"],
    "Evidence": ["audit", "evaluate", "card"],
    "Site": ["calibrate", "drift"],
    "Administration": [
        "deidentify",
        "purge",
        "backup",
        "restore",
        "queue",
        "user",
        "session",
        "token",
        "patient",
        "keys",
        "audit-log",
    ],
}


def test_version_and_help() -> None:
    assert run_process("--version").stdout == f"pneumoscope {pneumoscope.__version__}\n"
    for command in ("predict", "info", "train"):
        done = run(command, "--help")
        assert done.returncode == 0
        assert "Example:" in done.stdout


def test_a_call_imports_no_other_command() -> None:
    code = (
        "import sys; sys.argv = ['pneumoscope', 'info', '--help']\n"
        "from pneumoscope.cli.main import run\n"
        "run(); sys.exit(' '.join(m for m in sys.modules if m.startswith('pneumoscope.cli.')))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert "pneumoscope.cli.read.info" in done.stderr
    assert not {"pneumoscope.cli.read.predict", "pneumoscope.cli.train.train"} & set(
        done.stderr.split()
    )


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


@pytest.mark.parametrize(("name", "command"), COMMANDS, ids=[name for name, _ in COMMANDS])
def test_help_names_every_option_and_costs_nothing(name: str, command: click.Command) -> None:
    done = run(*name.split(), "-h")
    assert (done.returncode, done.stderr) == (0, "")
    assert f"pneumoscope {name} [OPTIONS]" in done.stdout
    shown = set(re.findall(r"--[a-z][a-z-]+", done.stdout))
    options = {
        option
        for parameter in command.params
        if isinstance(parameter, click.Option) and not parameter.hidden
        for option in parameter.opts
        if option.startswith("--")
    }
    assert options <= shown


@pytest.mark.parametrize("name", [name for name, _ in COMMANDS])
def test_an_option_that_does_not_exist_is_wrong_usage(name: str) -> None:
    done = run(*name.split(), "--no-such-thing")
    assert (done.returncode, done.stdout) == (2, "")
    assert "No such option: --no-such-thing" in done.stderr
    assert f"pneumoscope {name} -h' for help" in done.stderr


NEEDED = [
    (name, [p for p in command.params if p.required])
    for name, command in COMMANDS
    if any(p.required for p in command.params)
]


@pytest.mark.parametrize(("name", "needed"), NEEDED, ids=[name for name, _ in NEEDED])
def test_what_a_command_needs_is_named(
    name: str, needed: list[click.Parameter], monkeypatch: pytest.MonkeyPatch
) -> None:
    for parameter in needed:
        for variable in [parameter.envvar] if isinstance(parameter.envvar, str) else []:
            monkeypatch.delenv(variable, raising=False)
    done = run(*name.split())
    assert (done.returncode, done.stdout) == (2, "")
    assert re.search("Missing (argument|option)", done.stderr)
    named = {parameter.metavar or "" for parameter in needed} | {
        option for parameter in needed for option in parameter.opts
    }
    assert any(name in done.stderr for name in named if name)


@pytest.mark.parametrize(
    "group", ["", "data", "bench", "user", "session", "token", "patient", "audit-log"]
)
def test_a_group_without_a_command_shows_its_help(group: str) -> None:
    done = run(*group.split())
    assert done.returncode == 2  # nothing was done
    assert f"pneumoscope {group}".rstrip() + " [OPTIONS] COMMAND" in done.stdout + done.stderr
    for name, command in COMMANDS:
        if group and name.startswith(f"{group} "):
            assert (command.help or "").split(".")[0][:40] in done.stdout + done.stderr


@pytest.mark.parametrize(
    ("words", "suggested"),
    [
        (("evalute",), "evaluate"),
        (("calibrat",), "calibrate"),
        (("user", "ad"), "add"),
        (("predict", "--operating-pont", "screen"), "--operating-point"),
        (("train", "--epoch", "3"), "--epochs"),
        (("serve", "--keepfilms"), "--keep-films"),
    ],
)
def test_a_typo_suggests_what_was_meant(words: tuple[str, ...], suggested: str) -> None:
    done = run(*words)
    assert (done.returncode, done.stdout) == (2, "")
    assert suggested in done.stderr


def test_the_version_is_shown_whatever_else_is_said() -> None:
    done = run("--version", "predict")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == f"pneumoscope {pneumoscope.__version__}\n"
