"""``pneumoscope session``."""

from __future__ import annotations

from typing import Annotated

import typer

from pneumoscope.cli.administration.server import (
    ServerData,
    accounts_and_id,
    on_server_data,
    print_facts,
    print_rows,
    time_text,
)
from pneumoscope.cli.options import Json
from pneumoscope.decision.sentences import counted
from pneumoscope.errors import UsageError

app = typer.Typer(help="List or end the sessions of users.", no_args_is_help=True)

OfUser = Annotated[
    str | None, typer.Option("--user", metavar="NAME", help="The sessions of this user.")
]
SessionId = Annotated[
    str | None, typer.Argument(metavar="ID", help="Id from `pneumoscope session list`.")
]


@app.command("list", epilog="Example: pneumoscope session list --user dr.lee")
@on_server_data
def list_sessions(
    server: ServerData,
    user: OfUser = None,
    json: Json = False,
) -> None:
    """List the open sessions."""
    administration = server.administration()
    names, account = accounts_and_id(administration, user)
    rows = [
        {
            "id": login.id,
            "user": names.get(login.account, "?"),
            "created": time_text(login.created),
            "seen": time_text(login.seen),
        }
        for login in administration.sessions.list(account)
    ]
    print_rows(rows, as_json=json)


@app.command("end", epilog="Example: pneumoscope session end --user dr.lee")
@on_server_data
def end_sessions(
    server: ServerData,
    session: SessionId = None,
    user: OfUser = None,
    json: Json = False,
) -> None:
    """End one session at once, or all sessions of a user."""
    if (session is None) == (user is None):
        raise UsageError("name one session, or one user", "Such as --user dr.lee.")
    administration = server.administration()
    ended = 1
    if session is not None:
        administration.end_session(session)
    elif user is not None:
        ended = administration.end_sessions(user)
    print_facts({"ended": ended}, f"{counted(ended, 'session')} ended", as_json=json)
