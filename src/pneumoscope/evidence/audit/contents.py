"""The contents of a data set: films by split and class, numbers of the files."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

import numpy as np

from pneumoscope.data.check import UNSPLIT
from pneumoscope.evidence.audit.file_shortcuts import NUMBERS, matrices
from pneumoscope.evidence.audit.listing import class_of

if TYPE_CHECKING:
    from pneumoscope.data.listing import Listing
    from pneumoscope.evidence.audit.films import Reading


def counts(listing: Listing) -> dict[str, dict[str, int]]:
    """Split to class to number of films; ``""`` counts films without a known label."""
    splits = dict.fromkeys(entry.split or UNSPLIT for entry in listing.entries)
    tally = Counter(
        (entry.split or UNSPLIT, name)
        for entry in listing.entries
        for name in (class_of(entry, listing.names).split(" | "))
    )
    names = [*listing.names, *([""] if any(name == "" for _, name in tally) else [])]
    return {split: {name: tally[split, name] for name in names} for split in splits}


def sizes(reading: Reading) -> dict[str, list[float]]:
    """Minimum, median and maximum of every number of the files that have it."""
    numbers, _ = matrices(reading.files)
    percentiles = {}
    for i, name in enumerate(NUMBERS):
        known = numbers[~np.isnan(numbers[:, i]), i]
        if len(known):
            percentiles[name] = [round(float(v), 4) for v in np.percentile(known, [0, 50, 100])]
    return percentiles
