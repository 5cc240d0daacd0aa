"""From names and folders of bundles to a reader."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, overload

from pneumoscope.bundle import Bundle, names, open_bundle
from pneumoscope.records import Settings
from pneumoscope.runtime.classifier import Classifier
from pneumoscope.runtime.populations import PopulationReader

if TYPE_CHECKING:
    import os

    from pneumoscope.runtime.reader import Reader


@overload
def load(
    bundle: str | os.PathLike[str] | Bundle,
    *,
    threads: int | None = None,
    settings: Settings = Settings(),
) -> Classifier: ...


@overload
def load(
    bundle: str | os.PathLike[str] | Bundle | None = None,
    *,
    threads: int | None = None,
    settings: Settings = Settings(),
) -> Reader: ...


def load(
    bundle: str | os.PathLike[str] | Bundle | None = None,
    *,
    threads: int | None = None,
    settings: Settings = Settings(),
) -> Reader:
    """Opens a bundle and returns its classifier; without a bundle, a reader of the shipped ones.

    Args:
        bundle: Name of a bundle (`pneumoscope.bundle.named_bundles`), or its folder; None for a
            `PopulationReader` of the shipped ones.
        threads: Films that `Reader.predict_many` works on at once, one thread each; None for
            every core that this process may use.
        settings: What the reader chooses.

    Raises:
        BundleError: The folder is missing, damaged or of another version.
        UnknownOperatingPoint: The bundle has no such threshold.
        ProfileError: The site profile cannot be read, or belongs to another bundle.
        UsageError: ``threads`` is below 1, the bundle cannot serve the error or the prevalence, or
            there is no such population.
    """
    if bundle is None and len(names.SHIPPED_SET) > 1:
        # At the same time: ONNX Runtime optimises each network in its own thread.
        with ThreadPoolExecutor(len(names.SHIPPED_SET)) as pool:
            classifiers = pool.map(
                lambda path: Classifier(open_bundle(path), threads=threads), names.SHIPPED_SET
            )
            shipped = {path.name: c for path, c in zip(names.SHIPPED_SET, classifiers, strict=True)}
        return PopulationReader(shipped, settings)
    opened = bundle if isinstance(bundle, Bundle) else open_bundle(bundle)
    return Classifier(opened, threads=threads, settings=settings)
