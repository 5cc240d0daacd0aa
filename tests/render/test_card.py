"""The card says what the record holds, and no more."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest

from command_line import invoke
from pneumoscope.bundle import CARD, SHIPPED, Bundle, open_bundle
from pneumoscope.errors import UsageError
from pneumoscope.render.card import card_of
from tiny import findings_meta, tiny_meta

SHIPPED_META = open_bundle().meta


def test_a_card_has_model_figures_and_data_sheet() -> None:
    card = card_of(SHIPPED_META)
    auc = SHIPPED_META.validation["plain"]["auc"]
    assert f"{auc['value']:.3f} [{auc['low']:.3f}, {auc['high']:.3f}]" in card
    assert "## Data sheet of the training films" in card
    assert "train: normal 1,142, bacterial 2,146, viral 1,148" in card
    assert SHIPPED_META.data["manifest_sha256"] in card


@pytest.mark.parametrize("meta", [tiny_meta(), findings_meta()], ids=["classes", "findings"])
def test_a_record_without_figures_gives_a_card_that_says_so(meta: Any) -> None:
    card = card_of(meta)
    assert "The record holds none." in card
    assert "does not say which films" in card
    assert "Not recorded." in card
    assert "None" not in card
    assert "nan" not in card


def test_the_command_writes_a_file(tmp_path: Path) -> None:
    done = invoke("card", "--out", tmp_path / "a" / "card.md")
    assert done.exit_code == 0
    assert (tmp_path / "a" / "card.md").read_text() == card_of(SHIPPED_META)


def test_the_command_prints_without_a_file() -> None:
    assert invoke("card").stdout == card_of(SHIPPED_META)


def test_in_place_changes_the_card_and_nothing_else(tmp_path: Path, tiny_bundle: Bundle) -> None:
    folder = tmp_path / "bundle"
    shutil.copytree(tiny_bundle.path, folder)
    assert invoke("card", folder, "--in-place").exit_code == 0
    after = open_bundle(folder)  # checks every hash
    assert (folder / CARD).read_text() == card_of(tiny_bundle.meta)
    assert after.meta == tiny_bundle.meta
    assert after.sha256 != tiny_bundle.sha256
    assert after.model.read_bytes() == tiny_bundle.model.read_bytes()


def test_a_file_inside_the_bundle_is_refused(tmp_path: Path) -> None:
    folder = tmp_path / "bundle"
    shutil.copytree(SHIPPED, folder)
    done = invoke("card", folder, "--out", folder / CARD)
    assert isinstance(done.exception, UsageError)
    open_bundle(folder)
