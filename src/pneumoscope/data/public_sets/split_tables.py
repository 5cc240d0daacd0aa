"""A table for each split, as CheXpert has: ``train.csv``, ``valid.csv`` and perhaps ``test.csv``."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING

from pneumoscope.data.class_names import negative_first
from pneumoscope.data.listing import Listing
from pneumoscope.data.split_names import split_of
from pneumoscope.data.table_files import tables_in
from pneumoscope.data.tables import has_films, read_manifest
from pneumoscope.errors import DataError

if TYPE_CHECKING:
    from pathlib import Path

    from pneumoscope.data.listing import Entry, Targets

_ADDED = re.compile(r"[_\-](labels?|df|list|metadata|frontal)$", re.IGNORECASE)


def split_tables(root: Path) -> dict[str, Path]:
    """Split to table, for the tables of a folder that are called after a split and name films.

    Returns:
        Empty if there is none for training.
    """
    tables: dict[str, Path] = {}
    for file in tables_in(root):
        split = split_of(_ADDED.sub("", file.stem))
        if split and has_films(file):
            tables.setdefault(split, file)
    return tables if "train" in tables else {}


def read_split_tables(tables: dict[str, Path]) -> Listing:
    """Lists the films of a table per split; each is a manifest, see `tables.read_manifest`.

    Raises:
        DataError: A table is broken, names a film of another one, or the tables have labels of different
            kinds.
    """
    listings = {split: read_manifest(file) for split, file in tables.items()}
    if len({listing.findings for listing in listings.values()}) > 1:
        raise DataError(
            f"{', '.join(file.name for file in tables.values())}: have labels of different kinds",
            "Give all tables the same columns.",
        )
    findings = listings["train"].findings
    in_order = dict.fromkeys(n for x in listings.values() for n in x.names)
    # A finding that no training film tells cannot be learned.
    untold = [n for n in in_order if findings and n not in listings["train"].names]
    names = negative_first(
        [n for n in in_order if n not in untold] if findings else sorted(in_order)
    )
    entries: list[Entry] = []
    seen: dict[Path, str] = {}
    for split, listing in listings.items():
        for entry in listing.entries:
            if other := seen.get(entry.path):
                raise DataError(f"{entry.name} is a film of {other} and of {split}", "Keep one.")
            seen[entry.path] = split
            entries.append(replace(entry, values=_values(entry, listing, names), split=split))
    train = tables["train"]
    warnings = [w for x in listings.values() for w in x.warnings]
    if untold:
        warnings.append(f"findings that {train.name} does not tell, left out: {', '.join(untold)}")
    return Listing(
        layout="manifest",
        findings=findings,
        names=names,
        entries=tuple(entries),
        source=f"CSV manifests {', '.join(f.name for f in tables.values())} in "
        f"{train.parent.resolve().name}",
        obeyed=True,
        warnings=tuple(dict.fromkeys(warnings)),
    )


def _values(entry: Entry, listing: Listing, names: tuple[str, ...]) -> Targets:
    known = dict(zip(listing.names, entry.values, strict=True))
    # A class that a table does not have is a class that its films do not have.
    missing = 0.0 if not listing.findings and 1.0 in entry.values else None
    return tuple(known.get(name, missing) for name in names)
