"""``pneumoscope pacs``."""

from __future__ import annotations

import os
import signal
import sys
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from pneumoscope.cli.extras import require
from pneumoscope.cli.options import Json
from pneumoscope.errors import UsageError

if TYPE_CHECKING:
    from pneumoscope.pacs.checks import NamedCheck
    from pneumoscope.pacs.config import NodeSettings

EXAMPLE = (
    "Example: pneumoscope pacs --example > node.toml, then pneumoscope pacs --config node.toml"
)

_MODULES = (
    *("pynetdicom", "highdicom", "contourpy", "reportlab", "sqlalchemy", "alembic"),
    *("cryptography", "prometheus_client"),
)
Config = Annotated[
    Path | None, typer.Option("--config", metavar="FILE", help="The configuration, a TOML file.")
]
Example = Annotated[
    bool, typer.Option("--example", help="Print a configuration with every key, and end.")
]
CheckOnly = Annotated[
    bool,
    typer.Option(
        "--check", help="Check what the configuration names (ports, disk, destinations), and end."
    ),
]


def pacs(
    config: Config = None, example: Example = False, check: CheckOnly = False, json: Json = False
) -> None:
    """Run a DICOM node: take films from an archive and give results back.

    Films arrive by C-STORE, or are fetched from a DICOMweb server or Orthanc.
    Their results go to the destinations of the configuration: a DICOM archive, a
    DICOMweb or FHIR server, a folder or a webhook. Only this machine can reach
    the node by default. `--check` exits with 1 if something is wrong.
    """
    if example:
        from pneumoscope.pacs.config import EXAMPLE as TEXT

        sys.stdout.write(TEXT.read_text(encoding="utf-8"))
        return
    if config is None:
        raise UsageError(
            "there is no configuration",
            "Write one with `pneumoscope pacs --example > node.toml`, and name it with --config.",
        )
    if json and not check:
        raise typer.BadParameter("--json belongs to --check")
    require("pneumoscope pacs", "pacs", *_MODULES)
    from pneumoscope.pacs.config import read_config

    settings = read_config(config)
    os.umask(0o077)  # patient data: other users of this machine must not read it
    if check:
        from pneumoscope.pacs.checks import run_checks

        sys.exit(_print(run_checks(settings), json))
    _run(settings)


def _run(settings: NodeSettings) -> None:
    """Runs the node until a signal ends it."""
    from pneumoscope.pacs.logs import configure_logging
    from pneumoscope.pacs.node import open_node

    configure_logging(settings.log)
    stopping = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stopping.set())
    node = open_node(settings)
    receiver = settings.receiver
    sys.stderr.write(
        f"pneumoscope node {receiver.ae_title} listens on {receiver.host} port "
        f"{node.receiver.port}  (Ctrl-C to stop)\n"
    )
    if node.metrics_port is not None:
        url = f"http://127.0.0.1:{node.metrics_port}/"
        sys.stderr.write(f"status on {url}\nmetrics on {url}metrics\n")
    sys.stderr.flush()
    stopping.wait()
    node.close()


def _print(checks: list[NamedCheck], json: bool) -> int:
    """Prints the checks; returns the exit code: 1 if one failed."""
    from pneumoscope.cli.terminal import console, escape, print_json

    if json:
        print_json({"checks": [check.as_dict() for check in checks]}, indent=2)
    else:
        out = console()
        for check in checks:
            word = "[green]ok[/]    " if check.ok else "[red]failed[/]"
            out.print(f"{word}  [bold]{escape(check.name)}[/]: {escape(check.text)}")
            if check.hint:
                out.print(f"        {escape(check.hint)}")
    return int(not all(check.ok for check in checks))
