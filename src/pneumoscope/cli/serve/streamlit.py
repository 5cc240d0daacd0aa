"""``pneumoscope streamlit``."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from pneumoscope.cli.extras import require
from pneumoscope.cli.options import Host, Port, ReadingBundle
from pneumoscope.decision.reader_settings import BUNDLE

EXAMPLE = "Example: pneumoscope streamlit --port 8501"


def streamlit(
    host: Host = "127.0.0.1",
    port: Port = 8501,
    bundle: ReadingBundle = None,
) -> None:
    """Open the Streamlit app, which reads one film at a time for one person.

    It shows film and heatmap side by side with the verdict. For several people
    or on a network, use `pneumoscope serve`.
    """
    require("the Streamlit app", "apps", "streamlit")
    from pneumoscope.cli.serve.listening import free_place

    place, port = free_place(host, port)
    from pneumoscope.bundle import open_bundle
    from pneumoscope.images.limits import MAX_BYTES

    if bundle is not None:
        opened = open_bundle(bundle)  # what is wrong with it is reported here, not on the page
        os.environ[BUNDLE.variable] = str(opened.path.resolve())
    from streamlit.web import cli

    script = Path(__file__).parents[2] / "apps" / "streamlit_app.py"
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
