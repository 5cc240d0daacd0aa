"""What the commands of administration share: options, the server's data, and output."""

from __future__ import annotations

import functools
import inspect
import os
import sys
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from pneumoscope.cli.extras import require
from pneumoscope.cli.option_groups import set_parameters, with_options
from pneumoscope.cli.terminal import console, plain_table, print_json, print_table

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from pneumoscope.serve.admin.administration import Administration
    from pneumoscope.serve.settings import ServeSettings

_Folder = Annotated[
    Path | None,
    typer.Option(
        envvar="PNEUMOSCOPE_SERVE_FOLDER",
        metavar="DIR",
        help="Folder of the server, as for `serve`.",
    ),
]
_Database = Annotated[
    str | None,
    typer.Option(
        envvar="PNEUMOSCOPE_SERVE_DATABASE",
        metavar="URL",
        help="Database of the server, as for `serve`.",
    ),
]
_Key = Annotated[
    Path | None,
    typer.Option(
        envvar="PNEUMOSCOPE_SERVE_KEY", metavar="FILE", help="Key of the server, as for `serve`."
    ),
]


@dataclass(frozen=True, slots=True)
class ServerData:
    """The data of a server that a command works on.

    Attributes:
        folder: Of the server; None for its default.
        database: SQLAlchemy URL; None for the one in the folder.
        key: File with the key; None for the one in the folder.
    """

    folder: _Folder = None
    database: _Database = None
    key: _Key = None

    def settings(self) -> ServeSettings:
        """The settings of the server.

        Raises:
            MissingExtra: The extra ``[serve]`` is not installed.
        """
        require("the server", "serve", "sqlalchemy", "argon2", "cryptography", "fastapi")
        from pneumoscope.serve.settings import from_env

        return from_env(folder=self.folder, database=self.database, key=self.key)

    def administration(self) -> Administration:
        """The server's administration, with its database open.

        Raises:
            MissingExtra: The extra ``[serve]`` is not installed.
        """
        settings = self.settings()
        from pneumoscope.serve.admin.administration import open_administration

        os.umask(0o077)  # patient data: other users of this machine must not read it
        return open_administration(settings)

    @contextmanager
    def deleting(self) -> Iterator[Administration]:
        """The server's administration for a deletion, which also works on a full disk."""
        folder = self.settings().folder
        from pneumoscope.jobs.reserve import room_to_delete

        with room_to_delete(folder):
            yield self.administration()


def on_server_data(command: Callable[..., None]) -> Callable[..., None]:
    """Gives a command the options of `ServerData` in place of the parameter of that type.

    In the help they come after the command's own options, and before ``--json``.
    """
    with_data = with_options(ServerData)(command)

    @functools.wraps(with_data)
    def run(**given: Any) -> None:
        try:
            with_data(**given)
        except Exception as error:
            _explain(error)
            raise

    last = [*inspect.signature(ServerData).parameters, "json"]
    parameters = inspect.signature(with_data).parameters.values()
    set_parameters(
        run, sorted(parameters, key=lambda p: last.index(p.name) if p.name in last else -1)
    )
    return run


def _explain(error: Exception) -> None:
    """Raises an error with a hint in place of one of the database."""
    administration = sys.modules.get("pneumoscope.serve.admin.administration")
    explained = administration.database_error(error) if administration else None
    if explained is not None:
        raise explained from error


def accounts_and_id(
    administration: Administration, user: str | None
) -> tuple[dict[str, str], str | None]:
    """The names of all accounts by id, and the id of one user's; None if no user is named.

    Raises:
        AccountError: No such user.
    """
    names = {account.id: account.name for account in administration.accounts.list()}
    return names, None if user is None else administration.accounts.get(user).id


def time_text(seconds: float) -> str:
    """A Unix time as ISO 8601 in UTC, to the minute."""
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="minutes")


def print_facts(facts: Mapping[str, Any], line: str, *, as_json: bool) -> None:
    """Prints what a command did, as JSON or as one line of text."""
    if as_json:
        print_json(facts, indent=2)
    else:
        sys.stdout.write(line + "\n")


def print_rows(rows: Sequence[Mapping[str, Any]], *, as_json: bool, none: str = "none yet") -> None:
    """Prints rows with the same keys, as JSON or as a table; ``none`` if there are no rows."""
    if as_json:
        print_json(rows, indent=2)
        return
    if not rows:
        sys.stderr.write(f"{none}\n")
        return
    from pneumoscope.cli.terminal import escape

    table = plain_table(*rows[0])
    for row in rows:
        cells = ("yes" if v is True else "" if v in (None, False) else str(v) for v in row.values())
        table.add_row(*map(escape, cells))
    print_table(console(), table)
