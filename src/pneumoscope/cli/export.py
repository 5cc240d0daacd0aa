"""``pneumoscope export``."""

from __future__ import annotations

import json
import os
import sys
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

from pneumoscope.bundle import open_bundle
from pneumoscope.cli import require
from pneumoscope.train.quiet import no_chatter

if TYPE_CHECKING:
    from pathlib import Path

    from pneumoscope.train.formats.convert import Exported


@dataclass(frozen=True, slots=True)
class Request:
    """What the user asked for; see ``pneumoscope export --help``."""

    bundle: Path | None
    format: str
    out: Path | None
    films: Path | None


def run(request: Request, *, as_json: bool) -> None:
    """Exports, and prints where the result is and how it differs."""
    prepare("export")
    bundle = open_bundle(request.bundle)
    with no_chatter():
        from pneumoscope.train.formats import convert

    done = convert.export(bundle, request.format, request.out, request.films, note)
    if as_json:
        facts = asdict(done) | {"path": str(done.path), "bundle_sha256": bundle.sha256}
        sys.stdout.write(json.dumps(facts) + "\n")
        return
    sys.stdout.write(_text(done))


def prepare(what: str) -> None:
    """Checks that Keras on TensorFlow is there, and chooses it.

    Raises:
        MissingExtra: Something of the [train] extra is not installed.
    """
    require(what, "train", "keras", "tensorflow", "onnx", "tf2onnx", "cv2")
    # Keras and TensorFlow read these when they are first imported.
    os.environ["KERAS_BACKEND"] = "tensorflow"
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")


def note(text: str) -> None:
    """Tells on stderr how far the work is."""
    sys.stderr.write(f"{text} ...\n")
    sys.stderr.flush()


def _text(done: Exported) -> str:
    p = done.parity
    films = f"{p.films} {'drawn films' if p.drawn else 'films'}"
    auc = (
        f"AUC       {p.auc:.4f}, ONNX Runtime {p.auc_onnx:.4f}\n"
        if p.auc is not None and p.auc_onnx is not None
        else ""
    )
    return (
        f"format    {done.format}\n"
        f"path      {done.path}\n"
        f"size      {done.megabytes:.2f} MB\n"
        f"latency   {done.latency_ms:.2f} ms a film in one thread, "
        f"ONNX Runtime {done.onnx_latency_ms:.2f} ms\n"
        f"parity    on {films}: |dp| at most {p.max_dp:.1e}, on average {p.mean_dp:.1e}; "
        f"{p.verdicts_changed} verdicts changed\n{auc}"
    )
