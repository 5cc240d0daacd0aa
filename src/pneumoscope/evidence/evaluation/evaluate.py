"""Evaluates one or several bundles on labelled films.

`films` chooses the films, `truth` translates their labels into a bundle's terms, `predictions` reads
and predicts them and can be resumed after an interruption, `bundle_results` measures each bundle.
`record` writes the results.
"""

from __future__ import annotations

from datetime import UTC, datetime
from importlib import metadata
from typing import TYPE_CHECKING

from pneumoscope import __version__
from pneumoscope.bundle import open_bundle
from pneumoscope.errors import UsageError
from pneumoscope.evidence.evaluation.annotations import NO_ANNOTATIONS, Annotations
from pneumoscope.evidence.evaluation.bundle_results import bundle_result, left_out
from pneumoscope.evidence.evaluation.films import choose
from pneumoscope.evidence.evaluation.pairs import pair_results
from pneumoscope.evidence.evaluation.predictions import predictions
from pneumoscope.evidence.evaluation.results import BundleResult, Evaluation, Pair
from pneumoscope.evidence.evaluation.sections import agreement_of, shortcuts_of
from pneumoscope.evidence.evaluation.seeds import seed_spreads
from pneumoscope.evidence.evaluation.settings import PAIRS, SHORTCUTS, check_settings

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from pneumoscope.bundle import Bundle
    from pneumoscope.evidence.audit.shortcuts import Shortcuts
    from pneumoscope.evidence.evaluation.context import Context
    from pneumoscope.evidence.evaluation.evaluated_films import Films

AGREEMENT = "agreement"
PACKAGES = ("numpy", "scipy", "scikit-learn", "opencv-python-headless", "onnxruntime", "pillow")
"""Those that affect figures."""


def evaluate(
    root: Path,
    bundles: Sequence[Path | None],
    context: Context,
    cache: Path | None = None,
    annotations: Annotations = NO_ANNOTATIONS,
) -> Evaluation:
    """Evaluates bundles on the films of a folder or manifest.

    Args:
        root: Labelled films in any layout, see `films.choose`.
        bundles: Model folders; None for the shipped one.
        context: What to measure, and where intermediate results are kept.
        cache: Folder for decoded training films; None for the user's.
        annotations: Lung masks and boxes beside the films.

    Raises:
        DataError: No such folder, no films, no labels, no film can be read, no label means anything to
            a bundle, or the annotations cannot be read or are of other films.
        BundleError: A bundle cannot be used.
        UsageError: Settings out of range, or one bundle twice.
    """
    settings = context.settings
    check_settings(settings)
    opened = _opened(bundles)
    with context.clock("choosing films"):
        choice = choose(
            root, opened, settings.split, settings.by, cache, context.progress, annotations
        )
    films, entries, predicted = predictions(root, choice, opened, context)
    results = tuple(bundle_result(bundle, films, context) for bundle in predicted)
    silences: dict[str, str] = {}
    pairs = _pairs(results, films, context, silences)
    shortcuts: tuple[Shortcuts, ...] = ()
    if SHORTCUTS in settings.sections:
        with context.clock("shortcuts"):
            shortcuts = shortcuts_of(choice.listing, entries, predicted[0].classifier, context)
        if not shortcuts:
            silences[SHORTCUTS] = "the films' labels tell no two groups apart"
    with context.clock("heatmaps"):
        agreement, reason = agreement_of(predicted, context)
    if reason:
        silences[AGREEMENT] = reason
    left_out(silences, (PAIRS, SHORTCUTS), settings)
    return Evaluation(
        films=films,
        bundles=results,
        pairs=pairs,
        shortcuts=shortcuts,
        agreement=agreement,
        silences=silences,
        settings=settings,
        seconds={step: round(seconds, 3) for step, seconds in context.seconds.items()},
        version=__version__,
        packages=_packages(),
        created=datetime.now(UTC).isoformat(timespec="seconds"),
        cpu_seconds={step: round(seconds, 3) for step, seconds in context.cpu_seconds.items()},
        seeds=seed_spreads(results),
    )


def _opened(bundles: Sequence[Path | None]) -> list[Bundle]:
    opened = [open_bundle(path) for path in bundles]
    if len({bundle.sha256 for bundle in opened}) < len(opened):
        raise UsageError("the same bundle was given twice", "Compare different bundles.")
    return opened


def _pairs(
    results: Sequence[BundleResult], films: Films, context: Context, silences: dict[str, str]
) -> tuple[Pair, ...]:
    if PAIRS not in context.settings.sections:
        return ()
    patients = [film.patient for film in films.films]
    with context.clock("bootstrap"):
        pairs = pair_results(results, patients, context.settings)
    if len(results) < 2:
        silences[PAIRS] = "one bundle was evaluated: there is nothing to compare it with"
    elif not pairs:
        silences[PAIRS] = "no two bundles answer a common question"
    return pairs


def _packages() -> dict[str, str]:
    versions = {}
    for package in PACKAGES:
        try:
            versions[package] = metadata.version(package)
        except metadata.PackageNotFoundError:
            continue
    return versions
