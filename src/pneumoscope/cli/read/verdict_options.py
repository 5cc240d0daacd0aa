"""The options of all commands that give verdicts: which model reads, and how it decides."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from pneumoscope.cli.options import reader_option, threads_option
from pneumoscope.decision.reader_settings import (
    BUNDLE,
    ERROR,
    FORCE,
    OPERATING_POINT,
    POPULATION,
    PREVALENCE,
    PROFILE,
)

VERDICTS, MODEL = "Verdicts", "Model"
"""Panels of the help."""

OperatingPoint = Annotated[str | None, reader_option(OPERATING_POINT, panel=VERDICTS)]
Error = Annotated[float | None, reader_option(ERROR, panel=VERDICTS)]
Prevalence = Annotated[float | None, reader_option(PREVALENCE, panel=VERDICTS)]
Force = Annotated[bool, reader_option(FORCE, panel=VERDICTS)]
Profile = Annotated[Path | None, reader_option(PROFILE, panel=VERDICTS)]
Bundle = Annotated[Path | None, reader_option(BUNDLE, panel=MODEL)]
Population = Annotated[str | None, reader_option(POPULATION, panel=MODEL)]
Threads = Annotated[int | None, threads_option(panel=MODEL)]


def check_model(bundle: Path | None, population: str | None) -> None:
    """Refuses a bundle together with a population, which chooses one itself."""
    if bundle is not None and population is not None:
        raise typer.BadParameter("--bundle and --population exclude each other")
