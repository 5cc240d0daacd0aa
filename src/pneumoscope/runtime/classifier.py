"""The classifier: from films to predictions, with one bundle."""

from __future__ import annotations

import copy
import logging
import time
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from pneumoscope import images
from pneumoscope.bundle import Bundle, open_bundle
from pneumoscope.decision import explain, gate, triage
from pneumoscope.decision.decide import FilmScores, at_site, decide
from pneumoscope.decision.lung_zones import named_zones
from pneumoscope.decision.profile import applied, read_profile
from pneumoscope.decision.reader_settings import EXPLAIN
from pneumoscope.decision.rules import Rules
from pneumoscope.errors import PneumoscopeError, UnreadableImage, UsageError
from pneumoscope.records import NORMAL, REFUSED, Outcome, Prediction, Radiograph, Settings
from pneumoscope.runtime.network import FilmOutputs, Network, NetworkOutputs
from pneumoscope.runtime.threads import in_chunks, usable_cores

if TYPE_CHECKING:
    import os
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from numpy.typing import NDArray

    from pneumoscope.decision.decide import Decision
    from pneumoscope.decision.profile import SiteProfile
    from pneumoscope.images import Source
    from pneumoscope.records import Explanation, FilmFacts

_log = logging.getLogger(__name__)

_DRAFT = 1.75
"""A large JPEG is decoded at this multiple of the network's input or more. Measured on 29 full-size
films with the shipped bundle (128 pixels) against full decoding: see
test_reduced_decoding_hardly_changes_the_answer."""


@dataclass(frozen=True, slots=True, eq=False)
class Prepared:
    """One decoded film on its way to the network.

    Attributes:
        source: Its name.
        facts: What the file says about the film.
        pixels: uint8 (size, size), as ``images.model_input`` makes them.
        read_ms: Milliseconds of decoding.
        film: The film at full size, which is large; None unless it is to be kept.
    """

    source: str
    facts: FilmFacts
    pixels: NDArray[np.uint8]
    read_ms: float
    film: Radiograph | None = None


def load(
    bundle: str | os.PathLike[str] | Bundle | None = None,
    *,
    threads: int | None = None,
    settings: Settings = Settings(),
) -> Classifier:
    """Loads a bundle and makes a classifier of it.

    Args:
        bundle: Name of a bundle (`pneumoscope.bundle.named_bundles`), or its folder; None for the
            shipped one.
        threads: Films that `Classifier.predict_many` works on at once, one thread each; None for
            every core that this process may use.
        settings: What the reader chooses.

    Raises:
        BundleError: The folder is missing, damaged or of another version.
        UnknownOperatingPoint: The bundle has no such threshold.
        ProfileError: The site profile cannot be read, or belongs to another bundle.
        UsageError: ``threads`` is below 1, or the bundle cannot serve the error or the prevalence.
    """
    opened = bundle if isinstance(bundle, Bundle) else open_bundle(bundle)
    return Classifier(opened, threads=threads, settings=settings)


