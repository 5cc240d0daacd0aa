"""``pneumoscope gradio``."""

from __future__ import annotations

import os
import sys
from typing import Annotated

import typer

from pneumoscope.cli.extras import require
from pneumoscope.cli.options import Host, Port, ReadingBundle

EXAMPLE = "Example: pneumoscope gradio --port 7860"

Share = Annotated[
    bool,
    typer.Option(
        "--share",
        help="Also open a public address through Gradio's servers; not for films of patients.",
    ),
]


def gradio(
    host: Host = "127.0.0.1",
    port: Port = 7860,
    share: Share = False,
    bundle: ReadingBundle = None,
) -> None:
    """Open the Gradio app, which reads one film at a time for one person.

    It shows film and heatmap side by side with the verdict. For several people
    or on a network, use `pneumoscope serve`.
    """
    import tempfile

    require("the Gradio app", "apps", "gradio")
    from pneumoscope.cli.serve.listening import free_place

    place, port = free_place(host, port)
    from pneumoscope.runtime import load

    reader = load(bundle)
    # Private and temporary: Gradio keeps uploads as files.
    with tempfile.TemporaryDirectory(prefix="pneumoscope-", ignore_cleanup_errors=True) as folder:
        os.environ["GRADIO_TEMP_DIR"] = folder
        from pneumoscope.apps import gradio_app

        app = gradio_app.launch(
            reader, server_name=host, server_port=port, share=share, quiet=True,
            prevent_thread_lock=True,
        )  # fmt: skip
        sys.stderr.write(f"the Gradio app is on http://{place}/  (Ctrl-C to stop)\n")
        sys.stderr.flush()
        try:
            app.block_thread()
        finally:
            app.close(verbose=False)
