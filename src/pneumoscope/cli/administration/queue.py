"""``pneumoscope queue``."""

from __future__ import annotations

import json as json_
import os
import sys
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from pneumoscope.cli.administration.node import node_folder, open_node_data
from pneumoscope.cli.administration.server import ServerData, on_server_data, print_rows
from pneumoscope.cli.extras import require
from pneumoscope.cli.options import Json
from pneumoscope.decision.sentences import counted
from pneumoscope.errors import PneumoscopeError, UsageError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from pneumoscope.jobs.contents import QueueContents, QueueEntry
    from pneumoscope.jobs.keys import Keys

app = typer.Typer(
    help="Look after the films of a queue: of `serve`, `watch` or the DICOM node.",
    no_args_is_help=True,
)

State = Annotated[
    str,
    typer.Option(
        metavar="STATE",
        help="Films that are: unfinished (also failed, or with results to deliver), queued, running, "
        "done, failed, undelivered, or all.",
    ),
]
Ids = Annotated[
    list[str],
    typer.Argument(metavar="ID", help="Ids from `pneumoscope queue list`, or their beginnings."),
]
Id = Annotated[str, typer.Argument(metavar="ID", help="Id of a film, or its beginning.")]
From = Annotated[
    str,
    typer.Argument(metavar="DESTINATION", help="Name of the destination that results wait for."),
]
To = Annotated[
    str | None,
    typer.Argument(metavar="NEW", help="Name of a destination in the configuration of the node."),
]
Drop = Annotated[bool, typer.Option("--drop", help="Deliver them nowhere.")]
Format = Annotated[
    str,
    typer.Option(
        "--format",
        metavar="FORMAT",
        help="Format: json or csv, as `predict` prints them; or worklist, JSON in the order of urgency.",
    ),
]
Out = Annotated[
    Path | None, typer.Option("--out", metavar="FILE", help="Write to this file, not to stdout.")
]
_FORMATS = ("json", "csv", "worklist")
_SERVER = "reading-room.sqlite"
_SHOWN, _ID_DIGITS = 500, 8


@dataclass(frozen=True, slots=True)
class _Queue:
    """An open queue.

    Attributes:
        contents: The films.
        keys: Decrypt names.
        note: Writes a line into the audit log of a server or node: an action, and ids of films.
    """

    contents: QueueContents
    keys: Keys
    note: Callable[..., None]

    def name(self, entry: QueueEntry) -> str:
        """The name of a film."""
        from pneumoscope.jobs.rows import name_of

        return name_of(entry.film, self.keys)


@contextmanager
def _opened(data: ServerData) -> Iterator[_Queue]:
    """The queue in a folder; that of a server or node with its audit log."""
    require("the queue", "watch", "sqlalchemy", "alembic", "cryptography")
    from pneumoscope.jobs.contents import QueueContents, database_in
    from pneumoscope.jobs.database import DatabaseError, unusable
    from pneumoscope.jobs.film_store import FilmStore
    from pneumoscope.jobs.keys import open_keys
    from pneumoscope.jobs.store import Store
    from pneumoscope.serve.settings import default_folder

    folder = data.folder or default_folder()
    is_server = data.database is not None or (folder / _SERVER).exists()
    try:
        if is_server:
            administration = data.administration()
            with closing(administration.store):
                contents = QueueContents(administration.store, administration.film_store)
                yield _Queue(contents, administration.keys, administration.note)
            return
        node = node_folder(data)
        if node is not None:
            with closing(open_node_data(node, data.key)) as opened:
                films = FilmStore(0, opened.keys, folder / "films")
                yield _Queue(QueueContents(opened.store, films), opened.keys, opened.note)
            return
        database = database_in(folder)
        os.umask(0o077)  # patient data: other users of this machine must not read it
        keys = open_keys(folder, data.key)
        with closing(Store(f"sqlite:///{database}")) as store:
            films = FilmStore(0, keys, folder / "films" if (folder / "films").is_dir() else None)
            yield _Queue(QueueContents(store, films), keys, lambda *_: None)
    except DatabaseError as error:
        raise unusable(error) from error


@app.command("list", epilog="Example: pneumoscope queue list --state failed")
@on_server_data
def list_films(server: ServerData, state: State = "unfinished", json: Json = False) -> None:
    """List films with their states and errors, and what became of their results."""
    from pneumoscope.jobs.contents import entry_json

    with _opened(server) as queue:
        total = queue.contents.count(state)
        limit = None if json else _SHOWN
        entries = [(e, queue.name(e)) for e in queue.contents.entries(state, limit)]
    if json:
        print_rows([entry_json(entry, name) for entry, name in entries], as_json=True)
        return
    rows = [_row(entry, name) for entry, name in entries]
    print_rows(rows, as_json=False, none=_no_film(state))
    if total > len(entries):
        sys.stderr.write(f"{total - len(entries):,} more; --json shows all\n")


def _no_film(state: str) -> str:
    if state == "all":
        return "the queue has no film"
    return f"no film has the state {state}; --state all shows every film"


def _row(entry: QueueEntry, name: str) -> dict[str, str]:
    film = entry.film
    errors = [
        None if film.state == "queued" else film.error,
        *(delivery.error for delivery in entry.deliveries),
    ]
    messages = [str(error["message"]).removeprefix("film: ") for error in errors if error]
    return {
        "id": film.id[:_ID_DIGITS],
        "created": film.created.isoformat(timespec="minutes"),
        "film": name,
        "state": film.state,
        "verdict": film.label or "",
        "results": ", ".join(f"{d.destination} {d.state}" for d in entry.deliveries)
        if film.state == "done"
        else "",
        "error": "; ".join(dict.fromkeys(messages)),
    }


