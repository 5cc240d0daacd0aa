"""The classifier: from films to predictions, with one bundle."""

from __future__ import annotations

import copy
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from pneumoscope import images
from pneumoscope.decision import explain, gate, triage
from pneumoscope.decision.decide import FilmScores, at_site, decide
from pneumoscope.decision.lung_scores import lung_scores
from pneumoscope.decision.lung_zones import named_zones
from pneumoscope.decision.profile import applied, read_profile
from pneumoscope.decision.reader_settings import EXPLAIN
from pneumoscope.decision.rules import Rules
from pneumoscope.errors import UsageError
from pneumoscope.records import NORMAL, REFUSED, Prediction, Radiograph, Settings
from pneumoscope.runtime.network import FilmOutputs, Network, NetworkOutputs
from pneumoscope.runtime.reader import Prepared, Reader
from pneumoscope.runtime.threads import usable_cores

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from typing import Self

    from numpy.typing import NDArray

    from pneumoscope.bundle import Bundle
    from pneumoscope.decision.decide import Decision
    from pneumoscope.decision.profile import SiteProfile
    from pneumoscope.images import Source
    from pneumoscope.records import Explanation, FilmFacts


@dataclass(frozen=True, slots=True, eq=False)
class Measured:
    """What the network and the gate measure on one film, before anything is decided.

    Attributes:
        outputs: Outputs of the network.
        gate: Name of a gate score to its value.
        infer_ms: This film's share of the milliseconds that its batch took.
    """

    outputs: FilmOutputs
    gate: Mapping[str, float]
    infer_ms: float


