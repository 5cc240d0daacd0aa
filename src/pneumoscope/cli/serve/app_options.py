"""What ``pneumoscope gradio`` and ``pneumoscope streamlit`` share."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

Host = Annotated[str, typer.Option(help="Address to listen on.")]
AppBundle = Annotated[
    Path | None,
    typer.Option(
        "--bundle",
        envvar="PNEUMOSCOPE_BUNDLE",
        metavar="DIR",
        help="Model folder; the shipped one by default.",
    ),
]
PORT_HELP = "TCP port; 0 for a free one."
