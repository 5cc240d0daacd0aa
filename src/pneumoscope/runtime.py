"""The classifier: the only user of onnxruntime, and the one way from a film to a prediction."""

from __future__ import annotations

import copy
import logging
import os
import time
from collections import deque
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING, Any

import numpy as np
import onnxruntime

from pneumoscope import images
from pneumoscope.bundle import GOLDEN, Bundle, open_bundle
from pneumoscope.decision import explain, gate, triage
from pneumoscope.decision.decide import FilmScores, at_site, decide
from pneumoscope.decision.profile import applied, read_profile
from pneumoscope.decision.reader_settings import EXPLAIN
from pneumoscope.decision.rules import Rules
from pneumoscope.errors import BundleMismatch, PneumoscopeError, UnreadableImage, UsageError
from pneumoscope.records import NORMAL, REFUSED, Outcome, Prediction, Radiograph, Settings

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
    from concurrent.futures import Future

    from numpy.typing import NDArray

    from pneumoscope.decision.profile import SiteProfile
    from pneumoscope.images import Source
    from pneumoscope.records import FilmFacts, Radiograph

_log = logging.getLogger(__name__)

GOLDEN_TOLERANCE = 1e-3
"""Largest |dp| at which another processor still counts as computing the same function."""


@dataclass(frozen=True, slots=True, eq=False)
class Prepared:
    """One decoded film on its way to the network.

    Attributes:
        source: What to call it.
        facts: What the file says of itself.
        pixels: uint8 (size, size), as ``images.model_input`` makes them.
        read_ms: What decoding took.
        film: Only if it is to be kept: at full size it is large.
    """

    source: str
    facts: FilmFacts
    pixels: NDArray[np.uint8]
    read_ms: float
    film: Radiograph | None = None


