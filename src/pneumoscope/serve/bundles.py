"""The bundles of a server, by the names that requests give."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pneumoscope import runtime
from pneumoscope.bundle import names, open_bundle
from pneumoscope.errors import UsageError
from pneumoscope.jobs.readers import AUTOMATIC
from pneumoscope.records import Settings
from pneumoscope.runtime.populations import owner_of_profile

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pneumoscope.bundle import Bundle
    from pneumoscope.runtime import Classifier, Reader
    from pneumoscope.serve.settings import ServeSettings


def load_bundles(settings: ServeSettings) -> dict[str, Classifier]:
    """A classifier for each bundle, by the name of its folder, in their order.

    A site profile is used with the bundle that it belongs to, and the others are used without.

    Raises:
        BundleError: A bundle cannot be used.
        ProfileError: The site profile cannot be read, or belongs to none of the bundles.
        UsageError: Two bundles have the same name, or one has the name of the choice for each film.
    """
    bundles: dict[str, Bundle] = {}
    for given in settings.bundle or names.SHIPPED_SET:
        bundle = open_bundle(given)
        name = bundle.path.resolve().name
        if name == AUTOMATIC:
            raise UsageError(f"a bundle is called {name}", "Rename its folder.")
        if name in bundles:
            raise UsageError(f"two bundles are called {name}", "Rename the folder of one of them.")
        bundles[name] = bundle
    owner = owner_of_profile(settings.profile, bundles)
    return {
        name: runtime.load(
            bundle,
            threads=settings.threads,
            settings=Settings(profile=settings.profile if name == owner else None),
        )
        for name, bundle in bundles.items()
    }


def served_bundles(readers: Mapping[str, Reader]) -> list[dict[str, Any]]:
    """What ``GET /settings`` says about the bundles that a request can name.

    Args:
        readers: What a request can name; the first is the default.
    """
    default = next(iter(readers))
    return [
        {
            "name": name,
            "bundle": bundle.title,
            "bundle_sha256": bundle.sha256,
            "default": name == default,
            "positive": bundle.meta.positive,
            "population": bundle.meta.population.text,
        }
        for name, reader in readers.items()
        if name != AUTOMATIC
        for bundle in reader.bundles
    ]
