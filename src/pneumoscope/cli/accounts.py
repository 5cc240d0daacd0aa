"""``pneumoscope user``, ``token``, ``patient``, ``audit-log`` and ``purge``."""

from __future__ import annotations

import csv
import json
import os
import sys
import time
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from pneumoscope.cli import console, require
from pneumoscope.errors import AccountError, UsageError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pneumoscope.serve.admin.administration import Administration
    from pneumoscope.serve.security.audit_log import AuditLog, Tail
    from pneumoscope.serve.security.tokens import Token
    from pneumoscope.serve.settings import ServeSettings

user_app = typer.Typer(help="Accounts of the server: make, list, change.", no_args_is_help=True)
token_app = typer.Typer(help="API tokens of the server, for programs.", no_args_is_help=True)
patient_app = typer.Typer(help="All that the server holds on a patient.", no_args_is_help=True)
audit_app = typer.Typer(help="The server's audit log: verify, export.", no_args_is_help=True)

Folder = Annotated[
    Path | None,
    typer.Option(
        envvar="PNEUMOSCOPE_SERVE_FOLDER", metavar="DIR", help="Of the server; as for `serve`."
    ),
]
Database = Annotated[
    str | None,
    typer.Option(envvar="PNEUMOSCOPE_SERVE_DATABASE", metavar="URL", help="As for `serve`."),
]
Key = Annotated[
    Path | None,
    typer.Option(envvar="PNEUMOSCOPE_SERVE_KEY", metavar="FILE", help="As for `serve`."),
]
Json = Annotated[bool, typer.Option("--json", help="Print JSON to stdout.")]
Name = Annotated[str, typer.Argument(metavar="NAME", help="What the user signs in with.")]
Stdin = Annotated[
    bool,
    typer.Option("--password-stdin", help="Read the password from stdin, one line, unasked."),
]
Patient = Annotated[
    str,
    typer.Argument(
        metavar="KEY", help="As it was sent with the films, or - to read it from stdin."
    ),
]
ROLE_HELP = "viewer (looks at own results), operator (also sends films, deletes), admin."


def _settings(folder: Path | None, database: str | None, key: Path | None) -> ServeSettings:
    require("the server", "serve", "sqlalchemy", "argon2", "cryptography", "fastapi")
    from pneumoscope.serve.settings import from_env

    return from_env(folder=folder, database=database, key=key)


def _administration(folder: Path | None, database: str | None, key: Path | None) -> Administration:
    settings = _settings(folder, database, key)
    from pneumoscope.serve.admin.administration import open_administration

    os.umask(0o077)  # what is written concerns patients: of nobody else on this machine
    return open_administration(settings)


def _audit_log(folder: Path | None, database: str | None, key: Path | None) -> AuditLog:
    """The log of a server that has one: a folder that was mistyped must not pass as untouched."""
    where = _settings(folder, database, key).folder
    from pneumoscope.serve.security.audit_log import LOG

    if not (where / LOG).exists():
        raise UsageError(f"{where}: holds no audit log", "Name the server's own --folder.")
    return _administration(folder, database, key).audit


@user_app.command("add", epilog="Example: pneumoscope user add dr.lee --role operator")
def add_user(
    name: Name,
    role: Annotated[str, typer.Option(help=ROLE_HELP)] = "operator",
    password_stdin: Stdin = False,
    folder: Folder = None,
    database: Database = None,
    key: Key = None,
    json: Json = False,
) -> None:
    """Make an account; from the first one on everybody has to sign in (restart a running server)."""
    administration = _administration(folder, database, key)
    first = not administration.accounts.any()
    user = administration.add_user(name, _password(password_stdin), role)
    if first:
        sys.stderr.write("The first account: restart the server if it runs.\n")
    _say({"id": user.id, "name": user.name, "role": user.role}, f"{user.name}: {user.role}", json)


@user_app.command("list", epilog="Example: pneumoscope user list --json")
def list_users(
    folder: Folder = None, database: Database = None, key: Key = None, json: Json = False
) -> None:
    """List accounts; never a password."""
    found = [
        {
            "name": one.name,
            "role": one.role,
            "disabled": one.disabled,
            "created": _time(one.created),
            "changed": _time(one.changed),
        }
        for one in _administration(folder, database, key).accounts.list()
    ]
    _table(found, json)


@user_app.command("password", epilog="Example: pneumoscope user password dr.lee")
def set_password(
    name: Name,
    password_stdin: Stdin = False,
    folder: Folder = None,
    database: Database = None,
    key: Key = None,
    json: Json = False,
) -> None:
    """Set a new password and end the user's sessions."""
    administration = _administration(folder, database, key)
    administration.accounts.get(name)
    ended = administration.set_password(name, _password(password_stdin))
    _say({"sessions_ended": ended}, f"{name}: new password, {ended} sessions ended", json)


