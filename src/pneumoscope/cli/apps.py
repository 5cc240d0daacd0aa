"""``pneumoscope gradio`` and ``pneumoscope streamlit``."""

from __future__ import annotations

import os
import sys
from ipaddress import ip_address
from pathlib import Path
from typing import Annotated

import typer

from pneumoscope.cli import require
from pneumoscope.cli.serve import address, listen

Host = Annotated[str, typer.Option(help="Address to listen on.")]
Bundle = Annotated[
    Path | None,
    typer.Option(
        "--bundle",
        envvar="PNEUMOSCOPE_BUNDLE",
        metavar="DIR",
        help="Model folder; the shipped one by default.",
    ),
]
_PORT_HELP = "TCP port; 0 for a free one."


def gradio(
    host: Host = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help=_PORT_HELP)] = 7860,
    share: Annotated[
        bool,
        typer.Option(
            "--share", help="Also a public address, through Gradio's servers: no patient's films."
        ),
    ] = False,
    bundle: Bundle = None,
) -> None:
    """Open the Gradio app: one film at a time, for one person.

    Film and heatmap side by side with the verdict. For several people and for a network there is
    `pneumoscope serve`.
    """
    import tempfile

    require("the Gradio app", "apps", "gradio")
    place, port = _place(host, port)
    from pneumoscope.runtime import load

    classifier = load(bundle)
    # Private, and gone with the app: Gradio keeps what is uploaded as files.
    with tempfile.TemporaryDirectory(prefix="pneumoscope-", ignore_cleanup_errors=True) as folder:
        os.environ["GRADIO_TEMP_DIR"] = folder
        from pneumoscope.apps import gradio_app

        app = gradio_app.launch(
            classifier, server_name=host, server_port=port, share=share, quiet=True,
            prevent_thread_lock=True,
        )  # fmt: skip
        sys.stderr.write(f"the Gradio app is on http://{place}/  (Ctrl-C to stop)\n")
        sys.stderr.flush()
        try:
            app.block_thread()
        finally:
            app.close(verbose=False)


def streamlit(
    host: Host = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help=_PORT_HELP)] = 8501,
    bundle: Bundle = None,
) -> None:
    """Open the Streamlit app: one film at a time, for one person.

    Film and heatmap side by side with the verdict. For several people and for a network there is
    `pneumoscope serve`.
    """
    require("the Streamlit app", "apps", "streamlit")
    place, port = _place(host, port)
    from pneumoscope.apps.reading import BUNDLE_VARIABLE
    from pneumoscope.bundle import open_bundle
    from pneumoscope.images.limits import MAX_BYTES

    if bundle is not None:
        open_bundle(bundle)  # what is wrong with it is told here, not on the page
        os.environ[BUNDLE_VARIABLE] = str(bundle.resolve())
    from streamlit.web import cli

    script = Path(__file__).parents[1] / "apps" / "streamlit_app.py"
    options = {
        "server.address": host, "server.port": port, "server.headless": "true",
        "server.maxUploadSize": MAX_BYTES // 2**20, "server.fileWatcherType": "none",
        "server.showEmailPrompt": "false", "browser.gatherUsageStats": "false",
        "logger.hideWelcomeMessage": "true", "logger.level": "warning",
        "client.toolbarMode": "minimal", "client.showErrorDetails": "none",
        "theme.base": "dark", "theme.backgroundColor": "#101418", "theme.textColor": "#e8edf2",
        "theme.secondaryBackgroundColor": "#171d23", "theme.primaryColor": "#4aa8e0",
    }  # fmt: skip
    sys.stderr.write(f"the Streamlit app is on http://{place}/  (Ctrl-C to stop)\n")
    sys.stderr.flush()
    given = [f"--{name}={value}" for name, value in options.items()]
    cli.main(["run", str(script), *given], prog_name="streamlit", standalone_mode=False)


def _place(host: str, port: int) -> tuple[str, int]:
    """Where the app will listen, as in a URL, and the port, which is free."""
    with listen(host, port) as listener:
        place, port = address(listener), listener.getsockname()[1]
        try:
            private = ip_address(listener.getsockname()[0]).is_loopback
        except ValueError:
            private = False
    if not private:
        sys.stderr.write(
            f"warning: whoever reaches {place} can use this app, it has no accounts and no TLS; "
            "`pneumoscope serve` has both\n"
        )
    return place, port
