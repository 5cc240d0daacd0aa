"""COVIDx CXR (Wang et al., Scientific Reports 2020): a list for each split, separated by spaces."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pneumoscope.data.class_names import negative_first
from pneumoscope.data.film_paths import exists
from pneumoscope.data.listing import Entry, Listing, one_hot
from pneumoscope.data.split_names import split_of
from pneumoscope.errors import DataError

if TYPE_CHECKING:
    from pathlib import Path

_CLASSES = {"positive", "negative", "normal", "pneumonia", "covid-19"}
_ENDINGS = (".png", ".jpg", ".jpeg", ".dcm")
_NEGATIVE = "negative in COVIDx means without COVID-19: these films may show another pneumonia"


def covidx_lists(root: Path) -> dict[str, Path]:
    """Split to list, for files such as ``train.txt`` or ``train_COVIDx9A.txt``; empty if there are none."""
    lists: dict[str, Path] = {}
    for file in sorted(root.glob("*.txt")):
        split = split_of(file.stem.split("_")[0])
        if split and file.is_file() and _row(_first_line(file)) is not None:
            lists.setdefault(split, file)
    return lists if "train" in lists else {}


def read_covidx(lists: dict[str, Path], root: Path) -> Listing:
    """Lists the films of lists with the patient, the file, the class and perhaps the source of each film.

    Files are in a folder of their split, or beside the lists.

    Raises:
        DataError: A line has another form, or no film exists.
    """
    entries: list[tuple[str, Path, str, str, str]] = []
    missing = 0
    for split, file in lists.items():
        folders = [
            root / file.stem,
            *(f for f in root.iterdir() if split_of(f.name) == split),
            root,
        ]
        for number, line in enumerate(_lines(file), 1):
            row = _row(line)
            if row is None:
                raise DataError(
                    f"{file}, line {number}: is not 'patient file class source'",
                    f"Classes are {', '.join(sorted(_CLASSES))}.",
                )
            patient, name, kind, source = row
            path = next((f / name for f in folders if exists(f / name)), None)
            if path is None:
                missing += 1
            else:
                entries.append((split, path, kind, patient, source))
    if not entries:
        raise DataError(
            f"{root}: none of the films of {', '.join(f.name for f in lists.values())} is there",
            "Unpack the films into the folders train, val and test beside the lists.",
        )
    names = negative_first(sorted({kind for _, _, kind, _, _ in entries}))
    warnings = [f"films of the lists that are not there: {missing:,}"] if missing else []
    if "negative" in names:
        warnings.append(_NEGATIVE)
    return Listing(
        layout="covidx",
        findings=False,
        names=names,
        entries=tuple(
            Entry(
                path=path,
                name=path.relative_to(root).as_posix(),
                values=one_hot(names.index(kind), len(names)),
                patient=f"{source}/{patient}" if source else patient,
                keyed=True,
                split=split,
                source=source,
            )
            for split, path, kind, patient, source in entries
        ),
        source=f"COVIDx CXR (Wang et al., Scientific Reports 2020), folder {root.resolve().name}",
        obeyed=True,
        warnings=tuple(warnings),
    )


def _row(line: str) -> tuple[str, str, str, str] | None:
    """Patient, file, class and source of a line; None if it has another form."""
    words = line.split()
    # File names may contain spaces, so the class is looked for from the end.
    for place in (len(words) - 2, len(words) - 1):
        if place >= 2 and words[place].lower() in _CLASSES:
            name = " ".join(words[1:place])
            if name.lower().endswith(_ENDINGS):
                return words[0], name, words[place], " ".join(words[place + 1 :])
    return None


def _lines(file: Path) -> list[str]:
    text = file.read_text(encoding="utf-8", errors="replace")
    return [line for line in text.splitlines() if line.strip()]


def _first_line(file: Path) -> str:
    with file.open(encoding="utf-8", errors="replace") as stream:
        return next((line for line in stream if line.strip()), "")
