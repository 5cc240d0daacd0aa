"""A reader with one bundle for each population, which chooses the bundle for each film."""

from __future__ import annotations

import logging
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from pneumoscope import images
from pneumoscope.decision import population
from pneumoscope.decision.profile import read_profile
from pneumoscope.errors import BundleMismatch, ProfileMismatch, UsageError
from pneumoscope.records import ANTIALIAS, Radiograph, Settings
from pneumoscope.runtime.classifier import Classifier
from pneumoscope.runtime.reader import Prepared, Reader

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from pathlib import Path
    from typing import Self

    from numpy.typing import NDArray

    from pneumoscope.bundle import Bundle
    from pneumoscope.images import Source
    from pneumoscope.records import Prediction
    from pneumoscope.runtime.classifier import Measured

_log = logging.getLogger(__name__)


class PopulationReader(Reader):
    """Reads films with several bundles, one for each population. Safe to share between threads.

    The population of a film is the reader's choice, or else the one that covers the age in the film's
    header, or else chosen by the film: the first bundle judges it unless its gate says that the film
    is of other patients. Then it is the bundle whose gate says this with the lowest probability. A film that the first bundle
    accepts costs no run of another network.

    Attributes:
        classifiers: Classifier of each population by its name; the first is tried first.
        settings: What the reader chose.
        threads: Threads that `predict_many` uses.
    """

    def __init__(
        self, classifiers: Mapping[str, Classifier], settings: Settings = Settings()
    ) -> None:
        """Combines classifiers.

        Args:
            classifiers: Classifier of each population by its name, at least one.
            settings: What the reader chooses; a site profile is used with the bundle that it belongs
                to, and the others are used without.

        Raises:
            BundleMismatch: The bundles have different input sizes or source sizes, or resize differently.
            ProfileError: The site profile cannot be read, or belongs to none of the bundles.
            UnknownOperatingPoint: A bundle has no such threshold.
            UsageError: There is no such population, or a bundle cannot serve the error or the
                prevalence.
        """
        bundles = {name: classifier.bundle for name, classifier in classifiers.items()}
        check_sizes(bundles)
        if settings.population is not None and settings.population not in classifiers:
            raise UsageError(
                f"population {settings.population!r}: there is none of this name",
                f"Choose one of: {', '.join(classifiers)}.",
            )
        owner = owner_of_profile(settings.profile, bundles)
        alone = replace(settings, population=None)
        # The settings for a population that the reader chose need not suit the others.
        self.classifiers = {
            name: classifier.with_settings(alone if name == owner else replace(alone, profile=None))
            if settings.population in (None, name)
            else classifier
            for name, classifier in classifiers.items()
        }
        self.settings = settings
        self.threads = next(iter(classifiers.values())).threads
        self._first = next(iter(classifiers))
        self._populations = {name: bundle.meta.population for name, bundle in bundles.items()}

    @property
    def bundles(self) -> tuple[Bundle, ...]:
        """The model folders in use."""
        return tuple(classifier.bundle for classifier in self.classifiers.values())

    def with_settings(self, settings: Settings) -> Self:
        """A reader with other settings that shares the networks with this one.

        Raises:
            UnknownOperatingPoint, ProfileError, UsageError: As `__init__`.
        """
        return type(self)(self.classifiers, settings)

    def judge(self, batch: Sequence[Prepared]) -> list[Prediction]:
        """Judges decoded films: one run of each network that any of them needs.

        Args:
            batch: One film or more, as `prepare` returns them.
        """
        chosen = {i: choice for i, item in enumerate(batch) if (choice := self._known(item))}
        open_films = [i for i in range(len(batch)) if i not in chosen]
        runs: dict[int, dict[str, Measured]] = {i: {} for i in range(len(batch))}

        def run(name: str, also: Iterable[int]) -> None:
            films = sorted({*also, *(i for i, (known, _) in chosen.items() if known == name)})
            if films:
                measured = self.classifiers[name].measure([batch[i] for i in films])
                for i, film in zip(films, measured, strict=True):
                    runs[i][name] = film

        run(self._first, open_films)
        doubtful = [i for i in open_films if not self._accepts(self._first, runs[i])]
        for name in self.classifiers:
            if name != self._first:
                run(name, doubtful)
        for i in open_films:
            likeliest = population.likeliest({name: m.gate for name, m in runs[i].items()})
            chosen[i] = (likeliest, population.FILM)
        return [self._concluded(item, *chosen[i], runs[i]) for i, item in enumerate(batch)]

    def classifier_of(self, prediction: Prediction) -> Classifier:
        """The classifier that made a prediction."""
        return next(
            classifier
            for classifier in self.classifiers.values()
            if classifier.bundle.sha256 == prediction.bundle_sha256
        )

    def occlusion(
        self,
        source: Source | Radiograph,
        step: Callable[[int, int], None] = lambda _done, _total: None,
    ) -> NDArray[np.float32]:
        """How covering each region of a film changes the odds of its verdict, see `Reader.occlusion`."""
        film = source
        if not isinstance(film, Radiograph):
            film = images.read(film, at_least_px=self.draft_px)
        meta = self.bundles[0].meta
        pixels = images.model_input(film, meta.size, meta.source_size, meta.resize)
        name = images.name_of(source) if not isinstance(source, Radiograph) else ""
        prediction = self.judge([Prepared(name, film.facts, pixels, read_ms=0.0)])[0]
        return self.classifier_of(prediction).occlusion(film, step)

    def explained(self, prediction: Prediction) -> tuple[str, float]:
        """Name of what heatmap and occlusion map explain, and its probability in [0, 1]."""
        return self.classifier_of(prediction).explained(prediction)

    def check(self) -> float:
        """Runs the golden inputs of every bundle; returns the largest |dp| from the golden outputs.

        Raises:
            BundleMismatch: It exceeds `GOLDEN_TOLERANCE`: this machine computes another function.
        """
        return max(classifier.check() for classifier in self.classifiers.values())

    def _known(self, item: Prepared) -> tuple[str, str] | None:
        """The population and what chose it, if no network is needed for that; otherwise None."""
        if self.settings.population is not None:
            return self.settings.population, population.READER
        name = population.of_age(self._populations, item.facts.age_years)
        return None if name is None else (name, population.AGE)

    def _accepts(self, name: str, runs: Mapping[str, Measured]) -> bool:
        limits = self.classifiers[name].rules.offered.gate_limits
        return population.is_accepted(runs[name].gate, limits)

    def _concluded(
        self, item: Prepared, name: str, source: str, runs: Mapping[str, Measured]
    ) -> Prediction:
        whole = replace(runs[name], infer_ms=sum(measured.infer_ms for measured in runs.values()))
        prediction = self.classifiers[name].conclude(item, whole)
        return replace(prediction, population=name, population_source=source)


