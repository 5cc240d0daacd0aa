"""``pneumoscope deidentify``."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from pneumoscope.cli.options import Json
from pneumoscope.decision.sentences import counted
from pneumoscope.errors import PneumoscopeError, UsageError

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from pneumoscope.deidentification.film import DeidentifiedFilm, Options
    from pneumoscope.deidentification.keys import Key
    from pneumoscope.images import ListedFilm

    Actions = tuple[tuple[str, str, str], ...]

EXAMPLE = "Example: pneumoscope deidentify ward/ research/ --key ward.key --retain dates"
LIST = "deidentification.csv"
"""Name of the table of what was done, in the target folder."""

Retain = Annotated[
    list[str] | None,
    typer.Option(
        metavar="WHAT",
        help="Keep also: dates (shifted), device, characteristics (sex, age) or descriptors "
        "(cleaned); repeatable, or separated by commas.",
    ),
]
KeyFile = Annotated[
    Path | None,
    typer.Option(
        "--key",
        metavar="FILE",
        help="Makes pseudonyms that stay the same from run to run; made if it is missing.",
    ),
]
BurnedIn = Annotated[
    str,
    typer.Option(
        metavar="refuse|blank|keep",
        help="What to do with films that seem to have text burnt in: refuse them, blank the "
        "borders with text, or keep them as they are.",
    ),
]


def deidentify(
    paths: Annotated[
        list[str],
        typer.Argument(metavar="IN... OUT", help="DICOM films or folders, and the new folder."),
    ],
    key: KeyFile = None,
    retain: Retain = None,
    burned_in: BurnedIn = "refuse",
    json: Json = False,
) -> None:
    """Copy DICOM films without their patients.

    After the Basic Profile of DICOM (PS3.15), and stricter: the copies have only
    values that are known to be safe, and pixels. Private elements, comments,
    overlays, curves and the names of files are gone. OUT must be new or empty.
    Read a sample of the films before you pass them on: text in the middle of a
    film is not found.
    """
    from pneumoscope import images
    from pneumoscope.deidentification.keys import new_key, read_or_make_key

    if len(paths) < 2 or not all(paths):
        raise UsageError("deidentify needs films and a target folder", EXAMPLE)
    options = options_of(retain or [], burned_in)
    *sources, target = paths
    out = Path(target)
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise UsageError(f"{out}: exists and is not an empty folder", "Name a new folder.")
    if key is not None and key.resolve().is_relative_to(out.resolve()):
        raise UsageError(
            f"--key {key}: is in the folder of the copies",
            "Name a file elsewhere: with the key the copies can be linked to their patients.",
        )
    films = list(images.find_films(sources))
    if not films:
        raise UsageError("no films found", "Are the folders empty, or without images?")
    secret = new_key() if key is None else read_or_make_key(key)
    out.mkdir(parents=True, exist_ok=True)
    sys.exit(_write_all(films, out, secret, options, json))


def options_of(retain: Sequence[str], burned_in: str) -> Options:
    """The options that the command line names.

    Raises:
        UsageError: There is no such choice.
    """
    from pneumoscope.deidentification.film import BURNED_IN, RETAINABLE, Options

    names = [name.strip() for value in retain for name in value.split(",") if name.strip()]
    for name in names:
        if name not in RETAINABLE:
            raise UsageError(
                f"--retain {name}: is unknown", f"Choose among {', '.join(RETAINABLE)}."
            )
    if burned_in not in BURNED_IN:
        raise UsageError(
            f"--burned-in {burned_in}: is unknown", f"Choose one of: {', '.join(BURNED_IN)}."
        )
    return Options(tuple(name for name in RETAINABLE if name in names), burned_in)


def _write_all(
    films: Iterable[Path | ListedFilm], out: Path, key: Key, options: Options, json: bool
) -> int:
    """Writes copies and the table; returns the exit code: 1 if a film was left out."""
    from pneumoscope import images
    from pneumoscope.cli.terminal import print_json, report
    from pneumoscope.deidentification.film import deidentified

    # Not the films themselves: all their pixels would not fit into memory.
    written: list[tuple[str, Actions]] = []
    names: set[str] = set()
    failures: list[dict[str, Any]] = []
    try:
        for source in films:
            name = images.name_of(source)
            try:
                film = deidentified(images.load_bytes(source, name), name, key, options)
                _write(film, out, name)
            except PneumoscopeError as error:
                report(error)
                failures.append({"source": name, "error": error.as_dict()})
                continue
            written.append((film.sop_instance_uid, film.actions))
            names.add(film.patient)
    finally:  # the copies that are there are documented even if the run breaks off
        _write_table(written, out / LIST)
    patients = len(names)
    if json:
        facts = {"films": len(written), "patients": patients, "left_out": failures}
        print_json({"folder": str(out), "table": str(out / LIST), **facts}, indent=2)
    else:
        left_out = f", {len(failures):,} left out" if failures else ""
        count = f"{counted(len(written), 'film')} of {counted(patients, 'patient')}"
        sys.stdout.write(f"{count} in {out}{left_out}\n")
    return int(bool(failures))


def _write(film: DeidentifiedFilm, out: Path, name: str) -> None:
    from pneumoscope import files

    folder = out / film.patient
    target = folder / f"{film.sop_instance_uid}.dcm"
    if target.exists():
        raise UsageError(
            f"{name}: a film of the same patient and SOP Instance UID came before",
            "It is a copy; if not, give it its own UID.",
        )
    folder.mkdir(exist_ok=True)
    with files.replacing(target) as stream:
        stream.write(film.content)


def _write_table(films: Iterable[tuple[str, Actions]], path: Path) -> None:
    """Writes the table from each film's SOP Instance UID and what was done to it."""
    import io

    from pneumoscope import files
    from pneumoscope.render.export import write_table

    text = io.StringIO()
    rows = ((uid, *action) for uid, actions in films for action in actions)
    write_table(("film", "tag", "keyword", "action"), rows, text)
    files.write_text(path, text.getvalue())