@app.command("show", epilog="Example: pneumoscope queue show 3f2a90c1")
@on_server_data
def show_film(server: ServerData, film: Id) -> None:
    """Show one film as JSON: its state, its result, its error, and its deliveries."""
    from pneumoscope.cli.terminal import print_json
    from pneumoscope.jobs.contents import entry_json

    with _opened(server) as queue:
        entry = queue.contents.entry(film)
        queue.note("queue show", entry.film.id)
        print_json(entry_json(entry, queue.name(entry)) | {"result": entry.film.result}, indent=2)


@app.command("retry", epilog="Example: pneumoscope queue retry 3f2a90c1")
@on_server_data
def retry_films(server: ServerData, films: Ids, json: Json = False) -> None:
    """Read films that failed again, or deliver results again that were given up."""
    words = {
        "source": "is read again when its source is listed the next time",
        "kept": "is read after the next start"
        if node_folder(server) is None
        else "is read in a few seconds if the node runs, otherwise after its next start",
        "results": "its results are delivered again",
    }
    _each(
        server, films, "queue retry", lambda queue, entry: words[queue.contents.retry(entry)], json
    )


@app.command("redirect", epilog="Example: pneumoscope queue redirect old-archive archive")
@on_server_data
def redirect_results(
    server: ServerData, destination: From, other: To = None, drop: Drop = False, json: Json = False
) -> None:
    """Send results that wait for a destination, or were given up, to another one.

    For a destination of a DICOM node that was renamed or removed. `--drop`
    sends them nowhere; the films and their results stay in the queue.
    """
    from pneumoscope.cli.terminal import print_json

    if (other is None) != drop:
        raise UsageError(
            "name one new destination, or --drop", "See `pneumoscope queue redirect --help`."
        )
    if other == destination:
        raise UsageError("both destinations are the same", "`pneumoscope queue retry` tries again.")
    with _opened(server) as queue:
        queue.note("queue redirect")
        results = queue.contents.redirect(destination, other)
    if json:
        print_json({"destination": other, "results": results}, indent=2)
        return
    where = "no longer to be delivered" if other is None else f"to be delivered to {other}"
    sys.stdout.write(f"{counted(results, 'result')} {where}\n")


@app.command("drop", epilog="Example: pneumoscope queue drop 3f2a90c1")
@on_server_data
def drop_films(server: ServerData, films: Ids, json: Json = False) -> None:
    """Delete films with their results and deliveries; files that were written stay."""

    def drop(queue: _Queue, entry: QueueEntry) -> str:
        queue.contents.drop(entry, lambda _ids: None)
        return "deleted"

    _each(server, films, "queue drop", drop, json)


def _each(
    data: ServerData,
    ids: Sequence[str],
    what: str,
    action: Callable[[_Queue, QueueEntry], str],
    json: bool,
) -> None:
    """Does something with each film, and reports those with which it is not possible."""
    from pneumoscope.cli.terminal import print_json, report

    done: list[dict[str, Any]] = []
    failed = False
    with _opened(data) as queue:
        for id_ in ids:
            try:
                entry = queue.contents.entry(id_)
                queue.note(what, entry.film.id)
                outcome = action(queue, entry)
            except PneumoscopeError as error:
                report(error)
                failed = True
                continue
            done.append({"id": entry.film.id, "outcome": outcome})
            if not json:
                sys.stdout.write(f"{entry.film.id[:_ID_DIGITS]}: {outcome}\n")
    if json:
        print_json(done, indent=2)
    sys.exit(int(failed))


@app.command("export", epilog="Example: pneumoscope queue export --format worklist --out list.json")
@on_server_data
def export_films(
    server: ServerData, state: State = "all", format_: Format = "json", out: Out = None
) -> None:
    """Write results as JSON or CSV, or as a worklist for people: the most urgent films first."""
    from pneumoscope import files

    if format_ not in _FORMATS:
        raise UsageError(
            f"--format {format_}: is unknown", f"Choose one of: {', '.join(_FORMATS)}."
        )
    with _opened(server) as queue:
        films = [
            {
                "id": entry.film.id,
                "created": entry.film.created.isoformat(timespec="seconds"),
                "priority": entry.film.priority,
                "name": queue.name(entry),
                "result": entry.film.result,
                "error": entry.film.error,
            }
            for entry in queue.contents.entries(state)
        ]
        queue.note("queue export", *(film["id"] for film in films))
    text = _exported(films, format_)
    if out is None:
        sys.stdout.write(text)
    else:
        files.write_text(out, text)


def _exported(films: Sequence[dict[str, Any]], format_: str) -> str:
    import io

    from pneumoscope.jobs.worklist import worklist
    from pneumoscope.render.export import write_csv, write_json
    from pneumoscope.render.serialise import stored_to_json

    if format_ == "worklist":
        return json_.dumps(worklist(films), indent=2) + "\n"
    records = [
        {
            "id": film["id"],
            "created": film["created"],
            **stored_to_json(film["name"], film["result"], film["error"]),
        }
        for film in films
    ]
    text = io.StringIO()
    if format_ == "json":
        write_json(records, text)
    else:
        labels = dict.fromkeys(name for r in records for name in r.get("probabilities") or ())
        write_csv(records, tuple(labels), text, identity=("id", "created"))
    return text.getvalue()
