"""Optional parts that a command needs."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from pneumoscope.cli.extras import require
from pneumoscope.errors import MissingExtra
from pneumoscope.installation import install_command


def test_what_is_installed_is_not_imported() -> None:
    sys.modules.pop("antigravity", None)
    require("flying", "serve", "json", "antigravity")
    assert "antigravity" not in sys.modules


def test_the_first_missing_module_is_named() -> None:
    with pytest.raises(MissingExtra) as missing:
        require("flying", "serve", "json", "no_wings", "no_tail")
    assert missing.value.message.startswith("flying (no_wings) needs an optional part")
    assert install_command("serve") in missing.value.hint


def test_a_folder_is_no_package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "no_wings").mkdir()
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(MissingExtra):
        require("flying", "serve", "no_wings")