@user_app.command("role", epilog="Example: pneumoscope user role dr.lee viewer")
def set_role(
    name: Name,
    role: Annotated[str, typer.Argument(help=ROLE_HELP)],
    folder: Folder = None,
    database: Database = None,
    key: Key = None,
    json: Json = False,
) -> None:
    """Change what a user may do, from its next request on."""
    user = _administration(folder, database, key).set_role(name, role)
    _say({"name": user.name, "role": user.role}, f"{user.name}: {user.role}", json)


@user_app.command("disable", epilog="Example: pneumoscope user disable dr.lee")
def disable_user(
    name: Name,
    folder: Folder = None,
    database: Database = None,
    key: Key = None,
    json: Json = False,
) -> None:
    """Close an account: its sessions and tokens end at once, its results stay."""
    sessions, tokens = _administration(folder, database, key).disable(name)
    _say(
        {"sessions_ended": sessions, "tokens_revoked": tokens},
        f"{name}: disabled, {sessions} sessions and {tokens} tokens ended",
        json,
    )


@user_app.command("enable", epilog="Example: pneumoscope user enable dr.lee")
def enable_user(
    name: Name,
    folder: Folder = None,
    database: Database = None,
    key: Key = None,
    json: Json = False,
) -> None:
    """Open an account again; its tokens stay revoked."""
    _administration(folder, database, key).enable(name)
    _say({"name": name, "disabled": False}, f"{name}: enabled", json)


@token_app.command(
    "add", epilog="Example: pneumoscope token add dr.lee --for 'night batch' --scope predict"
)
def add_token(
    user: Annotated[str, typer.Argument(metavar="USER", help="Whose it is.")],
    purpose: Annotated[str, typer.Option("--for", help="What it is for, in words.")] = "",
    scope: Annotated[
        list[str] | None,
        typer.Option(help="read, predict, delete or metrics; repeatable. read by default."),
    ] = None,
    days: Annotated[float, typer.Option(help="It expires after so many, at most 365.")] = 90,
    folder: Folder = None,
    database: Database = None,
    key: Key = None,
    json: Json = False,
) -> None:
    """Make an API token and print it: nobody can show it again."""
    text, token = _administration(folder, database, key).add_token(
        user, purpose, scope or ["read"], days
    )
    if json:
        _say(_told(token) | {"token": text}, "", as_json=True)
        return
    sys.stderr.write(
        f"{token.id}: {token.scopes}, until {_time(token.expires)}. Keep it now, it is shown once:\n"
    )
    sys.stdout.write(f"{text}\n")


@token_app.command("list", epilog="Example: pneumoscope token list --user dr.lee")
def list_tokens(
    user: Annotated[str | None, typer.Option(help="Only of this user.")] = None,
    folder: Folder = None,
    database: Database = None,
    key: Key = None,
    json: Json = False,
) -> None:
    """List API tokens; never their text."""
    administration = _administration(folder, database, key)
    names = {one.id: one.name for one in administration.accounts.list()}
    of = None if user is None else administration.accounts.get(user).id
    found = [
        {"user": names.get(one.account, "?")} | _told(one) for one in administration.tokens.list(of)
    ]
    _table(found, json)


@token_app.command("revoke", epilog="Example: pneumoscope token revoke 0f3a9c1d2b4e")
def revoke_token(
    token: Annotated[str, typer.Argument(metavar="ID", help="Of `pneumoscope token list`.")],
    folder: Folder = None,
    database: Database = None,
    key: Key = None,
    json: Json = False,
) -> None:
    """End an API token at once."""
    row = _administration(folder, database, key).revoke_token(token)
    _say(_told(row), f"{row.id}: revoked", json)


@patient_app.command(
    "export", epilog="Example: pneumoscope patient export - --out held.zip < key.txt"
)
def export_patient(
    patient: Patient,
    out: Annotated[Path, typer.Option(metavar="FILE", help="The ZIP to write.")],
    folder: Folder = None,
    database: Database = None,
    key: Key = None,
    json: Json = False,
) -> None:
    """Write all that is held on a patient: results, films, lines of the audit log."""
    held = _administration(folder, database, key).export_patient(_patient(patient), out)
    _say(
        asdict(held),
        f"{out}: {held.predictions} predictions, {held.films} films, {held.lines} lines",
        json,
    )


@patient_app.command("erase", epilog="Example: pneumoscope patient erase - < key.txt")
def erase_patient(
    patient: Patient,
    folder: Folder = None,
    database: Database = None,
    key: Key = None,
    json: Json = False,
) -> None:
    """Delete a patient's results and films; lines of the audit log stay, they hold no name."""
    held = _administration(folder, database, key).erase_patient(_patient(patient))
    _say(asdict(held), f"{held.predictions} predictions and {held.films} films deleted", json)


