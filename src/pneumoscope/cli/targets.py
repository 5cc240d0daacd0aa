"""Checks of what a command is about to write."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pneumoscope.errors import UsageError

if TYPE_CHECKING:
    from pathlib import Path


def is_html(path: Path) -> bool:
    """Whether a file begins like the HTML pages that commands write."""
    with path.open("rb") as stream:
        return stream.read(15).lower() == b"<!doctype html>"


def check_page(page: Path | None) -> None:
    """Refuses an HTML target that is a folder or another kind of file; None passes.

    Raises:
        UsageError: It says which.
    """
    if page is None or not page.exists():
        return
    if page.is_dir():
        raise UsageError(f"{page}: is a folder", "Name an HTML file with --report.")
    if not is_html(page):
        raise UsageError(f"{page}: exists and is no HTML page", "Name a new file.")
