"""Whether a film may be judged: coded reasons, each with a sentence and a hint.

The network calls a cat NORMAL as readily as a lung. So every film passes the gate first. The gate
uses statistics of the grey levels, and small heads on maps from the middle of the network
(``gate.npz`` of the bundle, made by `pneumoscope.train.gate.fitting`), which recognise chest films,
turned and cut ones, and other pictures. If the network looks for lungs, the film must show two of them
(`pneumoscope.decision.lung_scores`). Header tags alone never refuse a film: in 1,885 real studies,
up to 70 % of the orientation tags that had a value were wrong.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from pneumoscope import metrics
from pneumoscope.decision.lung_scores import LUNG_SCORES
from pneumoscope.decision.probability import logistic
from pneumoscope.decision.sentences import gate_reasons, of_gate
from pneumoscope.errors import BundleMismatch
from pneumoscope.files import cause
from pneumoscope.records import FilmFacts, GateReason, GateReport

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from pneumoscope.records import Population

OK, NOTE, REFUSE = "ok", "note", "refuse"
OUTSIDE = "outside-population"
"""The reason that makes a verdict UNDETERMINED: see `pneumoscope.decision.decide`."""
OTHER_PATIENTS = "other-population"
"""Score: the probability that the film is of a patient outside the population."""
FRONTAL = "frontal"
"""The kind of picture that may be judged."""

REASONS: Final = gate_reasons()
"""Code to sentence and hint."""

SMALL_PX, SMALLER_THAN_TRAINED_PX = 80, 128
"""A film with a shorter side is refused, or gets a note: the stress suite's ``low-resolution`` has 80
pixels, and the shipped network sees 128."""
SQUARE = 0.62
"""Width divided by height below which a picture with one lung field counts as a cut film rather than
a lateral view. Half of a frontal film of 4 to 3 has 0.67, and less without its border."""

_LATERAL = frozenset({"LL", "RL", "LATERAL", "LLD", "RLD"})
_CHEST = ("CHEST", "THORA", "TORA", "LUNG")
"""Beginnings of words that name the chest, also in devices' variants: CHEST_PA, PORT CHEST."""
QUALITY: Final = {
    "flatness": "low-contrast",
    "saturation": "over-exposed",
    "blur": "too-blurred",
}
"""Score of `grey_statistics` to the reason that it gives."""
FOREIGN = frozenset({"not-a-radiograph", "not-a-chest"})
"""Kinds of pictures that are named in spite of a defect if they are `FAR` from films."""
CERTAIN, FAR = 0.9999, 1.25
"""Probability from which a kind is named in spite of a defect; times the limit of the distance. From 0.998
on, a film that is nine tenths black was called no radiograph, not over-exposed."""
SCREEN: Final = ("photo-of-a-screen", "screenshot")
TAKEN_BY: Final = {
    "camera": ("photo-of-a-screen", "taken_by_camera"),
    "screenshot": ("screenshot", "taken_by_screenshot"),
}
"""`FilmFacts.taken_by` to the reason that it gives, and its sentence."""
SCREEN_NOTE: Final = "screen-note"
"""Limit of the probabilities of `SCREEN` together, above which a film that passes gets a note."""
SCREEN_NOTE_BY_DEFAULT = 0.05
"""For the gates of older bundles, which have no such limit."""
_MONTHS_BELOW = 2
"""Years of age below which sentences count months."""
_TINT = 0.06
"""Mean difference of colour channels above which a picture is not a film: sepia has 0.1, a film with
a coloured marker less than 0.01."""


def screen_probability(scores: Mapping[str, Any]) -> Any:
    """Probability that a picture shows a screen; 0 for a gate that does not know these kinds."""
    return sum(scores[kind] for kind in SCREEN if kind in scores)


def may_be_screen(scores: Mapping[str, Any], limits: Mapping[str, float]) -> Any:
    """Whether a film that passes gets the note that it may show a screen."""
    return screen_probability(scores) > limits.get(SCREEN_NOTE, SCREEN_NOTE_BY_DEFAULT)


@dataclass(frozen=True, slots=True, eq=False)
class Heads:
    """The heads of a gate, from ``gate.npz``.

    They read the network's output ``features``: coordinates along the main axes of chest films, each
    with mean 0 and a variance of about 1 over chest films.

    Attributes:
        kinds: Kinds of pictures that the head distinguishes; `FRONTAL` is one of them.
        weights: float32 (k, kinds).
        bias: float32 (kinds,).
        mirror: float32 (k + 1,): coefficients of the log odds of a mirrored film, the constant last.
        others: float32 (k + 1,): likewise of a film of a patient outside the population; None if the
            gate was fitted without such films.
    """

    kinds: tuple[str, ...]
    weights: NDArray[np.float32]
    bias: NDArray[np.float32]
    mirror: NDArray[np.float32]
    others: NDArray[np.float32] | None = None

    def scores(self, features: NDArray[np.floating[Any]]) -> dict[str, NDArray[np.float64]]:
        """The heads' scores of n films, each (n,).

        Args:
            features: (n, k).

        Returns:
            ``"unsuitable"``: 1 - P(frontal), in [0, 1]; ``"distance"``: Mahalanobis distance from
            the chest films, about 1 on average; ``"mirrored"``: a probability; `OTHER_PATIENTS`: a
            probability, if the gate learned it; and the probability of every other kind under its
            name.
        """
        p = metrics.softmax(features @ self.weights + self.bias)
        scores = dict(zip(self.kinds, p.T, strict=True))
        scores["unsuitable"] = 1 - scores.pop(FRONTAL)
        scores["distance"] = np.sqrt(np.mean(features.astype(np.float64) ** 2, axis=1))
        scores["mirrored"] = _probability(features, self.mirror)
        if self.others is not None:
            scores[OTHER_PATIENTS] = _probability(features, self.others)
        return scores


