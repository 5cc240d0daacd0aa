"""``pneumoscope export``."""

from __future__ import annotations

import sys
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from pneumoscope.cli.one_bundle import bundle_or_first
from pneumoscope.cli.options import BundleArgument, Json
from pneumoscope.cli.terminal import note, print_json
from pneumoscope.cli.train.options import prepare_conversion

if TYPE_CHECKING:
    from pneumoscope.train.formats.convert import Exported

EXAMPLE = "Example: pneumoscope export --format litert --films chest_xray/train"

Format = Annotated[
    str,
    typer.Option(
        metavar="NAME", help="Format: keras, savedmodel, onnx, litert, litert-int8 or openvino."
    ),
]
Out = Annotated[
    Path | None,
    typer.Option(metavar="PATH", help="File to write; a folder for savedmodel and openvino."),
]
Films = Annotated[
    Path | None,
    typer.Option(
        metavar="DIR",
        help="Films for the comparison, at most 500; synthetic ones by default. litert-int8 "
        "also calibrates on them.",
    ),
]


def export(
    bundle: BundleArgument = None,
    format: Format = "onnx",  # noqa: A002 (the option's name)
    out: Out = None,
    films: Films = None,
    json: Json = False,
) -> None:
    """Write a bundle in another format and compare it with ONNX Runtime."""
    prepare_conversion("export")
    from pneumoscope.bundle import open_bundle
    from pneumoscope.train.quiet import no_chatter

    opened = open_bundle(bundle_or_first(bundle))
    with no_chatter():
        from pneumoscope.train.formats import convert

    done = convert.export(opened, format, out, films, note)
    if json:
        print_json(asdict(done) | {"path": str(done.path), "bundle_sha256": opened.sha256})
    else:
        sys.stdout.write(_text(done))


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
