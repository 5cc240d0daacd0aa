"""What a server says about its bundles."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pneumoscope.jobs.readers import AUTOMATIC

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pneumoscope.runtime import Reader


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
