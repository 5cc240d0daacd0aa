"""What reads films: the way from a film's file to an outcome, for one bundle or for several."""

from __future__ import annotations

import logging
import time
from abc import ABC, abstractmethod
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from pneumoscope import images
from pneumoscope.errors import PneumoscopeError, UnreadableImage, UsageError
from pneumoscope.records import ANTIALIAS, Outcome, Radiograph
from pneumoscope.runtime.threads import in_chunks

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence
    from typing import Self

    import numpy as np
    from numpy.typing import NDArray

    from pneumoscope.bundle import Bundle
    from pneumoscope.images import Source
    from pneumoscope.images.decoders import DecodeOptions
    from pneumoscope.records import FilmFacts, Prediction, Settings

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


class Reader(ABC):
    """Reads films. Safe to share between threads.

    Attributes:
        settings: What the reader chose.
        threads: Threads that `predict_many` uses.
    """

    settings: Settings
    threads: int

    @property
    @abstractmethod
    def bundles(self) -> tuple[Bundle, ...]:
        """The model folders in use, at least one; all have the same input size and source size."""

    @abstractmethod
    def with_settings(self, settings: Settings) -> Self:
        """A reader with other settings that shares the networks with this one.

        Raises:
            UnknownOperatingPoint, ProfileError, UsageError: As `pneumoscope.load`.
        """

    @abstractmethod
    def judge(self, batch: Sequence[Prepared]) -> list[Prediction]:
        """Judges decoded films together.

        Args:
            batch: One film or more, as `prepare` returns them.
        """

    @abstractmethod
    def occlusion(
        self,
        source: Source | Radiograph,
        step: Callable[[int, int], None] = lambda _done, _total: None,
    ) -> NDArray[np.float32]:
        """How covering each region of a film changes the odds of its verdict; runs the network 257 times.

        Args:
            source: A path, the bytes of a file, a binary stream, or a film that was read.
            step: Called with (regions done, all regions).

        Returns:
            float32 (16, 16), in natural logarithms of odds, see
            `pneumoscope.decision.explain.occlusion`: above 0 where the region supports the verdict,
            below 0 where it contradicts it.

        Raises:
            ImageError: The film cannot be read.
        """

    @abstractmethod
    def explained(self, prediction: Prediction) -> tuple[str, float]:
        """Name of what heatmap and occlusion map explain, and its probability in [0, 1]."""

    @abstractmethod
    def check(self) -> float:
        """Runs the golden inputs of the bundles; returns the largest |dp| from the golden outputs.

        Raises:
            BundleMismatch: It exceeds `GOLDEN_TOLERANCE`: this machine computes another function.
        """

    @property
    def draft_px(self) -> int | None:
        """Least side in pixels of a decoded film, for ``images.read``; None for the full size."""
        meta = self.bundles[0].meta
        if meta.resize != ANTIALIAS:  # picks single pixels, which a reduced film does not have
            return None
        return max(meta.source_size, round(_DRAFT * meta.size))

    def decode_options(self, max_pixels: int) -> DecodeOptions:
        """What `images.decoders.Decoder` makes of a film for these networks.

        Args:
            max_pixels: Largest rows x columns of a film.
        """
        from pneumoscope.images.decoders import DecodeOptions

        meta = self.bundles[0].meta
        return DecodeOptions(
            size=meta.size,
            source_size=meta.source_size,
            draft_px=self.draft_px,
            max_pixels=max_pixels,
            resize=meta.resize,
        )

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
        be read has an error, and the other films are read. Memory does not grow with the number of
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

    def prepare(self, source: Source, *, keep: bool = False, name: str | None = None) -> Prepared:
        """Decodes one film for the network.

        Args:
            source: A path, the bytes of a file, or a binary stream.
            keep: Keep the film at full size.
            name: What to call it; by default `images.name_of`.

        Raises:
            ImageError: The film cannot be read.
        """
        meta = self.bundles[0].meta
        started = time.perf_counter()
        name = images.name_of(source) if name is None else name
        film = images.read(source, at_least_px=self.draft_px, name=name)
        pixels = images.model_input(film, meta.size, meta.source_size, meta.resize)
        read_ms = 1000 * (time.perf_counter() - started)
        return Prepared(name, film.facts, pixels, read_ms, film if keep else None)

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
