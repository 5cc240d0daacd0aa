"""Classifiers by bundle and by the settings of a request; those of a bundle share one session."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pneumoscope.errors import BundleNotServed
from pneumoscope.jobs.decoders import DecodeOptions

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pneumoscope.records import Settings
    from pneumoscope.runtime import Classifier

_REMEMBERED = 64
"""Different settings that are remembered."""


class Readers:
    """Classifiers, made when they are first asked for. Safe to share between threads.

    Attributes:
        default: Name of the bundle for requests that name none.
        bundles: Classifier of each bundle, with the server's settings, by the bundle's name.
    """

    def __init__(self, bundles: Mapping[str, Classifier], max_pixels: int) -> None:
        """Remembers what to make classifiers from.

        Args:
            bundles: Classifiers by name of their bundle, at least one; the first is the default.
            max_pixels: Rows x columns of a film.
        """
        self.bundles = dict(bundles)
        self.default = next(iter(self.bundles))
        self._max_pixels = max_pixels
        self._readers: dict[tuple[str, Settings], Classifier] = {}

    def name(self, bundle: str | None) -> str:
        """The name of a bundle; of the default for None.

        Raises:
            BundleNotServed: There is none of this name.
        """
        if bundle is None:
            return self.default
        if bundle not in self.bundles:
            raise BundleNotServed(bundle, tuple(self.bundles))
        return bundle

    def reader(self, settings: Settings, bundle: str | None = None) -> Classifier:
        """The classifier of a bundle for these settings.

        Raises:
            BundleNotServed: There is no bundle of this name.
            UnknownOperatingPoint, ProfileError, UsageError: As `pneumoscope.load`.
        """
        key = self.name(bundle), settings
        reader = self._readers.get(key)
        if reader is None:
            reader = self.bundles[key[0]].with_settings(settings)
            if len(self._readers) >= _REMEMBERED:
                self._readers.clear()
            self._readers[key] = reader
        return reader

    def decode_options(self, bundle: str | None = None) -> DecodeOptions:
        """What a decoder makes of a film for this bundle.

        Raises:
            BundleNotServed: There is no bundle of this name.
        """
        classifier = self.bundles[self.name(bundle)]
        meta = classifier.bundle.meta
        return DecodeOptions(
            size=meta.size,
            source_size=meta.source_size,
            draft_px=classifier.draft_px,
            max_pixels=self._max_pixels,
        )
