"""Classifiers by the settings of a request; all share one session of the network."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pneumoscope.jobs.decoders import DecodeOptions

if TYPE_CHECKING:
    from pneumoscope.records import Settings
    from pneumoscope.runtime import Classifier

_REMEMBERED = 64
"""Different settings that are remembered."""


class Readers:
    """Classifiers, made when they are first asked for. Safe to share between threads."""

    def __init__(self, classifier: Classifier, max_pixels: int) -> None:
        """Remembers what to make classifiers from.

        Args:
            classifier: With the session that all share.
            max_pixels: Rows x columns of a film.
        """
        self._classifier = classifier
        self._readers: dict[Settings, Classifier] = {}
        meta = classifier.bundle.meta
        self.decode_options = DecodeOptions(
            meta.size, meta.source_size, classifier.draft_px, max_pixels=max_pixels
        )

    def reader(self, settings: Settings) -> Classifier:
        """The classifier for these settings.

        Raises:
            UnknownOperatingPoint, ProfileError, UsageError: As `pneumoscope.load`.
        """
        reader = self._readers.get(settings)
        if reader is None:
            reader = self._classifier.with_settings(settings)
            if len(self._readers) >= _REMEMBERED:
                self._readers.clear()
            self._readers[settings] = reader
        return reader
