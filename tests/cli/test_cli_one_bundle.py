"""Commands that work on one bundle, where several are shipped."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from command_line import run
from pneumoscope.bundle import folder, names
from pneumoscope.cli.one_bundle import bundle_or_first
from two_populations import children_and_adults


@pytest.fixture
def shipped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    paths = tuple(bundle.path for bundle in children_and_adults(tmp_path).values())
    monkeypatch.setattr(names, "SHIPPED_SET", paths)
    monkeypatch.setattr(folder, "SHIPPED", paths[0])


def test_one_shipped_bundle_needs_no_word(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(names, "SHIPPED_SET", names.SHIPPED_SET[:1])
    assert bundle_or_first(None) is None
    assert capsys.readouterr().err == ""


@pytest.mark.usefixtures("shipped")
def test_the_first_of_several_is_taken_and_named() -> None:
    done = run("info", "--json")
    assert json.loads(done.stdout)["bundle"] == "children 1"
    assert done.stderr == "bundle: children, the first shipped one; others: adults\n"
    card = run("info", "--card")
    assert card.stdout == "# tiny\n"
    assert card.stderr == done.stderr


@pytest.mark.usefixtures("shipped")
def test_a_bundle_that_is_named_needs_no_word(capsys: pytest.CaptureFixture[str]) -> None:
    assert bundle_or_first(Path("adults")) == Path("adults")
    assert capsys.readouterr().err == ""
