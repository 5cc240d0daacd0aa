"""What the steps of an evaluation share."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass, field
from time import perf_counter, process_time
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from numpy.typing import NDArray

    from pneumoscope.data import FilmSet
    from pneumoscope.evidence.evaluation.settings import Settings
    from pneumoscope.evidence.evaluation.truth import Truth
    from pneumoscope.evidence.evaluation.work import Work
    from pneumoscope.evidence.statistics.intervals import Array
    from pneumoscope.runtime import Classifier

    Progress = Callable[[int, int, str], None]
    """Takes (things done, things in all, what is done)."""


@dataclass(frozen=True, slots=True)
class Context:
    """What was asked for, and where it is done.

    Attributes:
        settings: What to measure.
        work: Where intermediate results are kept, and taken up from.
        progress: Told how far the work is.
        seconds: Step to seconds so far, by the clock on the wall.
        cpu_seconds: The same of all processor cores together: other work on the machine hardly
            counts.
    """

    settings: Settings
    work: Work
    progress: Progress
    seconds: dict[str, float] = field(default_factory=dict)
    cpu_seconds: dict[str, float] = field(default_factory=dict)

    @contextmanager
    def clock(self, step: str) -> Iterator[None]:
        """Counts the seconds of a block towards a step."""
        began, began_cpu = perf_counter(), process_time()
        try:
            yield
        finally:
            for found, spent in (
                (self.seconds, perf_counter() - began),
                (self.cpu_seconds, process_time() - began_cpu),
            ):
                found[step] = found.get(step, 0.0) + spent

    def counting(self, what: str) -> Callable[[int, int], None]:
        """Progress of one thing, by (done, in all)."""
        return lambda done, total: self.progress(done, total, what)


@dataclass(frozen=True, slots=True, eq=False)
class Predicted:
    """A bundle and what it says of the films.

    Attributes:
        title: Of the bundle, told apart from others.
        classifier: The bundle at work.
        truth: The films' labels in its terms.
        p: Probabilities (films, labels).
        pixels: uint8 (films, side, side) at its source size.
        hashes: SHA-256 of each film's pixels.
        patients: Of the films.
        training: Its training and validation films, if the data give them; else None.
        seconds: From files to predictions, for a thousand films: on the wall, and of all cores.
    """

    title: str
    classifier: Classifier
    truth: Truth
    p: Array
    pixels: NDArray[np.uint8]
    hashes: tuple[str, ...]
    patients: tuple[str, ...]
    training: FilmSet | None
    seconds: tuple[float, float]

    @property
    def targets(self) -> Array:
        """Labels as the network's outputs stand for them, (films, labels), NaN where unknown."""
        meta, truth = self.classifier.bundle.meta, self.truth
        if truth.classes is None:
            return truth.targets
        targets = np.full((len(truth.classes), len(meta.labels)), np.nan)
        known = truth.classes >= 0
        targets[known] = truth.classes[known, None] == np.arange(len(meta.labels))
        # Of films that are positive in some way, this much is known.
        targets[~known, meta.labels.index(str(meta.negative))] = 1.0 - truth.targets[~known, 0]
        return targets
