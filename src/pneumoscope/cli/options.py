"""Options and arguments that several commands share."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from typer.models import OptionInfo

from pneumoscope.cli.completion import bundle_names, completion_of
from pneumoscope.decision.reader_settings import (
    BUNDLE,
    ONE_BUNDLE,
    POPULATION,
    PROFILE,
    ReaderSetting,
)

Json = Annotated[bool, typer.Option("--json", help="Print JSON to stdout.")]


def reader_option(
    setting: ReaderSetting, *, from_environment: bool = True, panel: str | None = None
) -> OptionInfo:
    """The option of a reader's setting.

    Args:
        setting: One of `reader_settings.READER_SETTINGS`.
        from_environment: Whether its environment variable is read, too.
        panel: Panel of the help that lists it; None for that of all other options.
    """
    option: OptionInfo = typer.Option(
        setting.option,
        envvar=setting.variable if from_environment else None,
        metavar=setting.metavar or None,
        help=setting.option_help,
        autocompletion=completion_of(setting),
        rich_help_panel=panel,
    )
    return option


ReadingBundle = Annotated[Path | None, reader_option(BUNDLE)]
"""The bundle that reads films."""
Bundle = Annotated[Path | None, reader_option(ONE_BUNDLE, from_environment=False)]
"""The bundle that a command works on; the variable for reading must not choose it."""
BundleArgument = Annotated[
    Path | None,
    typer.Argument(
        metavar=f"[{BUNDLE.metavar}]", help=ONE_BUNDLE.help, autocompletion=bundle_names
    ),
]
Population = Annotated[str | None, reader_option(POPULATION)]
Profile = Annotated[Path | None, reader_option(PROFILE)]


def threads_option(panel: str | None = None) -> OptionInfo:
    """The option for processor threads, in this panel of the help."""
    option: OptionInfo = typer.Option(
        "--threads",
        min=1,
        metavar="N",
        help="Processor threads; all by default.",
        rich_help_panel=panel,
    )
    return option


Threads = Annotated[int | None, threads_option()]
Host = Annotated[str, typer.Option(metavar="ADDRESS", help="Address to listen on.")]
Port = Annotated[
    int, typer.Option(min=0, max=65535, metavar="N", help="TCP port; 0 for a free one.")
]
Cache = Annotated[
    Path | None,
    typer.Option(metavar="DIR", help="Folder for decoded films; the user's cache by default."),
]


def masks_option(purpose: str = "") -> OptionInfo:
    """The option for folders of lung masks; ``purpose`` says in its help what for."""
    option: OptionInfo = typer.Option(
        "--masks",
        metavar="DIR",
        help=f"Folder of lung masks{purpose}: NORMAL/a.png is that of the film NORMAL/a.jpeg; repeatable.",
    )
    return option
