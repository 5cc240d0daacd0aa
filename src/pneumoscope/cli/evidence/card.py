"""``pneumoscope card``."""

from __future__ import annotations

import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from pneumoscope.cli.one_bundle import bundle_or_first
from pneumoscope.cli.options import BundleArgument
from pneumoscope.errors import UsageError
from pneumoscope.files import write_text

if TYPE_CHECKING:
    from pneumoscope.bundle import Bundle

EXAMPLE = "Example: pneumoscope card runs/flagship/bundle --evidence evidence --out card.md"

Evidence = Annotated[
    Path | None,
    typer.Option(metavar="DIR", help="Folder that `pneumoscope evaluate` wrote; adds its figures."),
]
Out = Annotated[
    Path | None,
    typer.Option(
        metavar="FILE",
        help="Write to this file instead of stdout; a name that ends in .html gives a page.",
    ),
]
InPlace = Annotated[
    bool,
    typer.Option(
        "--in-place",
        help="Replace the card inside the bundle. The bundle's SHA-256 changes, its model does not.",
    ),
]


def card(
    bundle: BundleArgument = None,
    evidence: Evidence = None,
    out: Out = None,
    in_place: InPlace = False,
) -> None:
    """Write the model card of a bundle and the data sheet of its training films."""
    if out is not None and in_place:
        raise typer.BadParameter("--out and --in-place exclude each other")
    from pneumoscope.bundle import open_bundle
    from pneumoscope.render.card import card_of
    from pneumoscope.render.card.evaluation import section

    opened = open_bundle(bundle_or_first(bundle))
    if out is not None and out.resolve().parent == opened.path.resolve():
        raise UsageError(
            f"{out}: lies in the bundle, which checks the hash of each of its files",
            "Replace the bundle's own card with --in-place.",
        )
    text = card_of(opened.meta, section(evidence, opened.sha256) if evidence is not None else "")
    if in_place:
        _replace_card(opened, text)
    elif out is not None:
        out.parent.mkdir(parents=True, exist_ok=True)
        if out.suffix.lower() in (".html", ".htm"):
            from pneumoscope.render.card.html import card_page

            text = card_page(opened, text, time.strftime("%Y-%m-%d"))
        write_text(out, text)
    else:
        sys.stdout.write(text)


def _replace_card(bundle: Bundle, text: str) -> None:
    import tempfile

    from pneumoscope.bundle import CARD, META, write_bundle

    files = {path.name: path for path in bundle.path.iterdir() if path.name != META}
    with tempfile.TemporaryDirectory() as work:
        files[CARD] = Path(work) / CARD
        files[CARD].write_text(text, encoding="utf-8")
        written = write_bundle(bundle.path, bundle.meta, files)
    sys.stderr.write(f"{written.path / CARD}: bundle SHA-256 is now {written.sha256}\n")
