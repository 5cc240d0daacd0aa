"""The options of all commands that give verdicts."""

from __future__ import annotations

from pathlib import Path

import pytest

from command_line import run


@pytest.mark.parametrize("command", ["predict", "batch", "report", "watch"])
def test_a_bundle_and_a_population_exclude_each_other(command: str, tmp_path: Path) -> None:
    more = () if command == "predict" else ("--out", "results")
    both = ("--bundle", tmp_path, "--population", "adults")
    done = run(command, tmp_path, *more, *both)
    assert done.returncode == 2
    assert "--bundle and --population exclude each other" in done.stderr
    assert [*tmp_path.iterdir()] == []