class Classifier(Reader):
    """Reads films with one bundle. Safe to share between threads.

    Attributes:
        bundle: The model folder in use.
        settings: What the reader chose.
        profile: The site profile in use, or None.
        rules: How probabilities become a verdict: thresholds, conformal limits, prevalence.
        threads: Threads that `predict_many` uses.
    """

    def __init__(
        self, bundle: Bundle, *, threads: int | None = None, settings: Settings = Settings()
    ) -> None:
        if threads is not None and threads < 1:
            raise UsageError(f"threads is {threads}", "Use 1 or more.")
        self.bundle = bundle
        self.settings = Settings()
        self.profile: SiteProfile | None = None
        self.threads = threads or usable_cores()
        self._heatmap_limits = explain.HeatmapLimits.recorded(bundle.meta.explanation)
        self._choose(settings)
        self._network = Network(bundle)
        self._heads = None
        if bundle.gate is not None:
            self._heads = gate.read_heads(bundle.gate)
            gate.check_width(self._heads, self._network.outputs, bundle.path.name)

    @property
    def bundles(self) -> tuple[Bundle, ...]:
        """The model folder in use."""
        return (self.bundle,)

    def with_settings(self, settings: Settings) -> Self:
        """A classifier with other settings that shares the network with this one.

        Raises:
            UnknownOperatingPoint, ProfileError, UsageError: As `pneumoscope.load`.
        """
        other = copy.copy(self)
        other._choose(settings)
        return other

    def _choose(self, settings: Settings) -> None:
        EXPLAIN.check(settings.explain)
        if settings.population is not None:
            raise UsageError(
                f"population {settings.population!r}: the bundle {self.bundle.path.name} reads alone",
                "Leave the population out, or read with the bundles of several populations.",
            )
        if settings.profile != self.settings.profile:  # otherwise it is already read
            self.profile = None if settings.profile is None else read_profile(settings.profile)
        self.settings = settings
        offered = self.bundle.meta.rules
        if self.profile is not None:
            self.profile.check(self.bundle.title, self.bundle.sha256)
            offered = applied(self.profile, offered)
        self.rules = Rules.of(offered, settings)

    @property
    def providers(self) -> tuple[str, ...]:
        """The ONNX Runtime providers that run the network."""
        return self._network.providers

    def run(self, inputs: NDArray[np.uint8]) -> NetworkOutputs:
        """Runs the network on prepared inputs.

        Args:
            inputs: uint8 (n, size, size, 1), as ``images.model_input`` makes them.

        Returns:
            ``probabilities`` float32 (n, classes), ``heatmaps`` float32 (n, classes, h, w) and
            ``embedding`` float32 (n, features); ``features`` float32 (n, d) or None; ``lungs``
            float32 (n, h, w) or None.
        """
        return self._network.run(inputs)

    def occlusion(
        self,
        source: Source | Radiograph,
        step: Callable[[int, int], None] = lambda _done, _total: None,
    ) -> NDArray[np.float32]:
        """How covering each region of a film changes the odds of its verdict, see `Reader.occlusion`."""
        meta = self.bundle.meta
        if isinstance(source, Radiograph):
            pixels = images.model_input(source, meta.size, meta.source_size, meta.resize)
        else:
            pixels = self.prepare(source).pixels

        def run(
            inputs: NDArray[np.uint8],
        ) -> tuple[NDArray[np.floating[Any]], NDArray[np.float32]]:
            p, maps = self._probabilities_and_heatmaps(inputs)
            return at_site(p, self.rules.offered), maps

        outputs = self.run(pixels[None, ..., None]).film(0)
        p = at_site(outputs.probabilities[None], self.rules.offered)[0]
        named = dict(zip(meta.labels, p.tolist(), strict=True))
        verdict = triage.judge(named, self.rules)
        subject = self._subject(pixels, outputs, verdict.heatmap_class)
        return explain.occlusion(subject, p, run, step)

    def explained(self, prediction: Prediction) -> tuple[str, float]:
        """Name of what heatmap and occlusion map explain, and its probability in [0, 1]."""
        negative, name = self.bundle.meta.negative, prediction.heatmap_class
        if negative is None:
            return name, prediction.probabilities[name]
        if name == negative:
            return NORMAL, prediction.probabilities[name]
        return prediction.positive, prediction.p_positive

    def check(self) -> float:
        """Runs the golden inputs of the bundle; returns the largest |dp| from the golden outputs.

        Raises:
            BundleMismatch: It exceeds `GOLDEN_TOLERANCE`: this machine computes another function.
        """
        return self._network.check()

    def judge(self, batch: Sequence[Prepared]) -> list[Prediction]:
        """Judges decoded films in one run of the network.

        Args:
            batch: One film or more, prepared for this bundle.
        """
        measured = self.measure(batch)
        return [self.conclude(item, film) for item, film in zip(batch, measured, strict=True)]

    def measure(self, batch: Sequence[Prepared]) -> list[Measured]:
        """Runs the network and the gate on decoded films; `conclude` makes predictions of it.

        Args:
            batch: One film or more, prepared for this bundle.
        """
        started = time.perf_counter()
        outputs = self.run(np.stack([item.pixels for item in batch])[..., None])
        scores = self._gate_scores([item.pixels for item in batch], outputs)
        infer_ms = 1000 * (time.perf_counter() - started) / len(batch)
        return [Measured(outputs.film(i), scores[i], infer_ms) for i in range(len(batch))]

    def _gate_scores(
        self, films: list[NDArray[np.uint8]], outputs: NetworkOutputs
    ) -> list[dict[str, float]]:
        scores = [gate.grey_statistics(film) for film in films]
        by_network: dict[str, NDArray[np.float64]] = {}
        if self._heads is not None and outputs.features is not None:
            by_network |= self._heads.scores(outputs.features)
        if outputs.lungs is not None:
            by_network |= lung_scores(outputs.lungs)
        for name, values in by_network.items():
            for film_scores, value in zip(scores, values.tolist(), strict=True):
                film_scores[name] = value
        return scores

    def conclude(self, item: Prepared, measured: Measured) -> Prediction:
        """The prediction for a film.

        Args:
            item: The decoded film.
            measured: What `measure` returned for it.
        """
        outputs = measured.outputs
        named = dict(zip(self.bundle.meta.labels, outputs.probabilities.tolist(), strict=True))
        decision = decide(FilmScores(named, measured.gate, item.facts), self.rules)
        subject = self._subject(item.pixels, outputs, decision.heatmap_class)
        timings = {"read": item.read_ms, "infer": measured.infer_ms}
        explanation = None
        wanted = self.settings.explain != explain.NONE and self.bundle.meta.heatmaps
        if wanted and decision.label != REFUSED:
            started = time.perf_counter()
            # The network's own odds, also at a site: the limits were set on these.
            explanation = explain.explain(
                subject,
                self.settings.explain,
                self._heatmap_limits,
                outputs.probabilities,
                self._probabilities_and_heatmaps,
            )
            timings["explain"] = 1000 * (time.perf_counter() - started)
        return self._combined(decision, subject, explanation, item.facts, timings)

    def _combined(
        self,
        decision: Decision,
        subject: explain.Subject,
        explanation: Explanation | None,
        facts: FilmFacts,
        timings_ms: Mapping[str, float],
    ) -> Prediction:
        return Prediction(
            label=decision.label,
            called=decision.called,
            positive=decision.positive,
            p_positive=decision.p_positive,
            p_unadjusted=decision.p_unadjusted,
            prevalence=decision.prevalence,
            probabilities=decision.probabilities,
            classes=decision.classes,
            error=decision.error,
            kinds=decision.kinds,
            subtype=decision.subtype,
            findings=decision.findings,
            operating_point=decision.operating_point,
            heatmap=subject.heatmap if explanation else None,
            lungs=subject.lungs if explanation else None,
            zones=named_zones(decision, subject, explanation, facts),
            heatmap_class=decision.heatmap_class,
            facts=facts,
            gate=decision.gate,
            forced=decision.forced,
            explanation=explanation,
            warnings=decision.warnings,
            timings_ms=timings_ms,
            bundle=self.bundle.title,
            bundle_sha256=self.bundle.sha256,
            profile=decision.profile,
            adjusted_threshold=decision.adjusted_threshold,
            negative_below=decision.negative_below,
            positive_from=decision.positive_from,
        )

    def _probabilities_and_heatmaps(
        self, inputs: NDArray[np.uint8]
    ) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        outputs = self.run(inputs)
        return outputs.probabilities, outputs.heatmaps

    def _subject(
        self, pixels: NDArray[np.uint8], outputs: FilmOutputs, name: str
    ) -> explain.Subject:
        labels = self.rules.offered.labels
        return explain.subject_of(
            pixels, outputs.heatmaps, outputs.probabilities, name, labels, outputs.lungs
        )
