"""What ``pneumoscope gradio`` and ``pneumoscope streamlit`` share."""

from __future__ import annotations

from typing import Annotated

import typer

Host = Annotated[str, typer.Option(metavar="ADDRESS", help="Address to listen on.")]
PORT_HELP = "TCP port; 0 for a free one."
