"""``pneumoscope import``."""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pneumoscope.cli.export import note, prepare
from pneumoscope.train.quiet import no_chatter

if TYPE_CHECKING:
    from pathlib import Path


@dataclass(frozen=True, slots=True)
class Request:
    """What the user asked for; see ``pneumoscope import --help``."""

    model: Path
    labels: str
    out: Path
    size: int | None
    scaling: str
    channels: int | None
    negative: str | None
    name: str | None


def run(request: Request, *, as_json: bool) -> None:
    """Imports, and prints where the bundle is."""
    prepare("import")
    with no_chatter():
        from pneumoscope.train.keras_import import importing

    wanted = importing.Wanted(
        labels=tuple(label.strip() for label in request.labels.split(",")),
        size=request.size,
        scaling=request.scaling,
        channels=request.channels,
        negative=request.negative,
        name=request.name,
    )
    bundle = importing.import_model(request.model, wanted, request.out, note)
    parity = bundle.meta.validation["parity"]
    if as_json:
        facts = {"bundle": str(bundle.path), "sha256": bundle.sha256, "parity": parity}
        sys.stdout.write(json.dumps(facts) + "\n")
        return
    sys.stdout.write(
        f"{bundle.path}\n"
        f"Same as the Keras model on {parity['films']} drawn films: |dp| at most "
        f"{parity['max_dp']:.1e}. Not validated on any film.\n"
        f"Try it: pneumoscope predict film.jpg --bundle {bundle.path}\n"
    )
