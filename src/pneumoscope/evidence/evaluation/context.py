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
    from pneumoscope.evidence.evaluation.outcomes import Outcomes
    from pneumoscope.evidence.evaluation.run_films import RunFilms
    from pneumoscope.evidence.evaluation.settings import Settings
    from pneumoscope.evidence.evaluation.truth import Truth
    from pneumoscope.evidence.evaluation.work import Work
    from pneumoscope.evidence.statistics.intervals import Array
    from pneumoscope.runtime import Classifier

    Progress = Callable[[int, int, str], None]
    """Takes (things done, things in all, what is done)."""


@dataclass(frozen=True, slots=True)
class Context:
    """Settings, intermediate results and progress of an evaluation.

    Attributes:
        settings: What to measure.
        work: Where intermediate results are kept.
        progress: Called when a part of a step is done.
        seconds: Step to elapsed seconds so far.
        cpu_seconds: The same, summed over all cores: hardly affected by other work on the machine.
    """

    settings: Settings
    work: Work
    progress: Progress
    seconds: dict[str, float] = field(default_factory=dict)
    cpu_seconds: dict[str, float] = field(default_factory=dict)

    @contextmanager
    def clock(self, step: str) -> Iterator[None]:
        """Adds the time that a block takes to a step."""
        began, began_cpu = perf_counter(), process_time()
        try:
            yield
        finally:
            for seconds, spent in (
                (self.seconds, perf_counter() - began),
                (self.cpu_seconds, process_time() - began_cpu),
            ):
                seconds[step] = seconds.get(step, 0.0) + spent

    def counting(self, step: str) -> Callable[[int, int], None]:
        """Progress of one step, as a function of (done, in all)."""
        return lambda done, total: self.progress(done, total, step)


@dataclass(frozen=True, slots=True, eq=False)
class Predicted:
    """A bundle with its predictions and decisions about the films.

    Attributes:
        title: Title of the bundle, different for each.
        classifier: Classifier of the bundle.
        truth: The films' labels in the bundle's terms.
        p: Probabilities (films, labels).
        outcomes: What the product decides about the films.
        pixels: uint8 (films, side, side) at the bundle's source size.
        hashes: SHA-256 of each film's pixels.
        patients: Patients of the films.
        training: The bundle's training and validation films, if the data contain them; else None.
        seconds: From files to predictions, for a thousand films: elapsed, and summed over all cores.
        run: The films of the bundle's run, if it is in its run folder; else None.
    """

    title: str
    classifier: Classifier
    truth: Truth
    p: Array
    outcomes: Outcomes
    pixels: NDArray[np.uint8]
    hashes: tuple[str, ...]
    patients: tuple[str, ...]
    training: FilmSet | None
    seconds: tuple[float, float]
    run: RunFilms | None = None

    @property
    def targets(self) -> Array:
        """Labels in the order of the network's outputs, (films, labels), NaN where unknown."""
        meta, truth = self.classifier.bundle.meta, self.truth
        if truth.classes is None:
            return truth.targets
        targets = np.full((len(truth.classes), len(meta.labels)), np.nan)
        known = truth.classes >= 0
        targets[known] = truth.classes[known, None] == np.arange(len(meta.labels))
        # Of films that are positive in an unknown way, this much is known.
        targets[~known, meta.labels.index(str(meta.negative))] = 1.0 - truth.targets[~known, 0]
        return targets
