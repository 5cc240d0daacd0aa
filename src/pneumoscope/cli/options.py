"""Options and arguments that several commands share."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

Json = Annotated[bool, typer.Option("--json", help="Print JSON to stdout.")]
Bundle = Annotated[
    Path | None,
    typer.Option("--bundle", metavar="DIR", help="Model folder; the shipped one by default."),
]
BundleArgument = Annotated[
    Path | None, typer.Argument(help="Model folder; the shipped one by default.")
]
Threads = Annotated[int | None, typer.Option(min=1, help="Processor threads; all by default.")]
Cache = Annotated[
    Path | None, typer.Option(metavar="DIR", help="Decoded films; the user's cache by default.")
]
