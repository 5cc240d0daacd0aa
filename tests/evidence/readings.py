"""Films of an audit whose files give labels away, for tests."""

from __future__ import annotations

import numpy as np

from pneumoscope.data.film_statistics import STATISTICS
from pneumoscope.evidence.audit.contrasts import Contrast
from pneumoscope.evidence.audit.file_shortcuts import FileFacts
from pneumoscope.evidence.audit.films import Reading
from pneumoscope.evidence.audit.shortcut_measurement import measure
from pneumoscope.evidence.audit.shortcuts import Shortcuts


def reading(
    truth: np.ndarray, words: list[str], number: np.ndarray | None = None, seed: int = 0
) -> Reading:
    """Films of noise whose table is a word and whose number of bytes is a number."""
    rng = np.random.default_rng(seed)
    n = len(truth)
    given = rng.normal(size=n) if number is None else number
    files = tuple(
        FileFacts(
            (float(given[i]), 1.0, 224.0, 224.0, 1.0, 20.0),
            ("JPEG", "L", words[i], "grey", "baseline", "none", "none", "none"),
            224,
            224,
        )
        for i in range(n)
    )
    return Reading(
        rows=np.arange(n),
        hashes=tuple(map(str, range(n))),
        thumbs=rng.integers(0, 256, (n, 32, 32), dtype=np.uint8),
        statistics=rng.normal(size=(n, len(STATISTICS))),
        files=files,
        embedding=rng.normal(size=(n, 4)).astype(np.float32),
        broken=(),
    )


def measured(read: Reading, truth: np.ndarray, patients: list[str] | None = None) -> Shortcuts:
    keys = patients or [str(i) for i in range(len(truth))]
    groups = [sorted(set(keys)).index(key) for key in keys]
    return measure(Contrast("ill", "well", np.arange(len(truth)), truth), read, keys, groups)


def auc(shortcuts: Shortcuts, source: str, feature: str) -> float:
    return next(s.auc.value for s in shortcuts.scores if (s.source, s.feature) == (source, feature))
