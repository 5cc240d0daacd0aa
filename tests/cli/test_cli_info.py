"""``pneumoscope info``."""

from __future__ import annotations

import json
from pathlib import Path

from command_line import run
from pneumoscope.bundle import Bundle


def test_the_card_stands_alone(tiny: tuple[str, Path]) -> None:
    assert run("info", "--card", "--json", *tiny).returncode == 2


def test_info(tiny: tuple[str, Path], tiny_bundle: Bundle) -> None:
    text = run("info", "--check", *tiny).stdout
    assert tiny_bundle.sha256 in text
    assert "golden check" in text
    facts = json.loads(run("info", "--json", *tiny).stdout)
    assert facts["bundle"] == "tiny 1"
    assert facts["labels"] == ["normal", "bacterial", "viral"]
    assert facts["providers"] == ["CPUExecutionProvider"]
    assert run("info", "--card", *tiny).stdout == "# tiny\n"


def test_info_of_the_shipped_bundle_shows_figures_with_intervals() -> None:
    done = run("info")
    assert done.returncode == 0, done.stderr
    assert "validation AUC" in done.stdout
    assert "balanced accuracy" in done.stdout
