"""``pneumoscope token``."""

from __future__ import annotations

import sys
import time
from typing import TYPE_CHECKING, Annotated, Any

import typer

from pneumoscope.cli.administration.server import (
    Database,
    Folder,
    Key,
    open_administration,
    print_facts,
    print_rows,
    time_text,
)
from pneumoscope.cli.options import Json

if TYPE_CHECKING:
    from pneumoscope.serve.security.tokens import Token

app = typer.Typer(help="API tokens of the server, for programs.", no_args_is_help=True)

User = Annotated[str, typer.Argument(metavar="USER", help="Whose it is.")]
OfUser = Annotated[str | None, typer.Option("--user", help="Only of this user.")]
Purpose = Annotated[str, typer.Option("--for", help="What it is for, in words.")]
Scopes = Annotated[
    list[str] | None,
    typer.Option("--scope", help="read, predict, delete or metrics; repeatable. read by default."),
]
Days = Annotated[float, typer.Option(help="It expires after so many, at most 365.")]
TokenId = Annotated[str, typer.Argument(metavar="ID", help="Of `pneumoscope token list`.")]


@app.command(
    "add", epilog="Example: pneumoscope token add dr.lee --for 'night batch' --scope predict"
)
def add_token(
    user: User,
    purpose: Purpose = "",
    scope: Scopes = None,
    days: Days = 90,
    folder: Folder = None,
    database: Database = None,
    key: Key = None,
    json: Json = False,
) -> None:
    """Make an API token and print it: nobody can show it again."""
    text, token = open_administration(folder, database, key).add_token(
        user, purpose, scope or ["read"], days
    )
    if json:
        print_facts(_facts(token) | {"token": text}, "", as_json=True)
        return
    sys.stderr.write(
        f"{token.id}: {token.scopes}, until {time_text(token.expires)}. Keep it now, it is shown once:\n"
    )
    sys.stdout.write(f"{text}\n")


@app.command("list", epilog="Example: pneumoscope token list --user dr.lee")
def list_tokens(
    user: OfUser = None,
    folder: Folder = None,
    database: Database = None,
    key: Key = None,
    json: Json = False,
) -> None:
    """List API tokens; never their text."""
    administration = open_administration(folder, database, key)
    names = {account.id: account.name for account in administration.accounts.list()}
    account = None if user is None else administration.accounts.get(user).id
    rows = [
        {"user": names.get(token.account, "?")} | _facts(token)
        for token in administration.tokens.list(account)
    ]
    print_rows(rows, as_json=json)


@app.command("revoke", epilog="Example: pneumoscope token revoke 0f3a9c1d2b4e")
def revoke_token(
    token: TokenId,
    folder: Folder = None,
    database: Database = None,
    key: Key = None,
    json: Json = False,
) -> None:
    """End an API token at once."""
    row = open_administration(folder, database, key).revoke_token(token)
    print_facts(_facts(row), f"{row.id}: revoked", as_json=json)


def _facts(token: Token) -> dict[str, Any]:
    now = time.time()
    state = "revoked" if token.revoked else "expired" if token.expires <= now else "valid"
    return {
        "id": token.id,
        "for": token.name,
        "scopes": token.scopes,
        "state": state,
        "expires": time_text(token.expires),
        "used": token.used and time_text(token.used),
    }
