"""``pneumoscope pacs`` without a node: the example, the check, and what is wrong with a configuration."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

pytest.importorskip("pynetdicom", reason="needs the [pacs] extra")

from pneumoscope.bundle import Bundle
from pneumoscope.cli.app import app
from pneumoscope.errors import MissingExtra, UsageError
from pneumoscope.pacs.config import EXAMPLE


def run(*arguments: str) -> int:
    with pytest.raises(SystemExit) as done:
        app(["pacs", *arguments], standalone_mode=False)
    return int(done.value.code or 0)


def test_the_example_is_printed(capsys: pytest.CaptureFixture[str]) -> None:
    app(["pacs", "--example"], standalone_mode=False)
    assert capsys.readouterr().out == EXAMPLE.read_text(encoding="utf-8")


def test_a_configuration_is_needed() -> None:
    with pytest.raises(UsageError, match="there is no configuration") as error:
        app(["pacs"], standalone_mode=False)
    assert "--example" in error.value.hint


def test_a_typo_is_named(tmp_path: Path) -> None:
    file = tmp_path / "node.toml"
    file.write_text('[node]\nfoldr = "/x"\nfolder = "/x"\n', encoding="utf-8")
    with pytest.raises(UsageError, match="node: unknown key foldr") as error:
        app(["pacs", "--config", str(file)], standalone_mode=False)
    assert "Did you mean folder?" in error.value.hint


def test_checks_are_printed(
    tiny_bundle: Bundle, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "node.toml"
    text = (
        f'[node]\nfolder = "{tmp_path / "node"}"\nbundles = ["{tiny_bundle.path}"]\n'
        f"[receiver]\nport = 0\n[disk]\nfree_gib = 0\n"
    )
    file.write_text(text, encoding="utf-8")
    assert run("--config", str(file), "--check") == 1
    out = capsys.readouterr().out
    assert "failed  destinations: there is none: results go nowhere" in out
    file.write_text(
        f'{text}[destinations.here]\ntype = "folder"\nfolder = "{tmp_path}"\n', encoding="utf-8"
    )
    assert run("--config", str(file), "--check", "--json") == 0
    checks = json.loads(capsys.readouterr().out)["checks"]
    assert {check["ok"] for check in checks} == {True}
    assert checks[-1]["name"] == "destination here"


def test_without_the_extra_the_command_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda _name: None)
    with pytest.raises(MissingExtra, match="pynetdicom"):
        app(["pacs", "--config", str(tmp_path / "node.toml")], standalone_mode=False)
