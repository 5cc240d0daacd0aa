"""``pneumoscope card``."""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from pneumoscope.bundle import CARD, META, open_bundle, write_bundle
from pneumoscope.errors import UsageError
from pneumoscope.files import write_text
from pneumoscope.render.card import card_of
from pneumoscope.render.card.evaluation import section


def run(
    folder: Path | None, evidence: Path | None, out: Path | None, *, in_place: bool = False
) -> None:
    """Writes the card of a bundle to stdout, to a file, or into the bundle."""
    bundle = open_bundle(folder)
    if out is not None and out.resolve().parent == bundle.path.resolve():
        raise UsageError(
            f"{out}: lies in the bundle, which checks the hash of each of its files",
            "Replace the bundle's own card with --in-place.",
        )
    text = card_of(bundle.meta, section(evidence, bundle.sha256) if evidence is not None else "")
    if in_place:
        files = {path.name: path for path in bundle.path.iterdir() if path.name != META}
        with tempfile.TemporaryDirectory() as work:
            files[CARD] = Path(work) / CARD
            files[CARD].write_text(text, encoding="utf-8")
            written = write_bundle(bundle.path, bundle.meta, files)
        sys.stderr.write(f"{written.path / CARD}: bundle SHA-256 is now {written.sha256}\n")
    elif out is not None:
        out.parent.mkdir(parents=True, exist_ok=True)
        write_text(out, text)
    else:
        sys.stdout.write(text)