def choice_among(classifiers: Mapping[str, Classifier]) -> PopulationReader | None:
    """A reader that chooses among bundles for different ages, with their site profile if one has any.

    Args:
        classifiers: Classifiers by name of their bundle; the first is tried first.

    Returns:
        The reader; None if their populations do not differ by age, or a film cannot choose because
        the bundles have different sizes.
    """
    bundles = {name: classifier.bundle for name, classifier in classifiers.items()}
    if not population.have_different_ages([b.meta.population for b in bundles.values()]):
        return None
    try:
        check_sizes(bundles)
    except BundleMismatch as error:
        _log.warning("each request must name a bundle: %s", error)
        return None
    profiles = (classifier.settings.profile for classifier in classifiers.values())
    return PopulationReader(
        classifiers, Settings(profile=next((path for path in profiles if path), None))
    )


def check_sizes(bundles: Mapping[str, Bundle]) -> None:
    """Refuses bundles among which a film cannot choose: they must see the same pixels.

    Raises:
        BundleMismatch: The bundles have different input sizes or source sizes, or resize differently.
    """
    first, *others = bundles
    sizes = {
        name: f"{bundle.meta.size} pixels of films of {bundle.meta.source_size}"
        + ("" if bundle.meta.resize == ANTIALIAS else f" ({bundle.meta.resize})")
        for name, bundle in bundles.items()
    }
    for name in others:
        if sizes[name] != sizes[first]:
            raise BundleMismatch(
                name,
                f"its network sees {sizes[name]}, that of {first} {sizes[first]}, so one of them cannot "
                "be chosen by the film",
            )


def owner_of_profile(profile: Path | None, bundles: Mapping[str, Bundle]) -> str | None:
    """Name of the bundle that a site profile belongs to; None without a profile.

    Raises:
        ProfileError: The profile cannot be read, or belongs to none of the bundles.
    """
    if profile is None:
        return None
    content = read_profile(profile)
    mismatches = []
    for name, bundle in bundles.items():
        try:
            content.check(bundle.title, bundle.sha256)
        except ProfileMismatch as error:
            mismatches.append(error)
        else:
            return name
    raise mismatches[0]
