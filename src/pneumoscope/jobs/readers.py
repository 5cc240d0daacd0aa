"""Readers by bundle and by the settings of a request; those of a bundle share one session."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from pneumoscope.errors import BundleNotServed
from pneumoscope.runtime.populations import choice_among

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from pneumoscope.images.decoders import DecodeOptions
    from pneumoscope.records import Settings
    from pneumoscope.runtime import Classifier, PopulationReader, Reader

AUTOMATIC = "automatic"
"""In place of a bundle's name: the bundle is chosen for each film, by its population."""
_REMEMBERED = 64
"""Different settings that are remembered."""


class Readers:
    """Readers, made when they are first asked for. Safe to share between threads.

    Attributes:
        default: Name of the bundle for requests that name none; `AUTOMATIC` if the bundles are for
            different ages.
        bundles: Classifier of each bundle, with the server's settings, by the bundle's name.
        named: What a request can name, with the server's settings, by name: the bundles, and before
            them `AUTOMATIC` if it is the default.
    """

    def __init__(self, bundles: Mapping[str, Classifier], max_pixels: int) -> None:
        """Remembers what to make readers from.

        Args:
            bundles: Classifiers by name of their bundle, at least one; the first is the default if
                the bundle is not chosen for each film.
            max_pixels: Rows x columns of a film.
        """
        self.bundles = dict(bundles)
        choice = choice_among(self.bundles)
        self.named: dict[str, Classifier | PopulationReader] = (
            {} if choice is None else {AUTOMATIC: choice}
        )
        self.named |= self.bundles
        self.default = next(iter(self.named))
        self._max_pixels = max_pixels
        self._readers: dict[tuple[str, Settings], Reader] = {}

    def name(self, bundle: str | None) -> str:
        """The name of a bundle; of the default for None.

        Raises:
            BundleNotServed: There is none of this name.
        """
        if bundle is None:
            return self.default
        if bundle not in self.named:
            raise BundleNotServed(bundle, tuple(self.named))
        return bundle

    def sha256(self, bundle: str | None = None) -> str:
        """Hash of a bundle, for `Keys.idempotency_key`; with `AUTOMATIC` of all that may be chosen.

        Raises:
            BundleNotServed: There is none of this name.
        """
        hashes = sorted(each.sha256 for each in self.named[self.name(bundle)].bundles)
        return (
            hashes[0] if len(hashes) == 1 else hashlib.sha256("".join(hashes).encode()).hexdigest()
        )

    def profile(self, bundle: str | None) -> Path | None:
        """The server's site profile, where a bundle uses it.

        Raises:
            BundleNotServed: There is no bundle of this name.
        """
        return self.named[self.name(bundle)].settings.profile

    def reader(self, settings: Settings, bundle: str | None = None) -> Reader:
        """The reader of a bundle for these settings.

        Raises:
            BundleNotServed: There is no bundle of this name.
            UnknownOperatingPoint, ProfileError, UsageError: As `pneumoscope.load`.
        """
        key = self.name(bundle), settings
        reader = self._readers.get(key)
        if reader is None:
            reader = self.named[key[0]].with_settings(settings)
            if len(self._readers) >= _REMEMBERED:
                self._readers.clear()
            self._readers[key] = reader
        return reader

    def decode_options(self, bundle: str | None = None) -> DecodeOptions:
        """What a decoder makes of a film for this bundle.

        Raises:
            BundleNotServed: There is no bundle of this name.
        """
        return self.named[self.name(bundle)].decode_options(self._max_pixels)