def _probability(
    features: NDArray[np.floating[Any]], coefficients: NDArray[np.float32]
) -> NDArray[np.float64]:
    return np.asarray(logistic(features @ coefficients[:-1] + coefficients[-1]))


def read_heads(path: Path) -> Heads:
    """The learned part of a bundle's gate.

    Args:
        path: ``gate.npz`` in the folder of the bundle.

    Raises:
        BundleMismatch: The file has other content.
    """
    bundle = path.parent.name
    try:
        with np.load(path) as stored:
            values = {name: stored[name] for name in stored.files}
        kinds = tuple(values.pop("kinds").tolist())
        heads = Heads(kinds=kinds, **{k: v.astype(np.float32) for k, v in values.items()})
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise BundleMismatch(bundle, f"{path.name} is malformed ({cause(error)})") from error
    if FRONTAL not in heads.kinds or not set(heads.kinds) <= {FRONTAL, *REASONS}:
        raise BundleMismatch(bundle, f"{path.name} tells {heads.kinds} apart")
    return heads


def check_width(heads: Heads, outputs: Sequence[Any], bundle: str) -> None:
    """Refuses heads that do not belong to the network.

    Args:
        heads: Heads of the bundle.
        outputs: Outputs of the ONNX session, with ``name`` and ``shape``.
        bundle: Name of the bundle's folder, for the message.

    Raises:
        BundleMismatch: The network has no output ``features``, or one of another width.
    """
    widths = [output.shape[1] for output in outputs if output.name == "features"]
    known = len(heads.weights)
    if widths != [known]:
        raise BundleMismatch(bundle, f"the gate knows {known} features, model.onnx gives {widths}")


