"""Checks of what a command is about to write."""

from __future__ import annotations

from pathlib import Path

import pytest

from pneumoscope.cli.targets import check_page, is_html
from pneumoscope.errors import UsageError


def test_a_page_begins_with_its_doctype(tmp_path: Path) -> None:
    for text, expected in (("<!doctype html><p>", True), ("<!DOCTYPE HTML>", True), ("{}", False)):
        (tmp_path / "x").write_text(text)
        assert is_html(tmp_path / "x") == expected


def test_only_pages_are_replaced(tmp_path: Path) -> None:
    page = tmp_path / "report.html"
    check_page(None)
    check_page(page)
    page.write_text("<!doctype html>")
    check_page(page)
    page.write_text("my thesis")
    with pytest.raises(UsageError, match="is no HTML page"):
        check_page(page)
    with pytest.raises(UsageError, match="is a folder"):
        check_page(tmp_path)
