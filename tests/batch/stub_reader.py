"""A batch without a network: rows by hand, in this process or in others."""

from __future__ import annotations

import hashlib
import os
import signal
from collections import deque
from collections.abc import Generator, Iterator, Sequence
from pathlib import Path

from pneumoscope.batch.columns import ERROR_CODE, PATH, SHA256, STAMP, Row
from pneumoscope.batch.films import Film
from pneumoscope.batch.job import ReadJob
from pneumoscope.batch.reading import UNCHANGED
from pneumoscope.images.sources import BrokenSource
from pneumoscope.records import Settings

JOB = ReadJob(None, Settings(), (("stub 1", "0" * 64),), ("normal", "pneumonia"))


class StubReader:
    """Reads no pixels: the hash is that of the file, or of the name if there is no file.

    A film called ``*broken*`` has an error. One called ``*deadly*`` kills its process; with
    ``*deadly once*`` only the first time, for which its file is emptied.
    """

    def __init__(self, job: ReadJob) -> None:
        self.job = job

    def rows(self, films: Sequence[Film]) -> list[Row]:
        return [self._row(film) for film in films]

    def close(self) -> None:
        pass

    def _row(self, film: Film) -> Row:
        if isinstance(film.source, BrokenSource):
            return {PATH: film.name, SHA256: None, STAMP: "", ERROR_CODE: "MissingFile"}
        file = Path(os.fspath(film.source))
        if "deadly" in film.name and (content := file.read_bytes()):
            if "once" in film.name and content:
                file.write_bytes(b"")
            os.kill(os.getpid(), signal.SIGKILL)
        data = file.read_bytes() if file.is_file() else film.name.encode()
        sha256 = hashlib.sha256(data).hexdigest()
        if sha256 == film.known_sha256:
            return {PATH: film.name, SHA256: sha256, STAMP: film.stamp, UNCHANGED: True}
        row: Row = {PATH: film.name, SHA256: sha256, STAMP: film.stamp}
        if b"broken" in data or "broken" in film.name:
            return row | {ERROR_CODE: "UnreadableImage"}
        return row | {"label": "NORMAL", "p_unadjusted": int(sha256[:4], 16) / 65536}


class InThisProcess:
    """An engine without other processes."""

    def __init__(self, job: ReadJob = JOB, *, remembered: int | None = None) -> None:
        self.chunk_films = self.capacity = 4
        self.read: deque[str] = deque(maxlen=remembered)
        self._reader = StubReader(job)

    def results(self, chunks: Iterator[list[Film]]) -> Generator[list[Row], None, None]:
        for films in chunks:
            self.read += (film.name for film in films)
            yield self._reader.rows(films)


def films_in(folder: Path, *names: str) -> Path:
    """A folder with files of these names, each with its name as content."""
    for name in names:
        file = folder / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(name)
    return folder