@audit_app.command("verify", epilog="Example: pneumoscope audit-log verify --expect 812:9f3c...")
def verify_audit_log(
    expect: Annotated[
        str | None,
        typer.Option(
            metavar="NUMBER:HASH", help="What an earlier verify gave; it must still be in there."
        ),
    ] = None,
    folder: Folder = None,
    database: Database = None,
    key: Key = None,
    json: Json = False,
) -> None:
    """Check that no line was changed, moved, put in or taken out; the exit code is 1 if one was.

    Note the number and hash it prints somewhere else: against them also a log shows itself that was
    rewritten with the server's own key.
    """
    tail = _audit_log(folder, database, key).verify(_expected(expect))
    _say(
        {"lines": tail.seq, "hash": tail.mac},
        f"{tail.seq:,} lines, none changed: {tail.seq}:{tail.mac}",
        json,
    )


@audit_app.command(
    "export", epilog="Example: pneumoscope audit-log export --since 2026-01-01 --csv"
)
def export_audit_log(
    since: Annotated[
        datetime | None, typer.Option(help="From this UTC time on.", formats=["%Y-%m-%d"])
    ] = None,
    until: Annotated[
        datetime | None, typer.Option(help="Before this UTC time.", formats=["%Y-%m-%d"])
    ] = None,
    as_csv: Annotated[bool, typer.Option("--csv", help="CSV in place of JSON lines.")] = False,
    folder: Folder = None,
    database: Database = None,
    key: Key = None,
) -> None:
    """Print the verified log, or a stretch of it."""
    audit = _audit_log(folder, database, key)
    audit.verify()
    low = since.date().isoformat() if since else ""
    high = until.date().isoformat() if until else "9"
    chosen = (entry for entry in audit.entries() if low <= entry["time"] < high)
    if not as_csv:
        for entry in chosen:
            sys.stdout.write(json.dumps(entry, sort_keys=True) + "\n")
        return
    writer = csv.writer(sys.stdout)
    writer.writerow([*_COLUMNS, "user", "role", "via"])
    for entry in chosen:
        who = entry["who"] or {}
        values = entry | {"objects": " ".join(entry["objects"])}
        writer.writerow(
            [values[name] for name in _COLUMNS] + [who.get(k) for k in ("name", "role", "via")]
        )


_COLUMNS = ("seq", "time", "what", "outcome", "status", "where", "objects", "patient")


def purge(
    older_than: Annotated[
        int | None,
        typer.Option(
            min=0,
            envvar="PNEUMOSCOPE_SERVE_RETENTION_DAYS",
            metavar="DAYS",
            help="Results of every user that are older; 0 for all.",
        ),
    ] = None,
    folder: Folder = None,
    database: Database = None,
    key: Key = None,
    json: Json = False,
) -> None:
    """Delete old results with their films, of every user."""
    if older_than is None:
        raise UsageError("no age is given", "Such as --older-than 30; 0 deletes everything.")
    gone = _administration(folder, database, key).purge(older_than)
    _say({"deleted": len(gone)}, f"{len(gone):,} results deleted", json)


def _password(from_stdin: bool) -> str:
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


def _patient(key: str) -> str:
    text = sys.stdin.readline().strip() if key == "-" else key.strip()
    if not text:
        raise UsageError("the patient's key is empty", "Give the one that came with the films.")
    return text


def _expected(text: str | None) -> Tail | None:
    from pneumoscope.serve.security.audit_log import Tail

    if text is None:
        return None
    number, _, mac = text.partition(":")
    if not number.isdecimal() or not mac:
        raise UsageError(f"--expect {text}: is not NUMBER:HASH", "Use what verify printed.")
    return Tail(int(number), mac)


def _told(token: Token) -> dict[str, Any]:
    now = time.time()
    state = "revoked" if token.revoked else "expired" if token.expires <= now else "valid"
    return {
        "id": token.id,
        "for": token.name,
        "scopes": token.scopes,
        "state": state,
        "expires": _time(token.expires),
        "used": token.used and _time(token.used),
    }


def _time(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="minutes")


def _say(facts: dict[str, Any], line: str, as_json: bool) -> None:
    sys.stdout.write((json.dumps(facts, indent=2) if as_json else line) + "\n")


def _table(rows: Sequence[dict[str, Any]], as_json: bool) -> None:
    if as_json:
        sys.stdout.write(json.dumps(rows, indent=2) + "\n")
        return
    if not rows:
        sys.stderr.write("none yet\n")
        return
    from rich.markup import escape
    from rich.table import Table

    table = Table(box=None, pad_edge=False, header_style="bold")
    for name in rows[0]:
        table.add_column(name)
    for row in rows:
        shown = ("yes" if v is True else "" if v in (None, False) else str(v) for v in row.values())
        table.add_row(*map(escape, shown))
    console().print(table)
