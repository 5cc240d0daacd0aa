"""The bundles that read the films of a queue, by the names that requests give."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pneumoscope import runtime
from pneumoscope.bundle import names, open_bundle
from pneumoscope.errors import UsageError
from pneumoscope.jobs.readers import AUTOMATIC
from pneumoscope.records import Settings
from pneumoscope.runtime.populations import owner_of_profile

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from pneumoscope.bundle import Bundle
    from pneumoscope.runtime import Classifier


def load_bundles(
    bundles: Sequence[str | Path] = (), profile: Path | None = None, threads: int | None = None
) -> dict[str, Classifier]:
    """A classifier for each bundle, by the name of its folder, in their order.

    A site profile is used with the bundle that it belongs to, and the others are used without.

    Args:
        bundles: Names or folders of the bundles; empty for the shipped ones.
        profile: A site profile, or None.
        threads: Threads of a classifier; None for one per core.

    Raises:
        BundleError: A bundle cannot be used.
        ProfileError: The site profile cannot be read, or belongs to none of the bundles.
        UsageError: Two bundles have the same name, or one has the name of the choice for each film.
    """
    opened: dict[str, Bundle] = {}
    for name_or_folder in bundles or names.SHIPPED_SET:
        bundle = open_bundle(name_or_folder)
        name = bundle.path.resolve().name
        if name == AUTOMATIC:
            raise UsageError(f"a bundle is called {name}", "Rename its folder.")
        if name in opened:
            raise UsageError(f"two bundles are called {name}", "Rename the folder of one of them.")
        opened[name] = bundle
    owner = owner_of_profile(profile, opened)
    return {
        name: runtime.load(
            bundle,
            threads=threads,
            settings=Settings(profile=profile if name == owner else None),
        )
        for name, bundle in opened.items()
    }