@dataclass(frozen=True, slots=True, eq=False)
class NetworkOutputs:
    """What one run of the network gives for n films."""

    probabilities: NDArray[np.float32]  # (n, classes)
    heatmaps: NDArray[np.float32]  # (n, classes, h, w)
    embedding: NDArray[np.float32]  # (n, features)
    features: NDArray[np.float32] | None = None  # (n, d), what the gate sees; not in every bundle


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
            every core this process may use.
        settings: What the reader asks for.

    Raises:
        BundleError: The folder is missing, damaged or of another version.
        UnknownOperatingPoint: The bundle has no such threshold.
        ProfileError: The site profile cannot be read, or is another bundle's.
        UsageError: ``threads`` is below 1, or error or prevalence is out of range or more than the
            bundle can serve.
    """
    opened = bundle if isinstance(bundle, Bundle) else open_bundle(bundle)
    return Classifier(opened, threads=threads, settings=settings)


class Classifier:
    """Reads films with one bundle. Safe to share between threads.

    Attributes:
        bundle: The model folder in use.
        settings: What the reader asked for.
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
        self._ask(settings)
        self._session = _session(bundle)
        self._heads = None
        if bundle.gate is not None:
            self._heads = gate.read_heads(bundle.gate)
            gate.check_width(self._heads, self._session.get_outputs(), bundle.path.name)

    def with_settings(self, settings: Settings) -> Classifier:
        """The same network, asked otherwise; it shares the session with this one.

        Raises:
            UnknownOperatingPoint, ProfileError, UsageError: As `load`.
        """
        other = copy.copy(self)
        other._ask(settings)
        return other

    def _ask(self, settings: Settings) -> None:
        EXPLAIN.check(settings.explain)
        if settings.profile != self.settings.profile:  # else as it was read before
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
        return tuple(self._session.get_providers())

    @property
    def draft_px(self) -> int:
        """Pixels that either side of a decoded film should keep, for ``images.read``."""
        meta = self.bundle.meta
        return max(meta.source_size, round(_DRAFT * meta.size))

    def predict(self, source: Source) -> Prediction:
        """Reads and judges one film.

        Args:
            source: A path, the bytes of a file, or a binary stream.

        Raises:
            ImageError: The film cannot be read; the class says why, its hint what to do.
        """
        return self.judge([self._read(source, keep=False)])[0]

    def predict_many(
        self,
        sources: Iterable[Source],
        *,
        batch_size: int = 8,
        keep_films: bool = False,
    ) -> Iterator[Outcome]:
        """Reads and judges many films, decoding some while the network runs on others.

        Every film gives one outcome, in the order of the sources; a film that cannot be read
        gives one with an error and disturbs no other. Memory stays bounded however many
        sources there are.

        Args:
            sources: Paths, bytes or binary streams; read lazily.
            batch_size: Films in one run of the network.
            keep_films: Keep each decoded film in its outcome; batches of large films then cost
                memory.

        Raises:
            UsageError: ``batch_size`` is below 1.
        """
        if batch_size < 1:
            raise UsageError(f"batch_size is {batch_size}", "Use 1 or more.")
        return self._predict_many(sources, batch_size, keep_films)

    def run(self, inputs: NDArray[np.uint8]) -> NetworkOutputs:
        """Runs the network on ready inputs.

        Args:
            inputs: uint8 (n, size, size, 1), as ``images.model_input`` makes them.

        Returns:
            ``probabilities`` float32 (n, classes), ``heatmaps`` float32 (n, classes, h, w) and
            ``embedding`` float32 (n, features); ``features`` float32 (n, d) or None.
        """
        return NetworkOutputs(*self._session.run(None, {_INPUT: inputs}))

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
            float32 (16, 16), in natural logarithms of odds, see `pneumoscope.decision.explain.occlusion`. Above
            0 the place supports the verdict, below 0 it speaks against it.

        Raises:
            ImageError: The film cannot be read.
        """
        meta = self.bundle.meta
        if isinstance(source, Radiograph):
            pixels = images.model_input(source, meta.size, meta.source_size)
        else:
            pixels = self._read(source, keep=False).pixels

        def look(x: NDArray[np.uint8]) -> tuple[NDArray[np.floating[Any]], NDArray[np.float32]]:
            raw, maps = self._look(x)
            return at_site(raw, self.rules.offered), maps

        p, heatmaps = look(pixels[None, ..., None])
        named = dict(zip(meta.labels, p[0].tolist(), strict=True))
        verdict = triage.judge(named, self.rules)
        subject = self._subject(pixels, heatmaps[0], verdict.heatmap_class)
        return explain.occlusion(subject, p[0], look, step)

    def explained(self, prediction: Prediction) -> tuple[str, float]:
        """What heatmap and occlusion map explain, for people, and its probability in [0, 1]."""
        negative, shown = self.bundle.meta.negative, prediction.heatmap_class
        if negative is None:
            return shown, prediction.probabilities[shown]
        if shown == negative:
            return NORMAL, prediction.probabilities[shown]
        return prediction.positive, prediction.p_positive

    def check(self) -> float:
        """Runs the golden inputs of the bundle; returns the largest |dp| from what they must give.

        Raises:
            BundleMismatch: It exceeds `GOLDEN_TOLERANCE`: this machine computes another function.
        """
        with np.load(self.bundle.path / GOLDEN) as golden:
            found = self.run(golden["inputs"]).probabilities
            worst = float(np.abs(found - golden["probabilities"]).max())
        if not worst <= GOLDEN_TOLERANCE:
            raise BundleMismatch(
                self.bundle.path.name, f"golden inputs differ by {worst:.2g} on this machine"
            )
        return worst

    def _predict_many(
        self, sources: Iterable[Source], batch_size: int, keep_films: bool
    ) -> Iterator[Outcome]:
        # Each worker takes a whole chunk from decoding to prediction, so that cores never wait
        # for one another within a film and order costs nothing.
        waiting: deque[Future[list[Outcome]]] = deque()
        numbered = enumerate(sources)
        pool = ThreadPoolExecutor(self.threads, thread_name_prefix="pneumoscope")
        try:
            while chunk := list(islice(numbered, batch_size)):
                waiting.append(pool.submit(self._chunk, chunk, keep_films))
                if len(waiting) > self.threads:
                    yield from waiting.popleft().result()
            while waiting:
                yield from waiting.popleft().result()
        finally:
            pool.shutdown(wait=True, cancel_futures=True)

    def _chunk(self, chunk: list[tuple[int, Source]], keep_films: bool) -> list[Outcome]:
        items = [self._attempt(source, keep=keep_films) for _, source in chunk]
        inputs = [item for item in items if isinstance(item, Prepared)]
        predictions = iter(self.judge(inputs) if inputs else ())
        return [
            Outcome(item.source, index, prediction=next(predictions), film=item.film)
            if isinstance(item, Prepared)
            else Outcome(images.name_of(source), index, error=item)
            for (index, source), item in zip(chunk, items, strict=True)
        ]

    def _attempt(self, source: Source, *, keep: bool) -> Prepared | PneumoscopeError:
        try:
            return self._read(source, keep=keep)
        except PneumoscopeError as error:
            return error
        except Exception as error:  # noqa: BLE001 (one film must not sink the batch)
            _log.exception("a film could not be read")
            return UnreadableImage(images.name_of(source), f"unexpected {type(error).__name__}")

    def _read(self, source: Source, *, keep: bool) -> Prepared:
        meta = self.bundle.meta
        started = time.perf_counter()
        film = images.read(source, at_least_px=self.draft_px)
        pixels = images.model_input(film, meta.size, meta.source_size)
        read_ms = 1000 * (time.perf_counter() - started)
        kept = film if keep else None
        return Prepared(images.name_of(source), film.facts, pixels, read_ms, kept)

    def judge(self, batch: Sequence[Prepared]) -> list[Prediction]:
        """What the network says of decoded films, in one run.

        Args:
            batch: One film or more, prepared for this bundle.
        """
        started = time.perf_counter()
        outputs = self.run(np.stack([item.pixels for item in batch])[..., None])
        scores = self._gate_scores([item.pixels for item in batch], outputs.features)
        infer_ms = 1000 * (time.perf_counter() - started) / len(batch)
        return [
            self._prediction(
                item, outputs.probabilities[i], outputs.heatmaps[i], scores[i], infer_ms
            )
            for i, item in enumerate(batch)
        ]

    def _gate_scores(
        self, films: list[NDArray[np.uint8]], features: NDArray[np.float32] | None
    ) -> list[dict[str, float]]:
        found = [gate.grey_statistics(film) for film in films]
        if self._heads is not None and features is not None:
            for name, values in self._heads.scores(features).items():
                for one, value in zip(found, values.tolist(), strict=True):
                    one[name] = value
        return found

    def _prediction(
        self,
        item: Prepared,
        raw: NDArray[np.float32],
        heatmaps: NDArray[np.float32],
        scores: dict[str, float],
        infer_ms: float,
    ) -> Prediction:
        named = dict(zip(self.bundle.meta.labels, raw.tolist(), strict=True))
        decision = decide(FilmScores(named, scores, item.facts), self.rules)
        subject = self._subject(item.pixels, heatmaps, decision.heatmap_class)
        timings = {"read": item.read_ms, "infer": infer_ms}
        explanation = None
        if self.settings.explain != explain.NONE and decision.label != REFUSED:
            started = time.perf_counter()
            # The network's own odds: the limits were set on these, whatever a site makes of them.
            explanation = explain.explain(
                subject, self.settings.explain, self._explanation_limits, raw, self._look
            )
            timings["explain"] = 1000 * (time.perf_counter() - started)
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
            heatmap_class=decision.heatmap_class,
            facts=item.facts,
            gate=decision.gate,
            forced=decision.forced,
            explanation=explanation,
            warnings=decision.warnings,
            timings_ms=timings,
            bundle=self.bundle.title,
            bundle_sha256=self.bundle.sha256,
            profile=decision.profile,
        )

    def _look(self, inputs: NDArray[np.uint8]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        outputs = self.run(inputs)
        return outputs.probabilities, outputs.heatmaps

    def _subject(
        self, pixels: NDArray[np.uint8], heatmaps: NDArray[np.float32], name: str
    ) -> explain.Subject:
        return explain.subject_of(pixels, heatmaps, name, self.rules.offered.labels)


# A large JPEG is decoded at this multiple of the network's input or more. Measured on 29 full-size
# films with the shipped bundle (128 pixels) against full decoding: see
# test_reduced_decoding_hardly_changes_the_answer.
_DRAFT = 1.75

_INPUT = "films"
_OUTPUTS = ("probabilities", "heatmaps", "embedding", "features")
"""In this order; the last is not in every bundle."""


def usable_cores() -> int:
    """Cores that this process may use."""
    # A container may be allowed fewer cores than the machine has.
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _session(bundle: Bundle) -> Any:
    options = onnxruntime.SessionOptions()
    # Films run beside each other, each in one thread: on this small network threads within a run
    # gain nothing for one film and get in each other's way for many.
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    options.log_severity_level = 3
    try:
        session = onnxruntime.InferenceSession(
            bundle.model, options, providers=["CPUExecutionProvider"]
        )
    except Exception as error:  # onnxruntime raises its own unexported classes
        raise BundleMismatch(bundle.path.name, f"model.onnx cannot be loaded ({error})") from error
    names = tuple(output.name for output in session.get_outputs())
    first = session.get_inputs()[0]
    size, labels = bundle.meta.size, len(bundle.meta.labels)
    if (
        first.name != _INPUT
        or list(first.shape[1:]) != [size, size, 1]
        or names not in (_OUTPUTS, _OUTPUTS[:-1])
    ):
        raise BundleMismatch(bundle.path.name, "model.onnx has other inputs or outputs")
    if session.get_outputs()[0].shape[1] != labels:
        raise BundleMismatch(
            bundle.path.name, f"model.onnx does not give {labels} classes or findings"
        )
    return session
