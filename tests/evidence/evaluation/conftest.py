from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING, Any

import pytest

from evaluations import no_constant
from pneumoscope.cli.main import run as run_command

if TYPE_CHECKING:
    from pathlib import Path

    from evaluations import Run
    from pneumoscope.runtime import Classifier


@pytest.fixture(scope="session")
def conv(tmp_path_factory: pytest.TempPathFactory) -> Classifier:
    """See `conv.conv_bundle`."""
    pytest.importorskip("onnx", reason="needs the [train] extra")
    from conv import conv_bundle
    from pneumoscope.runtime import Classifier

    return Classifier(conv_bundle(tmp_path_factory.mktemp("conv")))


@pytest.fixture
def evaluate(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Run:
    """Runs the command; gives exit code, metrics ({} if there are none) and stderr."""

    def run(*arguments: object, out: Path | None = None) -> tuple[int, dict[str, Any], str]:
        target = out or tmp_path / "evidence"
        words = ["pneumoscope", "evaluate", *map(str, arguments), "--out", str(target)]
        monkeypatch.setattr(sys, "argv", [*words, "--threads", "1", "--cache", str(tmp_path / "c")])
        code = run_command()
        metrics = target / "metrics.json"
        values = {}
        if metrics.is_file():
            values = json.loads(metrics.read_text(), parse_constant=no_constant)
        return code, values, capsys.readouterr().err

    return run
