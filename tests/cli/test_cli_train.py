"""``pneumoscope train``."""

from __future__ import annotations

import pytest

from command_line import run
from pneumoscope.installation import install_command


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "no training films named"),
        (["--backend", "theano"], "One of tensorflow, jax, torch"),
    ],
)
def test_train_without_what_it_needs(
    arguments: list[str], message: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("PNEUMOSCOPE_DATA", raising=False)
    done = run("train", *arguments)
    assert done.returncode == 1
    missing_extra = install_command("train") in done.stderr
    assert message in done.stderr or (missing_extra and "backend" not in message)
    assert "Traceback" not in done.stderr
