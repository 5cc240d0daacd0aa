"""The options of all commands that give verdicts: which model reads, and how it decides."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

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

if TYPE_CHECKING:
    from pneumoscope.records import Settings

VERDICTS, MODEL = "Verdicts", "Model"
"""Panels of the help."""

Threads = Annotated[int | None, threads_option(panel=MODEL)]


@dataclass(frozen=True, slots=True)
class VerdictOptions:
    """The options of a command that gives verdicts, without that of the heatmap.

    The attributes are those of `reader_settings.READER_SETTINGS`. A bundle and a population exclude
    each other: a population chooses its bundle itself.
    """

    operating_point: Annotated[str | None, reader_option(OPERATING_POINT, panel=VERDICTS)] = None
    error: Annotated[float | None, reader_option(ERROR, panel=VERDICTS)] = None
    prevalence: Annotated[float | None, reader_option(PREVALENCE, panel=VERDICTS)] = None
    force: Annotated[bool, reader_option(FORCE, panel=VERDICTS)] = False
    profile: Annotated[Path | None, reader_option(PROFILE, panel=VERDICTS)] = None
    bundle: Annotated[Path | None, reader_option(BUNDLE, panel=MODEL)] = None
    population: Annotated[str | None, reader_option(POPULATION, panel=MODEL)] = None

    def __post_init__(self) -> None:
        if self.bundle is not None and self.population is not None:
            raise typer.BadParameter("--bundle and --population exclude each other")

    def settings(self, explain: str) -> Settings:
        """How films are read, with heatmaps in the mode ``explain``."""
        from pneumoscope.records import Settings

        return Settings(
            operating_point=self.operating_point,
            error=self.error,
            prevalence=self.prevalence,
            explain=explain,
            force=self.force,
            profile=self.profile,
            population=self.population,
        )
