"""An audit as JSON and CSV."""

from __future__ import annotations

import io
from collections import Counter
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import numpy as np

from pneumoscope import __version__
from pneumoscope.data.check import UNSPLIT
from pneumoscope.data.film_statistics import STATISTICS
from pneumoscope.evidence.audit.contents import counts, sizes
from pneumoscope.evidence.audit.file_shortcuts import NUMBERS, WORDS
from pneumoscope.evidence.audit.listing import class_of
from pneumoscope.render.export import write_table
from pneumoscope.render.serialise import NOTICE

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pneumoscope.evidence.audit.results import Audit


def to_json(result: Audit) -> dict[str, Any]:
    """An audit as JSON-ready values."""
    listing = result.listing
    films = Counter(entry.split or UNSPLIT for entry in listing.entries)
    names = [listing.entries[int(row)].name for row in result.reading.rows]
    return {
        "verdict": result.verdict,
        "findings": [asdict(finding) for finding in result.findings],
        "layout": listing.layout,
        "source": listing.source,
        "films": dict(films),
        "read": len(result.reading.rows),
        "counts": {
            split: {name or "unknown": n for name, n in split_counts.items()}
            for split, split_counts in counts(listing).items()
        },
        "sizes": sizes(result.reading),
        "kinds": {
            name: dict(Counter(f.words[i] for f in result.reading.files).most_common(20))
            for i, name in enumerate(WORDS)
        },
        "broken": [asdict(film) for film in result.broken],
        "copies": [asdict(picture) for picture in result.pictures],
        "patients": [asdict(grouping) for grouping in result.groupings],
        "prior_shift": [asdict(shift) | {"clear": shift.clear} for shift in result.shifts],
        "shortcuts": [
            asdict(s) | {"scores": [asdict(x) | {"notable": x.notable} for x in s.scores]}
            for s in result.shortcuts
        ],
        "label_doubts": {
            "classes": result.doubts.classes,
            "films": result.doubts.films,
            "found": [
                asdict(doubt) | {"film": names[doubt.film]} for doubt in result.doubts.candidates
            ],
            "silence": result.doubts.silence,
            "seen": result.doubts.seen,
            "confident": result.doubts.confident,
        },
        "warnings": list(result.warnings),
        "limits": list(result.limits),
        "bundle": result.bundle,
        "version": __version__,
        "notice": NOTICE,
    }


def to_csv(result: Audit) -> str:
    """One row per film that could be read, with everything that was measured."""
    columns = (
        *("path", "split", "class", "patient", "pixels_sha256"),
        *(*WORDS, *NUMBERS, *STATISTICS),
        *("doubted_label", "suggested_label", "p_label"),
    )
    text = io.StringIO()
    write_table(columns, _rows(result), text)
    return text.getvalue()


def _rows(result: Audit) -> Iterator[tuple[Any, ...]]:
    doubted = {d.film: d for d in result.doubts.candidates}
    for i, row in enumerate(result.reading.rows):
        entry = result.listing.entries[int(row)]
        file, doubt = result.reading.files[i], doubted.get(i)
        yield (
            entry.name,
            entry.split or "",
            class_of(entry, result.listing.names),
            entry.patient if entry.keyed else "",
            result.reading.hashes[i],
            *file.words,
            *map(_figure, file.numbers),
            *map(_figure, result.reading.statistics[i]),
            *((doubt.label, doubt.other, doubt.p_label) if doubt else ("", "", "")),
        )


def _figure(value: float) -> float | str:
    """Six digits of a measurement; empty if there is none. A number, so that no minus is marked."""
    if np.isnan(value):
        return ""
    rounded = float(f"{value:.6g}")
    return int(rounded) if rounded.is_integer() else rounded
