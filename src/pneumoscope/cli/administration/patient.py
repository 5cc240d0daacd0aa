"""``pneumoscope patient``."""

from __future__ import annotations

import sys
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from pneumoscope.cli.administration.server import (
    ServerData,
    on_server_data,
    print_facts,
)
from pneumoscope.cli.options import Json
from pneumoscope.decision.sentences import counted
from pneumoscope.errors import UsageError

app = typer.Typer(
    help="Export or erase what the server stores about a patient.", no_args_is_help=True
)

Patient = Annotated[
    str,
    typer.Argument(
        metavar="KEY", help="Key that was sent with the films, or - to read it from stdin."
    ),
]
Out = Annotated[Path, typer.Option(metavar="FILE", help="ZIP file to write.")]


@app.command("export", epilog="Example: pneumoscope patient export - --out held.zip < key.txt")
@on_server_data
def export_patient(
    server: ServerData,
    patient: Patient,
    out: Out,
    json: Json = False,
) -> None:
    """Export what is stored about a patient: results, films and audit-log lines."""
    held = server.administration().export_patient(_patient_key(patient), out)
    print_facts(
        asdict(held),
        f"{out}: {counted(held.predictions, 'prediction')}, {counted(held.films, 'film')}, "
        f"{counted(held.lines, 'line')}",
        as_json=json,
    )


@app.command("erase", epilog="Example: pneumoscope patient erase - < key.txt")
@on_server_data
def erase_patient(
    server: ServerData,
    patient: Patient,
    json: Json = False,
) -> None:
    """Delete a patient's results and films.

    Lines of the audit log stay; they contain no name.
    """
    key = _patient_key(patient)
    with server.deleting() as administration:
        deleted = administration.erase_patient(key)
    print_facts(
        asdict(deleted),
        f"{counted(deleted.predictions, 'prediction')} and {counted(deleted.films, 'film')} deleted",
        as_json=json,
    )


def _patient_key(key: str) -> str:
    text = sys.stdin.readline().strip() if key == "-" else key.strip()
    if not text:
        raise UsageError("the patient's key is empty", "Give the one that came with the films.")
    return text
