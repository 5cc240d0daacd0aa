"""The audit of a data set, before anyone trains on it.

``audit_listing`` finds the films, ``audit_films`` reads each once, ``near_duplicates``,
``audit_splits``, ``shortcuts`` and ``audit_labels`` measure, ``audit_verdict`` judges, and
``audit_page`` shows it all on one page.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from pneumoscope import runtime
from pneumoscope.evidence.audit import films as audit_films
from pneumoscope.evidence.audit import verdict
from pneumoscope.evidence.audit.contrasts import contrasts
from pneumoscope.evidence.audit.labels import doubts
from pneumoscope.evidence.audit.listing import open_films
from pneumoscope.evidence.audit.near_duplicates import copies, united
from pneumoscope.evidence.audit.results import Audit, Picture
from pneumoscope.evidence.audit.shortcut_measurement import STEPS, measure
from pneumoscope.evidence.audit.splits import groupings, shifts

if TYPE_CHECKING:
    import os
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from pneumoscope.data.listing import Listing
    from pneumoscope.evidence.audit.films import Reading
    from pneumoscope.evidence.audit.near_duplicates import Copy


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
