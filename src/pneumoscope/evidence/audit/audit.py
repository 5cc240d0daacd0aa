"""The audit of a data set, before anyone trains on it.

`listing` finds the films, `films` reads each once, `near_duplicates`, `splits`, `shortcut_measurement`
and `labels` measure, `verdict` judges. `record` writes the results, and `report.audit` shows them on
one page.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from pneumoscope import runtime
from pneumoscope.bundle import open_bundle
from pneumoscope.evidence.audit.contrasts import contrasts
from pneumoscope.evidence.audit.films import read_all
from pneumoscope.evidence.audit.labels import doubts
from pneumoscope.evidence.audit.listing import open_films
from pneumoscope.evidence.audit.near_duplicates import copies_among, united
from pneumoscope.evidence.audit.results import Audit, Picture
from pneumoscope.evidence.audit.shortcut_measurement import STEPS, measure
from pneumoscope.evidence.audit.splits import groupings, shifts
from pneumoscope.evidence.audit.verdict import findings

if TYPE_CHECKING:
    import os
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from pneumoscope.data.listing import Entry
    from pneumoscope.evidence.audit.near_duplicates import Copy


def audit(
    root: Path,
    bundle: str | os.PathLike[str] | None = None,
    reading: Callable[[int, int], None] = lambda _done, _total: None,
    measuring: Callable[[int, int], None] = lambda _done, _total: None,
) -> Audit:
    """Reads every film of a folder or manifest, including those for testing, and judges the set.

    Args:
        root: See `listing.open_films`.
        bundle: Gives the embeddings; the first shipped one by default.
        reading: Called with (films done, films in all).
        measuring: Called with (steps done, steps in all).

    Raises:
        DataError: No such folder, no films, a broken table, or no film can be read.
        BundleError: The bundle cannot be used.
    """
    listing, limits = open_films(root)
    classifier = runtime.load(open_bundle(bundle))
    read = read_all(listing.entries, classifier, reading)
    pairs, silence = contrasts(listing)
    done, steps = 0, 2 + STEPS * len(pairs)

    def step() -> None:
        nonlocal done
        done += 1
        measuring(done, steps)

    readable = [listing.entries[int(row)] for row in read.rows]
    copies = copies_among(readable, read)
    step()
    patients = [entry.patient for entry in readable]
    groups = united(patients, copies)
    shortcuts = tuple(measure(pair, read, patients, groups, step) for pair in pairs)
    trained_on = classifier.bundle.meta.data.get("source")
    doubtful = doubts(listing, read, groups, seen=listing.source == trained_on)
    measuring(steps, steps)
    result = Audit(
        listing=listing,
        reading=read,
        bundle=classifier.bundle.title,
        population=classifier.bundle.meta.population.text,
        pictures=tuple(_picture(copy, readable) for copy in copies),
        copies=copies,
        groupings=groupings(listing),
        shifts=shifts(listing, pairs[0]) if pairs else (),
        shortcuts=shortcuts,
        doubts=doubtful,
        warnings=listing.warnings,
        limits=(*limits, *((silence,) if silence else ())),
        sides={pair.name: tuple(pair.among(read.rows)) for pair in pairs},
    )
    return replace(result, findings=findings(result))


def _picture(copy: Copy, readable: Sequence[Entry]) -> Picture:
    entries = [readable[i] for i in copy.films]
    labels = zip(*(entry.values for entry in entries), strict=True)
    differences = {
        "split": len({entry.split for entry in entries}) > 1,
        # A film without a label contradicts none.
        "class": any({0.0, 1.0} <= set(column) for column in labels),
        "patient": len({entry.patient if entry.keyed else None for entry in entries}) > 1,
    }
    return Picture(
        paths=tuple(entry.name for entry in entries),
        exact=copy.exact,
        turn=copy.turn,
        likeness=copy.likeness,
        across=tuple(name for name, differs in differences.items() if differs),
    )
