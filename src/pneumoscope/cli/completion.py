"""Values that the shell completes: bundles, operating points, recipes, heatmap modes.

The shell calls these at every press of the tab key. They read only names or one file and import
neither NumPy nor ONNX Runtime. A file that cannot be read gives no completions.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import typer

from pneumoscope.decision.reader_settings import BUNDLE, EXPLAIN, OPERATING_POINT, POPULATION
from pneumoscope.errors import BundleError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from pneumoscope.decision.reader_settings import ReaderSetting

Completions = list[tuple[str, str]]
"""Values, each with a description."""


def bundle_names() -> Completions:
    """The named bundles, each with its origin."""
    from pneumoscope.bundle.names import named_bundles

    try:
        named = named_bundles()
    except OSError:
        return []
    return [
        (bundle.name, "shipped" if bundle.shipped else str(bundle.path.parent)) for bundle in named
    ]


def populations() -> Completions:
    """The populations of the shipped bundles, in words; none if there is nothing to choose."""
    from pneumoscope.bundle.names import SHIPPED_SET

    if len(SHIPPED_SET) == 1:
        return []
    return [(path.name, _population(path)) for path in SHIPPED_SET]


def operating_points(ctx: typer.Context) -> Completions:
    """The operating points of the bundle or population on the command line, with their rules."""
    from pneumoscope.bundle.names import SHIPPED_SET

    bundle = ctx.params.get(BUNDLE.name)
    if bundle is None:
        named = (path for path in SHIPPED_SET if path.name == ctx.params.get(POPULATION.name))
        bundle = next(named, None)
    # A bundle for several findings repeats each name.
    return list(dict(_points(bundle)).items())


def bundles_and_paths(incomplete: str) -> Completions:
    """The named bundles, and files and folders whose path begins so."""
    folder, separator, begin = incomplete.rpartition(os.sep)
    try:
        entries = sorted(os.scandir(folder + separator or "."), key=lambda e: e.name)
    except OSError:
        entries = []
    paths = [
        (f"{folder}{separator}{entry.name}", "folder" if entry.is_dir() else "file")
        for entry in entries
        if entry.name.startswith(begin) and (begin or not entry.name.startswith("."))
    ]
    return [*bundle_names(), *paths]


def recipes() -> Completions:
    """The shipped recipes, with the first line of their comment."""
    from pneumoscope.train.recipe.reading import shipped

    return [(name, _first_comment(path)) for name, path in shipped().items()]


def explain_modes() -> Completions:
    """The modes of the heatmap."""
    return [(choice.value, choice.text) for choice in EXPLAIN.choices]


def completion_of(setting: ReaderSetting) -> Callable[..., Completions] | None:
    """The completion of a reader's setting, or None."""
    known: dict[str, Callable[..., Completions]] = {
        BUNDLE.name: bundle_names,
        POPULATION.name: populations,
        OPERATING_POINT.name: operating_points,
        EXPLAIN.name: explain_modes,
    }
    return known.get(setting.name)


def _points(bundle: Path | None) -> Completions:
    """Names and rules from ``bundle.json``, unchecked; empty if it cannot be read."""
    import json

    from pneumoscope.bundle.meta import META
    from pneumoscope.bundle.names import SHIPPED, folder_of

    try:
        folder = SHIPPED if bundle is None else folder_of(bundle)
        content = json.loads((folder / META).read_text(encoding="utf-8"))
        return [(str(p["name"]), str(p["rule"])) for p in content["operating_points"]]
    except (BundleError, OSError, ValueError, KeyError, TypeError):
        return []


def _population(folder: Path) -> str:
    """The population in ``bundle.json``, unchecked; empty if it cannot be read."""
    import json

    from pneumoscope.bundle.meta import META

    try:
        return str(json.loads((folder / META).read_text(encoding="utf-8"))["population"]["text"])
    except (OSError, ValueError, KeyError, TypeError):
        return ""


def _first_comment(path: Path) -> str:
    lines = path.read_text(encoding="utf-8").splitlines()
    return next((line.lstrip("# ") for line in lines if line.startswith("#")), "")
