"""Rewrites bundles as this version would write them.

    python3 tools/upgrade_bundle.py BUNDLE...

What a former format did not say comes from the data sheets inside the package, as it does when
such a bundle is read (`pneumoscope.bundle.former_format`). ``model.onnx`` is simplified as an export
does it, and has to give the same answers to the golden inputs. The model card is written from the
record. The hash of the bundle changes, so site profiles have to be made again for it.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

import onnx

from pneumoscope.bundle import CARD, META, MODEL, Bundle, open_bundle, write_bundle
from pneumoscope.render.card import card_of
from pneumoscope.runtime import Classifier
from pneumoscope.train.export.simplify import simplify


def upgraded(before: Bundle, scratch: Path) -> Bundle:
    """Writes a bundle anew; raises `BundleMismatch` if its network would answer differently."""
    files = {path.name: path for path in before.path.iterdir() if path.name != META}
    network = onnx.load(str(files[MODEL]))
    simplify(network)
    onnx.checker.check_model(network)
    files[MODEL] = scratch / MODEL
    onnx.save(network, files[MODEL])
    files[CARD] = scratch / CARD
    files[CARD].write_text(card_of(before.meta), encoding="utf-8")
    Classifier(write_bundle(scratch / "bundle", before.meta, files)).check()
    return write_bundle(before.path, before.meta, files)


if __name__ == "__main__":
    for folder in sys.argv[1:]:
        bundle = open_bundle(folder)
        with tempfile.TemporaryDirectory() as scratch:
            after = upgraded(bundle, Path(scratch))
        print(f"{after.path}: {bundle.sha256} is now {after.sha256}")
