"""What --leave-out and --folds share: the folder of several trainings, and what is written into it."""

from __future__ import annotations

from pathlib import Path

import pytest

from pneumoscope.cli.train.several import check_out, files_of, write_files
from pneumoscope.errors import UsageError
from pneumoscope.evidence.report.blocks import Plot


def test_the_folder_of_several_trainings(tmp_path: Path) -> None:
    check_out(tmp_path / "new")
    check_out(tmp_path)
    (tmp_path / "run.json").write_text("{}")
    with pytest.raises(UsageError, match="contains the run of one training"):
        check_out(tmp_path)
    with pytest.raises(UsageError, match="is not a folder"):
        check_out(tmp_path / "run.json")


def test_files_are_written_in_their_order(tmp_path: Path) -> None:
    plot = Plot(name="auc", svg=b"<svg>", png=b"png", width=4)
    files = write_files({tmp_path / "t.csv": b"1\n"} | files_of(plot, tmp_path))
    assert [path.name for path in files] == ["t.csv", "auc.png", "auc.svg"]
    assert [path.read_bytes() for path in files] == [b"1\n", b"png", b"<svg>"]
