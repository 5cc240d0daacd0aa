"""Decoders of pipelines in tests: the next pipeline gets the processes of the one that has ended."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from unittest import mock

from pneumoscope.images.decoders import Decoder, DecoderPool
from pneumoscope.jobs import pipeline


@contextmanager
def kept_decoders() -> Iterator[None]:
    """A process takes 0.2 s of processor time to start, which is more than most films do."""
    kept: defaultdict[tuple[float, int], list[Decoder]] = defaultdict(list)

    class Pool(DecoderPool):
        def __init__(self, count: int, time_s: float, memory_bytes: int) -> None:
            self._kept = kept[time_s, memory_bytes]
            taken = [self._kept.pop() for _ in range(min(count, len(self._kept)))]
            super().__init__(count - len(taken), time_s, memory_bytes)
            self._decoders += taken
            for decoder in taken:  # the last ones are lent first
                self._free.put(decoder)

        def stop(self) -> None:
            while not self._free.empty():
                decoder = self._free.get()
                if decoder._pipe is not None:
                    self._decoders.remove(decoder)
                    self._kept.append(decoder)
            super().stop()

    with mock.patch.object(pipeline, "DecoderPool", Pool):
        yield
    for decoders in kept.values():
        for decoder in decoders:
            decoder.stop()