def grey_statistics(pixels: NDArray[np.uint8]) -> dict[str, float]:
    """Figures of a film's quality from its grey levels; higher is worse.

    Args:
        pixels: uint8 (size, size), the network's input.

    Returns:
        ``"flatness"``: 1 - (99th - 1st percentile) / 255; ``"saturation"``: share of pixels within
        2 levels of black or white, in the middle three quarters of the film, since borders
        may be black or white; ``"blur"``: 1 - a / (2 b), where a is the mean absolute second
        difference along rows and b the first: blurring reduces a more than b.
    """
    rows, columns = pixels.shape
    below = np.bincount(pixels.ravel(), minlength=256).cumsum() / pixels.size
    low, high = below.searchsorted((0.01, 0.99)).tolist()
    inner = pixels[rows // 8 : rows - rows // 8, columns // 8 : columns - columns // 8]
    # uint8: what is below 3 becomes 253 and more.
    ends = np.count_nonzero((inner - np.uint8(3)) >= 250) / inner.size
    x = pixels.astype(np.int16)
    along = x[:, 1:] - x[:, :-1]
    fine = _mean_size(along[:, 1:] - along[:, :-1])
    coarse = _mean_size(along)
    return {
        "flatness": 1.0 - (high - low) / 255,
        "saturation": float(ends),
        "blur": 1.0 - fine / max(2 * coarse, 1e-3),
    }


def _mean_size(differences: NDArray[np.int16]) -> float:
    """Mean absolute value; the sum of integers is exact, and takes less time than numpy's mean."""
    return int(np.abs(differences).sum()) / differences.size


def report(
    scores: Mapping[str, float],
    limits: Mapping[str, float],
    facts: FilmFacts,
    population: Population,
) -> GateReport:
    """The gate's answer on one film.

    Args:
        scores: From `Heads.scores`, `grey_statistics` and `lung_scores`.
        limits: Score to the value above which it counts, see `pneumoscope.train.gate.fitting`; a score
            without a limit never counts. ``distance-note`` and `SCREEN_NOTE` are limits for notes.
        facts: What the film's file says about it.
        population: The patients of the training films.
    """
    reasons = tuple(
        sorted(_reasons(scores, limits, facts, population), key=lambda r: r.level != REFUSE)
    )
    level = reasons[0].level if reasons else OK
    return GateReport(level, reasons, dict(scores))


def is_outside(report: GateReport) -> bool:
    """Whether the film, or the patient's age, is outside the population that the model knows."""
    return any(reason.code == OUTSIDE for reason in report.reasons)


def covers_age(ages: tuple[float, float], age_years: float) -> bool:
    """Whether an age is among those of a population.

    Args:
        ages: Youngest and oldest, inclusive.
        age_years: The age in years.
    """
    youngest, oldest = ages
    # A child counts as five until the sixth birthday.
    return youngest <= age_years < oldest + 1


def _reasons(
    scores: Mapping[str, float],
    limits: Mapping[str, float],
    facts: FilmFacts,
    population: Population,
) -> Iterator[GateReason]:
    def above(name: str, score: str | None = None) -> bool:
        return name in limits and scores.get(score or name, 0.0) > limits[name]

    side = min(facts.rows, facts.columns)
    if side < SMALLER_THAN_TRAINED_PX:
        sentence = of_gate("small", columns=str(facts.columns), rows=str(facts.rows))
        yield _reason("too-small", REFUSE if side < SMALL_PX else NOTE, sentence)
    if facts.missing_rows is not None:
        counts = {"missing": str(facts.missing_rows), "rows": str(facts.rows)}
        yield _reason(
            "truncated", NOTE, of_gate("truncated", **counts) if facts.missing_rows else None
        )
    defects = [code for score, code in QUALITY.items() if above(score)]
    if facts.tint > _TINT:
        yield _reason("not-a-radiograph", REFUSE, of_gate("coloured"))
    elif above("unsuitable"):
        kind = _likeliest(scores)
        # A film of bad quality can look like another kind; the defect is then the better reason.
        far = (
            kind in FOREIGN and above("distance") and scores["distance"] > FAR * limits["distance"]
        )
        if not defects or far or scores[kind] > CERTAIN:
            yield _reason(_of_shape(kind, facts), REFUSE)
    elif any(map(above, LUNG_SCORES)) and not defects:
        yield _reason(_of_shape("not-frontal", facts), REFUSE)
    elif above("distance") and not defects:
        yield _reason(OUTSIDE, REFUSE)
    else:
        if above(OTHER_PATIENTS):
            yield _reason(OUTSIDE, NOTE, of_gate("other_patients"))
        elif above("distance-note", "distance"):
            yield _reason(OUTSIDE, NOTE)
        if above("mirrored"):
            # PS3.3 C.7.6.1.1.1: rows of an upright chest film run to the patient's left.
            contradicted = (facts.row_direction or "").startswith("L")
            yield _reason("mirrored", REFUSE if contradicted else NOTE)
        if facts.taken_by in TAKEN_BY:
            code, sentence = TAKEN_BY[facts.taken_by]
            yield _reason(code, NOTE, of_gate(sentence))
        elif facts.grey_side:
            yield _reason("screenshot", NOTE, of_gate("grey_side"))
        elif facts.screen_grid or may_be_screen(scores, limits):
            yield _reason("photo-of-a-screen", NOTE, of_gate("screen"))
    for code in defects:
        yield _reason(code, REFUSE)
    if facts.colour and facts.tint <= _TINT:
        yield _reason("not-a-radiograph", NOTE, of_gate("tinted"))
    yield from _of_header(facts, population)


def _likeliest(scores: Mapping[str, float]) -> str:
    kinds = (name for name in scores if name in REASONS and name != "mirrored")
    return max(kinds, key=scores.__getitem__)


def _of_shape(kind: str, facts: FilmFacts) -> str:
    is_narrow = facts.columns < SQUARE * facts.rows
    return "cropped" if kind == "not-frontal" and is_narrow else kind


def _of_header(facts: FilmFacts, population: Population) -> Iterator[GateReason]:
    if population.age_years is not None and facts.age_years is not None:
        low, high = population.age_years
        if not covers_age(population.age_years, facts.age_years):
            yield _reason(
                OUTSIDE,
                NOTE,
                _outside_ages(facts.age_years, youngest=f"{low:g}", oldest=f"{high:g}"),
            )
    view = (facts.view_position or "").upper()
    if view in _LATERAL:
        yield _reason("header-says-otherwise", NOTE, of_gate("lateral", view=view))
    elif view and population.views and view not in population.views:
        known = ", ".join(population.views)
        sentence = of_gate("view", view=view, known=known)
        yield _reason("header-says-otherwise", NOTE, sentence)
    part = (facts.body_part or "").upper()
    if part and not any(word.startswith(_CHEST) for word in part.replace("_", " ").split()):
        yield _reason("header-says-otherwise", NOTE, of_gate("body_part", part=part))


def _outside_ages(age_years: float, **ages: str) -> str:
    """The sentence about an age; below two years in completed months, as paediatricians write it."""
    if age_years >= _MONTHS_BELOW:
        return of_gate("age_years", age=f"{age_years:.3g}", **ages)
    # A sum of twelfths may lie just below a whole number.
    months = int(12 * age_years + 1e-6)
    if months > 1:
        return of_gate("age_months", age=str(months), **ages)
    return of_gate("age_month" if months else "age_under_a_month", **ages)


def _reason(code: str, level: str, sentence: str | None = None) -> GateReason:
    usual, hint = REASONS[code]
    return GateReason(code, level, sentence or usual, hint)
