"""The audit of a data set, before anyone trains on it.

``audit_listing`` finds the films, ``audit_films`` reads each once, ``near_duplicates``,
``audit_splits``, ``shortcuts`` and ``audit_labels`` measure, ``audit_verdict`` judges, and
``audit_page`` shows it all on one page.
"""

from __future__ import annotations

import csv
import io
from collections import Counter
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from pneumoscope import __version__, runtime
from pneumoscope.data.film_statistics import STATISTICS
from pneumoscope.evidence.audit import films as audit_films
from pneumoscope.evidence.audit import verdict
from pneumoscope.evidence.audit.file_shortcuts import NUMBERS, WORDS, matrices
from pneumoscope.evidence.audit.labels import doubts
from pneumoscope.evidence.audit.listing import class_of, contrasts, open_films
from pneumoscope.evidence.audit.near_duplicates import copies, united
from pneumoscope.evidence.audit.shortcuts import STEPS, measure
from pneumoscope.evidence.audit.splits import groupings, shifts
from pneumoscope.render.serialise import NOTICE

if TYPE_CHECKING:
    import os
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from pneumoscope.data.check import Broken
    from pneumoscope.data.listing import Listing
    from pneumoscope.evidence.audit.films import Reading
    from pneumoscope.evidence.audit.labels import Doubts
    from pneumoscope.evidence.audit.near_duplicates import Copy
    from pneumoscope.evidence.audit.shortcuts import Shortcuts
    from pneumoscope.evidence.audit.splits import Grouping, Shift
    from pneumoscope.evidence.audit.verdict import Finding

UNSPLIT = "films"
"""Stands for the split where there are none."""


