"""``pneumoscope user``."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from pneumoscope.cli.administration.server import (
    ServerData,
    on_server_data,
    print_facts,
    print_rows,
    time_text,
)
from pneumoscope.cli.options import Json
from pneumoscope.decision.sentences import counted
from pneumoscope.errors import AccountError

app = typer.Typer(help="Manage the accounts of the server.", no_args_is_help=True)

Name = Annotated[str, typer.Argument(metavar="NAME", help="Name that the user signs in with.")]
_ROLES = "Role: viewer (sees own results), operator (also sends and deletes films) or admin."
RoleOption = Annotated[str, typer.Option(metavar="ROLE", help=_ROLES)]
RoleArgument = Annotated[str, typer.Argument(metavar="ROLE", help=_ROLES)]
Off = Annotated[bool, typer.Option("--off", help="Remove the second factor.")]
PasswordStdin = Annotated[
    bool,
    typer.Option("--password-stdin", help="Read the password as one line from stdin."),
]


@app.command("add", epilog="Example: pneumoscope user add dr.lee --role operator")
@on_server_data
def add_user(
    server: ServerData,
    name: Name,
    role: RoleOption = "operator",
    password_stdin: PasswordStdin = False,
    json: Json = False,
) -> None:
    """Add an account.

    Its user has to replace the password within seven days, in the page. Once
    there is an account, every user has to sign in, also at a running server. The
    first account gets all earlier results.
    """
    administration = server.administration()
    administration.accounts.check_new(name, role)
    first = not administration.accounts.any()
    user = administration.add_user(name, _read_password(password_stdin), role)
    if first:
        sys.stderr.write(
            "The first account: everybody has to sign in from now on; it gets all earlier results.\n"
        )
    print_facts(
        {"id": user.id, "name": user.name, "role": user.role},
        f"{user.name}: {user.role}",
        as_json=json,
    )


@app.command("list", epilog="Example: pneumoscope user list --json")
@on_server_data
def list_users(
    server: ServerData,
    json: Json = False,
) -> None:
    """List the accounts, without passwords."""
    rows = [
        {
            "name": account.name,
            "role": account.role,
            "disabled": account.disabled,
            "second_factor": account.totp is not None,
            "created": time_text(account.created),
            "changed": time_text(account.changed),
        }
        for account in server.administration().accounts.list()
    ]
    print_rows(rows, as_json=json)


@app.command("password", epilog="Example: pneumoscope user password dr.lee")
@on_server_data
def set_password(
    server: ServerData,
    name: Name,
    password_stdin: PasswordStdin = False,
    json: Json = False,
) -> None:
    """Set a new password, and end the user's sessions and tokens.

    The user has to replace it within seven days, in the page.
    """
    administration = server.administration()
    administration.accounts.get(name)
    ended = administration.set_password(name, _read_password(password_stdin))
    print_facts(
        {"sessions_ended": ended},
        f"{name}: new password, {counted(ended, 'session')} ended",
        as_json=json,
    )


@app.command("role", epilog="Example: pneumoscope user role dr.lee viewer")
@on_server_data
def set_role(
    server: ServerData,
    name: Name,
    role: RoleArgument,
    json: Json = False,
) -> None:
    """Change the role of a user, from the next request on."""
    user = server.administration().set_role(name, role)
    print_facts({"name": user.name, "role": user.role}, f"{user.name}: {user.role}", as_json=json)


@app.command("disable", epilog="Example: pneumoscope user disable dr.lee")
@on_server_data
def disable_user(
    server: ServerData,
    name: Name,
    json: Json = False,
) -> None:
    """Disable an account: its sessions and tokens end at once; its results stay."""
    sessions, tokens = server.administration().disable(name)
    print_facts(
        {"sessions_ended": sessions, "tokens_revoked": tokens},
        f"{name}: disabled, {counted(sessions, 'session')} and {counted(tokens, 'token')} ended",
        as_json=json,
    )


@app.command("delete", epilog="Example: pneumoscope user delete dr.lee --yes")
@on_server_data
def delete_user(
    server: ServerData,
    name: Name,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    json: Json = False,
) -> None:
    """Delete an account with all its results and films.

    Disable an account to keep its results.
    """
    if not yes:
        server.administration().accounts.get(name)
        if not sys.stdin.isatty():
            raise AccountError("nobody can be asked here", "Add --yes to delete the account.")
        typer.confirm(f"Delete {name} with all results and films?", abort=True, err=True)
    with server.deleting() as administration:
        user, results = administration.delete_user(name)
    print_facts(
        {"name": user.name, "results_deleted": results},
        f"{user.name}: deleted, with {counted(results, 'result')}",
        as_json=json,
    )


@app.command("enable", epilog="Example: pneumoscope user enable dr.lee")
@on_server_data
def enable_user(
    server: ServerData,
    name: Name,
    json: Json = False,
) -> None:
    """Enable an account again; its tokens stay revoked."""
    server.administration().enable(name)
    print_facts({"name": name, "disabled": False}, f"{name}: enabled", as_json=json)


@app.command("totp", epilog="Example: pneumoscope user totp dr.lee")
@on_server_data
def set_second_factor(
    server: ServerData,
    name: Name,
    off: Off = False,
    json: Json = False,
) -> None:
    """Give an account a second factor: codes of an authenticator app.

    Prints the address that the app takes, as a QR code or as text. It contains
    the secret, and cannot be shown again. --off removes the second factor.
    Either way, the account's sessions and tokens end.
    """
    administration = server.administration()
    if off:
        administration.remove_second_factor(name)
        print_facts({"name": name, "totp": None}, f"{name}: no second factor", as_json=json)
        return
    address = administration.add_second_factor(name)
    print_facts({"name": name, "totp": address}, address, as_json=json)


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
