"""``pneumoscope user``."""

from __future__ import annotations

import sys
from typing import Annotated

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
from pneumoscope.errors import AccountError

app = typer.Typer(help="Manage the accounts of the server.", no_args_is_help=True)

Name = Annotated[str, typer.Argument(metavar="NAME", help="Name that the user signs in with.")]
_ROLES = "Role: viewer (sees own results), operator (also sends and deletes films) or admin."
RoleOption = Annotated[str, typer.Option(metavar="ROLE", help=_ROLES)]
RoleArgument = Annotated[str, typer.Argument(metavar="ROLE", help=_ROLES)]
PasswordStdin = Annotated[
    bool,
    typer.Option("--password-stdin", help="Read the password as one line from stdin."),
]


@app.command("add", epilog="Example: pneumoscope user add dr.lee --role operator")
def add_user(
    name: Name,
    role: RoleOption = "operator",
    password_stdin: PasswordStdin = False,
    folder: Folder = None,
    database: Database = None,
    key: Key = None,
    json: Json = False,
) -> None:
    """Add an account.

    Once there is an account, every user has to sign in. Restart a running server
    after adding the first one.
    """
    administration = open_administration(folder, database, key)
    first = not administration.accounts.any()
    user = administration.add_user(name, _read_password(password_stdin), role)
    if first:
        sys.stderr.write("The first account: restart the server if it runs.\n")
    print_facts(
        {"id": user.id, "name": user.name, "role": user.role},
        f"{user.name}: {user.role}",
        as_json=json,
    )


@app.command("list", epilog="Example: pneumoscope user list --json")
def list_users(
    folder: Folder = None, database: Database = None, key: Key = None, json: Json = False
) -> None:
    """List the accounts, without passwords."""
    rows = [
        {
            "name": account.name,
            "role": account.role,
            "disabled": account.disabled,
            "created": time_text(account.created),
            "changed": time_text(account.changed),
        }
        for account in open_administration(folder, database, key).accounts.list()
    ]
    print_rows(rows, as_json=json)


@app.command("password", epilog="Example: pneumoscope user password dr.lee")
def set_password(
    name: Name,
    password_stdin: PasswordStdin = False,
    folder: Folder = None,
    database: Database = None,
    key: Key = None,
    json: Json = False,
) -> None:
    """Set a new password and end the user's sessions."""
    administration = open_administration(folder, database, key)
    administration.accounts.get(name)
    ended = administration.set_password(name, _read_password(password_stdin))
    print_facts(
        {"sessions_ended": ended}, f"{name}: new password, {ended} sessions ended", as_json=json
    )


@app.command("role", epilog="Example: pneumoscope user role dr.lee viewer")
def set_role(
    name: Name,
    role: RoleArgument,
    folder: Folder = None,
    database: Database = None,
    key: Key = None,
    json: Json = False,
) -> None:
    """Change the role of a user, from the next request on."""
    user = open_administration(folder, database, key).set_role(name, role)
    print_facts({"name": user.name, "role": user.role}, f"{user.name}: {user.role}", as_json=json)


@app.command("disable", epilog="Example: pneumoscope user disable dr.lee")
def disable_user(
    name: Name,
    folder: Folder = None,
    database: Database = None,
    key: Key = None,
    json: Json = False,
) -> None:
    """Disable an account: its sessions and tokens end at once; its results stay."""
    sessions, tokens = open_administration(folder, database, key).disable(name)
    print_facts(
        {"sessions_ended": sessions, "tokens_revoked": tokens},
        f"{name}: disabled, {sessions} sessions and {tokens} tokens ended",
        as_json=json,
    )


@app.command("enable", epilog="Example: pneumoscope user enable dr.lee")
def enable_user(
    name: Name,
    folder: Folder = None,
    database: Database = None,
    key: Key = None,
    json: Json = False,
) -> None:
    """Enable an account again; its tokens stay revoked."""
    open_administration(folder, database, key).enable(name)
    print_facts({"name": name, "disabled": False}, f"{name}: enabled", as_json=json)


def _read_password(from_stdin: bool) -> str:
    if from_stdin:
        line = sys.stdin.readline().rstrip("\r\n")
        if not line:
            raise AccountError("no password on stdin", "Write it as one line.")
        return line
    if not sys.stdin.isatty():
        raise AccountError(
            "a password cannot be asked for here", "Use --password-stdin where nobody types."
        )
    return str(typer.prompt("Password", hide_input=True, confirmation_prompt=True, err=True))