class Classifier:
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
        measured = bundle.meta.explanation
        self._explanation_limits: Mapping[str, float] | None = (
            measured["limits"] if measured else None
        )
        self._choose(settings)
        self._network = Network(bundle)
        self._heads = None
        if bundle.gate is not None:
            self._heads = gate.read_heads(bundle.gate)
            gate.check_width(self._heads, self._network.outputs, bundle.path.name)

    def with_settings(self, settings: Settings) -> Classifier:
        """A classifier with other settings that shares the network with this one.

        Raises:
            UnknownOperatingPoint, ProfileError, UsageError: As `load`.
        """
        other = copy.copy(self)
        other._choose(settings)
        return other

    def _choose(self, settings: Settings) -> None:
        EXPLAIN.check(settings.explain)
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

    @property
    def draft_px(self) -> int:
        """Least side in pixels of a decoded film, for ``images.read``."""
        meta = self.bundle.meta
        return max(meta.source_size, round(_DRAFT * meta.size))

    def predict(self, source: Source) -> Prediction:
        """Reads and judges one film.

        Args:
            source: A path, the bytes of a file, or a binary stream.

        Raises:
            ImageError: The film cannot be read; the class says why, and the hint what to do.
        """
        return self.judge([self.prepare(source)])[0]

    def predict_many(
        self,
        sources: Iterable[Source],
        *,
        batch_size: int = 8,
        keep_films: bool = False,
    ) -> Iterator[Outcome]:
        """Reads and judges many films, decoding some while the network runs on others.

        Every film gives one outcome, in the order of the sources. The outcome of a film that cannot
        be read has an error, and the other films go on. Memory does not grow with the number of
        sources.

        Args:
            sources: Paths, bytes or binary streams; read lazily.
            batch_size: Films in one run of the network.
            keep_films: Keep each decoded film in its outcome; this needs memory for a batch of
                films.

        Raises:
            UsageError: ``batch_size`` is below 1.
        """
        if batch_size < 1:
            raise UsageError(f"batch_size is {batch_size}", "Use 1 or more.")
        # Each thread takes a whole chunk from decoding to prediction, so that threads never wait
        # for one another within a film.
        work = partial(self._outcomes, keep=keep_films)
        return in_chunks(work, enumerate(sources), size=batch_size, threads=self.threads)

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
        """What covering each place of a film does to its verdict; runs the network 257 times.

        Args:
            source: A path, the bytes of a file, a binary stream, or a film that was read.
            step: Takes (places done, places in all).

        Returns:
            float32 (16, 16), in natural logarithms of odds, see
            `pneumoscope.decision.explain.occlusion`: above 0 where the place supports the verdict,
            below 0 where it speaks against it.

        Raises:
            ImageError: The film cannot be read.
        """
        meta = self.bundle.meta
        if isinstance(source, Radiograph):
            pixels = images.model_input(source, meta.size, meta.source_size)
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
        """What heatmap and occlusion map explain: its name, and its probability in [0, 1]."""
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

    def _outcomes(self, numbered: list[tuple[int, Source]], *, keep: bool) -> list[Outcome]:
        items = [self._read_or_error(source, keep=keep) for _, source in numbered]
        inputs = [item for item in items if isinstance(item, Prepared)]
        predictions = iter(self.judge(inputs) if inputs else ())
        return [
            Outcome(item.source, index, prediction=next(predictions), film=item.film)
            if isinstance(item, Prepared)
            else Outcome(images.name_of(source), index, error=item)
            for (index, source), item in zip(numbered, items, strict=True)
        ]

    def _read_or_error(self, source: Source, *, keep: bool) -> Prepared | PneumoscopeError:
        try:
            return self.prepare(source, keep=keep)
        except PneumoscopeError as error:
            return error
        except Exception as error:  # noqa: BLE001 (one film must not end the batch)
            _log.exception("a film could not be read")
            return UnreadableImage(images.name_of(source), f"unexpected {type(error).__name__}")

    def prepare(self, source: Source, *, keep: bool = False) -> Prepared:
        """Decodes one film for the network.

        Args:
            source: A path, the bytes of a file, or a binary stream.
            keep: Keep the film at full size.

        Raises:
            ImageError: The film cannot be read.
        """
        meta = self.bundle.meta
        started = time.perf_counter()
        film = images.read(source, at_least_px=self.draft_px)
        pixels = images.model_input(film, meta.size, meta.source_size)
        read_ms = 1000 * (time.perf_counter() - started)
        name = images.name_of(source)
        return Prepared(name, film.facts, pixels, read_ms, film if keep else None)

    def judge(self, batch: Sequence[Prepared]) -> list[Prediction]:
        """Judges decoded films in one run of the network.

        Args:
            batch: One film or more, prepared for this bundle.
        """
        started = time.perf_counter()
        outputs = self.run(np.stack([item.pixels for item in batch])[..., None])
        scores = self._gate_scores([item.pixels for item in batch], outputs.features)
        infer_ms = 1000 * (time.perf_counter() - started) / len(batch)
        return [
            self._prediction(item, outputs.film(i), scores[i], infer_ms)
            for i, item in enumerate(batch)
        ]

    def _gate_scores(
        self, films: list[NDArray[np.uint8]], features: NDArray[np.float32] | None
    ) -> list[dict[str, float]]:
        scores = [gate.grey_statistics(film) for film in films]
        if self._heads is not None and features is not None:
            for name, values in self._heads.scores(features).items():
                for film_scores, value in zip(scores, values.tolist(), strict=True):
                    film_scores[name] = value
        return scores

    def _prediction(
        self,
        item: Prepared,
        outputs: FilmOutputs,
        scores: dict[str, float],
        infer_ms: float,
    ) -> Prediction:
        named = dict(zip(self.bundle.meta.labels, outputs.probabilities.tolist(), strict=True))
        decision = decide(FilmScores(named, scores, item.facts), self.rules)
        subject = self._subject(item.pixels, outputs, decision.heatmap_class)
        timings = {"read": item.read_ms, "infer": infer_ms}
        explanation = None
        if self.settings.explain != explain.NONE and decision.label != REFUSED:
            started = time.perf_counter()
            # The network's own odds, also at a site: the limits were set on these.
            explanation = explain.explain(
                subject,
                self.settings.explain,
                self._explanation_limits,
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
        return explain.subject_of(pixels, outputs.heatmaps, name, labels, outputs.lungs)
