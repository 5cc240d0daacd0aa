"""The edge of the command line: streams, errors and exit codes."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path


def test_a_full_disk_is_an_error_with_a_hint(tiny: tuple[str, Path], film_files: Path) -> None:
    with Path("/dev/full").open("wb") as full:
        done = subprocess.run(
            [sys.executable, "-m", "pneumoscope", "predict", str(film_files), *map(str, tiny)],
            stdout=full,
            stderr=subprocess.PIPE,
            check=False,
        )
    assert done.returncode != 0
    assert b"Traceback" not in done.stderr
    assert b"No space left" in done.stderr


def test_a_closed_pipe_is_no_error_message(tiny: tuple[str, Path], film_files: Path) -> None:
    many = [str(film_files / "dark.png")] * 2000
    command = [sys.executable, "-m", "pneumoscope", "predict", "--json", *map(str, tiny), *many]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.read(10)
        process.stdout.close()
        assert process.stderr.read() == b""
