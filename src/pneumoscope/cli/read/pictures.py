"""The pictures that ``pneumoscope predict`` writes: heatmaps, occlusion maps, one HTML sheet."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pneumoscope import files
from pneumoscope.cli.targets import is_html
from pneumoscope.cli.terminal import report
from pneumoscope.decision.sentences import time_text
from pneumoscope.errors import UsageError
from pneumoscope.languages.current import ENGLISH, speaking
from pneumoscope.render import wording

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from pneumoscope.client import Client, Record
    from pneumoscope.records import Outcome
    from pneumoscope.runtime import Reader


@dataclass(frozen=True, slots=True)
class FilmResult:
    """One film's outcome, and the picture files that were written for it, if any."""

    outcome: Outcome
    heatmap: Path | None
    occlusion: Path | None = None


@dataclass(frozen=True, slots=True)
class Targets:
    """Where pictures go; false if none are wanted.

    Attributes:
        heatmaps: Folder for overlays, or None.
        sheet: HTML file, or None.
        occlusion: Folder for occlusion maps, or None.
        language: Of the HTML file.
    """

    heatmaps: Path | None = None
    sheet: Path | None = None
    occlusion: Path | None = None
    language: str = ENGLISH

    def __bool__(self) -> bool:
        return any((self.heatmaps, self.sheet, self.occlusion))

    def prepare(self, sources: Sequence[Any]) -> None:
        """Makes the folders, and refuses a sheet that would replace something else.

        Args:
            sources: The films that are about to be read.

        Raises:
            UsageError: A target is of the wrong kind, or is in use.
        """
        folders = ((self.heatmaps, "heatmaps"), (self.occlusion, "occlusion maps"))
        for folder, content in folders:
            if folder is not None and folder.exists() and not folder.is_dir():
                raise UsageError(f"{folder}: is not a folder", f"Name one for the {content}.")
        if self.sheet is not None:
            _check_sheet(self.sheet, sources)
        made = [folder for folder, _ in folders if folder is not None]
        for folder in [*made, self.sheet.parent] if self.sheet is not None else made:
            folder.mkdir(parents=True, exist_ok=True)


def _check_sheet(sheet: Path, sources: Sequence[Any]) -> None:
    if sheet.is_dir():
        raise UsageError(f"{sheet}: is a folder", "Name an HTML file.")
    films = {path.resolve() for path in sources if isinstance(path, Path)}
    if sheet.resolve() in films or (sheet.exists() and not is_html(sheet)):
        raise UsageError(f"{sheet}: exists and is not a sheet", "Name a new HTML file.")


def with_pictures(
    outcomes: Iterable[Outcome], targets: Targets, populations: Mapping[str, str] | None = None
) -> Iterator[FilmResult]:
    """Passes outcomes on, reports their errors, and writes overlays and the sheet.

    Args:
        outcomes: With their films.
        targets: Where pictures go.
        populations: For the sheet: SHA-256 of a bundle to the population that it is for, in words.
    """
    taken: set[str] = set()
    rows, films = [], []
    for outcome in outcomes:
        written = None
        if outcome.error is not None:
            report(outcome.error)
        elif targets.heatmaps is not None and _has_heatmap(outcome):
            from pneumoscope.render import heatmap

            written = targets.heatmaps / _free_name(Path(outcome.source).name, taken)
            files.write_png(written, heatmap.overlay_of(outcome))
        if targets.sheet is not None:
            from pneumoscope.render import sheet

            with speaking(targets.language):
                rows.append(sheet.row(outcome))
            films.append(replace(outcome, film=None))
        yield FilmResult(outcome, written)
    if targets.sheet is not None:
        from pneumoscope.render import overview

        judged = [f for f in films if f.prediction is not None and wording.is_shown(f.prediction)]
        is_bare = bool(judged) and not any(map(_has_heatmap, judged))
        footer = sheet.WITHOUT_HEATMAPS if is_bare else sheet.FOOTER
        with speaking(targets.language):
            facts = overview.facts(films, time_text(datetime.now()), populations or {})
            page = sheet.page(rows, films=films, facts=facts, footer=footer)
        files.write_text(targets.sheet, page)


def populations_of(reader: Reader) -> dict[str, str]:
    """SHA-256 of each bundle of a reader to the population that it is for, in words."""
    return {bundle.sha256: bundle.meta.population.text for bundle in reader.bundles}


def with_occlusion(
    outcomes: Iterable[Outcome],
    total: int,
    targets: Targets,
    folder: Path,
    reader: Reader,
) -> Iterator[FilmResult]:
    """As `with_pictures`; also writes each film's occlusion map and shows progress on a terminal.

    Args:
        outcomes: With their films.
        total: How many there are.
        targets: Where other pictures go.
        folder: Where occlusion maps go.
        reader: What read the films.
    """
    from pneumoscope.cli.progress import progress_bar
    from pneumoscope.render.occlusion_picture import occlusion_picture

    taken: set[str] = set()
    with progress_bar("covering places") as count:
        for done, result in enumerate(with_pictures(outcomes, targets, populations_of(reader))):
            film, prediction = result.outcome.film, result.outcome.prediction
            if film is None or prediction is None or not wording.is_shown(prediction):
                yield result
                continue

            def step(i: int, n: int, done: int = done) -> None:
                count(done * n + i, total * n)

            change = reader.occlusion(film, step)
            name, probability = reader.explained(prediction)
            written = folder / _free_name(Path(result.outcome.source).name, taken, "occlusion")
            files.write_png(written, occlusion_picture(film.pixels, change, name, probability))
            yield FilmResult(result.outcome, result.heatmap, written)


def with_fetched_heatmaps(
    client: Client, answers: Iterable[tuple[Outcome, Record | None]], folder: Path | None
) -> Iterator[FilmResult]:
    """Passes a server's outcomes on, reports their errors, and fetches overlays.

    Args:
        client: Client of the server.
        answers: What `Client.predict_many` yields.
        folder: Where overlays go; None for none.
    """
    taken: set[str] = set()
    for outcome, record in answers:
        written = None
        if outcome.error is not None:
            report(outcome.error)
        elif folder is not None and record is not None and _has_heatmap(outcome):
            written = folder / _free_name(Path(outcome.source).name, taken)
            with files.replacing(written, made_again=True) as stream:
                stream.write(client.rendering(record, "overlay.png"))
        yield FilmResult(outcome, written)


def _has_heatmap(outcome: Outcome) -> bool:
    """Whether there is a picture: of a bundle without heatmaps there is none."""
    p = outcome.prediction
    return p is not None and wording.is_shown(p) and p.explanation is not None


def _free_name(film: str, taken: set[str], kind: str = "heatmap") -> str:
    """A name for a film's picture that neither a film nor another picture of this run has."""
    base = film.strip("<>") or "film"
    name, number = f"{base}.{kind}.png", 1
    while name in taken:
        number += 1
        name = f"{base}-{number}.{kind}.png"
    taken.add(name)
    return name
