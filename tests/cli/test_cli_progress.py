"""Progress bars."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path


def test_results_go_to_the_file_while_a_bar_is_on_the_terminal(
    tiny: tuple[str, Path], film_files: Path, tmp_path: Path
) -> None:
    paths = [str(film_files / "dark.png")] * 60
    command = [sys.executable, "-m", "pneumoscope", "predict", "--json", *map(str, tiny), *paths]
    leader, follower = os.openpty()
    with (tmp_path / "out.json").open("wb") as out:
        code = subprocess.run(command, stdout=out, stderr=follower, check=False).returncode
    os.close(follower)
    shown = os.read(leader, 100_000)
    os.close(leader)
    assert code == 0
    assert len(json.loads((tmp_path / "out.json").read_text())["results"]) == 60
    assert b"reading films" in shown
    assert b"p_positive" not in shown
