"""The command line: every command in its help panel."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Annotated

import typer

from pneumoscope import __version__
from pneumoscope.cli.help import flow

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

READ, SERVE, TRAIN = "Read", "Serve", "Train"
EVIDENCE, SITE, ADMINISTRATION = "Evidence", "Site", "Administration"

# The help lists panels in the order of their first command, and groups after commands.
COMMANDS = {
    "predict": ("read.predict", READ),
    "batch": ("read.batch", READ),
    "report": ("read.report", READ),
    "watch": ("read.watch", READ),
    "info": ("read.info", READ),
    "bundles": ("read.bundles", READ),
    "serve": ("serve.serve", SERVE),
    "pacs": ("serve.pacs", SERVE),
    "gradio": ("serve.gradio", SERVE),
    "streamlit": ("serve.streamlit", SERVE),
    "train": ("train.train", TRAIN),
    "leaderboard": ("train.leaderboard", TRAIN),
    "import": ("train.import_model", TRAIN),
    "export": ("train.export", TRAIN),
    "data": ("train.data", TRAIN),
    "bench": ("train.bench", TRAIN),
    "audit": ("evidence.audit", EVIDENCE),
    "evaluate": ("evidence.evaluate", EVIDENCE),
    "card": ("evidence.card", EVIDENCE),
    "calibrate": ("site.calibrate", SITE),
    "drift": ("site.drift", SITE),
    "deidentify": ("administration.deidentify", ADMINISTRATION),
    "purge": ("administration.purge", ADMINISTRATION),
    "backup": ("administration.backup", ADMINISTRATION),
    "restore": ("administration.restore", ADMINISTRATION),
    "queue": ("administration.queue", ADMINISTRATION),
    "user": ("administration.user", ADMINISTRATION),
    "session": ("administration.session", ADMINISTRATION),
    "token": ("administration.token", ADMINISTRATION),
    "patient": ("administration.patient", ADMINISTRATION),
    "keys": ("administration.keys", ADMINISTRATION),
    "audit-log": ("administration.audit_log", ADMINISTRATION),
}
"""Name of a command to its module and its panel. The module has a group ``app``, or the command as a
function of the module's name and ``EXAMPLE``."""


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"pneumoscope {__version__}")
        raise typer.Exit


def _main(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Show the version.")
    ] = False,
) -> None:
    pass


def app_of(names: Iterable[str] = COMMANDS) -> typer.Typer:
    """The command line with some of its commands.

    Args:
        names: Names in `COMMANDS`.
    """
    app = typer.Typer(
        name="pneumoscope",
        help="Reads chest X-rays: normal or not, with a probability and a heatmap. "
        "Research use, not a medical device.",
        no_args_is_help=True,
        pretty_exceptions_enable=False,
        context_settings={"help_option_names": ["-h", "--help"]},
    )
    app.callback()(_main)
    for name in names:
        place, panel = COMMANDS[name]
        module = import_module(f"pneumoscope.cli.{place}")
        if hasattr(module, "app"):
            app.add_typer(module.app, name=name, rich_help_panel=panel)
        else:
            command = getattr(module, place.rpartition(".")[2])
            app.command(name, epilog=module.EXAMPLE, rich_help_panel=panel)(command)
    flow(app)
    return app


def app_for(arguments: Sequence[str]) -> typer.Typer:
    """The command line for one call: all commands take longer to import than one film to read.

    Args:
        arguments: Those of the call. If the first is a command, the others are left out.
    """
    return app_of(arguments[:1] if arguments and arguments[0] in COMMANDS else COMMANDS)


def __getattr__(name: str) -> typer.Typer:
    if name != "app":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    whole = globals()["app"] = app_of()
    return whole