@dataclass(frozen=True, slots=True)
class Picture:
    """One picture that stands in the set more than once.

    Attributes:
        paths: Its films, relative to the data folder.
        exact: Whether their pixels are the same.
        turn: How the second film must be turned to be the first, or ``""``.
        likeness: See `near_duplicates.Copy`.
        across: What the films differ in: ``"split"``, ``"class"``, ``"patient"``.
    """

    paths: tuple[str, ...]
    exact: bool
    turn: str
    likeness: float
    across: tuple[str, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Audit:
    """What an audit found.

    Attributes:
        listing: All films.
        reading: What was read of those that could be read.
        bundle: Title of the bundle that gave the embeddings.
        pictures: Copies, in the order of ``copies``.
        copies: The same with positions in the reading.
        groupings: Patients on splits and classes.
        shifts: Of the label's share between splits.
        shortcuts: One per contrast.
        doubts: Films whose labels may be wrong.
        warnings: Sentences of the layout.
        limits: What could not be said, in sentences.
        sides: Contrast to the films of the reading, each with whether it is of the positive group.
        findings: The judgement, check by check.
    """

    listing: Listing
    reading: Reading
    bundle: str
    pictures: tuple[Picture, ...]
    copies: tuple[Copy, ...]
    groupings: tuple[Grouping, ...]
    shifts: tuple[Shift, ...]
    shortcuts: tuple[Shortcuts, ...]
    doubts: Doubts
    warnings: tuple[str, ...]
    limits: tuple[str, ...]
    sides: dict[str, tuple[tuple[int, bool], ...]]
    findings: tuple[Finding, ...] = ()

    @property
    def verdict(self) -> str:
        """``"pass"``, ``"look"`` or ``"stop"``."""
        return verdict.overall(self.findings)

    @property
    def broken(self) -> tuple[Broken, ...]:
        """Films that could not be read."""
        return self.reading.broken


def audit(
    root: Path,
    bundle: str | os.PathLike[str] | None = None,
    reading: Callable[[int, int], None] = lambda _done, _total: None,
    measuring: Callable[[int, int], None] = lambda _done, _total: None,
) -> Audit:
    """Reads every film of a folder or manifest, those for testing too, and judges the set.

    Args:
        root: See `audit_listing.open_films`.
        bundle: Gives the embeddings; the shipped one by default.
        reading: Called with (films done, films in all).
        measuring: Called with (steps done, steps in all).

    Raises:
        DataError: No such folder, no films, a broken table, or no film can be read.
        BundleError: The bundle cannot be used.
    """
    found, limits = open_films(root)
    classifier = runtime.load(bundle)
    read = audit_films.read_all(found.entries, classifier, reading)
    pairs, silence = contrasts(found)
    done, steps = 0, 2 + STEPS * len(pairs)

    def step() -> None:
        nonlocal done
        done += 1
        measuring(done, steps)

    own = [found.entries[int(row)] for row in read.rows]
    same = copies(read.hashes, read.thumbs, lambda i: audit_films.film_of(own[i].path))
    step()
    patients = [entry.patient for entry in own]
    groups = united(patients, same)
    scored = tuple(measure(pair, read, patients, groups, step) for pair in pairs)
    trained_on = classifier.bundle.meta.data.get("source")
    doubtful = doubts(found, read, groups, seen=found.source == trained_on)
    measuring(steps, steps)
    whole = Audit(
        found,
        read,
        classifier.bundle.title,
        tuple(_picture(copy, found, read) for copy in same),
        same,
        groupings(found),
        shifts(found, pairs[0]) if pairs else (),
        scored,
        doubtful,
        found.warnings,
        (*limits, *((silence,) if silence else ())),
        {pair.name: tuple(pair.among(read.rows)) for pair in pairs},
    )
    return replace(whole, findings=verdict.findings(whole))


def counts(found: Listing) -> dict[str, dict[str, int]]:
    """Split to class to number of films; ``""`` counts those without a known label."""
    splits = dict.fromkeys(entry.split or UNSPLIT for entry in found.entries)
    tally = Counter(
        (entry.split or UNSPLIT, name)
        for entry in found.entries
        for name in (class_of(entry, found.names).split(" | "))
    )
    names = [*found.names, *([""] if any(name == "" for _, name in tally) else [])]
    return {split: {name: tally[split, name] for name in names} for split in splits}


def to_json(result: Audit) -> dict[str, Any]:
    """An audit as JSON-ready values."""
    found = result.listing
    films = Counter(entry.split or UNSPLIT for entry in found.entries)
    own = [found.entries[int(row)].name for row in result.reading.rows]
    return {
        "verdict": result.verdict,
        "findings": [asdict(finding) for finding in result.findings],
        "layout": found.layout,
        "source": found.source,
        "films": dict(films),
        "read": len(result.reading.rows),
        "counts": {
            split: {name or "unknown": n for name, n in own_counts.items()}
            for split, own_counts in counts(found).items()
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
        "label_doubts": asdict(result.doubts)
        | {
            "confident": result.doubts.confident,
            "found": [asdict(d) | {"film": own[d.film]} for d in result.doubts.found],
        },
        "warnings": list(result.warnings),
        "limits": list(result.limits),
        "bundle": result.bundle,
        "version": __version__,
        "notice": NOTICE,
    }


def sizes(reading: Reading) -> dict[str, list[float]]:
    """Least, median and most of every number of the files that has them."""
    numbers, _ = matrices(reading.files)
    found = {}
    for i, name in enumerate(NUMBERS):
        known = numbers[~np.isnan(numbers[:, i]), i]
        if len(known):
            found[name] = [round(float(v), 4) for v in np.percentile(known, [0, 50, 100])]
    return found


def to_csv(result: Audit) -> str:
    """One row per film that could be read, with everything that was measured of it."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    doubted = {d.film: d for d in result.doubts.found}
    writer.writerow(
        ("path", "split", "class", "patient", "pixels_sha256", *WORDS, *NUMBERS, *STATISTICS,
         "doubted_label", "suggested_label", "p_label")
    )  # fmt: skip
    for i, row in enumerate(result.reading.rows):
        entry = result.listing.entries[int(row)]
        file, doubt = result.reading.files[i], doubted.get(i)
        writer.writerow(
            (
                entry.name,
                entry.split or "",
                class_of(entry, result.listing.names),
                entry.patient if entry.keyed else "",
                result.reading.hashes[i],
                *file.words,
                *(_plain(value) for value in file.numbers),
                *(_plain(value) for value in result.reading.statistics[i]),
                *((doubt.label, doubt.other, doubt.p_label) if doubt else ("", "", "")),
            )
        )
    return text.getvalue()


def _plain(value: float) -> str:
    return "" if np.isnan(value) else f"{value:.6g}"


def _picture(copy: Copy, found: Listing, reading: Reading) -> Picture:
    own = [found.entries[int(reading.rows[i])] for i in copy.films]
    differences: dict[str, Sequence[object]] = {
        "split": [entry.split for entry in own],
        "class": [entry.values for entry in own],
        "patient": [entry.patient if entry.keyed else None for entry in own],
    }
    return Picture(
        tuple(entry.name for entry in own),
        copy.exact,
        copy.turn,
        copy.likeness,
        tuple(name for name, values in differences.items() if len(set(values)) > 1),
    )
