"""What ``GET /model`` and ``GET /settings`` answer: facts of the bundle, and a reader's choices."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from pneumoscope.bundle import CARD
from pneumoscope.decision import gate
from pneumoscope.decision.reader_settings import (
    DEFAULT_ERROR,
    DISEASE,
    EXPLAIN,
    FORCE,
    POPULATION,
    UPLOADED,
)
from pneumoscope.images.samples import sample_films
from pneumoscope.jobs.readers import AUTOMATIC
from pneumoscope.records import ABNORMAL
from pneumoscope.render.bundle_facts import bundle_facts, default_ranges
from pneumoscope.render.serialise import NOTICE
from pneumoscope.render.wording import of_verdicts
from pneumoscope.runtime import PopulationReader
from pneumoscope.serve.bundles import served_bundles
from pneumoscope.serve.settings import DRAWN_FILMS

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from pneumoscope.decision.rules import BundleRules
    from pneumoscope.records import OperatingPoint
    from pneumoscope.runtime import Classifier
    from pneumoscope.serve.settings import ServeSettings

LARGEST_ERROR = 0.5
"""Offered in a form: beyond it the sets would miss most films."""


def model_facts(reader: Classifier | PopulationReader) -> dict[str, Any]:
    """The bundle: figures, limits, gate, population, hash and card, with the site profile applied.

    Of several bundles among which films choose, the facts of the first, and those of all in ``bundles``.
    """
    facts = [_facts(classifier) for classifier in _classifiers(reader).values()]
    return facts[0] | {"bundles": facts} if len(facts) > 1 else facts[0]


def _classifiers(reader: Classifier | PopulationReader) -> Mapping[str, Classifier]:
    """The classifiers of a reader by population, or the only one."""
    if isinstance(reader, PopulationReader):
        return reader.classifiers
    return {reader.bundle.path.name: reader}


def _facts(classifier: Classifier) -> dict[str, Any]:
    bundle, meta = classifier.bundle, classifier.bundle.meta
    return bundle_facts(classifier) | {
        "profile": classifier.profile.title if classifier.profile else None,
        "negative": meta.negative,
        "gate_limits": dict(classifier.rules.offered.gate_limits or {}),
        "intended_use": meta.intended_use,
        "card": (bundle.path / CARD).read_text(encoding="utf-8"),
        "notice": NOTICE,
    }


def reader_choices(
    readers: Mapping[str, Classifier | PopulationReader],
    settings: ServeSettings,
    destinations: Sequence[str] = (),
) -> dict[str, dict[str, Any]]:
    """What a reader can choose, by name of the bundle, and which bundles there are.

    Args:
        readers: What a request can name; the first is the default.
        settings: Settings of the server.
        destinations: Names of the systems that results can be sent to.
    """
    served = {
        "automatic": AUTOMATIC in readers,
        "bundles": served_bundles(readers),
        "samples": [film.name for film in sample_films()],
        "destinations": list(destinations),
        "node": settings.node is not None,
    }
    return {name: _choices(reader, settings) | served for name, reader in readers.items()}


def _choices(reader: Classifier | PopulationReader, settings: ServeSettings) -> dict[str, Any]:
    """What a reader can choose, the limits, and the sentences of the gate's reasons.

    ``form`` is the JSON Schema of an upload's settings as the bundle serves them: what it cannot
    serve is missing, and every field has its title, description, default and range or values. Of
    several bundles among which films choose, it has what all of them serve.
    """
    common = _Common.of(reader)
    limits = settings.limits
    return {
        "operating_points": [
            asdict(point) for points in common.points.values() for point in points
        ],
        "explain": list(EXPLAIN.values),
        "prevalence": common.takes_prevalence,
        "error": {
            "possible": common.smallest_error is not None,
            "smallest": common.smallest_error,
        },
        "defaults": {
            "operating_point": common.default_point,
            "prevalence": common.prevalence,
            "error": None if common.smallest_error is None else DEFAULT_ERROR,
            "explain": EXPLAIN.default,
            "force": FORCE.default,
        },
        "form": {"type": "object", "properties": _form(common)},
        "limits": {
            "max_body_bytes": limits.max_body_bytes,
            "max_files": limits.max_files,
            "max_pixels": limits.max_pixels,
            "sync_files": settings.sync_limit,
            "drawn_films": DRAWN_FILMS,
        },
        "keep_films": settings.keep_films,
        "retention_days": settings.retention_days,
        "gate_reasons": {
            code: {"sentence": sentence, "hint": hint}
            for code, (sentence, hint) in gate.REASONS.items()
        },
        "notice": NOTICE,
    }


@dataclass(frozen=True, slots=True)
class _Common:
    """What all bundles of a reader serve.

    Attributes:
        populations: Name to sentence, if the reader chooses among several.
        points: Name of an operating point that every bundle has, to the thresholds of the first.
        default_point: The default of all bundles; None if they differ.
        diseases: Names of the positive verdicts in small letters.
        takes_prevalence: Whether a prevalence can be chosen.
        prevalence: The site's prevalence, or None.
        smallest_error: The smallest error of the conformal sets; None without sets.
        rules: The rules of the only bundle; None if there are several.
    """

    populations: dict[str, str]
    points: dict[str, list[OperatingPoint]]
    default_point: str | None
    diseases: tuple[str, ...]
    takes_prevalence: bool
    prevalence: float | None
    smallest_error: float | None
    rules: BundleRules | None

    @classmethod
    def of(cls, reader: Classifier | PopulationReader) -> _Common:
        classifiers = _classifiers(reader)
        first, *others = (classifier.rules for classifier in classifiers.values())
        every = [first.offered, *(rules.offered for rules in others)]
        names = [{point.name for point in offered.operating_points} for offered in every]
        points: dict[str, list[OperatingPoint]] = {}
        for point in first.offered.operating_points:
            if all(point.name in known for known in names):
                points.setdefault(point.name, []).append(point)
        defaults = {offered.default_operating_point for offered in every}
        scores = [offered.conformal for offered in every]
        return cls(
            populations={
                name: classifier.bundle.meta.population.text
                for name, classifier in classifiers.items()
                if others
            },
            points=points,
            default_point=defaults.pop() if len(defaults) == 1 else None,
            diseases=tuple(dict.fromkeys(offered.labels.positive.lower() for offered in every)),
            takes_prevalence=all(_takes_prevalence(offered) for offered in every),
            prevalence=None if others else first.prevalence,
            smallest_error=None
            if None in scores
            else max(s.smallest_error for s in scores if s is not None),
            rules=None if others else first.offered,
        )


def _form(common: _Common) -> dict[str, dict[str, Any]]:
    fields = {setting.name: setting.schema for setting in UPLOADED}
    fields["operating_point"] |= {
        "enum": list(common.points),
        "oneOf": [
            {"const": name, "title": name, "description": _described(points, common.rules)}
            for name, points in common.points.items()
        ],
    }
    if common.default_point is not None:
        fields["operating_point"]["default"] = common.default_point
    if not common.takes_prevalence:
        del fields["prevalence"]
    else:
        (disease, *others) = common.diseases
        if others or disease == ABNORMAL.lower():
            disease = DISEASE
        for words in ("title", "description"):
            fields["prevalence"][words] = fields["prevalence"][words].replace(DISEASE, disease)
        if common.prevalence is not None:
            fields["prevalence"]["default"] = common.prevalence
    if common.smallest_error is None:
        del fields["error"]
    else:
        del fields["error"]["exclusiveMinimum"], fields["error"]["exclusiveMaximum"]
        fields["error"] |= {
            "minimum": common.smallest_error,
            "maximum": LARGEST_ERROR,
            "default": DEFAULT_ERROR,
        }
    if not common.populations:
        return fields
    choices = [
        {"const": name, "title": name, "description": text}
        for name, text in common.populations.items()
    ]
    chosen = POPULATION.schema | {"enum": list(common.populations), "oneOf": choices}
    return {POPULATION.name: chosen} | fields


def _described(points: Sequence[OperatingPoint], offered: BundleRules | None) -> str:
    """What an operating point was chosen for, and its verdicts; these differ between bundles and between findings."""
    first = points[0]
    if offered is None or len(points) > 1:
        return first.rule
    text = of_verdicts(default_ranges(offered, first), offered.labels.positive)
    return f"{first.rule}. With the other settings at their defaults: {text}."


def _takes_prevalence(offered: BundleRules) -> bool:
    return offered.labels.negative is not None and offered.calibration.prevalence is not None
