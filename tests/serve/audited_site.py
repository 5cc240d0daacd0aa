"""A server that keeps films, and an audit log that a test can break."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import MetaData, select

from in_process import CHEAP, PASSWORD, Served, running
from pneumoscope.audit_log.log import LOG
from pneumoscope.bundle import Bundle
from pneumoscope.serve.admin.administration import Administration, open_administration
from pneumoscope.serve.app import create_app
from pneumoscope.serve.settings import ServeSettings

_numbers = itertools.count(1)


class Site:
    """The server, its administration, and what they have stored.

    Args:
        server: The server.
        administration: Commands beside it.
        folder: Where it keeps everything.
    """

    def __init__(self, server: Served, administration: Administration, folder: Path) -> None:
        self.server = server
        self.administration = administration
        self.folder = folder
        self.cookie = server.cookie("anna")

    def user(self) -> str:
        """The name of a new operator; the password is `PASSWORD`."""
        name = f"user{next(_numbers)}"
        self.administration.add_user(name, PASSWORD, "operator")
        return name

    def send(
        self, cookie: str, *films: tuple[str, bytes], headers: dict[str, str] | None = None
    ) -> dict[str, Any]:
        """The answer to an upload."""
        answer = self.server(
            "POST", "/api/v1/predictions", cookie=cookie, headers=headers,
            files=[("files", film) for film in films], data={"patient": "PAT-1"},
        )  # fmt: skip
        assert answer.status_code in (200, 202), answer.text
        sent: dict[str, Any] = answer.json()
        return sent

    @contextmanager
    def unread(self) -> Iterator[None]:
        """Films wait until the end of the block."""
        queue = self.server.app.state.services.queue
        queue._may_go = lambda: False
        try:
            yield
        finally:
            with queue._changed:
                del queue._may_go
                queue._changed.notify_all()

    def state(self) -> dict[str, Any]:
        """Everything that the server keeps, but not the time when a session was last used."""
        tables = MetaData()
        engine = self.administration.store.engine
        tables.reflect(engine)
        kept: dict[str, Any] = {}
        with engine.connect() as db:
            for name, table in tables.tables.items():
                if name != "audit_anchor":
                    columns = [c for c in table.c if c.name not in ("seen", "used")]
                    kept[name] = sorted(map(repr, db.execute(select(*columns)).all()))
        for folder in ("films", "results"):
            kept[f"files in {folder}"] = sorted(map(str, (self.folder / folder).rglob("*")))
        return kept

    def break_log(self) -> None:
        """Makes a folder of the log, which nobody can write to."""
        (self.folder / LOG).rename(self.folder / "log.away")
        (self.folder / LOG).mkdir()

    def mend_log(self) -> None:
        (self.folder / LOG).rmdir()
        (self.folder / "log.away").rename(self.folder / LOG)

    def lines(self) -> list[dict[str, Any]]:
        """The lines of the log."""
        return [dict(entry) for entry in self.administration.audit.entries()]


@contextmanager
def audited_site(bundle: Bundle, folder: Path) -> Iterator[Site]:
    """A running site; one destination is the folder ``results``."""
    for name in ("films", "results"):
        (folder / name).mkdir()
    config = folder / "destinations.toml"
    config.write_text(
        '[node]\nfolder = "/srv"\n[destinations.results]\ntype = "folder"\nobjects = ["sr"]\n'
        f'folder = "{folder / "results"}"\n'
    )
    settings = ServeSettings(
        folder=folder, bundle=(str(bundle.path),), threads=1, keep_films=True, rate_limit=0,
        destinations=config,
    )  # fmt: skip
    administration = open_administration(settings)
    administration.accounts.hasher = CHEAP
    administration.add_user("anna", PASSWORD, "operator")
    with running(create_app(settings)) as server:
        server.security.accounts.hasher = CHEAP
        yield Site(server, administration, folder)
    administration.store.close()
