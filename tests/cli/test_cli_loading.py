"""The start of a command: what is loaded, and when garbage is searched for again."""

from __future__ import annotations

import gc
import subprocess
import sys
from pathlib import Path

import pytest

from pneumoscope.cli.loading import begin_loading, loaded

AT_THE_END = """
import gc, os, sys
from pneumoscope.cli.main import main
def end(code):
    print(code, gc.isenabled(), gc.get_freeze_count() > 0, "rich" in sys.modules)
    sys.stdout.flush()
os._exit = end
main()
"""


def last_line(*arguments: object) -> str:
    command = [sys.executable, "-c", AT_THE_END, *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return done.stdout.splitlines()[-1]


def test_predict_searches_again_and_loads_no_rich_for_other_programs(
    tiny: tuple[str, Path], film_files: Path
) -> None:
    assert last_line("predict", film_files, *tiny) == "0 True True False"


@pytest.mark.slow
@pytest.mark.parametrize("arguments", [("bundles", "--json"), ("--version",)])
def test_other_commands_search_again(arguments: tuple[str, ...]) -> None:
    assert last_line(*arguments).startswith("0 True True")


def test_a_process_that_searches_is_left_alone() -> None:
    before = gc.get_freeze_count()
    loaded()
    assert gc.isenabled()
    assert gc.get_freeze_count() == before


def test_nothing_is_searched_while_loading() -> None:
    begin_loading()
    try:
        assert not gc.isenabled()
    finally:
        gc.enable()
