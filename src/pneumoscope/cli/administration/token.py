"""``pneumoscope token``."""

from __future__ import annotations

import sys
import time
from typing import TYPE_CHECKING, Annotated, Any

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

if TYPE_CHECKING:
    from pneumoscope.serve.security.tokens import Token

app = typer.Typer(help="Manage the API tokens that programs use.", no_args_is_help=True)

User = Annotated[str, typer.Argument(metavar="USER", help="User that the token belongs to.")]
OfUser = Annotated[
    str | None, typer.Option("--user", metavar="NAME", help="Only the tokens of this user.")
]
Purpose = Annotated[
    str, typer.Option("--for", metavar="TEXT", help="What the token is for, as a note.")
]
Scopes = Annotated[
    list[str] | None,
    typer.Option(
        "--scope",
        metavar="SCOPE",
        help="What it allows: read, predict, delete or metrics; repeatable. read by default.",
    ),
]
Days = Annotated[float, typer.Option(metavar="DAYS", help="Days until it expires, at most 365.")]
TokenId = Annotated[str, typer.Argument(metavar="ID", help="Id from `pneumoscope token list`.")]


@app.command(
    "add", epilog="Example: pneumoscope token add dr.lee --for 'night batch' --scope predict"
)
@on_server_data
def add_token(
    server: ServerData,
    user: User,
    purpose: Purpose = "",
    scope: Scopes = None,
    days: Days = 90,
    json: Json = False,
) -> None:
    """Create an API token and print it; it cannot be shown again."""
    text, token = server.administration().add_token(user, purpose, scope or ["read"], days)
    if json:
        print_facts(_facts(token) | {"token": text}, "", as_json=True)
        return
    sys.stderr.write(
        f"{token.id}: {token.scopes}, until {time_text(token.expires)}. Keep it now, it is shown once:\n"
    )
    sys.stdout.write(f"{text}\n")


@app.command("list", epilog="Example: pneumoscope token list --user dr.lee")
@on_server_data
def list_tokens(
    server: ServerData,
    user: OfUser = None,
    json: Json = False,
) -> None:
    """List the API tokens, without the secret text."""
    administration = server.administration()
    names, account = accounts_and_id(administration, user)
    rows = [
        {"user": names.get(token.account, "?")} | _facts(token)
        for token in administration.tokens.list(account)
    ]
    print_rows(rows, as_json=json)


@app.command("revoke", epilog="Example: pneumoscope token revoke 0f3a9c1d2b4e")
@on_server_data
def revoke_token(
    server: ServerData,
    token: TokenId,
    json: Json = False,
) -> None:
    """Revoke an API token at once."""
    row = server.administration().revoke_token(token)
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
