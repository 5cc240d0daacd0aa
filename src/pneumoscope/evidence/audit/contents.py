"""What a data set holds: films by split and class, numbers of the files."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

import numpy as np

from pneumoscope.evidence.audit.file_shortcuts import NUMBERS, matrices
from pneumoscope.evidence.audit.listing import class_of

if TYPE_CHECKING:
    from pneumoscope.data.listing import Listing
    from pneumoscope.evidence.audit.films import Reading

UNSPLIT = "films"
"""Stands for the split where there are none."""


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


def sizes(reading: Reading) -> dict[str, list[float]]:
    """Least, median and most of every number of the files that has them."""
    numbers, _ = matrices(reading.files)
    found = {}
    for i, name in enumerate(NUMBERS):
        known = numbers[~np.isnan(numbers[:, i]), i]
        if len(known):
            found[name] = [round(float(v), 4) for v in np.percentile(known, [0, 50, 100])]
    return found
