"""Help, version and the panels of the command line."""

from __future__ import annotations

import pneumoscope
from command_line import run, run_process


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
