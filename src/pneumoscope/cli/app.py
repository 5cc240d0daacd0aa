"""The command line: every command in its help panel."""

from __future__ import annotations

from typing import Annotated

import typer

from pneumoscope import __version__
from pneumoscope.cli.administration import (
    audit_log,
    backup,
    deidentify,
    keys,
    patient,
    purge,
    queue,
    restore,
    session,
    token,
    user,
)
from pneumoscope.cli.evidence import audit, card, evaluate
from pneumoscope.cli.help import flow
from pneumoscope.cli.read import batch, bundles, info, predict, report, watch
from pneumoscope.cli.serve import gradio, pacs, serve, streamlit
from pneumoscope.cli.site import calibrate, drift
from pneumoscope.cli.train import bench, data, export, import_model, leaderboard, train

app = typer.Typer(
    name="pneumoscope",
    help="Reads chest X-rays: NORMAL or PNEUMONIA, with a probability and a heatmap. "
    "Research use, not a medical device.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"pneumoscope {__version__}")
        raise typer.Exit


@app.callback()
def _main(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Show the version.")
    ] = False,
) -> None:
    pass


# The help lists panels in the order of their first command, and groups after commands.
READ, SERVE, TRAIN = "Read", "Serve", "Train"
EVIDENCE, SITE, ADMINISTRATION = "Evidence", "Site", "Administration"

app.command(epilog=predict.EXAMPLE, rich_help_panel=READ)(predict.predict)
app.command(epilog=batch.EXAMPLE, rich_help_panel=READ)(batch.batch)
app.command(epilog=report.EXAMPLE, rich_help_panel=READ)(report.report)
app.command(epilog=watch.EXAMPLE, rich_help_panel=READ)(watch.watch)
app.command(epilog=info.EXAMPLE, rich_help_panel=READ)(info.info)
app.command(epilog=bundles.EXAMPLE, rich_help_panel=READ)(bundles.bundles)

app.command(epilog=serve.EXAMPLE, rich_help_panel=SERVE)(serve.serve)
app.command(epilog=pacs.EXAMPLE, rich_help_panel=SERVE)(pacs.pacs)
app.command(epilog=gradio.EXAMPLE, rich_help_panel=SERVE)(gradio.gradio)
app.command(epilog=streamlit.EXAMPLE, rich_help_panel=SERVE)(streamlit.streamlit)

app.command(epilog=train.EXAMPLE, rich_help_panel=TRAIN)(train.train)
app.command(epilog=leaderboard.EXAMPLE, rich_help_panel=TRAIN)(leaderboard.leaderboard)
app.command("import", epilog=import_model.EXAMPLE, rich_help_panel=TRAIN)(import_model.import_model)
app.add_typer(export.app, name="export", rich_help_panel=TRAIN)
app.add_typer(data.app, name="data", rich_help_panel=TRAIN)
app.add_typer(bench.app, name="bench", rich_help_panel=TRAIN)

app.command(epilog=audit.EXAMPLE, rich_help_panel=EVIDENCE)(audit.audit)
app.command(epilog=evaluate.EXAMPLE, rich_help_panel=EVIDENCE)(evaluate.evaluate)
app.command(epilog=card.EXAMPLE, rich_help_panel=EVIDENCE)(card.card)

app.command(epilog=calibrate.EXAMPLE, rich_help_panel=SITE)(calibrate.calibrate)
app.command(epilog=drift.EXAMPLE, rich_help_panel=SITE)(drift.drift)

app.command(epilog=deidentify.EXAMPLE, rich_help_panel=ADMINISTRATION)(deidentify.deidentify)
app.command(epilog=purge.EXAMPLE, rich_help_panel=ADMINISTRATION)(purge.purge)
app.command(epilog=backup.EXAMPLE, rich_help_panel=ADMINISTRATION)(backup.backup)
app.command(epilog=restore.EXAMPLE, rich_help_panel=ADMINISTRATION)(restore.restore)
app.add_typer(queue.app, name="queue", rich_help_panel=ADMINISTRATION)
app.add_typer(user.app, name="user", rich_help_panel=ADMINISTRATION)
app.add_typer(session.app, name="session", rich_help_panel=ADMINISTRATION)
app.add_typer(token.app, name="token", rich_help_panel=ADMINISTRATION)
app.add_typer(patient.app, name="patient", rich_help_panel=ADMINISTRATION)
app.add_typer(keys.app, name="keys", rich_help_panel=ADMINISTRATION)
app.add_typer(audit_log.app, name="audit-log", rich_help_panel=ADMINISTRATION)

flow(app)
